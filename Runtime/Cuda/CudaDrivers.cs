using System;
using System.Threading;

namespace Graph.Runtime.Cuda;

/// <summary>Opens cards: those of the machine, or what tests put in their place.</summary>
static class CudaDrivers
{
    static readonly AsyncLocal<Func<int, ICudaDriver>?> substitute = new();

    /// <summary>What opens cards in place of the machine's driver, for this thread and what it calls; null for the machine's.</summary>
    internal static Func<int, ICudaDriver>? Substitute
    {
        get => substitute.Value;
        set => substitute.Value = value;
    }

    /// <inheritdoc cref="CudaDriver.Open"/>
    public static ICudaDriver Open(int ordinal) => substitute.Value is { } open ? open(ordinal) : CudaDriver.Open(ordinal);
}
