namespace Graph.Nn;

/// <summary>
/// Weight-only quantization of layers that are not changed: what reads a parameter reads it rounded to few bits, each output's numbers, or each group of them, scaled by their largest.
/// <c>Parametrize.Register(model, "**.weight", _ =&gt; new QuantizedWeight(group: 32))</c>.
/// </summary>
/// <remarks>
/// The parameter keeps its numbers and files. Prediction rounds them once, when they have changed, keeps them in the narrow type, and products make numbers of them while they read them. Rounding has no gradient: a parameter under it
/// is not trained.
/// </remarks>
/// <param name="type">I4, I8 or U8; U8 has 128 for 0.</param>
/// <param name="group">How many inputs of a matrix [out, in] share a scale, a divisor of in; 0 for one scale an output, which weights of any shape may have.</param>
[Module]
public sealed partial class QuantizedWeight(ElementType type = ElementType.I4, int group = 0) : IParametrization
{
    /// <summary>The weight, rounded.</summary>
    /// <param name="value">The parameter's own numbers, outputs first.</param>
    public Tensor Forward(Tensor value)
    {
        var outputs = value.Shape[0];
        var blocks = group > 0 ? value.Reshape(outputs, value.Shape[1] / group, group) : value.Reshape(outputs, 1, -1);
        // A group of zeros has any scale.
        var scale = blocks.Abs().Max(axis: 2).Clamp(min: 1e-30) / (type == ElementType.I4 ? 7 : 127);
        var rows = value.Reshape(outputs, -1);
        return type == ElementType.U8
            ? rows.Quantize(scale, 128, type).Dequantize(scale, 128).Reshape(value.Shape)
            : rows.Quantize(scale, dtype: type).Dequantize(scale).Reshape(value.Shape);
    }
}
