using System.ComponentModel;
using System;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

/// <summary>What the bits of the library's kernels depend on beside shapes and numbers: a part of every plan's fingerprint.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Numerics
{
    // Raised when a kernel of the library adds up in another order than before, in a way that the numbers below do not show.
    const int Order = 1;

    /// <summary>Whether multiply-adds are rounded once. Every processor with AVX2 or NEON does so; vector widths change nothing.</summary>
    public static bool IsFused { get; } = Fma.IsSupported || AdvSimd.IsSupported;

    /// <summary>The order in which the library adds up products and convolutions: kernels that were compiled for another are refused.</summary>
    internal static ProductSums Products { get; } = CpuLibrary.Products;

    /// <summary>What memory the library works in; kernels that were compiled for less are refused.</summary>
    internal static PackingModel Packing { get; } = CpuLibrary.Packing;

    /// <summary>How the library cuts attention; kernels that were compiled for another cut are refused.</summary>
    internal static AttentionTiles Attention { get; } = CpuLibrary.Attention;

    /// <summary>As text, for fingerprints.</summary>
    public static string Text => Describe(IsFused);

    /// <summary>The order in which the library adds up products and convolutions, by the type of the sums: kernels that were compiled for another are refused.</summary>
    internal static ProductSums Sums(DType accumulator) => Products.In(accumulator);

    internal static string Describe(bool isFused) => FormattableString.Invariant(
        $"order {Order}, products by {Products.DepthBlock}, cut {Products.SliceElements}/{Products.SliceLeast}/{Products.SliceMost}/{Products.SliceDeep}, weight gradients by {Products.GradientPixels} in {Products.GradientTasks}, {(isFused ? "fused" : "unfused")} multiply-adds");
}
