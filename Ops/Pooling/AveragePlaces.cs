using System;

namespace Graph.Operations;

/// <summary>Which elements go into which means.</summary>
static class AveragePlaces
{
    /// <summary>Calls back with every (element of x, element of y, share).</summary>
    public static void Visit(long[] x, long[] y, Window w, Action<long, long, double> visit)
    {
        var share = 1.0 / (w.KernelHeight * w.KernelWidth);
        for (long plane = 0, o = 0; plane < x[0] * x[1]; plane++)
            for (long oy = 0; oy < y[2]; oy++)
                for (long ox = 0; ox < y[3]; ox++, o++)
                    for (var iy = Math.Max(0, oy * w.StrideHeight - w.PaddingHeight); iy < Math.Min(x[2], oy * w.StrideHeight - w.PaddingHeight + w.KernelHeight); iy++)
                        for (var ix = Math.Max(0, ox * w.StrideWidth - w.PaddingWidth); ix < Math.Min(x[3], ox * w.StrideWidth - w.PaddingWidth + w.KernelWidth); ix++)
                            visit((plane * x[2] + iy) * x[3] + ix, o, share);
    }
}
