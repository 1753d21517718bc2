using System;
using System.Numerics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The gradient of attention. A task is one head of keys, or a part of its keys, with all heads of queries that share it: its keys and values are packed once, in both orders, and tiles of queries pass over the tiles of keys that they
/// see. A lane is a key: scores are <c>Q · Kᵀ</c>, the gradients of weights <c>dO · Vᵀ</c>; both turn into weights and gradients of scores where they lie, of which the gradients <c>dVᵀ += dOᵀ · P</c>,
/// <c>dKᵀ += Qᵀ · dS</c> and, turned, <c>dQᵀ += Kᵀ · dSᵀ</c> are products. One task owns all that it adds to, in one order.
/// </summary>
static unsafe class AttentionGradient<E, T, C, M> where E : IElement<T, C> where T : unmanaged where C : unmanaged, IFloatingPointIeee754<C> where M : struct, IAttentionMath<C>
{
    /// <summary>Where a worker keeps what: counted, or in its memory.</summary>
    readonly struct Memory
    {
        /// <summary>For each tile of keys: turned keys and values, keys in panels, and the gradients, turned.</summary>
        public readonly C* Keys, Values, KeyPanels, KeyGradients, ValueGradients;
        public readonly long KeyTile, ValueTile, PanelTile;

        /// <summary>Of a tile of queries, in panels by query and by number.</summary>
        public readonly C* Queries, Gradients, QueryPanels, GradientPanels;
        public readonly C* Scores, ScoreGradients, Turned, QueryGradients, Added, Kept, Most, Shares, Means, Copy, GradientCopy, OutputCopy, TurnedGradient, TurnedOutput;
        public readonly int* Limits;
        public readonly long Bytes;

        public Memory(M math, AttentionCall* call, void* start)
        {
            var bump = new Bump(start);
            var (width, depth, keys, queries) = (call->Sizes.Width, call->Sizes.Depth, call->KeyTile, call->QueryTile);
            var tiles = ((call->Sizes.Keys + keys - 1) / keys + call->PartCount - 1) / call->PartCount;
            (KeyTile, ValueTile, PanelTile) = (width * keys, depth * keys, AttentionPanels<C>.Size(math, width, keys));
            Keys = bump.Take<C>(tiles * KeyTile);
            Values = bump.Take<C>(tiles * ValueTile);
            KeyPanels = bump.Take<C>(tiles * PanelTile);
            KeyGradients = bump.Take<C>(tiles * KeyTile);
            ValueGradients = bump.Take<C>(tiles * ValueTile);
            Queries = bump.Take<C>(AttentionPanels<C>.Size(math, queries, width));
            Gradients = bump.Take<C>(AttentionPanels<C>.Size(math, queries, depth));
            QueryPanels = bump.Take<C>(AttentionPanels<C>.Size(math, width, queries));
            GradientPanels = bump.Take<C>(AttentionPanels<C>.Size(math, depth, queries));
            Scores = bump.Take<C>(queries * keys);
            ScoreGradients = bump.Take<C>(queries * keys);
            Turned = bump.Take<C>(queries * keys);
            QueryGradients = bump.Take<C>(width * queries);
            Added = call->Mask.At is null ? null : bump.Take<C>(queries * keys);
            Kept = call->Seed is null ? null : bump.Take<C>(queries * keys);
            Most = bump.Take<C>(queries);
            Shares = bump.Take<C>(queries);
            Means = bump.Take<C>(queries);
            Limits = bump.Take<int>(queries);
            Copy = bump.Take<C>(Math.Max(queries, keys) * Math.Max(width, depth));
            GradientCopy = bump.Take<C>(queries * depth);
            OutputCopy = bump.Take<C>(queries * depth);
            TurnedGradient = bump.Take<C>(queries * depth);
            TurnedOutput = bump.Take<C>(queries * depth);
            Bytes = bump.BytesFrom(start);
        }
    }

    /// <summary>The bytes that a worker needs.</summary>
    public static long ScratchBytes(M math, AttentionCall* call) => new Memory(math, call, null).Bytes;

    public static long Tasks(AttentionCall* call) => call->Sizes.Batch * call->Sizes.KeyHeads * call->PartCount;

    public static void Run(M math, AttentionCall* call, long task, void* scratch)
    {
        var sizes = call->Sizes;
        var (batch, keyHead, part) = (task / call->PartCount / sizes.KeyHeads, task / call->PartCount % sizes.KeyHeads, task % call->PartCount);
        var memory = new Memory(math, call, scratch);
        var (first, last) = Numerics.Attention.KeysOf(part, call->PartCount, sizes);
        var (keys, group) = (Math.Clamp(call->KeysOf(batch), first, last), sizes.Heads / sizes.KeyHeads);
        for (long key = first, tile = 0; key < keys; key += call->KeyTile, tile++) PackKeys(math, call, memory, batch, keyHead, key, Math.Min(call->KeyTile, keys - key), tile);
        for (var head = keyHead * group; head < (keyHead + 1) * group; head++)
            for (long query = 0; query < sizes.Queries; query += call->QueryTile) Pass(math, call, memory, batch, head, part, query, Math.Min(call->QueryTile, sizes.Queries - query), first, keys);
        for (long key = first, tile = 0; key < keys; key += call->KeyTile, tile++)
        {
            var count = Math.Min(call->KeyTile, keys - key);
            AttentionTile<E, T, C>.Write(math, call->KeyGradient, batch, keyHead, key, count, sizes.Width, memory.KeyGradients + tile * memory.KeyTile, call->KeyTile);
            AttentionTile<E, T, C>.Write(math, call->ValueGradient, batch, keyHead, key, count, sizes.Depth, memory.ValueGradients + tile * memory.ValueTile, call->KeyTile);
        }
        AttentionTile<E, T, C>.Clear(call->KeyGradient, batch, keyHead, keys, last - keys, sizes.Width);
        AttentionTile<E, T, C>.Clear(call->ValueGradient, batch, keyHead, keys, last - keys, sizes.Depth);
    }

    /// <summary>How many tiles of queries there are in all: where keys are cut into parts, the gradients of a tile are added up when all parts are done.</summary>
    public static long Sums(AttentionCall* call) => call->PartCount == 1 ? 0 : call->Sizes.Batch * call->Sizes.Heads * QueryTiles(call);

    static long QueryTiles(AttentionCall* call) => (call->Sizes.Queries + call->QueryTile - 1) / call->QueryTile;

    /// <summary>Adds up one tile of queries.</summary>
    public static void Sum(AttentionCall* call, long task)
    {
        var sizes = call->Sizes;
        var (head, query) = (task / QueryTiles(call), task % QueryTiles(call) * call->QueryTile);
        var (batch, count) = (head / sizes.Heads, Math.Min(call->QueryTile, sizes.Queries - query));
        head %= sizes.Heads;
        AttentionTile<E, T, C>.Sum(call->QueryGradient, batch, head, query, count, sizes.Width, OfPart(call, 0, batch, head, query), call->PartCount, OfPart(call, 1, batch, head, query) - OfPart(call, 0, batch, head, query));
    }

    static C* OfPart(AttentionCall* call, long part, long batch, long head, long query) =>
        (C*)call->Parts + (((part * call->Sizes.Batch + batch) * call->Sizes.Heads + head) * call->Sizes.Queries + query) * call->Sizes.Width;

    static void PackKeys(M math, AttentionCall* call, in Memory memory, long batch, long head, long key, long count, long tile)
    {
        var sizes = call->Sizes;
        var rows = AttentionTile<E, T, C>.Rows(call->Key, batch, head, key, count, sizes.Width, memory.Copy, out var stride);
        math.Turn(memory.Keys + tile * memory.KeyTile, call->KeyTile, rows, stride, 1, count, call->KeyTile, count, sizes.Width);
        var panels = new AttentionPanels<C> { At = memory.KeyPanels + tile * memory.PanelTile };
        panels.Pack(math, rows, 1, stride, sizes.Width, count);
        rows = AttentionTile<E, T, C>.Rows(call->Value, batch, head, key, count, sizes.Depth, memory.Copy, out stride);
        math.Turn(memory.Values + tile * memory.ValueTile, call->KeyTile, rows, stride, 1, count, call->KeyTile, count, sizes.Depth);
        new Span<C>(memory.KeyGradients + tile * memory.KeyTile, checked((int)memory.KeyTile)).Clear();
        new Span<C>(memory.ValueGradients + tile * memory.ValueTile, checked((int)memory.ValueTile)).Clear();
    }

    // A tile of queries over all keys of a part that it sees.
    static void Pass(M math, AttentionCall* call, in Memory memory, long batch, long head, long part, long query, long queries, long firstKey, long keys)
    {
        var (sizes, first) = (call->Sizes, call->First);
        var rows = AttentionTile<E, T, C>.Rows(call->Query, batch, head, query, queries, sizes.Width, memory.Copy, out var stride);
        var (byQuery, byNumber) = (new AttentionPanels<C> { At = memory.Queries }, new AttentionPanels<C> { At = memory.QueryPanels });
        byQuery.Pack(math, rows, stride, 1, queries, sizes.Width);
        byNumber.Pack(math, rows, 1, stride, sizes.Width, queries);
        rows = AttentionTile<E, T, C>.Rows(call->OutputGradient, batch, head, query, queries, sizes.Depth, memory.GradientCopy, out stride);
        var (gradients, gradientNumbers) = (new AttentionPanels<C> { At = memory.Gradients }, new AttentionPanels<C> { At = memory.GradientPanels });
        gradients.Pack(math, rows, stride, 1, queries, sizes.Depth);
        gradientNumbers.Pack(math, rows, 1, stride, sizes.Depth, queries);
        var outputs = AttentionTile<E, T, C>.Rows(call->Output, batch, head, query, queries, sizes.Depth, memory.OutputCopy, out var outputStride);
        // The mean of the gradients of a query's weights, in the order in which each of them is added up: with one key, the two are equal and their difference is 0.
        math.Turn(memory.TurnedGradient, call->QueryTile, rows, stride, 1, queries, call->QueryTile, queries, sizes.Depth);
        math.Turn(memory.TurnedOutput, call->QueryTile, outputs, outputStride, 1, queries, call->QueryTile, queries, sizes.Depth);
        math.Dots(memory.TurnedGradient, memory.TurnedOutput, sizes.Depth, call->QueryTile, queries, memory.Means);
        for (long i = 0; i < queries; i++)
        {
            var normalizer = (C*)call->Normalizer.At + batch * call->Normalizer.Batch + head * call->Normalizer.Head + (query + i) * call->Normalizer.Row;
            // Where nothing is seen there is no weight.
            memory.Most[i] = C.IsNegativeInfinity(normalizer[0]) ? C.Zero : normalizer[0];
            memory.Shares[i] = normalizer[call->Normalizer.Column] is var sum && C.IsZero(sum) ? C.Zero : C.One / sum;
        }
        var seen = call->Seen(query + queries - 1, keys, first);
        for (long key = firstKey, tile = 0; key < seen; key += call->KeyTile, tile++)
        {
            var count = Math.Min(call->KeyTile, keys - key);
            // The first query that sees a key of the tile.
            var from = call->IsCausal ? Math.Clamp(key - first - query, 0, queries - 1) : 0;
            Scores(math, call, memory, batch, head, query, queries, key, count, keys, from, tile, byQuery, gradients);
            gradientNumbers.Multiply(math, 0, sizes.Depth, from, queries - from, memory.Scores, call->KeyTile, memory.ValueGradients + tile * memory.ValueTile, call->KeyTile, count, true);
            byNumber.Multiply(math, 0, sizes.Width, from, queries - from, memory.ScoreGradients, call->KeyTile, memory.KeyGradients + tile * memory.KeyTile, call->KeyTile, count, true);
            math.Turn(memory.Turned, call->QueryTile, memory.ScoreGradients, call->KeyTile, 1, queries, call->QueryTile, queries, count);
            var panels = new AttentionPanels<C> { At = memory.KeyPanels + tile * memory.PanelTile, Rows = sizes.Width, Count = (sizes.Width + math.Rows - 1) / math.Rows, Step = Packing.PanelStep(count, math.Stride) };
            panels.Multiply(math, 0, sizes.Width, 0, count, memory.Turned, call->QueryTile, memory.QueryGradients, call->QueryTile, queries, key > firstKey);
        }
        if (seen <= firstKey) new Span<C>(memory.QueryGradients, checked((int)(sizes.Width * call->QueryTile))).Clear();
        if (call->PartCount == 1) AttentionTile<E, T, C>.Write(math, call->QueryGradient, batch, head, query, queries, sizes.Width, memory.QueryGradients, call->QueryTile);
        else AttentionTile<E, T, C>.Turn(math, OfPart(call, part, batch, head, query), sizes.Width, queries, sizes.Width, memory.QueryGradients, call->QueryTile);
    }

    // Weights as they multiplied the values, and gradients of products of queries and keys; zeros in the gradients of queries that see nothing.
    static void Scores(
        M math, AttentionCall* call, in Memory memory, long batch, long head, long query, long queries, long key, long count, long keys, long from, long tile, in AttentionPanels<C> byQuery, in AttentionPanels<C> gradients)
    {
        var (sizes, first, stride) = (call->Sizes, call->First, call->KeyTile);
        byQuery.Multiply(math, from, queries, 0, sizes.Width, memory.Keys + tile * memory.KeyTile, stride, memory.Scores, stride, count, false);
        gradients.Multiply(math, from, queries, 0, sizes.Depth, memory.Values + tile * memory.ValueTile, stride, memory.ScoreGradients, stride, count, false);
        var rows = new AttentionRows<C>
        {
            Scores = memory.Scores + from * stride, Stride = stride, Rows = queries - from, Columns = (count + math.Lanes - 1) / math.Lanes * math.Lanes, Scale = M.Of(call->Scale), Limits = memory.Limits,
        };
        for (var i = from; i < queries; i++) memory.Limits[i - from] = (int)Math.Clamp(call->Seen(query + i, keys, first) - key, 0, count);
        if (memory.Added is not null)
        {
            AttentionTile<E, T, C>.Added(call, batch, head, query + from, queries - from, key, count, memory.Added, stride, 1, C.NegativeInfinity);
            rows.Added = memory.Added;
        }
        if (memory.Kept is not null)
        {
            var stream = Philox.Stream(*call->Stream, *call->Iteration);
            for (var i = from; i < queries; i++)
                math.Keep(memory.Kept + (i - from) * stride, (ulong)*call->Seed, stream, call->WeightsOf(batch, head, query + i) + key, count, call->Dropout);
            rows.Kept = memory.Kept;
        }
        math.Differentiate(rows, memory.ScoreGradients + from * stride, memory.Most + from, memory.Shares + from, memory.Means + from);
        new Span<C>(memory.ScoreGradients, checked((int)(from * stride))).Clear();
    }
}
