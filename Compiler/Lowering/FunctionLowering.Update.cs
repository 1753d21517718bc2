using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Lowering;

// Launches over many tensors at once: the optimizer, and the norm of all gradients.
sealed partial class FunctionLowering
{
    /// <summary>All calls of the optimizer's update as few segmented launches.</summary>
    void Update(Node node, ImmutableArray<Node> calls, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var outer = inputs.ToDictionary(i => i.Inner, i => i.Outer);
        var targets = outputs.ToDictionary(o => o.Inner, o => o.Outer);
        var built = new List<(BuiltKernel Kernel, Dim Extent)>();
        foreach (var call in calls)
        {
            var callee = CallOperation.Callee(program, call.Attributes);
            var sizes = StructureOperations.Unify(callee, [.. call.Inputs.Select(i => i.Type)]);
            var reads = callee.Parameters.Select((p, i) => (p, places[outer[call.Inputs[i]]])).ToImmutableArray();
            var writes = callee.Results.Select((r, i) => (Inner: r, Outer: targets.TryGetValue(call.Outputs[i], out var o) ? o : call.Outputs[i])).ToImmutableArray();
            var kernel = TryBuild(new(callee.Nodes, reads, [.. writes.Select(w => (w.Inner, PlaceOf(w.Outer)))]))
                ?? throw new InvalidOperationException($"The function {callee.Name} is not elementwise.");
            kernel = Bind(kernel, sizes);
            if (Overwrites(kernel)) Redirect(writes, o => Bind(TryBuild(new(callee.Nodes, reads, o))!, sizes), node);
            else built.Add((kernel, kernel.Extent));
        }
        foreach (var group in built.GroupBy(b => b.Kernel.Kernel.Text)) Segmented(node, [.. group]);
    }

    static BuiltKernel Bind(BuiltKernel kernel, IReadOnlyDictionary<string, Dim> sizes) => kernel with
    {
        Extent = kernel.Extent.Substitute(sizes), Dims = [.. kernel.Dims.Select(d => d.Substitute(sizes))],
        Flops = kernel.Flops.Substitute(sizes), Traffic = kernel.Traffic.Substitute(sizes),
    };

    void Segmented(Node node, ImmutableArray<(BuiltKernel Kernel, Dim Extent)> built)
    {
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var inPlace = ImmutableArray.CreateBuilder<InPlace>();
        var segments = ImmutableArray.CreateBuilder<Segment>();
        foreach (var (kernel, extent) in built)
        {
            segments.Add(new(operands.Count, kernel.Operands.Length, kernel.Dims, extent));
            inPlace.AddRange(kernel.InPlace.Select(p => new InPlace(p.Written + operands.Count, p.Read + operands.Count)));
            operands.AddRange(kernel.Operands);
        }
        var first = built[0].Kernel;
        Add(node, new SegmentedLaunch(node.Origins, operands.ToImmutable(), inPlace.ToImmutable(), kernels.Add(first.Kernel), segments.ToImmutable(), first.Grain, first.ScratchBytes)
        {
            Flops = built.Aggregate(Dim.Zero, (sum, b) => sum + b.Kernel.Flops),
            Traffic = built.Aggregate(Dim.Zero, (sum, b) => sum + b.Kernel.Traffic),
        });
    }

    /// <summary>
    /// Sums of squares of many tensors, added up, and scalar arithmetic on the total: one segmented launch makes partial sums of all of them, a second adds those in order.
    /// </summary>
    void Norm(Node node, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        var reduces = Shares(body);
        var parts = reduces.Select(r => Math.Max(1, Math.Min(target.Sums.MostNormParts, r.Inputs[0].Shape.Size.Evaluate(typical) / target.Sums.PartWork))).ToList();
        var partial = NewBuffer("partial sums", BufferKind.Arena, DType.F32, parts.Sum());
        var built = new List<(BuiltKernel, Dim)>();
        Dim offset = 0;
        for (var i = 0; i < reduces.Count; i++)
        {
            var before = body.Where(n => n.Outputs.Contains(reduces[i].Inputs[0])).Append(reduces[i]).ToImmutableArray();
            // The number of parts is the launch's extent, so that sums over tensors of different sizes are one kernel.
            var spec = new KernelSpec(
                before, [.. inputs.Where(p => before.Any(n => n.Inputs.Contains(p.Inner))).Select(p => (p.Inner, places[p.Outer]))],
                [(reduces[i].Output, new(partial, offset, [Dim.One]))]) { Parts = (int)parts[i], AnySize = true };
            // A single number is its own sum.
            var kernel = TryBuild(spec) ?? TryBuild(spec with { Parts = 0, Outputs = [(reduces[i].Output, new(partial, offset, []))] })!;
            built.Add((kernel with { Grain = 1 }, parts[i]));
            offset += parts[i];
        }
        foreach (var group in built.GroupBy(b => b.Item1.Kernel.Text)) Segmented(node, [.. group]);

        // The additions of the shares become one sum of all parts; what follows them stays.
        var rewriter = new Rewriter(program, "norm");
        var argument = rewriter.Builder.Argument(new(DType.F32, Shape.Of(parts.Sum())), "partial");
        var total = rewriter.Builder.Sum(argument, 0, keep: false);
        var sums = new HashSet<Value>(reduces.Select(r => r.Output));
        foreach (var n in body)
            if (n.Is(ScalarOp.Add) && n.Inputs.All(sums.Contains)) sums.Add(n.Output);
        foreach (var value in sums) rewriter.Map[value] = total;
        foreach (var (inner, _) in inputs) rewriter.Map[inner] = inner;
        var squares = new HashSet<Value>(reduces.Select(r => r.Inputs[0]));
        foreach (var n in body)
            if (!sums.Contains(n.Outputs[0]) && !squares.Contains(n.Outputs[0])) rewriter.Copy(n);
        // Only what the remaining nodes read: the gradients themselves would add their axes to the iteration space.
        var read = new HashSet<Value>(rewriter.Builder.Nodes.SelectMany(n => n.Inputs));
        var combine = TryBuild(new(
            [.. rewriter.Builder.Nodes], [.. inputs.Where(i => read.Contains(i.Inner)).Select(i => (i.Inner, places[i.Outer])), (argument, new(partial, Dim.Zero, [Dim.One]))],
            [.. outputs.Select(o => (rewriter.Map[o.Inner], PlaceOf(o.Outer)))]))!;
        Launch(node, combine);
    }

    // The sums of squares, each as often as it is added.
    static List<Node> Shares(ImmutableArray<Node> body)
    {
        var sums = new HashSet<Value>(body.Where(n => n.Operation.Kind == OpKind.Reduce).Select(n => n.Output));
        var adds = new List<Node>();
        foreach (var n in body)
            if (n.Is(ScalarOp.Add) && n.Inputs.All(sums.Contains))
            {
                sums.Add(n.Output);
                adds.Add(n);
            }
        var times = new Dictionary<Value, int> { [adds[adds.Count - 1].Output] = 1 };
        for (var i = adds.Count - 1; i >= 0; i--)
            foreach (var input in adds[i].Inputs)
                times[input] = (times.TryGetValue(input, out var t) ? t : 0) + (times.TryGetValue(adds[i].Output, out var n) ? n : 0);
        return [.. body.Where(n => n.Operation.Kind == OpKind.Reduce).SelectMany(n => Enumerable.Repeat(n, times.TryGetValue(n.Output, out var t) ? t : 0))];
    }
}
