namespace Graph.Nn;

/// <summary>Layers one after the other, numbered as in PyTorch: the parameters of the first are under <c>0</c>.</summary>
/// <param name="layers">The layers, first to last.</param>
[Module]
public sealed partial class Sequential(params ILayer[] layers) : ILayer
{
    readonly ILayer[] _ = layers; // this name adds no segment to paths

    /// <summary>The last layer's value.</summary>
    public Tensor Forward(Tensor x)
    {
        foreach (var layer in _) x = layer.Forward(x);
        return x;
    }
}

/// <summary>Merges the axes from <paramref name="start"/> on into one, as a layer.</summary>
/// <param name="start">The first axis that is merged.</param>
[Module]
public sealed partial class Flatten(int start = 1) : ILayer
{
    /// <summary>[a, b, c] → [a, b · c]</summary>
    public Tensor Forward(Tensor x) => x.Flatten(start);
}

/// <summary>The largest of each window, as a layer.</summary>
/// <param name="kernel">Height and width of the window.</param>
/// <param name="stride">Steps of the window; 0 for the kernel's size.</param>
/// <param name="padding">Places around the image that never win.</param>
[Module]
public sealed partial class MaxPool2d(int kernel, int stride = 0, int padding = 0) : ILayer
{
    /// <summary>[batch, channels, height, width] → [batch, channels, height', width']</summary>
    public Tensor Forward(Tensor x) => x.MaxPool2d(kernel, stride, padding);
}

/// <summary>The mean of each window, as a layer.</summary>
/// <param name="kernel">Height and width of the window.</param>
/// <param name="stride">Steps of the window; 0 for the kernel's size.</param>
/// <param name="padding">Zeros around the image.</param>
[Module]
public sealed partial class AvgPool2d(int kernel, int stride = 0, int padding = 0) : ILayer
{
    /// <summary>[batch, channels, height, width] → [batch, channels, height', width']</summary>
    public Tensor Forward(Tensor x) => x.AvgPool2d(kernel, stride, padding);
}
