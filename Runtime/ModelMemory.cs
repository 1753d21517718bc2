using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Planning;

namespace Graph;

/// <summary>
/// What a model takes in memory at given sizes, by kind: planned, with nothing allocated. All figures are bytes. What the process takes beside that (code, data that are loaded, the caller's arrays) is not counted.
/// </summary>
public sealed record ModelMemory
{
    /// <summary>The model's class.</summary>
    public required string Model { get; init; }

    /// <summary>The sizes of the named dimensions, such as <c>B=64</c>; empty for a model without any.</summary>
    public required string Sizes { get; init; }

    /// <summary>Parameters as products read them: in 16 bits the working copies and the parameters that have none. Also running statistics and constants.</summary>
    public required long Weights { get; init; }

    /// <summary>The parameters in 32 bits of which working copies are made; 0 but in 16 bits.</summary>
    public required long Masters { get; init; }

    /// <summary>What optimizers keep for parameters, and their counters; made by the first training step.</summary>
    public required long Moments { get; init; }

    /// <summary>What entries compute from the weights alone, once for all calls: merged or folded weights.</summary>
    public required long Derived { get; init; }

    /// <summary>The threads that work on one call.</summary>
    public required int Threads { get; init; }

    /// <summary>The functions that can be called, such as <c>predict</c>, <c>loss</c> and <c>train_step</c>.</summary>
    public required ImmutableArray<FunctionMemory> Functions { get; init; }

    /// <summary>The function that needs the most.</summary>
    public FunctionMemory Largest => Functions.MaxBy(f => f.Total) ?? throw new InvalidOperationException($"{Model} has no function.");

    /// <summary>The most that one call needs, with all that is stored.</summary>
    public long Total => Largest.Total;

    /// <summary>A function by its name.</summary>
    /// <exception cref="KeyNotFoundException">The model has no such function.</exception>
    public FunctionMemory this[string function] =>
        Functions.FirstOrDefault(f => f.Function == function) ?? throw new KeyNotFoundException($"{Model} has no function {function}; it has {string.Join(", ", Functions.Select(f => f.Function))}.");

    /// <summary>A table: what is stored, then each function with what it needs for a call, its peak, and what lives there.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(Model).Append(Sizes.Length > 0 ? "  " + Sizes : "").Append(CultureInfo.InvariantCulture, $", {Threads} thread{(Threads == 1 ? "" : "s")}\n");
        foreach (var (name, bytes) in new[] { ("weights", Weights), ("masters", Masters), ("moments", Moments), ("derived", Derived) })
            if (bytes > 0) text.Append(CultureInfo.InvariantCulture, $"  {name,-12}{bytes,16:N0} B\n");
        foreach (var function in Functions) text.Append(function);
        return text.ToString();
    }
}

/// <summary>What one call of a function takes. All figures are bytes.</summary>
public sealed record FunctionMemory
{
    /// <summary>Its name.</summary>
    public required string Function { get; init; }

    /// <summary>What is stored for it: weights and masters; in a training step the moments, in other calls what is derived.</summary>
    public required long Stored { get; init; }

    /// <summary>All intermediates, in one block: activations, gradients and workspaces at the peak, and what their placement leaves unused.</summary>
    public required long Arena { get; init; }

    /// <summary>Values of the forward and backward pass that live at the peak.</summary>
    public required long Activations { get; init; }

    /// <summary>Gradients of parameters that live at the peak.</summary>
    public required long Gradients { get; init; }

    /// <summary>What kernels work in at the peak, beside their operands.</summary>
    public required long Workspaces { get; init; }

    /// <summary>What the threads' kernels work in, each for itself.</summary>
    public required long Threads { get; init; }

    /// <summary>No order of the operations and no recomputation needs less: the most that a single operation has in memory at once, operands, results and workspace.</summary>
    public required long LargestOperation { get; init; }

    /// <summary>How many operations run again, for what they make is not kept: 0 without a memory budget, and where it is not needed.</summary>
    public required int Repeated { get; init; }

    /// <summary>Where the most lives; null of a function without intermediates.</summary>
    public required MemoryPeak? Peak { get; init; }

    /// <summary>What lives at the peak, the largest first.</summary>
    public required ImmutableArray<MemoryTensor> AtPeak { get; init; }

    /// <summary>What lives at each operation, in the order of execution.</summary>
    public required ImmutableArray<MemoryMoment> Timeline { get; init; }

    /// <summary>All that a call needs.</summary>
    public long Total => Stored + Arena + Threads;

    /// <summary>Its lines of the table.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Function}  {Total:N0} B with all that is stored\n");
        foreach (var (name, bytes) in new[] { ("arena", Arena), ("  activations", Activations), ("  gradients", Gradients), ("  workspaces", Workspaces), ("threads", Threads) })
            if (bytes > 0) text.Append(CultureInfo.InvariantCulture, $"  {name,-14}{bytes,14:N0} B\n");
        if (Repeated > 0) text.Append(CultureInfo.InvariantCulture, $"  {Repeated:N0} operations run again\n");
        if (Peak is { } peak) text.Append(CultureInfo.InvariantCulture, $"  peak at #{peak.Launch} {peak.Operation}{(peak.Source.Length > 0 ? " (" + peak.Source + ")" : "")}\n");
        foreach (var tensor in AtPeak.Take(5)) text.Append(CultureInfo.InvariantCulture, $"    {tensor.Bytes,14:N0} B  {tensor.Kind.ToString().ToLowerInvariant()} of {tensor.Operation}{(tensor.Source.Length > 0 ? " (" + tensor.Source + ")" : "")}\n");
        return text.ToString();
    }
}

/// <summary>Where the most memory lives.</summary>
/// <param name="Launch">The number of the operation in its function.</param>
/// <param name="Operation">Its kernel.</param>
/// <param name="Source">File, line and module that it comes from, <c>Digits.cs:22 conv</c>.</param>
public sealed record MemoryPeak(int Launch, string Operation, string Source);

/// <summary>An intermediate that lives at the peak.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Bytes">Its size, rounded up to the alignment.</param>
/// <param name="Operation">The kernel that makes it.</param>
/// <param name="Source">File, line and module that it comes from.</param>
public sealed record MemoryTensor(IntermediateKind Kind, long Bytes, string Operation, string Source);

/// <summary>What lives in the arena while an operation runs.</summary>
/// <param name="Operation">Its kernel.</param>
/// <param name="Source">File, line and module that it comes from.</param>
/// <param name="Activations">Bytes of values of the forward and backward pass.</param>
/// <param name="Gradients">Bytes of gradients of parameters.</param>
/// <param name="Workspaces">Bytes that kernels work in.</param>
public sealed record MemoryMoment(string Operation, string Source, long Activations, long Gradients, long Workspaces)
{
    /// <summary>All of them.</summary>
    public long Total => Activations + Gradients + Workspaces;
}
