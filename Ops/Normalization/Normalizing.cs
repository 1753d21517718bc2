using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>What normalizations and their gradients share.</summary>
static class Normalizing
{
    /// <summary>The last axis less its mean times <c>1/√(variance + ε)</c>, and that factor.</summary>
    public static (Expr Normalized, Expr Scale) Row(Builder b, Value x, double epsilon)
    {
        int[] axis = [x.Shape.Rank - 1];
        var centered = b.Of(b.Sub(x, MeanOperation.Of(b, x, axis, keep: true)));
        var scale = (b.Of(MeanOperation.Of(b, centered * centered, axis, keep: true)) + epsilon).Rsqrt();
        return (centered * scale, scale);
    }

    /// <summary>Every axis but the channels'.</summary>
    public static int[] NotChannels(Shape shape) => [.. Enumerable.Range(0, shape.Rank).Where(a => a != 1)];

    /// <summary>A vector over channels, in place to broadcast against <paramref name="shape"/>: [C, 1, 1].</summary>
    public static Expr Channels(Builder b, Value vector, Shape shape) =>
        b.Of(b.Reshape(vector, new(new Dim[] { vector.Shape[0] }.Concat(Enumerable.Repeat(Dim.One, shape.Rank - 2)))));

    /// <summary>Checks x ([N, C, ...]) and vectors over its channels.</summary>
    public static TensorType Check(InferContext context, string operation, IReadOnlyList<string> vectors)
    {
        var shape = context.Shape(0);
        Rules.Rank(operation, "x", shape, 2, int.MaxValue, "x of shape [batch, channels, ...]");
        Rules.Real(operation, "x", context[0].DType);
        for (var i = 0; i < vectors.Count; i++)
        {
            Rules.Vector(operation, vectors[i], context.Shape(i + 1), shape[1], $"one number for each channel of {shape}");
            Rules.SameReal(operation, "x", context[0].DType, vectors[i], context[i + 1].DType);
        }
        return context[0];
    }
}
