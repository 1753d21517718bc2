using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The 6×16 register tile on 256-bit vectors: 12 accumulators, 2 columns of B and a broadcast of A: 15 of 16 registers; 8 rows would spill and halve the speed.
/// </summary>
static unsafe class MicroKernel256
{
    public const int Rows = 6, Lanes = 8, PanelStride = 8;

    /// <summary>
    /// C[H, 8·W] (+)= Σ_p a[p·8 + row]·b[p·bStride + column], summed in order of p by fused multiply-adds from 0. H and W are constants to the JIT,
    /// which drops the rows and the column that a smaller tile does not have. Where the steps are listed, bStride is the address of the list (<see cref="KernelList"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<S, H, W>(long k, float* a, float* b, long bStride, float* c, long cStride, long accumulate)
        where S : struct, ISteps where H : struct, IExtent where W : struct, IExtent
    {
        float* rows = a, columns = b;
        var list = S.AreListed ? *(KernelList*)bStride : default;
        var step = list.Steps;
        var ahead = list.Ahead;
        Vector256<float> x0 = default, y0 = default;
        Vector256<float> x1 = default, y1 = default;
        Vector256<float> x2 = default, y2 = default;
        Vector256<float> x3 = default, y3 = default;
        Vector256<float> x4 = default, y4 = default;
        Vector256<float> x5 = default, y5 = default;
        for (; k > 0; k--)
        {
            if (S.AreListed)
            {
                a = rows + step->A;
                b = columns + step->B;
                step++;
                if (Sse.IsSupported) Sse.Prefetch1(ahead);
                ahead += list.AheadStep;
            }
            var u = Vector256.Load(b);
            var v = W.Value > 1 ? Vector256.Load(b + 8) : default;
            { var s = Vector256.Create(a[0]); x0 = Fma.MultiplyAdd(s, u, x0); if (W.Value > 1) y0 = Fma.MultiplyAdd(s, v, y0); }
            if (H.Value > 1) { var s = Vector256.Create(a[1]); x1 = Fma.MultiplyAdd(s, u, x1); if (W.Value > 1) y1 = Fma.MultiplyAdd(s, v, y1); }
            if (H.Value > 2) { var s = Vector256.Create(a[2]); x2 = Fma.MultiplyAdd(s, u, x2); if (W.Value > 1) y2 = Fma.MultiplyAdd(s, v, y2); }
            if (H.Value > 3) { var s = Vector256.Create(a[3]); x3 = Fma.MultiplyAdd(s, u, x3); if (W.Value > 1) y3 = Fma.MultiplyAdd(s, v, y3); }
            if (H.Value > 4) { var s = Vector256.Create(a[4]); x4 = Fma.MultiplyAdd(s, u, x4); if (W.Value > 1) y4 = Fma.MultiplyAdd(s, v, y4); }
            if (H.Value > 5) { var s = Vector256.Create(a[5]); x5 = Fma.MultiplyAdd(s, u, x5); if (W.Value > 1) y5 = Fma.MultiplyAdd(s, v, y5); }
            if (!S.AreListed)
            {
                a += PanelStride;
                b += bStride;
            }
        }
        Store<W>(x0, y0, c, accumulate);
        if (H.Value > 1) Store<W>(x1, y1, c += cStride, accumulate);
        if (H.Value > 2) Store<W>(x2, y2, c += cStride, accumulate);
        if (H.Value > 3) Store<W>(x3, y3, c += cStride, accumulate);
        if (H.Value > 4) Store<W>(x4, y4, c += cStride, accumulate);
        if (H.Value > 5) Store<W>(x5, y5, c += cStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<W>(Vector256<float> x, Vector256<float> y, float* c, long accumulate) where W : struct, IExtent
    {
        if (accumulate != 0)
        {
            x += Vector256.Load(c);
            if (W.Value > 1) y += Vector256.Load(c + 8);
        }
        x.Store(c);
        if (W.Value > 1) y.Store(c + 8);
    }

    /// <summary>Entry (listed ? 2 : 0)·Rows + (W − 1)·Rows + H − 1 of <paramref name="table"/> is the H × 8·W tile.</summary>
    public static void Fill(delegate*<long, float*, float*, long, float*, long, long, void>* table)
    {
        FillWidth<EvenSteps, Extent1>(table);
        FillWidth<EvenSteps, Extent2>(table + Rows);
        FillWidth<ListedSteps, Extent1>(table + 2 * Rows);
        FillWidth<ListedSteps, Extent2>(table + 3 * Rows);
    }

    static void FillWidth<S, W>(delegate*<long, float*, float*, long, float*, long, long, void>* table) where S : struct, ISteps where W : struct, IExtent
    {
        table[0] = &Multiply<S, Extent1, W>;
        table[1] = &Multiply<S, Extent2, W>;
        table[2] = &Multiply<S, Extent3, W>;
        table[3] = &Multiply<S, Extent4, W>;
        table[4] = &Multiply<S, Extent5, W>;
        table[5] = &Multiply<S, Extent6, W>;
    }
}
