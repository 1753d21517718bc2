using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Adds up packed panels along the summed extent, each lane in sequence: the sums of an operand's rows or columns while its panels are in cache anyway. Four vectors at a time, so that the additions of
/// one do not wait for each other's.
/// </summary>
unsafe ref struct PanelSums
{
    const int Lanes = 8, Most = 4;

    readonly long stride, depth, step;
    readonly bool goesOn;
    int count;
    Panels panels;
    Panels targets;
    Counts lanes;

    [InlineArray(Most)]
    struct Panels
    {
        nint first;
    }

    [InlineArray(Most)]
    struct Counts
    {
        long first;
    }

    /// <param name="stride">Floats from one k to the next in a panel, a multiple of 8.</param>
    /// <param name="depth">Steps of k.</param>
    /// <param name="step">Elements from one sum to the next.</param>
    /// <param name="goesOn">The sums hold those of the blocks before.</param>
    public PanelSums(long stride, long depth, long step, bool goesOn)
    {
        this = default;
        (this.stride, this.depth, this.step, this.goesOn) = (stride, depth, step, goesOn);
    }

    /// <summary>Takes a panel of which the first <paramref name="valid"/> lanes have sums, at <paramref name="to"/>.</summary>
    public void Add(float* panel, long valid, float* to)
    {
        for (long lane = 0; lane < valid; lane += Lanes)
        {
            (panels[count], targets[count], lanes[count]) = ((nint)(panel + lane), (nint)(to + lane * step), Math.Min(Lanes, valid - lane));
            if (++count == Most) Finish();
        }
    }

    /// <summary>Adds up what was taken.</summary>
    public void Finish()
    {
        if (count == 0) return;
        for (var i = count; i < Most; i++) panels[i] = panels[0];
        var sums = stackalloc float[Most * Lanes];
        if (!goesOn) new Span<float>(sums, Most * Lanes).Clear();
        else
            for (var i = 0; i < count; i++)
                for (long lane = 0; lane < lanes[i]; lane++) sums[i * Lanes + lane] = ((float*)targets[i])[lane * step];
        Run((float*)panels[0], (float*)panels[1], (float*)panels[2], (float*)panels[3], stride, depth, sums);
        for (var i = 0; i < count; i++)
            for (long lane = 0; lane < lanes[i]; lane++) ((float*)targets[i])[lane * step] = sums[i * Lanes + lane];
        count = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Run(float* a, float* b, float* c, float* d, long stride, long depth, float* sums)
    {
        var (w, x, y, z) = (Vector256.Load(sums), Vector256.Load(sums + Lanes), Vector256.Load(sums + 2 * Lanes), Vector256.Load(sums + 3 * Lanes));
        for (; depth > 0; depth--, a += stride, b += stride, c += stride, d += stride)
        {
            w += Vector256.Load(a);
            x += Vector256.Load(b);
            y += Vector256.Load(c);
            z += Vector256.Load(d);
        }
        w.Store(sums);
        x.Store(sums + Lanes);
        y.Store(sums + 2 * Lanes);
        z.Store(sums + 3 * Lanes);
    }
}
