using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Cross entropy of the softmax of the last axis and the labels, by default its mean: a scalar.</summary>
    /// <param name="label">
    /// Class indices, in the shape of x without its last axis. A call with one that is neither a class nor <paramref name="ignoreIndex"/> throws <see cref="System.ArgumentOutOfRangeException"/>: before anything runs when
    /// they are an argument of the model, else when they are computed.
    /// </param>
    /// <param name="ignoreIndex">A label that counts nowhere, not in the mean either.</param>
    /// <param name="labelSmoothing">How much of the target is spread over all classes.</param>
    /// <remarks>As torch.nn.functional.cross_entropy; the mean over labels that are all ignored is not a number. Szegedy et al., CVPR 2016, for smoothing.</remarks>
    [Operation("cross_entropy")]
    public Tensor CrossEntropy(Tensor label, Reduction reduction = Reduction.Mean, int ignoreIndex = -100, double labelSmoothing = 0) =>
        Eager.Run("cross_entropy", [this, label], ("reduction", reduction), ("ignoreIndex", ignoreIndex), ("labelSmoothing", labelSmoothing));
}

/// <summary>Operands: logits [..., C], labels [...].</summary>
sealed class CrossEntropyOperation : CompositeOperation
{
    public override string Name => "cross_entropy";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var ignored = attributes.Int("ignore_index", -100);
        // What does not fit, Infer says.
        if (operands.Length == 2 && operands[0].Shape.Rank > 0 && operands[1].DType is DType.I32 or DType.I64)
            operands = [operands[0], CheckIndexOperation.Of(b, operands[1], operands[0].Shape[operands[0].Shape.Rank - 1], ignored, "CrossEntropy's label")];
        return base.Emit(b, operands, AttributeMap.Of(("reduction", attributes.Reduction()), ("ignore_index", ignored), ("label_smoothing", attributes.Real("label_smoothing"))));
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        var shape = context.Shape(0);
        Rules.Rank("CrossEntropy", "x", shape, 1, int.MaxValue, "logits of shape [..., classes]");
        Rules.Real("CrossEntropy", "logits", context[0].DType);
        Rules.Index("CrossEntropy", "labels", context[1].DType);
        var rows = shape.Remove(shape.Rank - 1);
        if (context.Shape(1) != rows) throw new ShapeException($"CrossEntropy needs a label for each row of the logits {shape}, of shape {rows}, but got {context.Shape(1)}", Diagnostics.Companion);
        return [context[0].With(context.Attributes.Reduction() == "none" ? rows : Shape.Scalar)];
    }

    /// <summary>What value and gradient share: x less its maximum, the logarithm of the sum of exponentials, where the label is, and which rows count; rows keep an axis of 1.</summary>
    readonly struct Parts
    {
        public Parts(Builder b, Value x, Value label, AttributeMap attributes)
        {
            Axis = x.Shape.Rank - 1;
            Classes = x.Shape[Axis];
            var (shifted, logSum) = LogSoftmaxOperation.Of(b, x, Axis);
            Shifted = b.Of(shifted);
            LogSum = b.Of(logSum);
            var column = b.Reshape(label, label.Shape.Insert(label.Shape.Rank, 1));
            IsLabel = b.Equal(b.Iota(Shape.Of(Classes), 0, label.DType), column);
            Counts = b.Emit("logical_not", [b.Equal(column, b.ConstantLike(attributes.Int("ignore_index", -100), column))]);
        }

        public int Axis { get; }
        public Dim Classes { get; }
        public Expr Shifted { get; }
        public Expr LogSum { get; }
        public Value IsLabel { get; }
        public Value Counts { get; }

        /// <summary>How many rows count.</summary>
        public Expr Count(Builder b) => b.Of(b.Sum(b.Cast(Counts, Shifted.Value.DType), Enumerable.Range(0, Axis + 1), keep: false));
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var p = new Parts(b, x[0], x[1], attributes);
        var zero = b.ConstantLike(0, p.Shifted);
        // −log softmax at the label: the others are masked, so that a row is read once.
        var loss = p.LogSum - b.Of(b.Where(p.IsLabel, p.Shifted, zero)).Sum(p.Axis, keep: true);
        var smoothing = attributes.Real("label_smoothing");
        if (smoothing != 0)
            loss = loss * (1 - smoothing) + (p.LogSum - p.Shifted.Sum(p.Axis, keep: true) / b.Of(b.Size(p.Classes, x[0].DType))) * smoothing;
        loss = b.Of(b.Where(p.Counts, loss, zero));
        var all = Enumerable.Range(0, p.Axis + 1);
        return [attributes.Reduction() switch
        {
            "none" => loss.Reshape(x[1].Shape),
            "sum" => loss.Sum(all, keep: false),
            _ => loss.Sum(all, keep: false) / p.Count(b),
        }];
    }

    // (softmax − target) times the row's share of the loss.
    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        g.For(0, () =>
        {
            var b = g.Builder;
            var p = new Parts(b, g.X, g.Input(1), g.Attributes);
            var reduction = g.Attributes.Reduction();
            var share = reduction == "none" ? g.OutputGradient.Reshape(g.Input(1).Shape.Insert(p.Axis, 1)) : g.OutputGradient;
            if (reduction == "mean") share /= p.Count(b);
            share = g.Where(g.Of(p.Counts), share, 0);
            var smoothing = g.Attributes.Real("label_smoothing");
            var excess = (p.Shifted - p.LogSum).Exp() - g.Where(g.Of(p.IsLabel), g.Number(1 - smoothing), 0);
            if (smoothing != 0) excess -= g.Number(smoothing) / g.Of(b.Size(p.Classes, g.X.Value.DType));
            return excess * share;
        }),
        null,
    ];
}
