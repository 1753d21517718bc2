using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// Convolutions of 16-bit numbers and their gradients on tensor cores: sums of small integers are exact in any order, so they have the interpreter's bits, padding, prologues, epilogues and roundings included.
/// </summary>
public sealed class TensorConvolutionTests
{
    static double Integer(string name, DType type, Random random) => random.Next(-3, 4);

    static void Agree(string text, (int, int)[] sizes, PtxTensorTile? tile = null, ulong seed = 1, bool isWide = false) =>
        KernelTests.Agree(KernelTests.Parse(text), sizes, seed, Integer, isWide, PtxVariant.TensorCores, tile);

    static string Program(string type, (int Height, int Width) image, int channels, int filters, (int Height, int Width) kernel, int stride, int padding, int dilation, int groups)
    {
        int Map(int size, int taps) => (size + 2 * padding - dilation * (taps - 1) - 1) / stride + 1;
        var window = $"dilation=[{dilation},{dilation}], groups={groups}, padding=[{padding},{padding}], stride=[{stride},{stride}]";
        var (x, w, y) = ($"B,{channels},{image.Height},{image.Width}", $"{filters},{channels / groups},{kernel.Height},{kernel.Width}", $"B,{filters},{Map(image.Height, kernel.Height)},{Map(image.Width, kernel.Width)}");
        return $$"""
            func f(image: {{type}}[{{x}}], weight: {{type}}[{{w}}], dy: {{type}}[{{y}}], bias: {{type}}[{{filters}},1,1]) -> ({{type}}[{{y}}], {{type}}[{{x}}], {{type}}[{{w}}], {{type}}[{{y}}])
              %0 = conv2d image, weight {{{window}}}
              %1 = conv2d_grad_input dy, weight {{{window}}, shape=[{{x}}]}
              %2 = conv2d_grad_weight image, dy {{{window}}, shape=[{{w}}]}
              %3 = relu image
              %4 = conv2d %3, weight {{{window}}}
              %5 = add %4, bias
              %6 = relu %5
              return %0, %1, %2, %6
            """;
    }

    /// <summary>Strides, padding, dilation, groups, windows and maps of odd sizes; all four kernels of each run on tensor cores.</summary>
    [Theory]
    [InlineData("f16", 8, 6, 3, 1, 1, 1, 1, false)]
    [InlineData("bf16", 5, 7, 3, 2, 1, 1, 1, false)]
    [InlineData("f16", 8, 18, 3, 2, 1, 1, 2, true)]
    [InlineData("f16", 3, 4, 2, 1, 2, 3, 1, false)]
    [InlineData("bf16", 24, 33, 1, 1, 0, 1, 1, false)]
    [InlineData("f16", 6, 6, 3, 3, 2, 2, 6, false)]
    public void Windows_of_all_kinds_have_the_bits_of_exact_sums(string type, int channels, int filters, int window, int stride, int padding, int dilation, int groups, bool isWide)
    {
        var text = Program(type, (7, 5), channels, filters, (window, Math.Max(1, window - 1)), stride, padding, dilation, groups);
        var launches = KernelTests.Lower(KernelTests.Parse(text)).Functions[0].Launches.OfType<ConvolutionLaunch>().ToList();
        Assert.Equal(4, launches.Count);
        Assert.All(launches, l => Assert.True(PtxTensorLaunch.Has(l, PtxVariant.TensorCores)));
        Agree(text, [(1, 1), (3, 1)], seed: (ulong)(channels + stride), isWide: isWide);
    }
}
