using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// What a carry was in each iteration, beside what it became: the same numbers one iteration on. A loop that would stack both stacks what the carry became, behind what it begins with, and the other stack is all but the last of
/// these (all but the first, where the loop runs from last to first).
/// </summary>
public sealed record ShiftStacks() : FunctionPass("ShiftStacks")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        if (!function.Nodes.Any(Bodies.Has)) return function;
        function = Bodies.Rewrite(function, program, (_, body) => Run(body, program));
        var readers = function.Nodes.SelectMany(n => n.Inputs.Select(i => (i, n))).ToLookup(p => p.i, p => p.n);
        var roots = new HashSet<Value>(function.Roots);
        // What others want in a place of theirs would have to be copied.
        bool IsWanted(Value value) => roots.Contains(value) || readers[value].Any(n => n.Operation.Kind == OpKind.View ? IsWanted(n.Output) : n.Operation.Library(n)?.Parts.IsEmpty == false);

        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation == StructureOperations.Loop && Shifted(node, v => !IsWanted(v)) is { Count: > 0 } shifted) Emit(node, shifted, rewriter, program);
            else rewriter.Copy(node);
        }
        return rewriter.Finish(function);
    }

    // Stacks of what carries were, the carry of each, and the stack of what it became.
    static List<(int Old, int Carry, int New)> Shifted(Node loop, System.Func<Value, bool> isFree)
    {
        var body = loop.Regions[0];
        var (carries, _, _) = LoopOperation.Shape(loop.Attributes);
        var found = new List<(int, int, int)>();
        if (LoopOperation.IsConditional(loop.Attributes)) return found;
        for (var old = carries; old < loop.Outputs.Length; old++)
            for (var c = 0; c < carries; c++)
                if (body.Results[old] == body.Parameters[c + 1] && body.Results[c] != body.Parameters[c + 1]
                    && Enumerable.Range(carries, loop.Outputs.Length - carries).FirstOrDefault(n => body.Results[n] == body.Results[c] && isFree(loop.Outputs[n])) is > 0 and var next) found.Add((old, c, next));
        return found;
    }

    static void Emit(Node loop, List<(int Old, int Carry, int New)> shifted, Rewriter into, Program program)
    {
        var b = into.Builder;
        using var _ = b.At(loop.Origins);
        var count = LoopOperation.Shape(loop.Attributes).Count;
        var region = Rewriter.Over(program, loop.Regions[0]);
        foreach (var node in loop.Regions[0].Nodes) region.Copy(node);
        int[] kept = [.. Enumerable.Range(0, loop.Outputs.Length).Where(i => !shifted.Exists(s => s.Old == i))];
        var copy = b.Node(loop.Operation, into.New(loop.Inputs), loop.Attributes, [region.Builder.Build(region.New(kept.Select(i => loop.Regions[0].Results[i])))]);
        for (var i = 0; i < kept.Length; i++) into.Map[loop.Outputs[kept[i]]] = copy.Outputs[i];
        var isReversed = loop.Attributes.Bool("reverse");
        foreach (var (old, carry, next) in shifted)
        {
            var (start, stack) = (into[loop.Inputs[carry]], into[loop.Outputs[next]]);
            start = b.Reshape(start, start.Shape.Insert(0, 1));
            var all = b.Emit("concat", isReversed ? [stack, start] : [start, stack], ("axis", 0));
            into.Map[loop.Outputs[old]] = b.Slice(all, 0, isReversed ? 1 : 0, isReversed ? count + 1 : count);
        }
    }
}
