using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>
/// Drops what nobody needs of a loop: stacks that are not read, the second of two stacks of one value, carries that are neither read behind the loop nor by what is needed of an iteration, operands that no iteration reads.
/// A carry that every iteration leaves as it is becomes an operand that is the same in all of them.
/// </summary>
public sealed record TrimLoops() : FunctionPass("TrimLoops")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        if (!function.Nodes.Any(n => n.Operation == StructureOperations.Loop)) return function;
        var live = new HashSet<Value>(function.Roots);
        var kept = new Dictionary<Node, Trimmed>();
        foreach (var node in function.Nodes.Reverse())
        {
            if (node.Operation.IsPure && !node.Outputs.Any(live.Contains)) continue;
            if (node.Operation == StructureOperations.Loop) live.UnionWith((kept[node] = new(node, live)).Operands);
            else live.UnionWith(node.Inputs);
        }
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation != StructureOperations.Loop) rewriter.Copy(node);
            else if (kept.TryGetValue(node, out var trimmed)) trimmed.Emit(rewriter, program);
        }
        return rewriter.Finish(function);
    }

    /// <summary>What is needed of a loop.</summary>
    sealed class Trimmed
    {
        readonly Node loop;
        readonly Function body;
        readonly int carries, scanned;
        readonly List<int> moving = [], still = [], slices = [], invariants = [], stacks = []; // numbers of operands, and of results for the stacks
        readonly List<(int Stack, int Same)> equal = []; // stacks of one value

        public Trimmed(Node loop, HashSet<Value> live)
        {
            this.loop = loop;
            body = loop.Regions[0];
            (carries, scanned, _) = LoopOperation.Shape(loop.Attributes);
            var isConditional = LoopOperation.IsConditional(loop.Attributes);
            bool IsStill(int c) => body.Results[c] == body.Parameters[c + 1];

            var results = new HashSet<int>(Enumerable.Range(0, loop.Outputs.Length).Where(i => live.Contains(loop.Outputs[i]) || (i == 0 && isConditional)));
            HashSet<Value> needed;
            do needed = Needed(results.Select(i => body.Results[i]));
            while (Enumerable.Range(0, carries).Count(c => needed.Contains(body.Parameters[c + 1]) && results.Add(c)) > 0);

            for (var c = 0; c < carries; c++)
                if (results.Contains(c)) (IsStill(c) && !(c == 0 && isConditional) ? still : moving).Add(c);
            for (var i = carries; i < loop.Inputs.Length; i++)
                if (needed.Contains(body.Parameters[i + 1])) (i < carries + scanned ? slices : invariants).Add(i);
            foreach (var i in Enumerable.Range(carries, loop.Outputs.Length - carries).Where(results.Contains))
            {
                if (stacks.Find(s => body.Results[s] == body.Results[i]) is > 0 and var same) equal.Add((i, same));
                else stacks.Add(i);
            }
        }

        HashSet<Value> Needed(IEnumerable<Value> results)
        {
            var needed = new HashSet<Value>(results);
            foreach (var node in body.Nodes.Reverse())
                if (!node.Operation.IsPure || node.Outputs.Any(needed.Contains)) needed.UnionWith(node.Inputs);
            return needed;
        }

        IEnumerable<int> Numbers => moving.Concat(slices).Concat(still).Concat(invariants);

        public IEnumerable<Value> Operands => Numbers.Select(i => loop.Inputs[i]);

        public void Emit(Rewriter into, Program program)
        {
            foreach (var c in still) into.Map[loop.Outputs[c]] = into[loop.Inputs[c]];
            var results = moving.Concat(stacks).ToList();
            if (results.Count == 0) return;
            var inner = new Rewriter(program, body.Name);
            foreach (var i in Numbers.Prepend(-1)) inner.Map[body.Parameters[i + 1]] = inner.Builder.Argument(body.Parameters[i + 1].Type, body.Parameters[i + 1].Name!);
            var needed = Needed(results.Select(i => body.Results[i]));
            foreach (var node in body.Nodes)
                if (!node.Operation.IsPure || node.Outputs.Any(needed.Contains)) inner.Copy(node);
            var trimmed = Run(inner.Builder.Build(inner.New(results.Select(i => body.Results[i]))), program);
            var attributes = loop.Attributes.With("carries", moving.Count).With("scanned", slices.Count);
            using var _ = into.Builder.At(loop.Origins);
            var copy = into.Builder.Node(loop.Operation, into.New(Operands), attributes, [trimmed]);
            for (var i = 0; i < results.Count; i++) into.Map[loop.Outputs[results[i]]] = copy.Outputs[i];
            foreach (var (stack, same) in equal) into.Map[loop.Outputs[stack]] = into[loop.Outputs[same]];
        }
    }
}
