using System;
using System.Numerics;

namespace Graph.Runtime.Cpu;

/// <summary>
/// Attention of a few queries, as a model that writes a text token by token asks for it: each alone, with a key as a lane in the scores and a number of the value as a lane in the sums, so that keys and values are read where they
/// lie and no lane is idle. The sums are those of <see cref="AttentionForward{E, T, C, M}"/>, with its bits.
/// </summary>
static unsafe class AttentionFew<E, T, C, M> where E : IElement<T, C> where T : unmanaged where C : unmanaged, IFloatingPointIeee754<C> where M : struct, IAttentionMath<C>
{
    /// <summary>More lie behind what a row needs: vectors are written whole.</summary>
    const int Slack = 64;

    readonly struct Memory
    {
        public readonly C* Query, Scores, Added, Kept, Part, Factors, Results, Most, Sums, Less, Keys, Values;
        public readonly long Bytes;

        public Memory(M math, AttentionCall* call, void* start)
        {
            var bump = new Bump(start);
            var (width, depth, keys, queries) = (call->Sizes.Width, call->Sizes.Depth, call->KeyTile, call->Sizes.Queries);
            Query = bump.Take<C>(queries * width);
            Results = bump.Take<C>(queries * (depth + Slack));
            Scores = bump.Take<C>(keys + Slack);
            Added = call->Mask.At is null ? null : bump.Take<C>(keys + Slack);
            Kept = call->Seed is null ? null : bump.Take<C>(keys + Slack);
            Part = bump.Take<C>(depth + Slack);
            Factors = bump.Take<C>(depth + Slack);
            Most = bump.Take<C>(queries);
            Sums = bump.Take<C>(queries);
            Less = bump.Take<C>(1);
            Keys = AttentionTile<E, T, C>.IsRead(call->Key) ? null : bump.Take<C>(keys * width);
            Values = AttentionTile<E, T, C>.IsRead(call->Value) ? null : bump.Take<C>(keys * depth);
            Bytes = bump.BytesFrom(start);
        }
    }

    /// <summary>The bytes that a worker needs.</summary>
    public static long ScratchBytes(M math, AttentionCall* call) => new Memory(math, call, null).Bytes;

    /// <summary>A head a task.</summary>
    public static long Tasks(AttentionCall* call) => call->Sizes.Batch * call->Sizes.Heads;

    public static void Run(M math, AttentionCall* call, long task, void* scratch)
    {
        var sizes = call->Sizes;
        var (batch, head) = (task / sizes.Heads, task % sizes.Heads);
        var memory = new Memory(math, call, scratch);
        var (keys, first, keyHead) = (call->KeysOf(batch), call->First, head / (sizes.Heads / sizes.KeyHeads));
        var query = AttentionTile<E, T, C>.Rows(call->Query, batch, head, 0, sizes.Queries, sizes.Width, memory.Query, out var queryStride);
        new Span<C>(memory.Most, (int)sizes.Queries).Fill(C.NegativeInfinity);
        new Span<C>(memory.Sums, (int)sizes.Queries).Clear();
        new Span<C>(memory.Results, (int)(sizes.Queries * (sizes.Depth + Slack))).Clear();
        var seen = call->Seen(sizes.Queries - 1, keys, first);
        for (long key = 0; key < seen; key += call->KeyTile)
        {
            var tile = Math.Min(call->KeyTile, seen - key);
            var keyRows = AttentionTile<E, T, C>.Rows(call->Key, batch, keyHead, key, tile, sizes.Width, memory.Keys, out var keyStride);
            var valueRows = AttentionTile<E, T, C>.Rows(call->Value, batch, keyHead, key, tile, sizes.Depth, memory.Values, out var valueStride);
            for (long q = 0; q < sizes.Queries; q++)
            {
                var count = Math.Min(tile, call->Seen(q, keys, first) - key);
                if (count <= 0) continue;
                math.Scores(query + q * queryStride, keyRows, keyStride, sizes.Width, count, memory.Scores);
                var row = new AttentionRows<C> { Scores = memory.Scores, Stride = 1, Rows = count, Columns = 1, Scale = M.Of(call->Scale) };
                if (memory.Added is not null)
                {
                    AttentionTile<E, T, C>.Added(call, batch, head, q, 1, key, count, memory.Added, 1, 1, C.NegativeInfinity);
                    row.Added = memory.Added;
                }
                if (memory.Kept is not null)
                {
                    math.Keep(memory.Kept, (ulong)*call->Seed, Philox.Stream(*call->Stream, *call->Iteration), call->WeightsOf(batch, head, q) + key, count, call->Dropout);
                    row.Kept = memory.Kept;
                }
                math.WeighOne(row, memory.Most + q, memory.Sums + q, memory.Less);
                var results = memory.Results + q * (sizes.Depth + Slack);
                if (key > 0) math.Shrink(results, 1, sizes.Depth, sizes.Depth, Fill(memory.Factors, sizes.Depth, *memory.Less));
                math.Mix(memory.Scores, valueRows, valueStride, count, sizes.Depth, memory.Part, results, key > 0);
            }
        }
        for (long q = 0; q < sizes.Queries; q++)
        {
            var results = memory.Results + q * (sizes.Depth + Slack);
            math.Finish(results, 1, sizes.Depth, sizes.Depth, Fill(memory.Factors, sizes.Depth, memory.Sums[q]));
            AttentionTile<E, T, C>.WriteRow(call->Output, batch, head, q, sizes.Depth, results);
            var normalizer = (C*)call->Normalizer.At + batch * call->Normalizer.Batch + head * call->Normalizer.Head + q * call->Normalizer.Row;
            (*normalizer, normalizer[call->Normalizer.Column]) = (memory.Most[q], memory.Sums[q]);
        }
    }

    // Vectors reach over the row's end, so the slack has a number too.
    static C* Fill(C* to, long count, C value)
    {
        new Span<C>(to, (int)count + Slack).Fill(value);
        return to;
    }
}
