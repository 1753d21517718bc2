using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>The register tile of <see cref="BlockedProduct{T}"/>, of six rows and two vectors: twelve accumulators.</summary>
static unsafe class MicroKernel<T> where T : unmanaged, INumber<T>
{
    public const int Rows = 6;

    /// <summary>c[6, 2 vectors] (+)= Σₖ a[k · 6 + row] · b[k · 2 vectors + column], one chain of multiply-adds from 0 in the order of k; those of floats are rounded once where the processor can.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(long depth, T* a, T* b, T* c, long cStride, bool add)
    {
        Vector<T> x0 = default, x1 = default, x2 = default, x3 = default, x4 = default, x5 = default;
        Vector<T> y0 = default, y1 = default, y2 = default, y3 = default, y4 = default, y5 = default;
        for (; depth > 0; depth--)
        {
            var u = Vector.Load(b);
            var v = Vector.Load(b + Vector<T>.Count);
            { var s = Vector.Create(a[0]); x0 = MultiplyAdd(s, u, x0); y0 = MultiplyAdd(s, v, y0); }
            { var s = Vector.Create(a[1]); x1 = MultiplyAdd(s, u, x1); y1 = MultiplyAdd(s, v, y1); }
            { var s = Vector.Create(a[2]); x2 = MultiplyAdd(s, u, x2); y2 = MultiplyAdd(s, v, y2); }
            { var s = Vector.Create(a[3]); x3 = MultiplyAdd(s, u, x3); y3 = MultiplyAdd(s, v, y3); }
            { var s = Vector.Create(a[4]); x4 = MultiplyAdd(s, u, x4); y4 = MultiplyAdd(s, v, y4); }
            { var s = Vector.Create(a[5]); x5 = MultiplyAdd(s, u, x5); y5 = MultiplyAdd(s, v, y5); }
            a += Rows;
            b += 2 * Vector<T>.Count;
        }
        Put(x0, y0, c, add);
        Put(x1, y1, c += cStride, add);
        Put(x2, y2, c += cStride, add);
        Put(x3, y3, c += cStride, add);
        Put(x4, y4, c += cStride, add);
        Put(x5, y5, c += cStride, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> MultiplyAdd(Vector<T> a, Vector<T> b, Vector<T> c) =>
        typeof(T) == typeof(double) && (Fma.IsSupported || AdvSimd.IsSupported)
            ? Vector.As<double, T>(Vector.FusedMultiplyAdd(Vector.As<T, double>(a), Vector.As<T, double>(b), Vector.As<T, double>(c)))
            : a * b + c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector<T> x, Vector<T> y, T* c, bool add)
    {
        if (add)
        {
            x = Vector.Load(c) + x;
            y = Vector.Load(c + Vector<T>.Count) + y;
        }
        Vector.Store(x, c);
        Vector.Store(y, c + Vector<T>.Count);
    }
}
