using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Space;

/// <summary>
/// An independent index of a region's iteration space. Axes of values are products of atoms, outermost first: after a reshape of [B·T, C] to [B, T, C]
/// the axis B·T is the atoms B and T.
/// </summary>
public sealed class Atom(Dim size)
{
    Atom? same;
    ImmutableArray<Atom> parts;

    public Dim Size { get; } = size;

    /// <summary>The atoms that this one stands for after all unifications.</summary>
    public IEnumerable<Atom> Resolve() => same is not null ? same.Resolve() : parts.IsDefault ? [this] : parts.SelectMany(p => p.Resolve());

    internal void MergeInto(Atom other) => same = other;

    internal void Split(Atom outer, Atom inner) => parts = [outer, inner];
}

/// <summary>Which atoms the axes of every value of a region run over: the one iteration space that makes the region one kernel.</summary>
public sealed class AxisMap
{
    readonly Dictionary<Value, ImmutableArray<ImmutableArray<Atom>>> axes = [];

    AxisMap() { }

    /// <summary>Unifies the axes of all values of the nodes. Null when there is no common iteration space, as for <c>x + xᵀ</c>.</summary>
    /// <param name="nodes">What the kernel computes.</param>
    /// <param name="alike">Values of one shape whose axes are the same, whether a node combines them or not.</param>
    public static AxisMap? TryCreate(IEnumerable<Node> nodes, ImmutableArray<Value> alike = default)
    {
        var map = new AxisMap();
        if (!alike.IsDefaultOrEmpty)
            foreach (var value in alike)
                if (!map.Broadcast(value, alike[0])) return null;
        var list = nodes.ToList();
        foreach (var node in list)
            if (!map.Add(node)) return null;
        foreach (var value in map.axes.Keys)
        {
            var seen = new HashSet<Atom>();
            if (!map.Atoms(value).All(seen.Add)) return null;
        }
        return map;
    }

    /// <summary>The atoms of one axis of a value, outermost first; none for an axis of size 1.</summary>
    public ImmutableArray<Atom> this[Value value, int axis] => [.. Of(value)[axis].SelectMany(a => a.Resolve())];

    /// <summary>The atoms of all axes of a value, outermost first.</summary>
    public ImmutableArray<Atom> Atoms(Value value) => [.. Of(value).SelectMany(a => a).SelectMany(a => a.Resolve())];

    /// <summary>The atoms that a reduction sums over.</summary>
    public ImmutableArray<Atom> Reduced(Node reduce) => [.. ReducedAxes(reduce).SelectMany(a => this[reduce.Inputs[0], a])];

    public static ImmutableArray<int> ReducedAxes(Node reduce) => [.. reduce.Attributes.Ints("axes").Select(a => reduce.Inputs[0].Shape.Axis(a))];

    ImmutableArray<ImmutableArray<Atom>> Of(Value value)
    {
        if (!axes.TryGetValue(value, out var atoms))
            axes[value] = atoms = [.. value.Shape.Select(d => d.Is(1) ? ImmutableArray<Atom>.Empty : [new Atom(d)])];
        return atoms;
    }

    bool Add(Node node)
    {
        switch (node.Operation.Kind)
        {
            case OpKind.Elementwise:
                return node.Inputs.All(input => Broadcast(input, node.Output));
            case OpKind.Reduce:
                var reduced = ReducedAxes(node);
                var keep = node.Attributes.Bool("keep");
                var target = 0;
                for (var axis = 0; axis < node.Inputs[0].Shape.Rank; axis++)
                {
                    if (reduced.Contains(axis)) { if (keep) target++; Of(node.Inputs[0]); }
                    else if (!Unify(this[node.Inputs[0], axis], this[node.Output, target++])) return false;
                }
                Of(node.Output);
                return true;
            case OpKind.View:
                return node.Operation.View(node) switch
                {
                    ViewMap.Regrouped => Unify(Atoms(node.Inputs[0]), Atoms(node.Output)),
                    ViewMap.Strided map => Along(map, node.Inputs[0], node.Output),
                    _ => false,
                };
            case OpKind.Contract:
                var (a, b, c) = (node.Inputs[0], node.Inputs[1], node.Output);
                var rank = c.Shape.Rank;
                for (var i = 3; i <= rank; i++)
                {
                    if (i <= a.Shape.Rank && !a.Shape[a.Shape.Rank - i].Is(1) && !Unify(this[a, a.Shape.Rank - i], this[c, rank - i])) return false;
                    if (i <= b.Shape.Rank && !b.Shape[b.Shape.Rank - i].Is(1) && !Unify(this[b, b.Shape.Rank - i], this[c, rank - i])) return false;
                }
                return Unify(this[a, a.Shape.Rank - 2], this[c, rank - 2]) && Unify(this[b, b.Shape.Rank - 1], this[c, rank - 1])
                    && Unify(this[a, a.Shape.Rank - 1], this[b, b.Shape.Rank - 2]);
            case OpKind.Convolution:
                foreach (var value in node.Inputs.Concat(node.Outputs)) Of(value);
                return true;
            default:
                return false;
        }
    }

    // Axes of a view that go along with whole axes of its operand, or repeat it. A part of an axis and a reversed one are other elements at the same place: another iteration space.
    bool Along(ViewMap.Strided map, Value from, Value to)
    {
        Of(to);
        var shown = new HashSet<int>();
        for (var j = 0; j < to.Shape.Rank; j++)
        {
            if (map.Axes[j].IsRepeated) continue;
            if (!map.Follows(from.Shape, to.Shape, j) || !shown.Add(map.Axes[j].Source) || !Unify(this[from, map.Axes[j].Source], this[to, j])) return false;
        }
        Of(from);
        for (var axis = 0; axis < from.Shape.Rank; axis++)
            if (!from.Shape[axis].Is(1) && !shown.Contains(axis)) return false;
        return true;
    }

    bool Broadcast(Value from, Value to)
    {
        Of(to);
        for (var i = 1; i <= from.Shape.Rank; i++)
        {
            if (from.Shape[from.Shape.Rank - i].Is(1)) continue;
            if (!Unify(this[from, from.Shape.Rank - i], this[to, to.Shape.Rank - i])) return false;
        }
        Of(from);
        return true;
    }

    // Matches two lists from the innermost atom on, splitting the larger atom where sizes differ.
    static bool Unify(ImmutableArray<Atom> a, ImmutableArray<Atom> b)
    {
        var x = new Stack<Atom>(a);
        var y = new Stack<Atom>(b);
        while (x.Count > 0 && y.Count > 0)
        {
            var p = x.Pop();
            var q = y.Pop();
            // An earlier step of this very loop may have changed what an atom stands for.
            if (Expand(p, x) || Expand(q, y)) { x.Push(p); y.Push(q); Settle(x); Settle(y); continue; }
            if (p == q) continue;
            if (p.Size == q.Size) p.MergeInto(q);
            else if (Cut(p, q.Size, out var outer)) { p.Split(outer, q); x.Push(outer); }
            else if (Cut(q, p.Size, out outer)) { q.Split(outer, p); y.Push(outer); }
            else return false;
        }
        return x.Count == y.Count;
    }

    static bool Expand(Atom atom, Stack<Atom> _) => atom.Resolve().First() != atom;

    static void Settle(Stack<Atom> stack)
    {
        var top = stack.Pop();
        foreach (var part in top.Resolve()) stack.Push(part);
    }

    static bool Cut(Atom atom, Dim inner, out Atom outer)
    {
        outer = null!;
        if (!Dim.TryDivide(atom.Size, inner, out var rest) || rest.Is(0) || rest.Is(1)) return false;
        outer = new Atom(rest);
        return true;
    }
}
