using System;
using System.Globalization;
using System.Text;

namespace Graph.PtxEmulator;

/// <summary>What can be wrong with a launch.</summary>
public enum FaultKind
{
    /// <summary>An access outside of every allocation, or outside of the extents that are declared live.</summary>
    OutOfBounds,
    /// <summary>An address that is no multiple of the access's size.</summary>
    Misaligned,
    /// <summary>A value is read that nothing has written.</summary>
    Uninitialised,
    /// <summary>Two accesses of different threads, one of them a write, that nothing orders.</summary>
    Race,
    /// <summary>Memory that a launch reads as read only (<c>ld.global.nc</c>) is written by it.</summary>
    NonCoherent,
    /// <summary>An instruction that all lanes of a warp (or of a member mask) have to execute together is not reached by all of them.</summary>
    DivergentWarp,
    /// <summary>Threads end without arriving at a barrier where others wait.</summary>
    MissingBarrier,
    /// <summary>Threads wait for each other forever.</summary>
    Deadlock,
    /// <summary>A launch executes more instructions than allowed.</summary>
    Hang,
    /// <summary>An operation whose result the specification leaves open, such as a division by zero.</summary>
    Unspecified,
    /// <summary>A write to memory that is read only.</summary>
    ReadOnly,
    /// <summary>A launch that a driver would refuse: dimensions, shared memory, parameters.</summary>
    Launch,
}

/// <summary>Three coordinates of a thread or a block, or three extents.</summary>
public readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    public long Count => (long)X * Y * Z;
    public Dim3 At(long linear) => new((int)(linear % X), (int)(linear / X % Y), (int)(linear / X / Y));
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"({X}, {Y}, {Z})");
    public static implicit operator Dim3(int x) => new(x);
}

/// <summary>One fault, with everything that is needed to find it in the text.</summary>
public sealed record Fault(FaultKind Kind, string Kernel, int Line, string Instruction, Dim3? Block, Dim3? Thread, ulong? Address, string Message)
{
    /// <summary>The emitter's last comment above the line.</summary>
    public string? Comment { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Kind} in kernel '{Kernel}'");
        if (Line > 0) text.Append(CultureInfo.InvariantCulture, $", line {Line}: {Instruction}");
        if (Block is { } block) text.Append(CultureInfo.InvariantCulture, $"\n  block {block}");
        if (Thread is { } thread) text.Append(CultureInfo.InvariantCulture, $", thread {thread}");
        if (Address is { } address) text.Append(CultureInfo.InvariantCulture, $", address 0x{address:x}");
        text.Append("\n  ").Append(Message);
        if (Comment is not null) text.Append("\n  in: ").Append(Comment);
        return text.ToString();
    }
}

/// <summary>Thrown by a launch at its first fault; the launch's effects so far stay in memory.</summary>
public sealed class PtxFaultException(Fault fault) : Exception(fault.ToString())
{
    public Fault Fault { get; } = fault;
}
