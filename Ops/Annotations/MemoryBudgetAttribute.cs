using System;

namespace Graph;

/// <summary>
/// The most memory that a call of a model may take, with all that is stored: weights and masters, in a training step the moments, in other calls what is derived from the weights; without what kernels' threads have for themselves. Where a function would
/// need more, it computes some of its intermediates again instead of keeping them, which changes no bit of any number. The build fails where that is not enough at typical sizes, with the operation that needs the most; other
/// sizes are planned when they occur. On a method marked <c>[Train]</c> it is for the steps of that training program; where both are there, the smaller holds.
/// </summary>
/// <param name="bytes">A number with a unit: <c>"4GB"</c>, <c>"512 MiB"</c>, <c>"65536"</c>. KB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class MemoryBudgetAttribute(string bytes) : Attribute
{
    /// <summary>The budget as it is written.</summary>
    public string Bytes { get; } = bytes;
}
