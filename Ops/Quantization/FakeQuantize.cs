using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// The reals that <see cref="Quantize"/> and <see cref="Dequantize"/> would leave of x, for training that is to end in integers: forward the rounded numbers, backward as if nothing had been rounded, and no gradient where x is
    /// beyond what the type holds.
    /// </summary>
    /// <remarks>
    /// As torch.fake_quantize_per_tensor_affine and fake_quantize_per_channel_affine, value and gradient. The straight-through estimator is Bengio, Léonard and Courville, 2013; where it is cut, Jacob et al., CVPR 2018. Scale and
    /// zero point get no gradient.
    /// </remarks>
    /// <param name="scale">As that of <see cref="Quantize"/>.</param>
    /// <param name="zeroPoint">As that of <see cref="Quantize"/>.</param>
    /// <param name="dtype">I4, I8 or U8: the integers that there are.</param>
    /// <param name="axis">The axis of a vector of scales.</param>
    [Operation("fake_quantize")]
    public Tensor FakeQuantize(Tensor scale, Tensor? zeroPoint = null, ElementType dtype = ElementType.I8, int axis = 0) =>
        Eager.Run("fake_quantize", zeroPoint is null ? [this, scale] : [this, scale, zeroPoint], ("dtype", dtype), ("axis", axis));
}

/// <summary><c>(clamp(steps) − zero) · scale</c> of <c>steps = round(x · (1 / scale)) + zero</c>, with the gradient of x where the steps are within the type's range.</summary>
sealed class FakeQuantizeOperation : LanguageOperation
{
    public override string Name => "fake_quantize";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        Rules.Real("FakeQuantize", "x", x[0].DType);
        Rules.Real("FakeQuantize", "the scale", x[1].DType);
        // Every integer of these types is a float32, and so is its product with a step.
        if (!DTypes.TryParse(attributes.Word("dtype", "i8"), out var type) || type is not (DType.I4 or DType.I8 or DType.U8))
            throw new ShapeException($"FakeQuantize knows i4, i8 and u8, but got {attributes.Word("dtype", "")}: these are what a tensor is quantized to", Diagnostics.Type);
        var blocks = new ScaledBlocks("FakeQuantize", b, x, attributes);
        var steps = b.Emit("round", [b.Mul(blocks.X, b.Div(b.Constant(1, blocks.Scale.DType), blocks.Scale))]);
        var zero = blocks.Zero is { } given ? b.Cast(given, steps.DType) : null;
        if (zero is not null) steps = b.Add(steps, zero);
        var (least, greatest) = type.Range();
        var limited = b.Apply("clamp", [steps], AttributeMap.Of(("min", (double)least), ("max", (double)greatest)))[0];
        var rounded = b.Mul(zero is null ? limited : b.Sub(limited, zero), blocks.Scale);
        // x less itself: nothing forward, and x backward where it counts. Zero elsewhere, so that infinities and what is far away add nothing.
        var isWithin = b.Apply("equal", [steps, limited], AttributeMap.Empty)[0];
        var through = b.Apply("where", [isWithin, blocks.X, b.Constant(0, blocks.X.DType)], AttributeMap.Empty)[0];
        return blocks.Whole(b.Add(Constant(b, rounded), b.Sub(through, Constant(b, through))));
    }

    static Value Constant(Builder b, Value value) => b.Apply("detach", [value], AttributeMap.Empty)[0];
}
