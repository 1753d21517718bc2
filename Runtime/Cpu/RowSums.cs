using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The sum of a row that comes in pieces, from left to right: in partial sums, as <see cref="ReductionOrder.LaneOf"/> says, so that it has the bits of a kernel that adds up the whole row at once. A piece begins at a multiple of 8
/// elements, which register tiles are.
/// </summary>
static unsafe class RowSums
{
    /// <summary>How many partial sums there are.</summary>
    public const int Lanes = 64;

    /// <summary>Floats of what is known of a row: its partial sums, and the sum of the elements behind the last block.</summary>
    public const int StateFloats = Lanes + Width;

    /// <summary>Rows that a worker's memory holds beside its other parts.</summary>
    public const long MostRows = 2048;

    const int Block = ReductionOrder.Block;

    // A part of a block.
    const int Width = 8;

    /// <summary>Adds a piece.</summary>
    /// <param name="values">Its elements.</param>
    /// <param name="at">The place of the first in the row; at 0 the sum begins.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="length">Elements of the whole row.</param>
    /// <param name="state">What is known of the row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* values, long at, long count, long length, float* state)
    {
        if (at == 0) new Span<float>(state, StateFloats).Clear();
        long end = at + count, whole = length - length % Lanes, blocks = length - (length - whole) % Block;
        values -= at;
        if (at % Lanes == 0) at = AddAll(values, at, Math.Min(end, whole), state);
        for (; at + Width <= end && at < blocks; at += Width)
        {
            // Lane by lane as long as there are elements for all, then block by block to the first.
            var lanes = state + (at < whole ? at % Lanes : (at - whole) % Block);
            (Vector256.Load(lanes) + Vector256.Load(values + at)).Store(lanes);
        }
        for (; at < end; at++) state[Lanes] += values[at];
    }

    // As long as there are elements for all lanes, which stay in registers; gives the place of the next element.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static long AddAll(float* values, long at, long end, float* state)
    {
        var (a, b, c, d) = (Vector256.Load(state), Vector256.Load(state + 8), Vector256.Load(state + 16), Vector256.Load(state + 24));
        var (e, f, g, h) = (Vector256.Load(state + 32), Vector256.Load(state + 40), Vector256.Load(state + 48), Vector256.Load(state + 56));
        for (; at + Lanes <= end; at += Lanes)
        {
            var p = values + at;
            a += Vector256.Load(p);
            b += Vector256.Load(p + 8);
            c += Vector256.Load(p + 16);
            d += Vector256.Load(p + 24);
            e += Vector256.Load(p + 32);
            f += Vector256.Load(p + 40);
            g += Vector256.Load(p + 48);
            h += Vector256.Load(p + 56);
        }
        a.Store(state);
        b.Store(state + 8);
        c.Store(state + 16);
        d.Store(state + 24);
        e.Store(state + 32);
        f.Store(state + 40);
        g.Store(state + 48);
        h.Store(state + 56);
        return at;
    }

    /// <summary>The sum: neighbouring blocks two by two, then halves of the one that is left, then what lay behind the last.</summary>
    public static float Finish(float* state)
    {
        for (var count = Lanes / 2; count >= Block; count /= 2)
            for (var i = 0; i < count; i++)
            {
                var first = i / Block * 2 * Block + i % Block;
                state[i] = state[first] + state[first + Block];
            }
        for (var half = Block / 2; half > 0; half /= 2)
            for (var i = 0; i < half; i++) state[i] += state[half + i];
        return state[0] + state[Lanes];
    }
}
