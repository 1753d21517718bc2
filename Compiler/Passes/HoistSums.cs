using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Scheduling;

namespace Graph.Compiler.Passes;

/// <summary>
/// A carry to which every iteration adds a product of two matrices, or a sum, of what that iteration has: Σₜ aₜ·bₜ is one product over the rows of all iterations, made behind the loop of what the loop stacks.
/// So is the gradient of a recurrent weight: T small products, and T additions of the weight's size, become one long product.
/// </summary>
/// <remarks>
/// Done where what has to be stacked for it is no larger than the carry, which is read and written in each iteration otherwise: so it costs less memory traffic, and no more memory than T carries. Loops that may end early
/// keep their sums: what they did not reach is stacked as 0, and 0 times infinity is no 0. So do loops over micro-batches, which are there for having the memory of one iteration.
/// </remarks>
public sealed record HoistSums() : FunctionPass("HoistSums")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program, DimBinding.Typical(program.Dims));

    static Function Run(Function function, Program program, DimBinding typical)
    {
        if (!function.Nodes.Any(Bodies.Has)) return function;
        function = Bodies.Rewrite(function, program, (_, body) => Run(body, program, typical));
        var rewriter = Rewriter.Over(program, function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation == StructureOperations.Loop && !LoopOperation.IsConditional(node.Attributes) && !LoopOperation.IsApart(node.Attributes) && new Sums(node, typical) is { Any: true } sums) sums.Emit(rewriter, program);
            else rewriter.Copy(node);
        }
        return rewriter.Finish(function);
    }

    /// <summary>The terms of a loop's carries that become one product or sum each.</summary>
    sealed class Sums
    {
        readonly Node loop;
        readonly Function body;
        readonly int carries, scanned;
        readonly Dim count;
        readonly Dictionary<Value, int> uses;
        readonly List<Value> stacked; // of the body, in the order of the loop's stacks
        readonly SortedDictionary<int, List<Value>> terms = []; // of carries
        readonly HashSet<Value> moved = []; // terms

        public Sums(Node loop, DimBinding typical)
        {
            this.loop = loop;
            body = loop.Regions[0];
            (carries, scanned, count) = LoopOperation.Shape(loop.Attributes);
            uses = body.UseCounts();
            stacked = [.. body.Results.Skip(carries)];
            for (var c = 0; c < carries; c++)
                if (Terms(c) is { } found) terms.Add(c, found);
            // What one term has stacked costs the next nothing, so products, which read large values, come before sums of the same, and those that were too dear are looked at again.
            bool grown;
            do
            {
                grown = false;
                foreach (var (_, term) in terms.SelectMany(t => t.Value.Select(v => (Carry: t.Key, v))).OrderBy(t => Core(t.v)?.Operation.Kind == OpKind.Contract ? 0 : 1).ToList())
                {
                    if (moved.Contains(term) || Core(term) is not { } core || core.Inputs.Select(Source).Any(IsSame)) continue;
                    var more = core.Inputs.Select(Source).Where(s => !IsThere(s)).Distinct().ToList();
                    if (more.Sum(v => v.Type.BytesAt(typical)) > term.Type.BytesAt(typical)) continue;
                    stacked.AddRange(more);
                    grown = moved.Add(term);
                }
            }
            while (grown);
        }

        public bool Any => moved.Count > 0;

        // What an iteration adds to a carry that it does nothing else with.
        List<Value>? Terms(int carry)
        {
            var parameter = body.Parameters[carry + 1];
            if (!parameter.DType.IsFloat() || !uses.TryGetValue(parameter, out var read) || read != 1) return null;
            var (found, isAdded) = (new List<Value>(), false);
            void Add(Value value)
            {
                if (value == parameter) isAdded = true;
                else if (value.Producer is { } sum && sum.Is(ScalarOp.Add) && uses[value] == 1 && sum.Inputs.All(i => i.Type == value.Type)) foreach (var part in sum.Inputs) Add(part);
                else found.Add(value);
            }
            Add(body.Results[carry]);
            return isAdded ? found : null;
        }

        // The product or sum that a term is, its axes in another order perhaps; null for anything else.
        Node? Core(Value term)
        {
            while (IsReordered(term) && uses[term] == 1) term = term.Producer!.Inputs[0];
            return term.Producer is { } core && uses[term] == 1
                && (core.Operation.Kind == OpKind.Contract ? core.Inputs.All(i => i.Shape.Rank == 2) : core.Operation.Reduce(core)?.Operation == ScalarOp.Add) ? core : null;
        }

        // A view of all elements, each once: in memory, or as one of many iterations, it is one too.
        static bool IsReordered(Value value) =>
            value.Producer is { } view && view.Operation.View(view) is { } map && (map is ViewMap.Regrouped || !map.Order(view.Inputs[0].Shape, view.Output.Shape).IsDefault);

        static Value Source(Value value)
        {
            while (IsReordered(value)) value = value.Producer!.Inputs[0];
            return value;
        }

        int Number(Value parameter) => body.Parameters.IndexOf(parameter);

        // Whether a value is the same in all iterations, or their number.
        bool IsSame(Value value) => Number(value) is var number && (number == 0 || number > carries + scanned);

        bool IsThere(Value value) => stacked.Contains(value) || Number(value) > carries;

        /// <summary>Emits the loop without these terms and, behind it, what they come to.</summary>
        public void Emit(Rewriter into, Program program)
        {
            var b = into.Builder;
            using var _ = b.At(loop.Origins);
            var rest = terms.ToDictionary(t => t.Key, t => t.Value.Where(v => !moved.Contains(v)).ToList());
            int[] kept = [.. Enumerable.Range(0, carries).Where(c => !rest.TryGetValue(c, out var others) || others.Count > 0)];
            int[] operands = [.. kept, .. Enumerable.Range(carries, loop.Inputs.Length - carries)];

            var inner = new Rewriter(program, body.Name);
            foreach (var i in operands.Prepend(-1)) inner.Map[body.Parameters[i + 1]] = inner.Builder.Argument(body.Parameters[i + 1].Type, body.Parameters[i + 1].Name!);
            var needed = new HashSet<Value>(kept.Where(c => !rest.ContainsKey(c)).Select(c => body.Results[c]).Concat(rest.SelectMany(r => r.Value)).Concat(stacked));
            var live = new HashSet<Node>();
            foreach (var node in body.Nodes.Reverse())
                if ((!node.Operation.IsPure || node.Outputs.Any(needed.Contains)) && live.Add(node)) needed.UnionWith(node.Inputs);
            foreach (var node in body.Nodes)
                if (live.Contains(node)) inner.Copy(node);
            var results = kept.Select(c => rest.TryGetValue(c, out var others) ? others.Aggregate(inner[body.Parameters[c + 1]], (sum, v) => inner.Builder.Add(sum, inner[v])) : inner[body.Results[c]]);
            var copy = b.Node(loop.Operation, into.New(operands.Select(i => loop.Inputs[i])), loop.Attributes.With("carries", kept.Length), [inner.Builder.Build([.. results, .. inner.New(stacked)])]);

            for (var i = carries; i < loop.Outputs.Length; i++) into.Map[loop.Outputs[i]] = copy.Outputs[kept.Length + i - carries];
            for (var c = 0; c < carries; c++)
            {
                var at = System.Array.IndexOf(kept, c);
                var start = at >= 0 ? copy.Outputs[at] : IsZero(loop.Inputs[c]) ? null : into[loop.Inputs[c]];
                if (terms.TryGetValue(c, out var all))
                    foreach (var term in all.Where(moved.Contains)) start = Sum(term) is var sum && start is null ? sum : b.Add(start, sum);
                into.Map[loop.Outputs[c]] = start!;
            }

            // A value of an iteration, of all iterations.
            Value All(Value value)
            {
                if (stacked.IndexOf(value) is >= 0 and var stack) return copy.Outputs[kept.Length + stack];
                if (Number(value) is > 0 and var number) return into[loop.Inputs[number - 1]];
                var view = value.Producer!;
                var order = view.Operation.View(view)!.Order(view.Inputs[0].Shape, value.Shape);
                return order.IsDefault ? b.Reshape(All(view.Inputs[0]), value.Shape.Insert(0, count)) : b.Transpose(All(view.Inputs[0]), [0, .. order.Select(axis => axis + 1)]);
            }

            // The rows of all iterations one after another.
            Value Rows(Value all) => b.Reshape(all, Shape.Of(all.Shape[0] * all.Shape[1], all.Shape[2]));

            Value Sum(Value term)
            {
                if (term.Producer is var node && IsReordered(term))
                {
                    var order = node!.Operation.View(node)!.Order(node.Inputs[0].Shape, term.Shape);
                    return order.IsDefault ? b.Reshape(Sum(node.Inputs[0]), term.Shape) : b.Transpose(Sum(node.Inputs[0]), order);
                }
                if (node!.Operation.Kind == OpKind.Contract)
                    return b.Node(node.Operation, [b.TransposeLast(Rows(b.Transpose(All(node.Inputs[0]), [0, 2, 1]))), Rows(All(node.Inputs[1]))], node.Attributes).Output;
                var axes = node.Attributes.Ints("axes").Select(a => node.Inputs[0].Shape.Axis(a) + 1).Prepend(0).ToArray();
                return b.Reshape(b.Node(node.Operation, [All(node.Inputs[0])], node.Attributes.With("axes", axes).With("keep", false)).Output, term.Shape);
            }
        }

        static bool IsZero(Value value)
        {
            while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
            return value.TryConstant(out var number) && number == 0;
        }
    }
}
