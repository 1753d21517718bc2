namespace Graph.Data;

/// <summary>
/// How much of a data file is read at most. Some kilobytes of a compressed file become gigabytes, and a line may never end: reading stops with a <see cref="DataFormatException"/> that names the limit.
/// </summary>
public sealed record DataLimits
{
    /// <summary>The limits that hold when none are given.</summary>
    public static DataLimits Default { get; } = new();

    /// <summary>Bytes of a file, decompressed; 2 GiB when left out.</summary>
    public long Bytes { get; init; } = 2L << 30;

    /// <summary>Characters of one line of a text; 16,777,216 when left out.</summary>
    public int LineCharacters { get; init; } = 1 << 24;

    /// <summary>Numbers of a table, 8 bytes each in memory; 134,217,728 (1 GiB) when left out.</summary>
    public long Values { get; init; } = 1 << 27;
}
