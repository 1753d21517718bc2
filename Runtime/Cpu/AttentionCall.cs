using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>A tensor of an attention; strides in elements over batch, heads, rows and columns. Null when there is none.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct AttentionView
{
    public void* At;
    public long Batch, Head, Row, Column;

    /// <summary>The type of 16 bits that keys or values are kept in beside a query of 32; the query's own otherwise.</summary>
    public KeptElement Kept;
}

/// <summary>What the elements of a key or value are beside those of the query.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum KeptElement
{
    /// <summary>The same.</summary>
    Own,
    /// <summary>float16.</summary>
    Half,
    /// <summary>bfloat16.</summary>
    BFloat16,
}

/// <summary>One launch of attention or of its gradient.</summary>
unsafe struct AttentionCall
{
    /// <summary>Its sizes.</summary>
    public Compiler.Targets.AttentionSizes Sizes;

    public bool IsCausal, MaskIsBool, LengthsAreLong, PositionIsLong;
    public double Scale, Dropout;

    public AttentionView Query, Key, Value, Mask, Output, Normalizer, OutputGradient, QueryGradient, KeyGradient, ValueGradient;

    /// <summary>One integer for each of the batch; null for whole sequences.</summary>
    public void* Lengths;
    public long LengthsStride;

    /// <summary>One integer, or null for 0.</summary>
    public void* Position;

    /// <summary>Of the dropout; null without.</summary>
    public long* Seed, Stream, Iteration;

    /// <summary>The place of the first weight among all that are drawn for; null for 0.</summary>
    public long* FirstWeight;

    /// <summary>Keys of a tile, forward or backward; and queries of one, backward.</summary>
    public long KeyTile, QueryTile;

    /// <summary>Backward, into how many parts the keys are cut, and where the gradients of queries by part lie, [parts, batch, heads, queries, width], when there are several.</summary>
    public long PartCount;
    public void* Parts;

    /// <summary>Memory of each worker.</summary>
    public float** Scratch;

    /// <summary>What runs it; set with each run.</summary>
    public Machine Machine;

    /// <summary>How many keys of a sequence there are.</summary>
    public readonly long KeysOf(long batch)
    {
        if (Lengths is null) return Sizes.Keys;
        var length = LengthsAreLong ? ((long*)Lengths)[batch * LengthsStride] : ((int*)Lengths)[batch * LengthsStride];
        return long.Clamp(length, 0, Sizes.Keys);
    }

    /// <summary>The place of the first query among the keys; so far outside at most that sums with it fit.</summary>
    public readonly long First => Position is null ? 0 : long.Clamp(PositionIsLong ? *(long*)Position : *(int*)Position, -int.MaxValue, int.MaxValue);

    /// <summary>The place of a query's weights among all that are drawn for.</summary>
    public readonly long WeightsOf(long batch, long head, long query) => (((batch * Sizes.Heads) + head) * Sizes.Queries + query) * Sizes.Keys + (FirstWeight is null ? 0 : *FirstWeight);

    /// <summary>How many keys a query sees, but for a mask.</summary>
    public readonly long Seen(long query, long keys, long first) => IsCausal ? long.Clamp(query + first + 1, 0, keys) : keys;
}
