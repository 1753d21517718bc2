using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes;

/// <summary>
/// Folds what entries do to the channels of a convolution or of a product by a weight into that weight: <c>conv(x, w)·s + t</c> with s and t of the model's numbers alone, as a batch norm with running statistics is,
/// becomes <c>conv(x, w·s) + t</c>. Weight and t are then derived states, computed once a version of the numbers (<see cref="HoistDerived"/>).
/// </summary>
/// <remarks>
/// Flows in: entries that are not <see cref="Program.Exact"/>. Flows out: the same entries; steps, losses and what they call stay as they are. It rounds the weight once more and multiplies before it sums up instead of behind, so an
/// entry's numbers differ from those of its operations one by one, by about as much as the order of sums makes them differ (docs/inference.md). It never folds into a weight that is not a state in the type of the sums as
/// it stands: one that is kept in fewer bits stays in these.
/// </remarks>
public sealed record FoldNorms() : Pass("FoldNorms")
{
    public override Program Run(Program program, CancellationToken cancel = default)
    {
        var evaluated = StillValues.Evaluated(program);
        var shared = StillValues.Shared(program, evaluated);
        var entries = new HashSet<Function>(evaluated.Where(f => !program.Exact.Contains(f.Name) && program.Training.All(t => t.Loss != f.Name)));
        var callees = new Dictionary<string, bool>();
        return program with
        {
            Functions = [.. program.Functions.Select(f =>
            {
                cancel.ThrowIfCancellationRequested();
                return entries.Contains(f) ? Fold(f, program, shared, callees) : f;
            })],
        };
    }

    static bool Scales(Node step) => step.Is(ScalarOp.Mul) || step.Is(ScalarOp.Div);

    static bool Shifts(Node step) => step.Is(ScalarOp.Add) || step.Is(ScalarOp.Sub);

    // callees: whether there is a norm to fold in a callee, by its name and which of its parameters are the model's numbers: calls of different layers are alike in that, and a body is looked through once.
    static Function Fold(Function function, Program program, HashSet<string> shared, Dictionary<string, bool> callees)
    {
        bool Folds(Node call)
        {
            var callee = CallOperation.Callee(program, call.Attributes);
            var key = callee.Name + " " + string.Concat(call.Inputs.Select(i => Finder.IsShared(i, shared) ? '1' : '0'));
            if (!callees.TryGetValue(key, out var folds)) callees.Add(key, folds = Finder.Of(callee, program, shared, call).Chains.Any());
            return folds;
        }
        // A norm in a function that is called often is folded in each call of its own weights.
        var flat = Inliner.Run(function, program, call => !Folds(call));
        var found = Finder.Of(flat, program, shared, null);
        var chains = found.Chains.ToDictionary(c => c.End);
        if (chains.Count == 0) return function;
        var folded = new HashSet<Node>(chains.Values.SelectMany(c => c.Nodes));
        var rewriter = Rewriter.Over(program, flat);
        foreach (var node in flat.Nodes)
            if (chains.TryGetValue(node, out var chain)) chain.Emit(rewriter);
            else if (!folded.Contains(node)) rewriter.Copy(node);
        return rewriter.Finish(flat).Pruned();
    }

    /// <summary>A convolution or product and what is done to its channels behind it, to the last factor or summand; nothing else reads what lies between.</summary>
    sealed record Chain(Node Product, int Weight, int Axis, ImmutableArray<Node> Steps)
    {
        public Node End => Steps[Steps.Length - 1];

        public IEnumerable<Node> Nodes => Steps.Insert(0, Product);

        public void Emit(Rewriter into)
        {
            var b = into.Builder;
            var channels = Product.Output.Shape[Axis];
            using var _ = b.At([.. Nodes.SelectMany(n => n.Origins).Distinct()]);
            Value? scale = null, shift = null;
            var value = Product.Output;
            foreach (var step in Steps)
            {
                if (step.Operation.Kind != OpKind.View)
                {
                    var other = into[step.Inputs[step.Inputs[0] == value ? 1 : 0]];
                    var vector = other.Shape.Size.Is(1) ? b.Reshape(other, Shape.Scalar) : b.Reshape(other, Shape.Of(channels));
                    Value Both(Value? old) => old is null ? vector : b.Emit(step.Name, [old, vector]);
                    if (Scales(step))
                    {
                        scale = scale is null && step.Is(ScalarOp.Div) ? b.Div(b.ConstantLike(1, vector), vector) : Both(scale);
                        if (shift is not null) shift = Both(shift);
                    }
                    else shift = shift is null && step.Is(ScalarOp.Sub) ? b.Neg(vector) : Both(shift);
                }
                value = step.Output;
            }
            // Along the weight's filters, which are its first axis in a convolution and its last in a product.
            Value Along(Value vector, int rank, int axis) => vector.Shape.Rank == 0 ? vector : b.Reshape(vector, new([.. Enumerable.Range(0, rank).Select(a => a == axis ? channels : Dim.One)]));
            var inputs = into.New(Product.Inputs);
            var weight = inputs[Weight];
            inputs = inputs.SetItem(Weight, b.Mul(weight, Along(scale!, weight.Shape.Rank, Product.Operation.Kind == OpKind.Convolution ? 0 : weight.Shape.Rank - 1)));
            var result = b.Node(Product.Operation, inputs, Product.Attributes).Output;
            if (shift is not null) result = b.Add(result, Along(shift, result.Shape.Rank, Axis));
            into.Map[End.Output] = b.Reshape(result, End.Output.Shape);
        }
    }

    /// <summary>Looks for chains in a function.</summary>
    sealed class Finder
    {
        readonly Function function;
        readonly Dictionary<Value, bool> still;
        readonly Dictionary<Value, List<Node>> readers = [];
        readonly HashSet<Value> roots;

        Finder(Function function, Dictionary<Value, bool> still)
        {
            (this.function, this.still, roots) = (function, still, [.. function.Roots]);
            foreach (var node in function.Nodes)
                foreach (var input in node.Inputs.Distinct())
                {
                    if (!readers.TryGetValue(input, out var list)) readers.Add(input, list = []);
                    list.Add(node);
                }
        }

        /// <param name="function">The function.</param>
        /// <param name="program">Its program.</param>
        /// <param name="shared">States that no call changes.</param>
        /// <param name="call">A call of the function: its parameters are what this hands over. Null for a function that callers run.</param>
        public static Finder Of(Function function, Program program, HashSet<string> shared, Node? call) =>
            new(function, StillValues.Of(function, program, shared, call is null ? [] : function.Parameters.Where((_, i) => IsShared(call.Inputs[i], shared))));

        /// <summary>Whether a value is a state that no call changes.</summary>
        public static bool IsShared(Value value, HashSet<string> shared) => value.State is { } path && shared.Contains(path);

        public IEnumerable<Chain> Chains => function.Nodes.Select(Of).OfType<Chain>();

        Chain? Of(Node node)
        {
            var (weight, axis) = node.Operation.Kind switch
            {
                OpKind.Convolution when node.Operation.Convolution(node) is { Map: ConvolutionForm.Result } form => (form.Weight, 1),
                OpKind.Contract => (1, node.Output.Shape.Rank - 1),
                _ => (-1, -1),
            };
            if (weight < 0 || still.ContainsKey(node.Output) || node.Operation.Kind == OpKind.Contract && node.Inputs[1].Shape.Rank != 2 || !IsState(node.Inputs[weight], node.Output.DType)) return null;
            var steps = ImmutableArray.CreateBuilder<Node>();
            var (at, channels, last, scales) = (node.Output, axis, 0, false);
            while (!roots.Contains(at) && readers.TryGetValue(at, out var read) && read.Count == 1 && read[0] is var step && step.Outputs.Length == 1 && step.Output.DType == at.DType)
            {
                if (step.Operation.Kind == OpKind.View)
                {
                    if (step.Operation.View(step) is not ViewMap.Regrouped || Moved(at.Shape, channels, step.Output.Shape) is not { } moved) break;
                    channels = moved;
                }
                else
                {
                    if (!Scales(step) && !Shifts(step) || step.Inputs[0] == step.Inputs[1] || !step.Operation.Commutes && step.Inputs[0] != at || step.Output.Shape != at.Shape) break;
                    var other = step.Inputs[step.Inputs[0] == at ? 1 : 0];
                    if (!still.TryGetValue(other, out var ofState) || !IsVector(other.Shape, at.Shape, channels)) break;
                    scales |= ofState && Scales(step);
                    last = steps.Count + 1;
                }
                steps.Add(step);
                at = step.Output;
            }
            return scales ? new(node, weight, axis, [.. steps.Take(last)]) : null;
        }

        // A state, or a view of it.
        bool IsState(Value weight, DType sums)
        {
            while (weight.Producer is { Operation.Kind: OpKind.View } view) weight = view.Inputs[0];
            return weight.Producer is null && still.ContainsKey(weight) && weight.DType == sums && sums is DType.F32 or DType.F64;
        }

        // One number a channel, or one for all.
        static bool IsVector(Shape vector, Shape shape, int channels)
        {
            for (var fromEnd = 1; fromEnd <= vector.Rank; fromEnd++)
                if (shape.Rank - fromEnd != channels && !vector[vector.Rank - fromEnd].Is(1)) return false;
            return true;
        }

        // Where the channels are behind a reshape that only adds or drops axes of size 1.
        static int? Moved(Shape from, int channels, Shape to)
        {
            if (from[channels].Is(1) || !from.Dims.Where(d => !d.Is(1)).SequenceEqual(to.Dims.Where(d => !d.Is(1)))) return null;
            var before = from.Dims.Take(channels).Count(d => !d.Is(1));
            return Enumerable.Range(0, to.Rank).Where(a => !to[a].Is(1)).ElementAt(before);
        }
    }
}
