using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Packs blocks of the implicit matrix of a convolution. One channel at a time is copied with its padding, its columns sorted by residue of the step; then every tap's row is a
/// run of plain copies.
/// </summary>
static unsafe class ConvolutionPacking
{
    /// <summary>
    /// Copies the rows of one channel of one image that grid rows [row, row + rows) need:
    /// <c>padded[(slot·StepX + residue)·PaddedWidth + i]</c> = source(row·StepY + MinY + slot, (GridLeft + i)·StepX + MinX + residue).
    /// Rows and columns of the source lie at the given strides; of those that are not there (<see cref="ConvolutionPhase.Reads"/>) nothing is read.
    /// </summary>
    public static void Pad(in ConvolutionPhase phase, float* source, long rowStride, long columnStride, long height, long width, long row, long rows, float* padded)
    {
        long slots = phase.Slots(rows), stepX = phase.StepX, paddedWidth = phase.PaddedWidth, first = row * phase.StepY + phase.MinY;
        long valid = phase.ReadWidth, step = stepX * columnStride;
        if (step == 1)
        {
            PadLines(phase, source, rowStride, height, width, first, slots, padded);
            return;
        }
        for (long residue = 0; residue < stepX; residue++)
        {
            if (!phase.ReadsColumn(phase.MinX + residue)) continue;
            // i is inside for start + i·step in [0, width).
            long start = phase.MinX + phase.GridLeft * stepX + residue;
            long from = start >= 0 ? 0 : Math.Min((-start + stepX - 1) / stepX, valid);
            long end = width <= start ? from : Math.Clamp((width - start + stepX - 1) / stepX, from, valid);
            float* to = padded + residue * paddedWidth, line = source + first * rowStride + start * columnStride;
            for (long slot = 0; slot < slots; slot++, to += stepX * paddedWidth, line += rowStride)
            {
                if (!phase.ReadsRow(slot + phase.MinY)) continue;
                if ((ulong)(first + slot) >= (ulong)height)
                {
                    Clear(to, valid);
                    continue;
                }
                Clear(to, from);
                if (step == 2) CopyEvery2nd(to + from, line + 2 * from, end - from);
                else
                {
                    for (long i = from; i < end; i++) to[i] = line[i * step];
                }
                Clear(to + end, valid - end);
            }
        }
    }

    // The same of neighbouring pixels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PadLines(in ConvolutionPhase phase, float* source, long rowStride, long height, long width, long first, long slots, float* to)
    {
        long start = phase.MinX + phase.GridLeft, valid = phase.ReadWidth, line = phase.PaddedWidth;
        long from = Math.Clamp(-start, 0, valid), end = Math.Clamp(width - start, from, valid);
        source += start + first * rowStride;
        for (long slot = 0; slot < slots; slot++, to += line, source += rowStride)
        {
            if (!phase.ReadsRow(slot + phase.MinY)) continue;
            if ((ulong)(first + slot) >= (ulong)height)
            {
                Clear(to, valid);
                continue;
            }
            Clear(to, from);
            Copy(to + from, source + from, end - from);
            Clear(to + end, valid - end);
        }
    }

    /// <summary>
    /// Packs the rows of all taps of one channel: <c>panels[column / 32 · panelStep + tap · stride + column % 32]</c> and so on, columns being the grid points of rows [row, row + rows) of each
    /// of the padded images in order. Writes up to 15 floats past the end of a panel's last row.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Panels(in ConvolutionPhase phase, float* padded, long images, long rows, float* panels, long panelStep, long stride)
    {
        long paddedWidth = phase.PaddedWidth, imageStep = phase.PaddedFloats(rows), width = phase.GridWidth;
        long rowStep = phase.StepY * phase.StepX * paddedWidth;
        long unit = width <= 4 || stride < 8 ? 4 : width <= 8 || stride < 16 ? 8 : 16;
        for (long t = 0; t < phase.Taps; t++)
        {
            long offset = phase.TapX[t] - phase.MinX;
            float* tap = padded + ((phase.TapY[t] - phase.MinY) * phase.StepX + offset % phase.StepX) * paddedWidth + offset / phase.StepX;
            float* panel = panels + t * stride;
            long lane = 0;
            for (long n = 0; n < images; n++, tap += imageStep)
            {
                float* line = tap;
                for (long y = 0; y < rows; y++, line += rowStep)
                {
                    float* from = line;
                    for (long left = width; left > 0;)
                    {
                        long take = Math.Min(left, stride - lane);
                        float* to = panel + lane;
                        // Whole vectors: what runs over is written again by the next run, or is the next row, which comes later.
                        if (unit == 16)
                        {
                            for (long i = 0; i < take; i += 16)
                            {
                                var x = Vector256.Load(from + i);
                                var z = Vector256.Load(from + i + 8);
                                x.Store(to + i);
                                z.Store(to + i + 8);
                            }
                        }
                        else if (unit == 8)
                        {
                            for (long i = 0; i < take; i += 8) Vector256.Load(from + i).Store(to + i);
                        }
                        else
                        {
                            for (long i = 0; i < take; i += 4) Vector128.Load(from + i).Store(to + i);
                        }
                        from += take;
                        left -= take;
                        lane += take;
                        if (lane == stride)
                        {
                            lane = 0;
                            panel += panelStep;
                        }
                    }
                }
            }
        }
    }

    static void Clear(float* to, long count)
    {
        for (long i = 0; i < count; i++) to[i] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(float* to, float* from, long count)
    {
        long i = 0;
        if (count < 4)
        {
            for (; i < count; i++) to[i] = from[i];
            return;
        }
        // The last vector overlaps the one before it.
        if (count < 8)
        {
            var first = Vector128.Load(from);
            Vector128.Load(from + count - 4).Store(to + count - 4);
            first.Store(to);
            return;
        }
        for (; i + 8 <= count; i += 8) Vector256.Load(from + i).Store(to + i);
        if (i < count) Vector256.Load(from + count - 8).Store(to + count - 8);
    }

    static void CopyEvery2nd(float* to, float* from, long count)
    {
        long i = 0;
        if (Avx2.IsSupported && count > 8)
        {
            for (; i + 9 <= count; i += 8) Evens(Vector256.Load(from + 2 * i), Vector256.Load(from + 2 * i + 8)).Store(to + i);
            // The last block overlaps the one before it and may not read past the last element, which would leave the row: it reads from one before its first.
            from += 2 * (count - 8) - 1;
            Odds(Vector256.Load(from), Vector256.Load(from + 8)).Store(to + count - 8);
            return;
        }
        for (; i + 5 <= count; i += 4) Evens(Vector128.Load(from + 2 * i), Vector128.Load(from + 2 * i + 4)).Store(to + i);
        if (Sse.IsSupported && count > 4)
        {
            from += 2 * (count - 4) - 1;
            Odds(Vector128.Load(from), Vector128.Load(from + 4)).Store(to + count - 4);
            return;
        }
        for (; i < count; i++) to[i] = from[2 * i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Evens(Vector256<float> x, Vector256<float> y) => Avx2.Permute4x64(Avx.Shuffle(x, y, 0x88).AsDouble(), 0xD8).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Odds(Vector256<float> x, Vector256<float> y) => Avx2.Permute4x64(Avx.Shuffle(x, y, 0xDD).AsDouble(), 0xD8).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Odds(Vector128<float> x, Vector128<float> y) => Sse.Shuffle(x, y, 0xDD);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Evens(Vector128<float> x, Vector128<float> y)
    {
        if (Sse.IsSupported) return Sse.Shuffle(x, y, 0x88);
        if (System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported) return System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.UnzipEven(x, y);
        return Vector128.Create(x[0], x[2], y[0], y[2]);
    }
}
