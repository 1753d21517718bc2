using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>What integers stand for: (x − zero point) · scale, in the scale's element type.</summary>
    /// <remarks>
    /// As dequantize() of PyTorch's quantized tensors. In front of a product, a convolution or arithmetic it costs no memory: the integers are read as they are and become numbers on the way
    /// (<c>x.MatMul(weight.Dequantize(scale))</c>).
    /// </remarks>
    /// <param name="scale">As that of <see cref="Quantize"/>.</param>
    /// <param name="zeroPoint">As that of <see cref="Quantize"/>.</param>
    /// <param name="axis">The axis of a vector of scales.</param>
    [Operation("dequantize")]
    public Tensor Dequantize(Tensor scale, Tensor? zeroPoint = null, int axis = 0) => Eager.Run("dequantize", zeroPoint is null ? [this, scale] : [this, scale, zeroPoint], ("axis", axis));
}

/// <summary><c>(cast(x) − zero) · scale</c></summary>
sealed class DequantizeOperation : LanguageOperation
{
    public override string Name => "dequantize";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        if (!x[0].DType.IsInteger()) throw new ShapeException($"Dequantize needs integers for x, but got {x[0].DType.Name()}: Cast(ElementType.I8) converts it, and Quantize scales it too", Diagnostics.Type);
        Rules.Real("Dequantize", "the scale", x[1].DType);
        var blocks = new ScaledBlocks("Dequantize", b, x, attributes);
        var steps = b.Cast(blocks.X, blocks.Scale.DType);
        if (blocks.Zero is { } zero) steps = b.Sub(steps, b.Cast(zero, steps.DType));
        return blocks.Whole(b.Mul(steps, blocks.Scale));
    }
}
