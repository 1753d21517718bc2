namespace Graph.Runtime.Cpu;

/// <summary>A tile of scores.</summary>
/// <typeparam name="C">The type of scores.</typeparam>
unsafe struct AttentionRows<C> where C : unmanaged
{
    public C* Scores;

    /// <summary>From row to row, in every tile.</summary>
    public long Stride;

    public long Rows, Columns;

    /// <summary>What products of queries and keys are multiplied by.</summary>
    public C Scale;

    /// <summary>What is added then, −∞ for what is not seen; null for nothing.</summary>
    public C* Added;

    /// <summary>What weights are multiplied by; null for nothing.</summary>
    public C* Kept;

    /// <summary>How many keys of the tile a query sees: forward one a lane, null for all of them; backward one a row.</summary>
    public int* Limits;
}
