using System;
using System.Collections.Generic;
using System.Linq;
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

    /// <summary>What the first card's driver says that kernels take in registers, by function; null where there is none, or one of another generation.</summary>
    /// <param name="text">The module.</param>
    /// <param name="functions">Its kernels.</param>
    /// <param name="capability">The compute capability, ten times its number.</param>
    public static IReadOnlyDictionary<string, int>? Registers(string text, IEnumerable<string> functions, int capability)
    {
        try
        {
            using var driver = Open(0);
            if (driver.Capability != capability) return null;
            var module = driver.Load(text);
            var registers = functions.ToDictionary(f => f, f => driver.Registers(driver.Function(module, f)), StringComparer.Ordinal);
            driver.Unload(module);
            return registers;
        }
        catch (PlatformNotSupportedException)
        {
            return null;
        }
    }
}
