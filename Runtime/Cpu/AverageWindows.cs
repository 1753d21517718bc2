using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>Means of windows of float32, and their gradient, by <see cref="WindowRows"/>: every sum in the order of single windows.</summary>
static unsafe class AverageWindows
{
    /// <summary>Windows [from, to) of row <paramref name="y"/> of one plane's map.</summary>
    public static void Row(PoolingCall* c, float* plane, long y, long from, long to, float* map)
    {
        if (c->StrideWidth == 1) Row<Extent1>(c, plane, y, from, to, map);
        else Row<Extent2>(c, plane, y, from, to, map);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Row<Stride>(PoolingCall* c, float* plane, long y, long from, long to, float* map) where Stride : struct, IExtent
    {
        var (top, bottom) = c->Rows(y);
        long row = c->From.Row, kernel = c->KernelWidth, last = to - WindowRows.Group;
        var share = Vector256.Create(1f / (c->KernelHeight * kernel));
        for (long x = from; x < to; x += 2 * WindowRows.Group)
        {
            long a = Math.Min(x, last), b = Math.Min(x + WindowRows.Group, last), first = top * row - c->PaddingLeft;
            float* p = plane + first + a * Stride.Value, q = plane + first + b * Stride.Value;
            var sum = Vector256<float>.Zero;
            for (long i = top; i < bottom; i++, p += row, q += row)
            {
                if (Stride.Value == 1)
                {
                    for (long j = 0; j < kernel; j++) sum += WindowRows.Load(p + j, q + j);
                    continue;
                }
                var u = WindowRows.Load(p, q);
                var v = WindowRows.Load(p + 4, q + 4);
                sum += WindowRows.Even(u, v);
                sum += WindowRows.Odd(u, v);
                // From one column before: the last window may end with the image.
                for (long j = 2; j < kernel; j++) sum += WindowRows.Odd(WindowRows.Load(p + j - 1, q + j - 1), WindowRows.Load(p + j + 3, q + j + 3));
            }
            WindowRows.Store(sum * share, map + a, map + b);
        }
    }

    /// <summary>Adds the shares of row <paramref name="y"/> of a map's gradient to a plane; all windows lie in the image with all their columns.</summary>
    public static void Share(PoolingCall* c, float* map, long y, float* plane)
    {
        if (c->StrideWidth == 1) Share<Extent1>(c, map, y, plane);
        else Share<Extent2>(c, map, y, plane);
    }

    // The last column of the windows first: a pixel gets its shares in the order of the windows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Share<Stride>(PoolingCall* c, float* map, long y, float* plane) where Stride : struct, IExtent
    {
        var (top, bottom) = c->Rows(y);
        long count = c->MapWidth, whole = count & -WindowRows.Group;
        float share = 1f / (c->KernelHeight * c->KernelWidth);
        for (long i = top; i < bottom; i++)
        {
            for (long j = c->KernelWidth - 1; j >= 0; j--)
            {
                float* to = plane + i * c->Width + j - c->PaddingLeft;
                for (long x = 0; x < whole; x += WindowRows.Group) Add<Stride>(to + x * Stride.Value, Vector128.Load(map + x) * share, j > 0);
                for (long x = whole; x < count; x++) to[x * Stride.Value] += map[x] * share;
            }
        }
    }

    // Where the stride is 2 the pixels between get 0, which changes no sum that began with 0; they lie before the first column rather than behind the last one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<Stride>(float* to, Vector128<float> part, bool before) where Stride : struct, IExtent
    {
        if (Stride.Value == 1)
        {
            (Vector128.Load(to) + part).Store(to);
            return;
        }
        var (x, y) = (before ? Vector128<float>.Zero : part, before ? part : Vector128<float>.Zero);
        if (before) to--;
        var (first, rest) = WindowRows.Interleave(x, y);
        (Vector128.Load(to) + first).Store(to);
        (Vector128.Load(to + 4) + rest).Store(to + 4);
    }
}
