namespace Graph.Nn;

/// <summary>Normalizes each vector along the last axis by its own mean and variance, then scales and shifts. Shape of x.</summary>
/// <remarks>Ba, Kiros and Hinton, 2016. As torch.nn.LayerNorm over one axis: <c>weight</c> (1) and <c>bias</c> (0), both [width].</remarks>
/// <param name="width">The size of the last axis.</param>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="bias">Whether it shifts.</param>
[Module]
public sealed partial class LayerNorm(int width, double epsilon = 1e-5, bool bias = true) : ILayer
{
    readonly Parameter weight = new([width], Init.Ones);
    readonly Parameter? offset = bias ? new([width], Init.Zeros, name: "bias") : null;

    /// <summary>[..., width] → [..., width]</summary>
    public Tensor Forward(Tensor x) => x.LayerNorm(weight, offset, epsilon);
}
