using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;

namespace Graph.Benchmarks;

/// <summary>What a step must do on any program for the same machine: its operations at the measured peak of multiply-adds, then its bytes at the measured bandwidth.</summary>
static class Floor
{
    /// <summary>Operations of one run, without those that multiply a convolution's padding.</summary>
    public static double Operations(MemoryPlan plan) => plan.Flops - plan.Function.Launches.OfType<ConvolutionLaunch>().Sum(l => OnPadding(l.Shape.Evaluate(plan.Binding)));

    /// <summary>Milliseconds.</summary>
    public static double Milliseconds(MemoryPlan plan, Conditions conditions) => (Operations(plan) / conditions.PeakAll + plan.Traffic / conditions.BandwidthAll) / 1e6;

    /// <summary>Operations of a convolution, or of one of its gradients, whose tap lies outside of the image.</summary>
    public static double OnPadding(in ConvolutionSizes s)
    {
        double all = 2.0 * s.Batch * s.Filters * (s.Channels / s.Groups) * s.KernelHeight * s.KernelWidth * s.MapHeight * s.MapWidth;
        return all * (1 - Inside(s.MapHeight, s.KernelHeight, s.Height, s.StrideHeight, s.PaddingTop, s.DilationHeight) * Inside(s.MapWidth, s.KernelWidth, s.Width, s.StrideWidth, s.PaddingLeft, s.DilationWidth));
    }

    // The share of an axis' taps that lie within the image.
    static double Inside(long map, long kernel, long size, long stride, long padding, long dilation)
    {
        long inside = 0;
        for (long position = 0; position < map; position++)
            for (long tap = 0; tap < kernel; tap++)
                if (position * stride - padding + tap * dilation is >= 0 and var at && at < size) inside++;
        return map * kernel == 0 ? 1 : (double)inside / (map * kernel);
    }
}
