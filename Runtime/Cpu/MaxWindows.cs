using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>Maxima of windows of float32, and their gradient, by <see cref="WindowRows"/>.</summary>
static unsafe class MaxWindows
{
    /// <summary>Windows [from, to) of all rows of one plane's map; where their maxima lie only if there is an index.</summary>
    public static void Plane(PoolingCall* c, float* plane, long from, long to, float* map, int* index)
    {
        if (index == null && IsOfSquares(c) && to - from == c->MapWidth) Squares(c, plane, map);
        else if (index == null) Plane<Alone>(c, plane, from, to, map, index);
        else Plane<Placed>(c, plane, from, to, map, index);
    }

    // Windows of 2 × 2 side by side, all of them inside.
    static bool IsOfSquares(PoolingCall* c) =>
        Avx2.IsSupported && c->KernelHeight == 2 && c->KernelWidth == 2 && c->StrideHeight == 2 && c->StrideWidth == 2 && c->PaddingTop == 0 && c->PaddingLeft == 0 && 2 * c->MapHeight <= c->Height;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Squares(PoolingCall* c, float* plane, float* map)
    {
        long width = c->MapWidth, row = c->From.Row, last = width - WindowRows.Group, lastPair = width - 2 * WindowRows.Group;
        for (long y = 0; y < c->MapHeight; y++, plane += 2 * row, map += width)
        {
            if (lastPair < 0)
            {
                float* p = plane, q = plane + 2 * last;
                WindowRows.Store(Square(WindowRows.Load(p, q), WindowRows.Load(p + 4, q + 4), WindowRows.Load(p + row, q + row), WindowRows.Load(p + row + 4, q + row + 4)), map, map + last);
                continue;
            }
            for (long x = 0; x < width; x += 2 * WindowRows.Group)
            {
                long a = Math.Min(x, lastPair);
                float* p = plane + 2 * a;
                var best = Square(Vector256.Load(p), Vector256.Load(p + 8), Vector256.Load(p + row), Vector256.Load(p + row + 8));
                // Pairs of windows come by turns from the halves of a vector.
                Avx2.Permute4x64(best.AsDouble(), 0xD8).AsSingle().Store(map + a);
            }
        }
    }

    // The maxima of squares, of which two vectors have the upper row and two the lower one. The processor's maximum is its second operand where neither is greater: the first of equal ones, but never a NaN behind a number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Square(Vector256<float> upper, Vector256<float> upperRest, Vector256<float> lower, Vector256<float> lowerRest)
    {
        var (a, b) = (WindowRows.Even(upper, upperRest), WindowRows.Odd(upper, upperRest));
        var (c, d) = (WindowRows.Even(lower, lowerRest), WindowRows.Odd(lower, lowerRest));
        var unordered = Avx.CompareUnordered(a, b) | Avx.CompareUnordered(c, d);
        if (Avx.TestZ(unordered, unordered)) return Avx.Max(d, Avx.Max(c, Avx.Max(b, a)));
        var (best, nowhere) = (a, Vector256<int>.Zero);
        Take<Alone>(b, nowhere, ref best, ref nowhere);
        Take<Alone>(c, nowhere, ref best, ref nowhere);
        Take<Alone>(d, nowhere, ref best, ref nowhere);
        return best;
    }

    static void Plane<Maximum>(PoolingCall* c, float* plane, long from, long to, float* map, int* index) where Maximum : struct, IMaximum
    {
        if (c->StrideWidth == 1) Plane<Maximum, Extent1>(c, plane, from, to, map, index);
        else Plane<Maximum, Extent2>(c, plane, from, to, map, index);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Plane<Maximum, Stride>(PoolingCall* c, float* plane, long from, long to, float* map, int* index) where Maximum : struct, IMaximum where Stride : struct, IExtent
    {
        long width = c->Width, row = c->From.Row, kernel = c->KernelWidth, padding = c->PaddingLeft, mapHeight = c->MapHeight, mapWidth = c->MapWidth, last = to - WindowRows.Group;
        var steps = Vector128.Create(0, 1, 2, 3) * Stride.Value;
        var one = Vector256<int>.One;
        for (long y = 0; y < mapHeight; y++, map += mapWidth, index += mapWidth)
        {
            var (top, bottom) = c->Rows(y);
            for (long x = from; x < to; x += 2 * WindowRows.Group)
            {
                long a = Math.Min(x, last), b = Math.Min(x + WindowRows.Group, last);
                long first = top * width + a * Stride.Value - padding, second = top * width + b * Stride.Value - padding;
                var line = Maximum.HasPlace ? Vector256.Create(steps + Vector128.Create((int)first), steps + Vector128.Create((int)second)) : default;
                // No number is less; a window of nothing but such has its first for its maximum.
                var best = Vector256.Create(float.NegativeInfinity);
                var at = line;
                float* p = plane + (first + top * (row - width)), q = plane + (second + top * (row - width));
                for (long i = top; i < bottom; i++, p += row, q += row)
                {
                    var place = line;
                    if (Stride.Value == 1)
                    {
                        for (long j = 0; j < kernel; j++, place += one) Take<Maximum>(WindowRows.Load(p + j, q + j), place, ref best, ref at);
                    }
                    else
                    {
                        var u = WindowRows.Load(p, q);
                        var v = WindowRows.Load(p + 4, q + 4);
                        Take<Maximum>(WindowRows.Even(u, v), place, ref best, ref at);
                        Take<Maximum>(WindowRows.Odd(u, v), place += one, ref best, ref at);
                        // From one column before: the last window may end with the image.
                        for (long j = 2; j < kernel; j++) Take<Maximum>(WindowRows.Odd(WindowRows.Load(p + j - 1, q + j - 1), WindowRows.Load(p + j + 3, q + j + 3)), place += one, ref best, ref at);
                    }
                    if (Maximum.HasPlace) line += Vector256.Create((int)width);
                }
                WindowRows.Store(best, map + a, map + b);
                if (!Maximum.HasPlace) continue;
                at.GetLower().Store(index + a);
                at.GetUpper().Store(index + b);
            }
        }
    }

    // A greater number, or NaN against a number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Take<Maximum>(Vector256<float> candidate, Vector256<int> place, ref Vector256<float> best, ref Vector256<int> at) where Maximum : struct, IMaximum
    {
        var keep = Vector256.LessThanOrEqual(candidate, best) | ~Vector256.Equals(best, best);
        best = Vector256.ConditionalSelect(keep, best, candidate);
        if (Maximum.HasPlace) at = Vector256.ConditionalSelect(keep.AsInt32(), at, place);
    }

    /// <summary>Whether the place of a maximum is told too, as a type.</summary>
    interface IMaximum
    {
        static abstract bool HasPlace { get; }
    }

    readonly struct Alone : IMaximum { public static bool HasPlace => false; }

    readonly struct Placed : IMaximum { public static bool HasPlace => true; }

    /// <summary>
    /// The gradient of one plane where every maximum lies in a square of 2 × 2 of its own, as it does for windows of 2 × 2 side by side: each pixel is written once. False, and what is written
    /// does not count, when one lies elsewhere.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryHalves(PoolingCall* c, float* map, int* index, float* plane)
    {
        long count = c->MapWidth, width = c->Width, last = count - WindowRows.Group;
        if (last < 0 || c->From.Column != 1 || 2 * count > width || 2 * c->MapHeight > c->Height || !Vector128.IsHardwareAccelerated) return false;
        var steps = Vector128.Create(0, 2, 4, 6);
        for (long y = 0; y < c->MapHeight; y++, map += c->From.Row, index += count)
        {
            float* to = plane + 2 * y * width;
            for (long x = 0; x < count; x += 2 * WindowRows.Group)
            {
                long a = Math.Min(x, last), b = Math.Min(x + WindowRows.Group, last);
                var value = WindowRows.Load(map + a, map + b) + Vector256<float>.Zero; // as a sum from 0: of -0 it is 0
                var place = WindowRows.Load(index + a, index + b);
                var corner = Vector256.Create(steps + Vector128.Create((int)(2 * y * width + 2 * a)), steps + Vector128.Create((int)(2 * y * width + 2 * b)));
                var seen = Line(place, corner, value, to + 2 * a, to + 2 * b);
                seen |= Line(place, corner + Vector256.Create((int)width), value, to + width + 2 * a, to + width + 2 * b);
                if (seen != Vector256<int>.AllBitsSet) return false;
            }
            if (2 * count == width) continue;
            new Span<float>(to + 2 * count, (int)(width - 2 * count)).Clear();
            new Span<float>(to + width + 2 * count, (int)(width - 2 * count)).Clear();
        }
        new Span<float>(plane + 2 * c->MapHeight * width, (int)((c->Height - 2 * c->MapHeight) * width)).Clear();
        return true;
    }

    // One line of the squares; which of the maxima lie in it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Line(Vector256<int> place, Vector256<int> corner, Vector256<float> value, float* p, float* q)
    {
        var left = Vector256.Equals(place, corner);
        var right = Vector256.Equals(place, corner + Vector256<int>.One);
        var (first, rest) = WindowRows.Interleave((left & value.AsInt32()).AsSingle(), (right & value.AsInt32()).AsSingle());
        WindowRows.Store(first, p, q);
        WindowRows.Store(rest, p + 4, q + 4);
        return left | right;
    }
}
