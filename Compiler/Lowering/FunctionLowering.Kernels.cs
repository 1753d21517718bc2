using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

// Fused regions and loop kernels. Pairs (Inner, Outer) tie a region's values to the function's.
sealed partial class FunctionLowering
{
    void Fused(Node node)
    {
        var region = node.Regions[0];
        var inputs = region.Parameters.Select((p, i) => (Inner: p, Outer: node.Inputs[i])).ToImmutableArray();
        var outputs = region.Results.Select((r, i) => (Inner: r, Outer: node.Outputs[i])).ToImmutableArray();
        if (region.Nodes.FirstOrDefault(n => n.Operation.Kind == OpKind.Contract) is { } contract) Contract(node, contract, region.Nodes.Remove(contract), inputs, outputs);
        else if (region.Nodes.FirstOrDefault(n => n.Operation.Kind == OpKind.Convolution) is { } convolution) Convolution(node, convolution, region.Nodes.Remove(convolution), inputs, outputs);
        else
            switch (node.Attributes.Text("archetype"))
            {
                case "map" or "row" or "reduce": Kernel(node, region.Nodes, inputs, outputs); break;
                case var other: throw new NotSupportedException($"No kernel is of the kind {other ?? "that has no name"}.");
            }
    }

    void Kernel(Node node, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var spec = new KernelSpec(body, [.. inputs.Select(i => (i.Inner, places[i.Outer]))], [.. outputs.Select(o => (o.Inner, PlaceOf(o.Outer)))]);
        if (TryBuild(spec) is not { } built)
        {
            Apart(node, body, inputs, outputs);
            return;
        }
        if (Overwrites(built))
        {
            Redirect(outputs, o => TryBuild(spec with { Outputs = o })!, node);
            return;
        }
        if (Parts(body) is > 1 and var parts)
        {
            if (!Split(node, spec, parts)) Apart(node, body, inputs, outputs);
        }
        else Launch(node, built);
    }

    // What is no kernel as it stands: nodes one by one, and a sum whose operand lies in memory in another order over a dense copy.
    void Apart(Node node, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        if (body.Length == 1 && body[0].Operation.Kind == OpKind.Reduce) ReduceDense(node, body[0], inputs, outputs);
        else OneByOne(node, body, inputs, outputs);
    }

    void ReduceDense(Node node, Node reduce, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var outer = inputs.First(i => i.Inner == reduce.Inputs[0]).Outer;
        if (IsDense(outer.Shape, places[outer].Strides)) throw new InvalidOperationException($"No kernel computes {node.Name}.");
        places[outer] = DenseCopy(outer, node);
        Kernel(node, [reduce], inputs, outputs);
    }

    // Operands that are written although the kernel reads them in another way.
    static bool Overwrites(BuiltKernel built)
    {
        for (var w = 0; w < built.Operands.Length; w++)
            if (built.Operands[w].IsWritten)
                for (var r = 0; r < built.Operands.Length; r++)
                    if (!built.Operands[r].IsWritten && built.Operands[r].Buffer == built.Operands[w].Buffer
                        && !(built.Operands[r].Offset == built.Operands[w].Offset && built.InPlace.Any(p => p.Written == w && p.Read == r))) return true;
        return false;
    }

    // Writes the new value of a state or carry to memory of its own and copies it behind the kernel.
    void Redirect(ImmutableArray<(Value Inner, Value Outer)> outputs, Func<ImmutableArray<(Value, Placement)>, BuiltKernel> build, Node node)
    {
        var targets = outputs.Select(o => (o.Inner, o.Outer, To: places[o.Outer])).ToList();
        var temporary = targets.Select(t => donated.Contains(t.To.Buffer) ? t.To with { Buffer = NewBuffer("new " + t.To.Buffer.Name, BufferKind.Arena, t.Outer.Type), Offset = Dim.Zero, Strides = t.Outer.Shape.Strides } : t.To).ToList();
        Launch(node, build([.. targets.Select((t, i) => (t.Inner, temporary[i]))]));
        for (var i = 0; i < targets.Count; i++)
            if (temporary[i] != targets[i].To) CopyTo(targets[i].Outer, temporary[i], targets[i].To, node);
    }

    // Nodes without a common iteration space, each as a kernel of its own.
    void OneByOne(Node node, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        if (body.Length == 1 && body[0].Operation.Kind != OpKind.View) throw new InvalidOperationException($"No kernel computes {node.Name}.");
        foreach (var (inner, outer) in inputs) places[inner] = places[outer];
        foreach (var (inner, outer) in outputs) places[inner] = PlaceOf(outer);
        foreach (var n in body)
        {
            var target = outputs.FirstOrDefault(o => o.Inner == n.Outputs[0]);
            if (n.Operation.Kind == OpKind.View && target.Inner is not null)
            {
                // A view that is a result must lie where the result lies.
                CopyView(n, places[target.Outer]);
                continue;
            }
            LowerNode(n);
        }
    }

    void CopyView(Node view, Placement to)
    {
        places.Remove(view.Output);
        View(view);
        var from = places[view.Output];
        CopyTo(view.Output, from, to, view);
        places[view.Output] = to;
    }

    // Into how many parts the reductions of a kernel are cut: all alike, fusion has seen to it.
    int Parts(ImmutableArray<Node> body) =>
        body.Where(n => n.Operation.Kind == OpKind.Reduce).Select(n => ReductionOrder.Of(n, target, typical).Parts).DefaultIfEmpty(1).Max();

    /// <summary>A reduction in two launches: parts, then the sum of the parts with whatever follows the reduction.</summary>
    bool Split(Node node, KernelSpec spec, int parts)
    {
        var reduces = spec.Nodes.Where(n => n.Operation.Kind == OpKind.Reduce).ToList();
        var before = new HashSet<Node>();
        void Need(Value v)
        {
            if (v.Producer is { } p && spec.Nodes.Contains(p) && before.Add(p)) foreach (var i in p.Inputs) Need(i);
        }
        foreach (var r in reduces)
        {
            before.Add(r);
            Need(r.Inputs[0]);
        }
        if (reduces.Any(r => Base(r.Inputs[0]) is var x && reduces.Any(o => o.Output == x))) return false;

        var partial = reduces.Select(r => (Reduce: r, Place: new Placement(NewBuffer("partial " + r.Name, BufferKind.Arena, r.Output.DType, r.Output.Shape.Size * parts), Dim.Zero, r.Output.Shape.Insert(0, parts).Strides))).ToList();
        var first = TryBuild(spec with { Nodes = [.. spec.Nodes.Where(before.Contains)], Outputs = [.. partial.Select(p => (p.Reduce.Output, p.Place))], Parts = parts });
        if (first is null) return false;

        var rewriter = new Rewriter(program, "combine");
        var inputs = spec.Inputs.ToList();
        foreach (var (reduce, place) in partial)
        {
            var argument = rewriter.Builder.Argument(reduce.Output.Type.With(reduce.Output.Shape.Insert(0, parts)), "partial" + inputs.Count);
            inputs.Add((argument, place));
            rewriter.Map[reduce.Output] = rewriter.Builder.Node(reduce.Operation, [argument], AttributeMap.Of(("axes", new[] { 0 }), ("keep", false))).Output;
        }
        foreach (var (value, _) in spec.Inputs) rewriter.Map[value] = value;
        foreach (var n in spec.Nodes)
            if (!before.Contains(n)) CopyWithNeeds(n, rewriter, spec);
        var second = TryBuild(new([.. rewriter.Builder.Nodes], [.. inputs], [.. spec.Outputs.Select(o => (rewriter.Map[o.Value], o.Place))]));
        if (second is null) return false;
        Launch(node, first);
        Launch(node, second with { Flops = Dim.Zero });
        return true;
    }

    // What follows the reductions may read a constant that their operands read too.
    static void CopyWithNeeds(Node node, Rewriter rewriter, KernelSpec spec)
    {
        foreach (var input in node.Inputs)
            if (!rewriter.Map.ContainsKey(input)) CopyWithNeeds(input.Producer!, rewriter, spec);
        if (!rewriter.Map.ContainsKey(node.Outputs[0])) rewriter.Copy(node);
    }
}
