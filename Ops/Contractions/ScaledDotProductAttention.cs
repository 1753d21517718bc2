using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Attention: <c>softmax(query · keyᵀ · scale) · value</c> over [..., length, width].</summary>
    /// <param name="query">[..., T, E]</param>
    /// <param name="key">[..., S, E]</param>
    /// <param name="value">[..., S, V]</param>
    /// <param name="causal">Position t sees positions up to t only.</param>
    /// <param name="scale">0 stands for 1/√E.</param>
    /// <remarks>Vaswani et al., "Attention is all you need", 2017.</remarks>
    [Operation("scaled_dot_product_attention")]
    public static Tensor ScaledDotProductAttention(Tensor query, Tensor key, Tensor value, bool causal = false, double scale = 0) =>
        Eager.Run("scaled_dot_product_attention", [query, key, value], ("causal", causal), ("scale", scale));
}

sealed class ScaledDotProductAttentionOperation : CompositeOperation
{
    public override string Name => "scaled_dot_product_attention";

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 3);
        var (q, k, v) = (context.Shape(0), context.Shape(1), context.Shape(2));
        foreach (var (name, shape) in new[] { ("the query", q), ("the key", k), ("the value", v) })
            Rules.Rank("ScaledDotProductAttention", name, shape, 2, int.MaxValue, "tensors of shape [..., length, width]");
        if (q[q.Rank - 1] != k[k.Rank - 1]) throw new ShapeException($"ScaledDotProductAttention needs queries and keys of one width, but got {q} and {k}: {q[q.Rank - 1]} ≠ {k[k.Rank - 1]}", Diagnostics.Inner);
        if (k[k.Rank - 2] != v[v.Rank - 2]) throw new ShapeException($"ScaledDotProductAttention needs a value for each key, but got {k} and {v}: {k[k.Rank - 2]} ≠ {v[v.Rank - 2]}", Diagnostics.Inner);
        Rules.SameReal("ScaledDotProductAttention", "the query", context[0].DType, "the key", context[1].DType);
        Rules.SameReal("ScaledDotProductAttention", "the query", context[0].DType, "the value", context[2].DType);
        var batch = Shape.Broadcast(Shape.Broadcast(Batch(q), Batch(k)), Batch(v));
        return [context[0].With(new([.. batch, q[q.Rank - 2], v[v.Rank - 1]]))];
    }

    static Shape Batch(Shape shape) => new(shape.Dims.Take(shape.Rank - 2));

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var (q, k, v) = (x[0], x[1], x[2]);
        var scale = attributes.Real("scale");
        if (scale == 0)
            scale = q.Shape[q.Shape.Rank - 1].TryConstant(out var width) ? 1 / Math.Sqrt(width)
                : throw new ShapeException($"ScaledDotProductAttention needs a scale when the width of {q.Shape} is no number", Diagnostics.Symbolic);
        var scores = b.MatMul(q, b.TransposeLast(k));
        scores = b.Mul(scores, b.ConstantLike(scale, scores));
        var rank = scores.Shape.Rank;
        if (attributes.Bool("causal"))
            scores = b.Where(CausalMaskOperation.Mask(b, scores.Shape[rank - 2], scores.Shape[rank - 1]), scores, b.ConstantLike(double.NegativeInfinity, scores));
        return [b.MatMul(SoftmaxOperation.Of(b, scores, rank - 1), v)];
    }
}
