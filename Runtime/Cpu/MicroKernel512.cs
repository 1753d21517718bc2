using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The 14×32 register tile on 512-bit vectors: 28 accumulators, 2 columns of B and a broadcast of A: 31 of 32 registers.
/// </summary>
static unsafe class MicroKernel512
{
    public const int Rows = 14, Lanes = 16, PanelStride = 16;

    /// <summary>
    /// C[H, 16·W] (+)= Σ_p a[p·16 + row]·b[p·bStride + column], summed in order of p by fused multiply-adds from 0. H and W are constants to the JIT,
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
        Vector512<float> x0 = default, y0 = default;
        Vector512<float> x1 = default, y1 = default;
        Vector512<float> x2 = default, y2 = default;
        Vector512<float> x3 = default, y3 = default;
        Vector512<float> x4 = default, y4 = default;
        Vector512<float> x5 = default, y5 = default;
        Vector512<float> x6 = default, y6 = default;
        Vector512<float> x7 = default, y7 = default;
        Vector512<float> x8 = default, y8 = default;
        Vector512<float> x9 = default, y9 = default;
        Vector512<float> x10 = default, y10 = default;
        Vector512<float> x11 = default, y11 = default;
        Vector512<float> x12 = default, y12 = default;
        Vector512<float> x13 = default, y13 = default;
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
            var u = Vector512.Load(b);
            var v = W.Value > 1 ? Vector512.Load(b + 16) : default;
            { var s = Vector512.Create(a[0]); x0 = Avx512F.FusedMultiplyAdd(s, u, x0); if (W.Value > 1) y0 = Avx512F.FusedMultiplyAdd(s, v, y0); }
            if (H.Value > 1) { var s = Vector512.Create(a[1]); x1 = Avx512F.FusedMultiplyAdd(s, u, x1); if (W.Value > 1) y1 = Avx512F.FusedMultiplyAdd(s, v, y1); }
            if (H.Value > 2) { var s = Vector512.Create(a[2]); x2 = Avx512F.FusedMultiplyAdd(s, u, x2); if (W.Value > 1) y2 = Avx512F.FusedMultiplyAdd(s, v, y2); }
            if (H.Value > 3) { var s = Vector512.Create(a[3]); x3 = Avx512F.FusedMultiplyAdd(s, u, x3); if (W.Value > 1) y3 = Avx512F.FusedMultiplyAdd(s, v, y3); }
            if (H.Value > 4) { var s = Vector512.Create(a[4]); x4 = Avx512F.FusedMultiplyAdd(s, u, x4); if (W.Value > 1) y4 = Avx512F.FusedMultiplyAdd(s, v, y4); }
            if (H.Value > 5) { var s = Vector512.Create(a[5]); x5 = Avx512F.FusedMultiplyAdd(s, u, x5); if (W.Value > 1) y5 = Avx512F.FusedMultiplyAdd(s, v, y5); }
            if (H.Value > 6) { var s = Vector512.Create(a[6]); x6 = Avx512F.FusedMultiplyAdd(s, u, x6); if (W.Value > 1) y6 = Avx512F.FusedMultiplyAdd(s, v, y6); }
            if (H.Value > 7) { var s = Vector512.Create(a[7]); x7 = Avx512F.FusedMultiplyAdd(s, u, x7); if (W.Value > 1) y7 = Avx512F.FusedMultiplyAdd(s, v, y7); }
            if (H.Value > 8) { var s = Vector512.Create(a[8]); x8 = Avx512F.FusedMultiplyAdd(s, u, x8); if (W.Value > 1) y8 = Avx512F.FusedMultiplyAdd(s, v, y8); }
            if (H.Value > 9) { var s = Vector512.Create(a[9]); x9 = Avx512F.FusedMultiplyAdd(s, u, x9); if (W.Value > 1) y9 = Avx512F.FusedMultiplyAdd(s, v, y9); }
            if (H.Value > 10) { var s = Vector512.Create(a[10]); x10 = Avx512F.FusedMultiplyAdd(s, u, x10); if (W.Value > 1) y10 = Avx512F.FusedMultiplyAdd(s, v, y10); }
            if (H.Value > 11) { var s = Vector512.Create(a[11]); x11 = Avx512F.FusedMultiplyAdd(s, u, x11); if (W.Value > 1) y11 = Avx512F.FusedMultiplyAdd(s, v, y11); }
            if (H.Value > 12) { var s = Vector512.Create(a[12]); x12 = Avx512F.FusedMultiplyAdd(s, u, x12); if (W.Value > 1) y12 = Avx512F.FusedMultiplyAdd(s, v, y12); }
            if (H.Value > 13) { var s = Vector512.Create(a[13]); x13 = Avx512F.FusedMultiplyAdd(s, u, x13); if (W.Value > 1) y13 = Avx512F.FusedMultiplyAdd(s, v, y13); }
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
        if (H.Value > 6) Store<W>(x6, y6, c += cStride, accumulate);
        if (H.Value > 7) Store<W>(x7, y7, c += cStride, accumulate);
        if (H.Value > 8) Store<W>(x8, y8, c += cStride, accumulate);
        if (H.Value > 9) Store<W>(x9, y9, c += cStride, accumulate);
        if (H.Value > 10) Store<W>(x10, y10, c += cStride, accumulate);
        if (H.Value > 11) Store<W>(x11, y11, c += cStride, accumulate);
        if (H.Value > 12) Store<W>(x12, y12, c += cStride, accumulate);
        if (H.Value > 13) Store<W>(x13, y13, c += cStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<W>(Vector512<float> x, Vector512<float> y, float* c, long accumulate) where W : struct, IExtent
    {
        if (accumulate != 0)
        {
            x += Vector512.Load(c);
            if (W.Value > 1) y += Vector512.Load(c + 16);
        }
        x.Store(c);
        if (W.Value > 1) y.Store(c + 16);
    }

    /// <summary>Entry (listed ? 2 : 0)·Rows + (W − 1)·Rows + H − 1 of <paramref name="table"/> is the H × 16·W tile.</summary>
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
        table[6] = &Multiply<S, Extent7, W>;
        table[7] = &Multiply<S, Extent8, W>;
        table[8] = &Multiply<S, Extent9, W>;
        table[9] = &Multiply<S, Extent10, W>;
        table[10] = &Multiply<S, Extent11, W>;
        table[11] = &Multiply<S, Extent12, W>;
        table[12] = &Multiply<S, Extent13, W>;
        table[13] = &Multiply<S, Extent14, W>;
    }
}
