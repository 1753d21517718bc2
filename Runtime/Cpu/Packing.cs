using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Copies of strided matrices into panels: <c>panel[k·panelStride + lane] = source[lane·laneStride + k·kStride]</c>.
/// The lanes of a panel of A are rows, those of a panel of B are columns.
/// </summary>
static unsafe class Packing
{
    /// <summary>
    /// Distance between panels of <paramref name="depth"/> × <paramref name="stride"/> floats: one cache line more than they hold, so that the same k of
    /// neighbouring panels does not fall into one set of the first-level cache.
    /// </summary>
    public static long PanelStep(long depth, long stride) => Compiler.Targets.PackingModel.PanelFloats(depth, stride);

    /// <summary>
    /// One panel. <paramref name="lanes"/> are valid, the others up to <paramref name="width"/> get any value that is no trap (a copy or 0);
    /// <paramref name="readable"/> ≥ lanes says how many lanes may be read from memory.
    /// </summary>
    public static void Panel(float* panel, long panelStride, float* source, long laneStride, long kStride, long lanes, long width, long readable, long depth)
    {
        if (laneStride == 1) Rows(panel, panelStride, 0, width, source, kStride, lanes, readable, depth);
        else if (kStride == 1) Transpose(panel, panelStride, source, laneStride, lanes, width, depth);
        else Gather(panel, panelStride, source, laneStride, kStride, lanes, width, depth);
    }

    /// <summary>
    /// Neighbouring panels of <paramref name="panelWidth"/> lanes, <paramref name="panelStep"/> apart, over <paramref name="lanes"/> lanes; the last one may be partial
    /// and is filled up to a multiple of <paramref name="granule"/>.
    /// </summary>
    public static void Panels(
        float* panels, long panelStep, long panelStride, long panelWidth, long granule,
        float* source, long laneStride, long kStride, long lanes, long readable, long depth)
    {
        if (laneStride == 1)
        {
            // Whole rows at a time: long runs of the source, for the sake of the prefetcher and the address translation.
            long full = readable / panelWidth * panelWidth;
            if (full > lanes) full = (lanes + panelWidth - 1) / panelWidth * panelWidth;
            if (full > 0) Rows(panels, panelStride, panelStep, panelWidth, source, kStride, full, full, depth);
            if (full >= lanes) return;
            long width = (lanes - full + granule - 1) / granule * granule;
            Rows(panels + full / panelWidth * panelStep, panelStride, 0, width, source + full, kStride, lanes - full, readable - full, depth);
            return;
        }
        for (long lane = 0; lane < lanes; lane += panelWidth, panels += panelStep)
        {
            long here = Math.Min(panelWidth, lanes - lane);
            long width = (here + granule - 1) / granule * granule;
            Panel(panels, panelStride, source + lane * laneStride, laneStride, kStride, here, width, here, depth);
        }
    }

    // Contiguous lanes: each k is a copy, split over panels of the given width.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Rows(float* panel, long panelStride, long panelStep, long width, float* source, long kStride, long lanes, long readable, long depth)
    {
        if (width % 16 == 0 && (lanes % width == 0 || lanes < width && readable >= width) && Vector256.IsHardwareAccelerated)
        {
            long count = (lanes + width - 1) / width;
            for (; depth > 0; depth--, source += kStride, panel += panelStride)
            {
                float* from = source, to = panel;
                for (long p = 0; p < count; p++, to += panelStep)
                {
                    for (long i = 0; i < width; i += 16, from += 16)
                    {
                        var x = Vector256.Load(from);
                        var y = Vector256.Load(from + 8);
                        x.Store(to + i);
                        y.Store(to + i + 8);
                    }
                }
            }
            return;
        }
        if (width % 4 == 0 && (lanes % width == 0 || lanes < width && readable >= width))
        {
            long count = (lanes + width - 1) / width;
            for (; depth > 0; depth--, source += kStride, panel += panelStride)
            {
                float* from = source, to = panel;
                for (long p = 0; p < count; p++, to += panelStep)
                {
                    for (long i = 0; i < width; i += 4, from += 4) Vector128.Store(Vector128.Load(from), to + i);
                }
            }
            return;
        }
        // A single partial panel at the edge.
        for (; depth > 0; depth--, source += kStride, panel += panelStride)
        {
            long i = 0;
            for (; i + 4 <= lanes; i += 4) Vector128.Store(Vector128.Load(source + i), panel + i);
            for (; i < lanes; i++) panel[i] = source[i];
            for (; i < width; i++) panel[i] = 0;
        }
    }

    // Contiguous k: blocks are transposed in registers.
    static void Transpose(float* panel, long panelStride, float* source, long laneStride, long lanes, long width, long depth)
    {
        long group = Avx.IsSupported && depth >= 8 ? 8 : 4;
        if (depth < group)
        {
            Gather(panel, panelStride, source, laneStride, 1, lanes, width, depth);
            return;
        }
        for (long lane = 0; lane < width; lane += group)
        {
            // Lanes past the last one repeat it.
            long first = Math.Min(lane, lanes - 1), valid = Math.Min(group, lanes - first);
            float* from = source + first * laneStride;
            if (group == 8)
            {
                if (lane + 4 >= width) Transpose4(panel + lane, panelStride, from, laneStride, Math.Min(valid, 4), depth);
                else Transpose8(panel + lane, panelStride, from, laneStride, valid, depth);
            }
            else
            {
                Transpose4(panel + lane, panelStride, from, laneStride, valid, depth);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose8(float* panel, long panelStride, float* source, long laneStride, long valid, long depth)
    {
        long last = valid - 1;
        float* s0 = source, s1 = source + Math.Min(1, last) * laneStride, s2 = source + Math.Min(2, last) * laneStride, s3 = source + Math.Min(3, last) * laneStride;
        float* s4 = source + Math.Min(4, last) * laneStride, s5 = source + Math.Min(5, last) * laneStride, s6 = source + Math.Min(6, last) * laneStride, s7 = source + Math.Min(7, last) * laneStride;
        for (long k = 0; ;)
        {
            var r0 = Vector256.Load(s0 + k);
            var r1 = Vector256.Load(s1 + k);
            var r2 = Vector256.Load(s2 + k);
            var r3 = Vector256.Load(s3 + k);
            var r4 = Vector256.Load(s4 + k);
            var r5 = Vector256.Load(s5 + k);
            var r6 = Vector256.Load(s6 + k);
            var r7 = Vector256.Load(s7 + k);
            Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
            float* to = panel + k * panelStride;
            r0.Store(to);
            r1.Store(to += panelStride);
            r2.Store(to += panelStride);
            r3.Store(to += panelStride);
            r4.Store(to += panelStride);
            r5.Store(to += panelStride);
            r6.Store(to += panelStride);
            r7.Store(to += panelStride);
            k += 8;
            if (k >= depth) return;
            // The last block overlaps the one before it.
            if (k + 8 > depth) k = depth - 8;
        }
    }

    /// <summary>The transpose of 8 rows of 8; needs AVX.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(
        ref Vector256<float> r0, ref Vector256<float> r1, ref Vector256<float> r2, ref Vector256<float> r3,
        ref Vector256<float> r4, ref Vector256<float> r5, ref Vector256<float> r6, ref Vector256<float> r7)
    {
        var t0 = Avx.UnpackLow(r0, r1);
        var t1 = Avx.UnpackHigh(r0, r1);
        var t2 = Avx.UnpackLow(r2, r3);
        var t3 = Avx.UnpackHigh(r2, r3);
        var t4 = Avx.UnpackLow(r4, r5);
        var t5 = Avx.UnpackHigh(r4, r5);
        var t6 = Avx.UnpackLow(r6, r7);
        var t7 = Avx.UnpackHigh(r6, r7);
        var u0 = Avx.Shuffle(t0, t2, 0x44);
        var u1 = Avx.Shuffle(t0, t2, 0xEE);
        var u2 = Avx.Shuffle(t1, t3, 0x44);
        var u3 = Avx.Shuffle(t1, t3, 0xEE);
        var u4 = Avx.Shuffle(t4, t6, 0x44);
        var u5 = Avx.Shuffle(t4, t6, 0xEE);
        var u6 = Avx.Shuffle(t5, t7, 0x44);
        var u7 = Avx.Shuffle(t5, t7, 0xEE);
        r0 = Avx.Permute2x128(u0, u4, 0x20);
        r1 = Avx.Permute2x128(u1, u5, 0x20);
        r2 = Avx.Permute2x128(u2, u6, 0x20);
        r3 = Avx.Permute2x128(u3, u7, 0x20);
        r4 = Avx.Permute2x128(u0, u4, 0x31);
        r5 = Avx.Permute2x128(u1, u5, 0x31);
        r6 = Avx.Permute2x128(u2, u6, 0x31);
        r7 = Avx.Permute2x128(u3, u7, 0x31);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose4(float* panel, long panelStride, float* source, long laneStride, long valid, long depth)
    {
        long last = valid - 1;
        float* s0 = source, s1 = source + Math.Min(1, last) * laneStride, s2 = source + Math.Min(2, last) * laneStride, s3 = source + Math.Min(3, last) * laneStride;
        for (long k = 0; ;)
        {
            var r0 = Vector128.Load(s0 + k);
            var r1 = Vector128.Load(s1 + k);
            var r2 = Vector128.Load(s2 + k);
            var r3 = Vector128.Load(s3 + k);
            // Constant shuffles become unpack (x86) and zip/trn (Arm) instructions.
            var t0 = Interleave(r0, r2, low: true);
            var t1 = Interleave(r0, r2, low: false);
            var t2 = Interleave(r1, r3, low: true);
            var t3 = Interleave(r1, r3, low: false);
            float* to = panel + k * panelStride;
            Interleave(t0, t2, low: true).Store(to);
            Interleave(t0, t2, low: false).Store(to += panelStride);
            Interleave(t1, t3, low: true).Store(to += panelStride);
            Interleave(t1, t3, low: false).Store(to += panelStride);
            k += 4;
            if (k >= depth) return;
            if (k + 4 > depth) k = depth - 4;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Interleave(Vector128<float> x, Vector128<float> y, bool low)
    {
        if (Sse.IsSupported) return low ? Sse.UnpackLow(x, y) : Sse.UnpackHigh(x, y);
        if (System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported)
        {
            return low ? System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipLow(x, y) : System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipHigh(x, y);
        }
        return low ? Vector128.Create(x[0], y[0], x[1], y[1]) : Vector128.Create(x[2], y[2], x[3], y[3]);
    }

    // Few lanes at a time: the lines that they lie in stay in the cache, however far they are apart.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Gather(float* panel, long panelStride, float* source, long laneStride, long kStride, long lanes, long width, long depth)
    {
        const long group = 8;
        long lane = 0;
        for (; lane + group <= lanes; lane += group, source += group * laneStride)
        {
            float* from = source, to = panel + lane;
            for (long k = 0; k < depth; k++, from += kStride, to += panelStride)
            {
                for (long i = 0; i < group; i++) to[i] = from[i * laneStride];
            }
        }
        if (lane == width) return;
        panel += lane;
        for (long k = 0; k < depth; k++, source += kStride, panel += panelStride)
        {
            long i = 0;
            for (; i < lanes - lane; i++) panel[i] = source[i * laneStride];
            for (; i < width - lane; i++) panel[i] = 0;
        }
    }
}
