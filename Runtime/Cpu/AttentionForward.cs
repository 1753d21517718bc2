using System;
using System.Numerics;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Attention, forward. A task is some queries of one head: tile behind tile of keys is packed, and passes over the queries, 32 at a time: scores are <c>K · Qᵀ</c>, so that a query is a lane, weights are made of
/// them where they lie, and the weighted values <c>Vᵀ · P</c> add up beside what shrinks to the new maximum. No number depends on another query, so none on lanes, tasks or threads.
/// </summary>
static unsafe class AttentionForward<E, T, C, M> where E : IElement<T, C> where T : unmanaged where C : unmanaged, IFloatingPointIeee754<C> where M : struct, IAttentionMath<C>
{
    /// <summary>Queries that pass at once.</summary>
    const int Lanes = 32;

    const long Group = AttentionTiles.QueryGroup;

    /// <summary>Where a worker keeps what: counted, or in its memory.</summary>
    readonly struct Memory
    {
        public readonly C* Queries, Scores, Added, Kept, Drawn, Results, Most, Sums, Less, Copy;
        public readonly C* Keys, Values;
        public readonly int* Limits;
        public readonly long Bytes;

        public Memory(M math, AttentionCall* call, void* start)
        {
            var bump = new Bump(start);
            var (width, depth, keys) = (call->Sizes.Width, call->Sizes.Depth, call->KeyTile);
            Queries = bump.Take<C>(Group * width);
            Results = bump.Take<C>(Group * depth);
            Scores = bump.Take<C>(keys * Lanes);
            Added = call->Mask.At is null ? null : bump.Take<C>(keys * Lanes);
            Kept = call->Seed is null ? null : bump.Take<C>(keys * Lanes);
            Drawn = call->Seed is null ? null : bump.Take<C>(keys * Lanes);
            Most = bump.Take<C>(Group);
            Sums = bump.Take<C>(Group);
            Less = bump.Take<C>(Lanes);
            Limits = bump.Take<int>(Lanes);
            Keys = bump.Take<C>(AttentionPanels<C>.Size(math, keys, width));
            Values = bump.Take<C>(AttentionPanels<C>.Size(math, depth, keys));
            Copy = AttentionTile<E, T, C>.IsRead(call->Key) && AttentionTile<E, T, C>.IsRead(call->Value) && AttentionTile<E, T, C>.IsRead(call->Query) ? null : bump.Take<C>(Math.Max(keys, Group) * Math.Max(width, depth));
            Bytes = bump.BytesFrom(start);
        }
    }

    /// <summary>The bytes that a worker needs.</summary>
    public static long ScratchBytes(M math, AttentionCall* call) => new Memory(math, call, null).Bytes;

    public static long Tasks(AttentionCall* call) => call->Sizes.Batch * call->Sizes.Heads * Groups(call);

    static long Groups(AttentionCall* call) => (call->Sizes.Queries + Group - 1) / Group;

    public static void Run(M math, AttentionCall* call, long task, void* scratch)
    {
        var sizes = call->Sizes;
        var groups = Groups(call);
        // Those that see the most keys first.
        var (head, begin) = (task / groups, (groups - 1 - task % groups) * Group);
        var (batch, end) = (head / sizes.Heads, Math.Min(begin + Group, sizes.Queries));
        head %= sizes.Heads;
        var memory = new Memory(math, call, scratch);
        var (keys, first) = (call->KeysOf(batch), call->First);
        for (var q = begin; q < end; q += Lanes)
        {
            var count = Math.Min(Lanes, end - q);
            var rows = AttentionTile<E, T, C>.Rows(call->Query, batch, head, q, count, sizes.Width, memory.Copy, out var stride);
            math.Turn(memory.Queries + (q - begin) * sizes.Width, Lanes, rows, stride, 1, count, Lanes, count, sizes.Width);
        }
        new Span<C>(memory.Most, (int)Group).Fill(C.NegativeInfinity);
        new Span<C>(memory.Sums, (int)Group).Clear();
        var keyHead = head / (sizes.Heads / sizes.KeyHeads);
        var seen = call->Seen(end - 1, keys, first);
        for (long key = 0; key < seen; key += call->KeyTile)
        {
            var count = Math.Min(call->KeyTile, seen - key);
            var keyPanels = new AttentionPanels<C> { At = memory.Keys };
            var keyRows = AttentionTile<E, T, C>.Rows(call->Key, batch, keyHead, key, count, sizes.Width, memory.Copy, out var stride);
            keyPanels.Pack(math, keyRows, stride, 1, count, sizes.Width);
            var valuePanels = new AttentionPanels<C> { At = memory.Values };
            var valueRows = AttentionTile<E, T, C>.Rows(call->Value, batch, keyHead, key, count, sizes.Depth, memory.Copy, out stride);
            valuePanels.Pack(math, valueRows, 1, stride, sizes.Depth, count);
            for (var q = begin; q < end; q += Lanes) Pass(math, call, memory, batch, head, begin, q, Math.Min(Lanes, end - q), key, count, keys, first, keyPanels, valuePanels);
        }
        for (var q = begin; q < end; q += Lanes)
        {
            var count = Math.Min(Lanes, end - q);
            var results = memory.Results + (q - begin) * sizes.Depth;
            math.Finish(results, sizes.Depth, Lanes, Whole(math, count), memory.Sums + (q - begin));
            AttentionTile<E, T, C>.Write(math, call->Output, batch, head, q, count, sizes.Depth, results, Lanes);
            var normalizer = (C*)call->Normalizer.At + batch * call->Normalizer.Batch + head * call->Normalizer.Head + q * call->Normalizer.Row;
            for (long i = 0; i < count; i++) (normalizer[i * call->Normalizer.Row], normalizer[i * call->Normalizer.Row + call->Normalizer.Column]) = (memory.Most[q - begin + i], memory.Sums[q - begin + i]);
        }
    }

    static long Whole(M math, long columns) => (columns + math.Lanes - 1) / math.Lanes * math.Lanes;

    // Some queries over a tile of keys.
    static void Pass(
        M math, AttentionCall* call, in Memory memory, long batch, long head, long begin, long query, long queries, long key, long tile, long keys, long first, in AttentionPanels<C> keyPanels, in AttentionPanels<C> valuePanels)
    {
        var sizes = call->Sizes;
        var count = Math.Min(tile, call->Seen(query + queries - 1, keys, first) - key);
        if (count <= 0) return;
        var columns = Whole(math, queries);
        keyPanels.Multiply(math, 0, count, 0, sizes.Width, memory.Queries + (query - begin) * sizes.Width, Lanes, memory.Scores, Lanes, columns, false);
        var rows = new AttentionRows<C> { Scores = memory.Scores, Stride = Lanes, Rows = count, Columns = columns, Scale = M.Of(call->Scale) };
        if (memory.Added is not null)
        {
            AttentionTile<E, T, C>.Added(call, batch, head, query, queries, key, count, memory.Added, 1, Lanes, C.NegativeInfinity);
            rows.Added = memory.Added;
        }
        if (call->Seen(query, keys, first) < key + count)
        {
            for (var i = 0; i < Lanes; i++) memory.Limits[i] = (int)Math.Clamp(call->Seen(query + i, keys, first) - key, 0, count);
            rows.Limits = memory.Limits;
        }
        if (memory.Kept is not null)
        {
            var stream = Philox.Stream(*call->Stream, *call->Iteration);
            for (long i = 0; i < queries; i++)
                math.Keep(memory.Drawn + i * call->KeyTile, (ulong)*call->Seed, stream, call->WeightsOf(batch, head, query + i) + key, count, call->Dropout);
            math.Turn(memory.Kept, Lanes, memory.Drawn, call->KeyTile, 1, queries, Lanes, queries, count);
            rows.Kept = memory.Kept;
        }
        math.Weigh(rows, memory.Most + (query - begin), memory.Sums + (query - begin), memory.Less);
        var results = memory.Results + (query - begin) * sizes.Depth;
        if (key > 0) math.Shrink(results, sizes.Depth, Lanes, columns, memory.Less);
        valuePanels.Multiply(math, 0, sizes.Depth, 0, count, memory.Scores, Lanes, results, Lanes, columns, key > 0);
    }
}
