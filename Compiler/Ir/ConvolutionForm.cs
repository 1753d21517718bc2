namespace Graph.Compiler.Ir;

/// <summary>
/// Which of a convolution's three tensors an operation computes from the other two: <c>map[n, o, y, x] = Σ image[n, c, y·stride + i·dilation − padding, …] · weight[o, c, i, j]</c>. The numbers are those of
/// operands; the one that is <see cref="Result"/> is computed.
/// </summary>
/// <param name="Image">Which operand is the image [N, C, H, W].</param>
/// <param name="Weight">Which operand is the weight [O, C / groups, kh, kw].</param>
/// <param name="Map">Which operand is the map [N, O, oh, ow].</param>
/// <param name="Stride">The window's step along height and width.</param>
/// <param name="Padding">Zeros around the image.</param>
/// <param name="Dilation">The distance between the window's elements.</param>
/// <param name="Groups">Into how many groups channels and filters are divided.</param>
public sealed record ConvolutionForm(int Image, int Weight, int Map, (int Height, int Width) Stride, (int Height, int Width) Padding, (int Height, int Width) Dilation, int Groups)
{
    /// <summary>Stands for the node's only result.</summary>
    public const int Result = -1;
}
