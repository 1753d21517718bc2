using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// Drops what nobody needs of a loop: stacks that are not read, the second of two stacks of one value, carries that are neither read behind the loop nor by what is needed of an iteration, operands that no iteration reads.
/// A carry that every iteration leaves as it is becomes an operand that is the same in all of them. Of a branch it drops results that nobody reads and operands that neither side does.
/// </summary>
public sealed record TrimLoops() : FunctionPass("TrimLoops")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        if (!function.Nodes.Any(Bodies.Has)) return function;
        var live = new HashSet<Value>(function.Roots);
        var kept = new Dictionary<Node, Trimmed>();
        var sides = new Dictionary<Node, TrimmedBranch>();
        foreach (var node in function.Nodes.Reverse())
        {
            if (node.Operation.IsPure && !node.Outputs.Any(live.Contains)) continue;
            if (node.Operation == StructureOperations.Loop) live.UnionWith((kept[node] = new(node, live)).Operands);
            else if (node.Operation == StructureOperations.If) live.UnionWith((sides[node] = new(node, live, program)).Operands);
            else live.UnionWith(node.Inputs);
        }
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation == StructureOperations.If)
            {
                if (sides.TryGetValue(node, out var branch)) branch.Emit(rewriter, program);
            }
            else if (node.Operation != StructureOperations.Loop) rewriter.Copy(node);
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

    /// <summary>What is needed of a branch.</summary>
    sealed class TrimmedBranch
    {
        readonly Node branch;
        readonly int[] results, operands; // the condition is operand 0
        readonly Function[] regions;

        public TrimmedBranch(Node branch, HashSet<Value> live, Program program)
        {
            this.branch = branch;
            results = [.. Enumerable.Range(0, branch.Outputs.Length).Where(i => live.Contains(branch.Outputs[i]))];
            regions = [.. branch.Regions.Select(r => Run(new Function(r.Name, r.Parameters, [], r.Nodes, [.. results.Select(i => r.Results[i])], []).Pruned(), program))];
            operands = [0, .. Enumerable.Range(1, branch.Inputs.Length - 1).Where(i => regions.Any(r => r.Results.Contains(r.Parameters[i - 1]) || r.Nodes.Any(n => n.Inputs.Contains(r.Parameters[i - 1]))))];
        }

        public IEnumerable<Value> Operands => operands.Select(i => branch.Inputs[i]);

        public void Emit(Rewriter into, Program program)
        {
            using var _ = into.Builder.At(branch.Origins);
            var copy = into.Builder.Node(branch.Operation, into.New(Operands), branch.Attributes, [.. regions.Select(r => Taking(r, program))]);
            for (var i = 0; i < results.Length; i++) into.Map[branch.Outputs[results[i]]] = copy.Outputs[i];
        }

        Function Taking(Function region, Program program)
        {
            var inner = new Rewriter(program, region.Name);
            foreach (var i in operands.Skip(1)) inner.Map[region.Parameters[i - 1]] = inner.Builder.Argument(region.Parameters[i - 1].Type, region.Parameters[i - 1].Name!);
            foreach (var node in region.Nodes) inner.Copy(node);
            return inner.Builder.Build(inner.New(region.Results));
        }
    }
}
