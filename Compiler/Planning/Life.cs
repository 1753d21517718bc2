namespace Graph.Compiler.Planning;

/// <summary>From which launch to which launch a buffer's memory is its own, both included; <see cref="None"/> for memory that is not the arena's or never used.</summary>
/// <param name="First">The launch that first writes it.</param>
/// <param name="Last">The last launch that reads or writes it; the number of launches when a result lies in it.</param>
public readonly record struct Life(int First, int Last)
{
    public static readonly Life None = new(-1, -1);

    public bool Exists => First >= 0;

    public bool Overlaps(Life other) => Exists && other.Exists && First <= other.Last && other.First <= Last;
}
