using System;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>Memory handed out from the front of a worker's, 64 bytes aligned. Without memory it only counts.</summary>
unsafe struct Bump(void* start)
{
    byte* at = (byte*)start;

    public T* Take<T>(long count) where T : unmanaged
    {
        var here = (T*)at;
        at += (count * sizeof(T) + 63) & -64;
        return here;
    }

    public readonly long BytesFrom(void* start) => at - (byte*)start;
}

/// <summary>Rows of a matrix as panels, divided evenly; row r of panel p at depth k lies at <c>At[p · Step + k · Stride + r]</c>.</summary>
unsafe struct AttentionPanels<C> where C : unmanaged
{
    public C* At;
    public long Rows, Count, Step;

    /// <summary>Numbers that panels of so many rows, or fewer, take.</summary>
    public static long Size<M>(M math, long rows, long depth) where M : struct, IAttentionMath<C> => Panels(math, rows) * Packing.PanelStep(depth, math.Stride);

    static long Panels<M>(M math, long rows) where M : struct, IAttentionMath<C> => (rows + math.Rows - 1) / math.Rows;

    /// <summary>Packs a matrix of so many rows by depth; of a row, or, where rows lie behind one another, of a depth, so many rows may be read.</summary>
    public void Pack<M>(M math, C* from, long rowStride, long depthStride, long rows, long depth) where M : struct, IAttentionMath<C>
    {
        (Rows, Count, Step) = (rows, Panels(math, rows), Packing.PanelStep(depth, math.Stride));
        for (long p = 0; p < Count; p++)
        {
            var (first, last) = (p * rows / Count, (p + 1) * rows / Count);
            var readable = rowStride == 1 ? rows - first : last - first;
            // What a panel has beside its rows is never looked at.
            var width = rowStride != 1 || readable >= math.Stride ? math.Stride : last - first;
            math.Turn(At + p * Step, math.Stride, from + first * rowStride, rowStride, depthStride, last - first, width, readable, depth);
        }
    }

    /// <summary>c[row, column] (+)= Σ over depths [begin, begin + depth) of this · b, for all panels that have some of the rows [firstRow, lastRow).</summary>
    public readonly void Multiply<M>(M math, long firstRow, long lastRow, long begin, long depth, C* b, long bStride, C* c, long cStride, long columns, bool add) where M : struct, IAttentionMath<C>
    {
        columns = (columns + math.Lanes - 1) / math.Lanes * math.Lanes;
        for (long p = 0; p < Count; p++)
        {
            var (first, last) = (p * Rows / Count, (p + 1) * Rows / Count);
            if (last <= firstRow) continue;
            if (first >= lastRow) break;
            math.Multiply(At + p * Step + begin * math.Stride, last - first, depth, b + begin * bStride, bStride, c + first * cStride, cStride, columns, add);
        }
    }
}

/// <summary>How the tensors of an attention get into tiles and out of them.</summary>
/// <typeparam name="E">How elements lie in memory.</typeparam>
/// <typeparam name="T">An element in memory.</typeparam>
/// <typeparam name="C">The type of sums.</typeparam>
static unsafe class AttentionTile<E, T, C> where E : IElement<T, C> where T : unmanaged where C : unmanaged, System.Numerics.INumber<C>
{
    // Numbers of a block on the stack.
    const int Block = 2048;

    static T* At(in AttentionView view, long batch, long head, long row) => (T*)view.At + batch * view.Batch + head * view.Head + row * view.Row;

    /// <summary>Some rows, each number behind the one before it: where they lie, or copied.</summary>
    public static C* Rows(in AttentionView view, long batch, long head, long first, long count, long width, C* copy, out long stride)
    {
        if (view.Kept != KeptElement.Own) return (C*)Widened(view, batch, head, first, count, width, (float*)copy, out stride);
        var from = At(view, batch, head, first);
        if (typeof(T) == typeof(C) && (view.Column == 1 || width == 1))
        {
            stride = view.Row;
            return (C*)from;
        }
        stride = width;
        for (long r = 0; r < count; r++)
            if (view.Column == 1) E.Load(from + r * view.Row, copy + r * width, width);
            else
                for (long i = 0; i < width; i++) copy[r * width + i] = E.Load(from[r * view.Row + i * view.Column]);
        return copy;
    }

    // Apart, so that nobody who has none loads its types.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static float* Widened(AttentionView view, long batch, long head, long first, long count, long width, float* copy, out long stride)
    {
        var isHalf = view.Kept == KeptElement.Half;
        view.Kept = KeptElement.Own;
        return isHalf ? AttentionTile<Float16Elements, ushort, float>.Rows(view, batch, head, first, count, width, copy, out stride)
            : AttentionTile<BFloat16Elements, ushort, float>.Rows(view, batch, head, first, count, width, copy, out stride);
    }

    /// <summary>Whether rows of a tensor are read where they lie.</summary>
    public static bool IsRead(in AttentionView view) => typeof(T) == typeof(C) && view.Column == 1 && view.Kept == KeptElement.Own;

    /// <summary>Writes rows that lie as columns of a tile.</summary>
    public static void Write<M>(M math, in AttentionView view, long batch, long head, long row, long count, long width, C* tile, long stride) where M : struct, IAttentionMath<C>
    {
        var to = At(view, batch, head, row);
        if (typeof(T) == typeof(C) && view.Column == 1)
        {
            Turn(math, (C*)to, view.Row, count, width, tile, stride);
            return;
        }
        if (view.Column == 1 && width <= Block)
        {
            // As rows first, some at a time.
            var block = stackalloc C[Block];
            for (long first = 0, step = Block / width; first < count; first += step)
            {
                var some = Math.Min(step, count - first);
                Turn(math, block, width, some, width, tile + first, stride);
                for (long r = 0; r < some; r++) E.Store(block + r * width, to + (first + r) * view.Row, width);
            }
            return;
        }
        for (long r = 0; r < count; r++)
            for (long i = 0; i < width; i++) to[r * view.Row + i * view.Column] = E.Store(tile[i * stride + r]);
    }

    /// <summary>Writes one row.</summary>
    public static void WriteRow(in AttentionView view, long batch, long head, long row, long width, C* from)
    {
        var to = At(view, batch, head, row);
        for (long i = 0; i < width; i++) to[i * view.Column] = E.Store(from[i]);
    }

    /// <summary>The same with numbers as they are computed in, each behind the one before it.</summary>
    public static void Turn<M>(M math, C* to, long row, long count, long width, C* tile, long stride) where M : struct, IAttentionMath<C>
    {
        if (width % 4 == 0) math.Turn(to, row, tile, stride, 1, width, width, width, count);
        else
            for (long r = 0; r < count; r++)
                for (long i = 0; i < width; i++) to[r * row + i] = tile[i * stride + r];
    }

    /// <summary>Writes sums of rows of a dense matrix and of those that lie behind it, so many numbers further each.</summary>
    public static void Sum(in AttentionView view, long batch, long head, long first, long count, long width, C* from, long parts, long step)
    {
        var to = At(view, batch, head, first);
        for (long r = 0; r < count; r++)
            for (long i = 0; i < width; i++)
            {
                var sum = from[r * width + i];
                for (long part = 1; part < parts; part++) sum += from[part * step + r * width + i];
                to[r * view.Row + i * view.Column] = E.Store(sum);
            }
    }

    /// <summary>Zeros in some rows.</summary>
    public static void Clear(in AttentionView view, long batch, long head, long first, long count, long width)
    {
        var to = At(view, batch, head, first);
        for (long r = 0; r < count; r++)
            for (long i = 0; i < width; i++) to[r * view.Row + i * view.Column] = E.Store(C.Zero);
    }

    /// <summary>What a mask adds to the scores of some queries and keys: <c>to[query · queryStride + key · keyStride]</c>.</summary>
    public static void Added(AttentionCall* call, long batch, long head, long query, long queries, long key, long keys, C* to, long queryStride, long keyStride, C hidden)
    {
        var mask = call->Mask;
        var start = batch * mask.Batch + head * mask.Head + query * mask.Row + key * mask.Column;
        // One row for all queries is looked at once.
        var rows = mask.Row == 0 ? 1 : queries;
        for (long q = 0; q < rows; q++)
            for (long k = 0; k < keys; k++)
            {
                var at = start + q * mask.Row + k * mask.Column;
                to[q * queryStride + k * keyStride] = !call->MaskIsBool ? E.Load(((T*)mask.At)[at]) : ((byte*)mask.At)[at] != 0 ? C.Zero : hidden;
            }
        for (var q = rows; q < queries; q++)
            for (long k = 0; k < keys; k++) to[q * queryStride + k * keyStride] = to[k * keyStride];
    }
}
