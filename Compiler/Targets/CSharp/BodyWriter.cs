using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>Writes expressions of one kernel body: scalar values by level, vectors by sub-vector, pointers and sizes by their current names.</summary>
class BodyWriter
{
    readonly Stack<Dictionary<(Scalar, int), string>> scopes = new();
    readonly Dictionary<Scalar, int> uses = [];
    readonly Dictionary<Scalar, Level> userLevels = [];
    readonly Dictionary<int, string> pointers = [];
    int counter;

    protected BodyWriter(LaneAnalysis lanes, CodeText code, VectorText? vector)
    {
        Lanes = lanes;
        Code = code;
        Vector = vector;
        foreach (var s in Scalar.Order(AllRoots(lanes.Kernel)))
            foreach (var a in s.Arguments) Use(a, lanes.Of(s));
        foreach (var root in AllRoots(lanes.Kernel)) Use(root, lanes.Of(root));
        scopes.Push([]);
    }

    protected LaneAnalysis Lanes { get; }
    protected CodeText Code { get; }
    protected LoopKernel Kernel => Lanes.Kernel;

    /// <summary>Null writes scalar loops only.</summary>
    protected VectorText? Vector { get; set; }

    // Negative numbers in the scope's keys: a scalar value and one that is broadcast to the current width; otherwise a sub-vector.
    const int AsScalar = -1;

    int AsBroadcast => -Vector!.Bits;

    const int InlineLength = 96;

    void Use(Scalar s, Level level)
    {
        uses[s] = uses.TryGetValue(s, out var n) ? n + 1 : 1;
        userLevels[s] = userLevels.TryGetValue(s, out var other) && other > level ? other : level;
    }

    protected static IEnumerable<Scalar> Roots(KernelStage stage) => stage.Reductions.Select(r => r.Value).Concat(stage.Caches.Select(c => c.Value)).Concat(stage.Stores.Select(s => s.Value));

    static IEnumerable<Scalar> AllRoots(LoopKernel kernel) => kernel.Stages.SelectMany(Roots).Concat(kernel.Finals.Select(f => f.Value));

    protected void Push() => scopes.Push([]);
    protected void Pop() => scopes.Pop();

    protected void OpenScope(string head = "") { Code.Open(head); Push(); }
    protected void CloseScope() { Pop(); Code.Close(); }

    string? Find(Scalar s, int kind)
    {
        foreach (var scope in scopes)
            if (scope.TryGetValue((s, kind), out var name)) return name;
        return null;
    }

    protected void Name(Scalar s, string name) => scopes.Peek()[(s, AsScalar)] = name;

    string Declare(Scalar s, int kind, string prefix, string text)
    {
        var name = prefix + ScalarText.Number(counter++);
        Code.Line($"var {name} = {text};");
        scopes.Peek()[(s, kind)] = name;
        return name;
    }

    /// <summary>Sizes are numbers or locals that hold an argument.</summary>
    protected static string Size(Extent e) => (e.IsConstant ? "" : "n") + ScalarText.Number(e.Value);

    protected static string Axis(int axis) => "x" + ScalarText.Number(axis);

    protected string Pointer(int access) => pointers.TryGetValue(access, out var name) ? name : "p" + ScalarText.Number(access);

    /// <summary>Declares pointers moved along the axes of a role; gives back what restores the former names.</summary>
    protected Dictionary<int, string> MovePointers(string prefix, AxisRole role)
    {
        var before = new Dictionary<int, string>(pointers);
        for (var a = 0; a < Kernel.Accesses.Length; a++)
        {
            var steps = Kernel.Axes.Select((axis, i) => (axis, i)).Where(t => t.axis.Role == role && !Kernel.Accesses[a].Strides[t.i].Is(0))
                .Select(t => Kernel.Accesses[a].Strides[t.i] is var stride && stride.Is(1) ? Axis(t.i) : Axis(t.i) + " * " + Size(stride)).ToList();
            if (steps.Count == 0) continue;
            var name = prefix + ScalarText.Number(a);
            Code.Line($"var {name} = {Pointer(a)} + {string.Join(" + ", steps)};");
            pointers[a] = name;
        }
        return before;
    }

    protected void RestorePointers(Dictionary<int, string> before)
    {
        pointers.Clear();
        foreach (var pair in before) pointers[pair.Key] = pair.Value;
    }

    /// <summary>Declares what a deeper level needs of this one.</summary>
    protected void Hoist(IEnumerable<Scalar> roots, Level level)
    {
        foreach (var s in Scalar.Order(roots))
            if (Lanes.Of(s) == level && s.Op is not (ScalarOp.Constant or ScalarOp.AxisIndex) && userLevels[s] > level && Find(s, AsScalar) is null)
                if (s.Op != ScalarOp.Input || Kernel.Sources[s.Index] is Source.Load) Force(s);
    }

    void Force(Scalar s)
    {
        var text = Text(s);
        if (Find(s, AsScalar) is null) Declare(s, AsScalar, "v", text);
    }

    bool Inline(Scalar s, string text) => uses[s] == 1 && userLevels[s] == Lanes.Of(s) && text.Length <= InlineLength;

    /// <summary>A scalar value at the current place, as an expression; declares what is used more than once.</summary>
    protected string Value(Scalar s)
    {
        if (Find(s, AsScalar) is { } name) return name;
        var text = Text(s);
        if (s.Op is ScalarOp.Constant or ScalarOp.AxisIndex || (s.Op == ScalarOp.Input && Kernel.Sources[s.Index] is not (Source.Load or Source.Cached)) || Inline(s, text)) return text;
        return Declare(s, AsScalar, "v", text);
    }

    /// <summary>As <see cref="Value"/>, but never a memory access: for values that outlive a store.</summary>
    protected string Named(Scalar s)
    {
        if (Find(s, AsScalar) is { } name) return name;
        if (s.Op == ScalarOp.Constant) return Text(s);
        var text = Value(s);
        return Find(s, AsScalar) ?? Declare(s, AsScalar, "v", text);
    }

    string Text(Scalar s)
    {
        switch (s.Op)
        {
            case ScalarOp.Constant: return ScalarText.Literal(s.Constant, s.Type);
            case ScalarOp.AxisIndex: return s.Index == Kernel.Lane ? "i" : Axis(s.Index);
            case ScalarOp.Input:
                return Kernel.Sources[s.Index] switch
                {
                    Source.Load load => ScalarText.Load(s.Type, Place(load.Access)),
                    Source.Reduced r => Kernel.Form == KernelForm.Row ? "r" + ScalarText.Number(r.Reduction) : $"sum{ScalarText.Number(r.Reduction)}[i]",
                    Source.Cached c => $"cache{ScalarText.Number(c.Slot)}[i]",
                    Source.Size size => Size(size.Value),
                    Source.Tile => "t[i]",
                    var other => throw new InvalidOperationException($"A kernel has the unknown source {other}."),
                };
            case ScalarOp.Uniform: return $"{ScalarText.Philox}.Uniform((ulong){Value(s.Arguments[0])}, {Stream(s)}, {Value(s.Arguments[1])})";
            default:
                // The larger of two is written with each of them twice.
                var x = s.Arguments.Select(a => s.Op is ScalarOp.Max or ScalarOp.Min && ScalarText.IsRounded(a) ? Named(a) : Value(a)).ToList();
                return ScalarText.Apply(s, x[0], x.Count > 1 ? x[1] : "", x.Count > 2 ? x[2] : "");
        }
    }

    /// <summary>The element of an access at the current place.</summary>
    protected string Place(int access)
    {
        var stride = Lanes.LaneStride(Kernel.Accesses[access]);
        return Place(access, stride.Is(0) ? "0" : stride.Is(1) ? "i" : $"i * {Size(stride)}");
    }

    /// <summary>An element of an access by its number from the current pointer on.</summary>
    protected string Place(int access, string index) => ScalarText.Place(Kernel.Accesses[access].Type, Pointer(access), index);

    /// <summary>Declares broadcasts of the scalar values that lane-varying expressions read.</summary>
    protected void Broadcasts(IEnumerable<Scalar> roots)
    {
        var list = roots.ToList();
        var needed = new List<Scalar>();
        foreach (var s in Lanes.LaneScalars(list))
            if (s.Op != ScalarOp.Uniform) needed.AddRange(s.Arguments);
        needed.AddRange(list);
        // The index of a random number is computed as a scalar.
        var keys = new HashSet<Scalar>(Lanes.LaneScalars(list).Where(s => s.Op == ScalarOp.Uniform).SelectMany(s => s.Arguments).SelectMany(a => a.Ordered()));
        foreach (var s in needed.Distinct())
            if (Lanes.Of(s) < Level.Lane && s.Op != ScalarOp.Constant && Find(s, AsBroadcast) is null && !(keys.Contains(s) && s.Type == DType.I64 && !NeededAsVector(s, list)))
                Declare(s, AsBroadcast, "b", Vector!.Broadcast(s.Type, Named(s)));
    }

    bool NeededAsVector(Scalar s, List<Scalar> roots)
    {
        var keys = new HashSet<Scalar>();
        foreach (var u in Lanes.LaneScalars(roots).Where(x => x.Op == ScalarOp.Uniform)) keys.UnionWith(u.Arguments.SelectMany(a => a.Ordered()));
        return roots.Contains(s) || Lanes.LaneScalars(roots).Any(x => x.Op != ScalarOp.Uniform && !keys.Contains(x) && x.Arguments.Contains(s));
    }

    /// <summary>A vector of the expression at sub-vector <paramref name="sub"/> of the current block.</summary>
    protected string Lane(Scalar s, int sub)
    {
        if (s.Op == ScalarOp.Constant) return Vector!.Constant(s.Constant, s.Type);
        if (Lanes.Of(s) < Level.Lane) return Find(s, AsBroadcast) ?? Vector!.Broadcast(s.Type, Value(s));
        if (Find(s, sub) is { } name) return name;
        var text = LaneText(s, sub);
        return Inline(s, text) ? text : Declare(s, sub, "v", text);
    }

    /// <summary>As <see cref="Lane"/>, but never a memory access.</summary>
    protected string NamedLane(Scalar s, int sub)
    {
        if (s.Op == ScalarOp.Constant || Lanes.Of(s) < Level.Lane) return Lane(s, sub);
        var text = Lane(s, sub);
        return Find(s, sub) ?? Declare(s, sub, "v", text);
    }

    /// <summary>As <see cref="Lane"/> or, with <paramref name="named"/>, <see cref="NamedLane"/>, for a store into memory of the type: what nothing else reads is rounded there, and not twice.</summary>
    protected string StoredLane(Scalar s, int sub, DType type, bool named)
    {
        if (!IsRoundedByStore(s, type)) return named ? NamedLane(s, sub) : Lane(s, sub);
        var text = Applied(s, sub, isStored: true);
        return named ? Declare(s, sub, "v", text) : text;
    }

    bool IsRoundedByStore(Scalar s, DType type) => s.Type == type && ScalarText.IsRounded(s) && !s.Arguments.IsEmpty && s.Op != ScalarOp.Uniform && uses[s] == 1 && Lanes.Of(s) == Level.Lane;

    /// <summary>Whether memory of a type of 16 bits holds what <see cref="StoredLane"/> gives for it: it was rounded before, or read from such memory.</summary>
    protected bool IsExact(Scalar s, DType type) =>
        type.IsNarrowFloat() && s.Type == type && s.Op != ScalarOp.Uniform && !IsRoundedByStore(s, type) && (s.Op != ScalarOp.Input || Kernel.Sources[s.Index] is Source.Load);

    protected string Index(int sub) => sub == 0 ? "i" : "i + " + ScalarText.Number(sub * Vector!.Width);

    string LaneText(Scalar s, int sub)
    {
        switch (s.Op)
        {
            case ScalarOp.AxisIndex: return Vector!.Indices(Index(sub));
            case ScalarOp.Uniform: return $"{ScalarText.Philox}.Uniform{Vector!.Bits}((ulong){Value(s.Arguments[0])}, {Stream(s)}, {Element(s.Arguments[1], sub)})";
            case ScalarOp.Input:
                return Kernel.Sources[s.Index] switch
                {
                    Source.Load load => Vector!.Load(s.Type, Pointer(load.Access), Index(sub), Size(Lanes.LaneStride(Kernel.Accesses[load.Access]))),
                    Source.Reduced r => $"{Vector!.V}.Load(sum{ScalarText.Number(r.Reduction)} + {Index(sub)})",
                    Source.Cached c => $"{Vector!.V}.Load(cache{ScalarText.Number(c.Slot)} + {Index(sub)})",
                    Source.Tile => $"{Vector!.V}.Load(t + {Index(sub)})",
                    var other => throw new InvalidOperationException($"The source {other} does not vary along the lanes."),
                };
            default: return Applied(s, sub, isStored: false);
        }
    }

    string Applied(Scalar s, int sub, bool isStored)
    {
        var x = s.Arguments.Select(a => Lane(a, sub)).ToList();
        return Vector!.Apply(s, x[0], x.Count > 1 ? x[1] : "", x.Count > 2 ? x[2] : "", isStored);
    }

    string Stream(Scalar uniform) => ScalarText.Stream(uniform.Arguments[2], Value(uniform.Arguments[2]), uniform.Arguments[3], Value(uniform.Arguments[3]));

    string Element(Scalar s, int sub) => Lanes.Of(s) < Level.Lane ? Value(s) : s.Op switch
    {
        ScalarOp.AxisIndex => $"({Index(sub)})",
        ScalarOp.Place => Element(s.Arguments[0], sub),
        ScalarOp.Add => $"({Element(s.Arguments[0], sub)} + {Element(s.Arguments[1], sub)})",
        ScalarOp.Mul => $"({Element(s.Arguments[0], sub)} * {Element(s.Arguments[1], sub)})",
        _ => throw new InvalidOperationException($"A random number is drawn at {s}, which is no index."),
    };
}
