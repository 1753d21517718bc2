using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>What a function needs of its callers beyond lengths: sizes that its operations can work with, checked once a binding, and arguments that pick what there is, checked at each call.</summary>
sealed unsafe class CallChecks
{
    sealed record SizeCheck(Requirement Requirement, Polynomial Size);

    sealed record IndexCheck(IndexRange Range, int Argument, DType Type, Polynomial Below);

    readonly FunctionSignature function;
    readonly ImmutableArray<DimSymbol> symbols;
    readonly SizeCheck[] sizes;
    readonly IndexCheck[] indices;

    public CallChecks(FunctionSignature function, LoweredProgram program, DimSolver solver)
    {
        this.function = function;
        symbols = solver.Symbols;
        var name = TypicalCall.CheckedAs(program, function.Name); // a training step is the loss in training mode and more
        var names = solver.Names;
        var least = new Growing<SizeCheck>();
        foreach (var requirement in program.Requirements)
            if (requirement.Function == name && Known(requirement.Size, names)) least.Add(new(requirement, new(requirement.Size, names)));
        sizes = least.ToArray();
        var below = new Growing<IndexCheck>();
        foreach (var range in program.Ranges)
            for (var i = 0; i < function.Parameters.Length; i++)
                if (range.Function == name && function.Parameters[i].Name == range.Argument && function.Parameters[i].DType is DType.I32 or DType.I64 && Known(range.Below, names))
                    below.Add(new(range, i, function.Parameters[i].DType, new(range.Below, names)));
        indices = below.ToArray();
    }

    static bool Known(Dim size, ImmutableArray<string> names)
    {
        var symbols = new List<string>();
        size.AddSymbols(symbols);
        return symbols.TrueForAll(names.Contains);
    }

    /// <summary>Checks a binding.</summary>
    /// <exception cref="ArgumentException">An operation cannot work with it; the message names the dimensions, the operation and its line.</exception>
    public void Sizes(ReadOnlySpan<long> values)
    {
        foreach (var (requirement, polynomial) in sizes)
            if (polynomial.Evaluate(values) is var size && size < requirement.Least) throw Wrong(requirement, size, values);
    }

    ArgumentException Wrong(Requirement requirement, long size, ReadOnlySpan<long> values)
    {
        var given = "";
        for (var i = 0; i < values.Length; i++)
            if (requirement.Size.Symbols.Contains(symbols[i].Name)) given += $"{(given.Length > 0 ? ", " : "")}{symbols[i].Name}={values[i]}";
        var isSymbol = requirement.Size.IsSymbol(out var symbol);
        var source = function.Parameters.FirstOrDefault(p => p.Shape.Any(d => d.Symbols.Intersect(requirement.Size.Symbols).Any()));
        return new($"{function.Name}: {given}: {requirement.What}{At(requirement.Origin)}. {(isSymbol ? symbol : requirement.Size)} is {size}, expected at least {requirement.Least}.", source?.Name);
    }

    static string At(Origin? origin) => origin is null ? "" : $" ({origin.Place})";

    /// <summary>Checks the numbers of arguments that pick something.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One picks what is not there; the message names the argument, the element and the operation's line.</exception>
    public void Indices(CallArguments arguments, ReadOnlySpan<long> values)
    {
        foreach (var check in indices)
        {
            var below = check.Below.Evaluate(values);
            var argument = arguments[check.Argument];
            for (long i = 0; i < argument.Length; i++)
            {
                var index = At(argument, check.Type, i);
                if ((ulong)index >= (ulong)below && index != check.Range.Except) throw Wrong(check.Range, i, index, below);
            }
        }
    }

    /// <summary>Whether the numbers of a call at typical sizes pick what there is.</summary>
    public static bool Picks(CompiledFunction function, TypicalCall typical, CallArguments arguments)
    {
        foreach (var pick in typical.Picks)
        {
            var (argument, type, below) = (arguments[(int)pick[0]], function.TypeOf((int)pick[0]), pick[1]);
            for (long i = 0; i < argument.Length; i++)
                if (At(argument, type, i) is var index && (ulong)index >= (ulong)below && (pick.Length < 3 || index != pick[2])) return false;
        }
        return true;
    }

    static long At(CallArgument argument, DType type, long index) => type == DType.I64 ? ((long*)argument.Pointer)[index] : ((int*)argument.Pointer)[index];

    ArgumentOutOfRangeException Wrong(IndexRange range, long place, long index, long below) => new(
        range.Argument, $"{function.Name}: {range.Argument}[{place}] is {index}, expected 0 to {below - 1}{(range.Except is { } except and < 0 ? $" or {except}" : "")}: {range.What}{At(range.Origin)}.");
}
