using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Passes;

/// <summary>
/// Makes of <c>gradients</c>, for training programs with micro-batches, a loop over these: the batch's rows are cut into equal parts, one after another goes forward and backward, and what is added up on the way is the loss and, in
/// the type of the parameters, each one's gradient. The results are the mean of the losses and the <em>sums</em> of the gradients, which <see cref="BuildTrainStep"/> divides. States that the forward pass assigns (running
/// statistics) go from one micro-batch to the next. Arguments without the batch's dimension are the same for all of them.
/// </summary>
/// <remarks>
/// The body is the function as it was, with the dimension of a part (<see cref="DimSymbol.Part"/>) in the place of the batch's, and random numbers at their places in the whole batch (<see cref="Operation.OfPart"/>). A body has no
/// calls, so called functions are inlined. What the step needs of its sizes it needs of a part's.
/// </remarks>
public sealed record AccumulateGradients() : Pass("AccumulateGradients")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        var called = Callees.Of(program);
        foreach (var training in program.Training)
            if (training.MicroBatches > 1 && program.Find(TrainingSignature.Of(training).Gradients) is { } gradients) program = Run(program, training, gradients);
        return Callees.Pruned(program, called);
    }

    static Program Run(Program program, TrainingProgram training, Function gradients)
    {
        var batch = MicroBatching.Batch(gradients.Parameters.Select(p => p.Shape))!;
        var part = program.Dims.First(d => d.Name == batch).Part(training.MicroBatches);
        if (!program.Dims.Contains(part)) program = program with { Dims = program.Dims.Add(part) };
        var sizes = new Dictionary<string, Dim> { [batch] = Dim.Symbol(part.Name) };
        var checkedAs = TrainingSignature.Of(training).ForwardLoss;
        program = program with
        {
            Requirements = [.. program.Requirements.Select(r => r.Function == checkedAs ? r with { Size = r.Size.Substitute(sizes) } : r)],
            Ranges = [.. program.Ranges.Select(r => r.Function == checkedAs ? r with { Below = r.Below.Substitute(sizes) } : r)],
        };
        var flat = Composites.Replace(Inliner.Run(gradients, program), program, node => node.Operation.Draws != Drawing.Never);
        var loop = new MicroBatchLoop(flat, program, training, batch, sizes);
        return program with { Functions = program.Functions.Replace(gradients, loop.Function()) };
    }

    /// <summary>The loop over the micro-batches of one function.</summary>
    /// <param name="flat">The function for a whole batch, without calls.</param>
    /// <param name="program">Its program.</param>
    /// <param name="training">How many micro-batches there are, and the type of the sums.</param>
    /// <param name="batch">The batch's dimension.</param>
    /// <param name="sizes">What it becomes in a micro-batch.</param>
    sealed class MicroBatchLoop(Function flat, Program program, TrainingProgram training, string batch, IReadOnlyDictionary<string, Dim> sizes)
    {
        readonly Builder around = new(program, flat.Name);
        readonly Rewriter inside = new(program, "micro_batch");
        readonly List<Value> operands = [];

        TensorType Of(Value value) => value.Type.With(value.Shape.Substitute(sizes));

        public Function Function()
        {
            var parts = training.MicroBatches;
            var b = inside.Builder;
            var number = b.Argument(new(DType.I64, Shape.Scalar), "micro_batch");
            // What a parameter is read as in several types it has one sum for.
            var first = flat.ResultNames.TakeWhile(n => !n.StartsWith(TrainingSignature.GradientPrefix, System.StringComparison.Ordinal)).Count();
            var gradients = flat.Results.Skip(first).Zip(flat.ResultNames.Skip(first), (value, name) => (value, Path: name.Substring(TrainingSignature.GradientPrefix.Length)))
                .GroupBy(g => WorkingCopies.ParameterOf(g.Path)).ToList();
            var given = flat.Parameters.ToDictionary(p => p, p => around.Argument(p.Type.With(p.Shape.Substitute(new Dictionary<string, Dim> { [batch] = sizes[batch] * parts })), p.Name!));

            // Carries: the loss, states, sums; then slices, then what is the same for all.
            var sum = new TensorType(training.Master, Shape.Scalar);
            var loss = Carry(sum, TrainingSignature.Loss, around.Zeros(sum));
            var states = flat.Updates.Select(u => Carry(u.Value.Type, u.Path, around.State(program.FindState(u.Path)!))).ToList();
            for (var i = 0; i < states.Count; i++)
                if (flat.States.FirstOrDefault(s => s.State == flat.Updates[i].Path) is { } read) inside.Map[read] = states[i];
            var sums = gradients.Select(g => Sum(g.Key, new(training.Master, g.First().value.Shape))).ToList();
            var carries = operands.Count;
            foreach (var p in flat.Parameters.Where(p => p.Shape.Rank > 0 && p.Shape[0].Has(batch)))
            {
                inside.Map[p] = b.Argument(Of(p), p.Name!);
                operands.Add(around.Reshape(given[p], Of(p).Shape.Insert(0, parts)));
            }
            var scanned = operands.Count - carries;
            foreach (var p in flat.Parameters.Where(p => !inside.Map.ContainsKey(p))) Same(p, given[p]);
            foreach (var s in flat.States.Where(s => !inside.Map.ContainsKey(s))) Same(s, around.State(s));

            Copy(flat.Nodes, inside, number);
            ImmutableArray<Value> results =
            [
                b.Add(loss, b.Cast(inside[flat.Results[0]], training.Master)), .. flat.Updates.Select(u => inside[u.Value]),
                .. gradients.Zip(sums, (g, total) => g.Aggregate(total, (all, one) => b.Add(all, b.Cast(inside[one.value], training.Master)))),
            ];
            var attributes = AttributeMap.Of(("carries", carries), ("scanned", scanned), ("count", new Attr.List([parts])), ("apart", true));
            var outputs = around.Node(StructureOperations.Loop, [.. operands], attributes, [b.Build(results)]).Outputs;
            return around.Build(
                [around.Div(outputs[0], around.Constant(parts, training.Master)), .. outputs.Skip(1 + states.Count)],
                [.. flat.Updates.Select((u, i) => new StateUpdate(u.Path, outputs[1 + i]))],
                [TrainingSignature.Loss, .. gradients.Select(g => TrainingSignature.GradientPrefix + (g.Count() == 1 ? g.First().Path : g.Key))]);
        }

        Value Carry(TensorType type, string name, Value start)
        {
            operands.Add(start);
            return inside.Builder.Argument(type, name);
        }

        Value Sum(string parameter, TensorType type) => Carry(type, TrainingSignature.GradientPrefix + parameter, around.Zeros(type));

        void Same(Value old, Value value)
        {
            inside.Map[old] = inside.Builder.Argument(Of(old), old.Name ?? old.State!);
            operands.Add(value);
        }

        void Copy(ImmutableArray<Node> nodes, Rewriter into, Value number)
        {
            foreach (var node in nodes)
            {
                using var _ = into.Builder.At(node.Origins);
                var attributes = Substitution.Apply(node.Attributes, sizes);
                var inputs = into.New(node.Inputs);
                var outputs = node.Operation.OfPart(into.Builder, node, inputs, attributes, new(batch, training.MicroBatches, number));
                // Bodies see what is given to them, the number among it; one that does not read it loses it again.
                if (outputs.IsDefault && !node.Regions.IsEmpty) outputs = into.Builder.Node(node.Operation, inputs.Add(number), attributes, [.. node.Regions.Select(Region)]).Outputs;
                if (outputs.IsDefault) outputs = into.Builder.Node(node.Operation, inputs, attributes).Outputs;
                for (var i = 0; i < outputs.Length; i++) into.Map[node.Outputs[i]] = outputs[i];
            }
        }

        Function Region(Function region)
        {
            var inner = new Rewriter(program, region.Name);
            foreach (var p in region.Parameters) inner.Map[p] = inner.Builder.Argument(Of(p), p.Name!);
            Copy(region.Nodes, inner, inner.Builder.Argument(new(DType.I64, Shape.Scalar), "micro_batch"));
            return inner.Builder.Build(inner.New(region.Results), default, region.ResultNames);
        }
    }
}
