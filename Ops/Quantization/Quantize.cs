using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Real numbers as small integers: round(x / scale) + zero point, halves to even, limited to what the type holds. <see cref="Dequantize"/> gives x again, rounded to steps of the scale.</summary>
    /// <remarks>
    /// As torch.quantize_per_tensor and quantize_per_channel, to the last bit: x is multiplied by 1 / scale. Rounding has no gradient.
    /// </remarks>
    /// <param name="scale">
    /// The step: one number; one for each place along <paramref name="axis"/>, as a vector; or one for each block of x, of as many axes as x, each of a size that divides x's: <c>[out, in / 32]</c> for groups of 32 inputs.
    /// </param>
    /// <param name="zeroPoint">Which integer stands for 0: a tensor of the scale's shape, or one number; 0 when left out.</param>
    /// <param name="dtype">I4, I8, U8 or I32.</param>
    /// <param name="axis">The axis of a vector of scales.</param>
    [Operation("quantize")]
    public Tensor Quantize(Tensor scale, Tensor? zeroPoint = null, ElementType dtype = ElementType.I8, int axis = 0) =>
        Eager.Run("quantize", zeroPoint is null ? [this, scale] : [this, scale, zeroPoint], ("dtype", dtype), ("axis", axis));
}

/// <summary><c>cast(clamp(round(x · (1 / scale)) + zero))</c></summary>
sealed class QuantizeOperation : LanguageOperation
{
    public override string Name => "quantize";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        Rules.Real("Quantize", "x", x[0].DType);
        Rules.Real("Quantize", "the scale", x[1].DType);
        if (!DTypes.TryParse(attributes.Word("dtype", "i8"), out var type) || !Rules.IsSummedAsInteger(type))
            throw new ShapeException($"Quantize makes i4, i8, u8 or i32, but got {attributes.Word("dtype", "")}: Cast(ElementType.I8) converts to other types", Diagnostics.Type);
        var blocks = new ScaledBlocks("Quantize", b, x, attributes);
        var steps = b.Emit("round", [b.Mul(blocks.X, b.Div(b.Constant(1, blocks.Scale.DType), blocks.Scale))]);
        if (blocks.Zero is { } zero) steps = b.Add(steps, b.Cast(zero, steps.DType));
        var (least, greatest) = type.Range();
        return blocks.Whole(b.Cast(b.Apply("clamp", [steps], AttributeMap.Of(("min", (double)least), ("max", (double)greatest)))[0], type));
    }
}
