namespace Graph.Nn;

/// <summary>Divides each vector along the last axis by its root mean square, then scales. Shape of x.</summary>
/// <remarks>Zhang and Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019: <c>x / √(mean(x²) + ε) · weight</c>.</remarks>
/// <param name="width">The size of the last axis.</param>
/// <param name="epsilon">Added to the mean square.</param>
[Module]
public sealed partial class RmsNorm(int width, double epsilon = 1e-6) : ILayer
{
    readonly Parameter weight = new([width], Init.Ones);

    /// <summary>[..., width] → [..., width]</summary>
    public Tensor Forward(Tensor x) => x * ((x * x).Mean(-1, keep: true) + epsilon).Rsqrt() * weight;
}
