using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>
/// Finds the named dimensions of a call from how many elements its arguments have. An argument gives a symbol when its size is linear in it and every other symbol is known: 128 elements of
/// <c>[B, 64]</c> give B = 2. Symbols that no length gives, as in a lone <c>[B, T]</c>, are <see cref="Undetermined"/>: the caller states them.
/// </summary>
public sealed class DimSolver
{
    sealed record Step(int Symbol, int Parameter, Polynomial Unit, Shape UnitShape);

    readonly List<Step> steps = [];
    readonly List<int> places = []; // of the undetermined among the symbols
    readonly ImmutableArray<NamedTensor> parameters;

    /// <summary>What a call of a function needs; the dimensions that only states of sessions have stand last.</summary>
    public DimSolver(LoweredFunction function, ImmutableArray<DimSymbol> declared)
        : this(function.Signature.Parameters, declared, StateSymbols(function))
    {
    }

    /// <summary>The dimensions of the source that calls of a program's functions have, in the order of their declaration.</summary>
    public static IEnumerable<DimSymbol> Called(LoweredProgram program)
    {
        var called = new HashSet<string>(program.Functions.SelectMany(f => new DimSolver(f, program.Dims).Symbols).Select(s => DimSymbol.WholeOf(s.Name).Whole), StringComparer.Ordinal);
        return program.Dims.Where(d => called.Contains(d.Name));
    }

    /// <param name="parameters">The parameters whose lengths are known, in order.</param>
    /// <param name="declared">The program's dimensions.</param>
    /// <param name="others">Dimensions that neither lengths nor the caller give.</param>
    /// <exception cref="ArgumentException">A parameter uses a dimension that is not declared.</exception>
    public DimSolver(ImmutableArray<NamedTensor> parameters, ImmutableArray<DimSymbol> declared, IEnumerable<string>? others = null)
    {
        this.parameters = parameters;
        // Loops and lists of names alone, here and below: a model that starts loads and compiles every other kind of list and query that it meets.
        var list = new List<string>();
        foreach (var parameter in parameters)
            foreach (var dim in parameter.Shape.Dims) dim.AddSymbols(list);
        var names = list.ToImmutableArray();
        if (others is not null)
            foreach (var other in others)
                if (!list.Contains(other)) list.Add(other);
        var symbols = new DimSymbol[list.Count];
        for (var i = 0; i < symbols.Length; i++) symbols[i] = Declared(list[i], declared);
        Symbols = ImmutableCollectionsMarshal.AsImmutableArray(symbols);
        var known = new List<string>();
        var undetermined = ImmutableArray.CreateBuilder<string>();
        while (known.Count < names.Length)
        {
            if (TryStep(names, known, out var step))
            {
                steps.Add(step);
                known.Add(names[step.Symbol]);
                continue;
            }
            var stated = names.First(n => !known.Contains(n));
            places.Add(names.IndexOf(stated));
            undetermined.Add(DimSymbol.WholeOf(stated).Whole);
            known.Add(stated);
        }
        Undetermined = undetermined.ToImmutable();
    }

    static DimSymbol Declared(string name, ImmutableArray<DimSymbol> declared)
    {
        foreach (var symbol in declared)
            if (symbol.Name == name) return symbol;
        throw new ArgumentException($"The dimension {name} is not declared.", nameof(declared));
    }

    /// <summary>The dimensions that states have, which only those of sessions do.</summary>
    public static List<string> StateSymbols(LoweredFunction function)
    {
        var names = new List<string>();
        foreach (var buffer in function.Buffers)
            if (buffer.Kind == BufferKind.State) buffer.Elements.AddSymbols(names);
        return names;
    }

    /// <summary>The dimensions of the parameters, in the order in which they first occur, then others: the order of <see cref="Solve"/>'s values.</summary>
    public ImmutableArray<DimSymbol> Symbols { get; }

    /// <summary>Their names.</summary>
    public ImmutableArray<string> Names
    {
        get
        {
            var names = new string[Symbols.Length];
            for (var i = 0; i < names.Length; i++) names[i] = Symbols[i].Name;
            return ImmutableCollectionsMarshal.AsImmutableArray(names);
        }
    }

    /// <summary>Those that the caller has to state, in order; where a function has a part of one, the whole.</summary>
    public ImmutableArray<string> Undetermined { get; }

    /// <summary>The dimensions that a call of this function has to state, in order.</summary>
    public static ImmutableArray<string> UndeterminedOf(Function function, Program program) => new DimSolver(FunctionSignature.Of(function).Parameters, program.Dims).Undetermined;

    /// <summary>The dimensions that a call with arguments of these shapes has to state, in order.</summary>
    public static ImmutableArray<string> UndeterminedOf(IEnumerable<Shape> shapes)
    {
        var values = shapes.Select(shape => new NamedTensor("", new(DType.F32, shape))).ToImmutableArray();
        return new DimSolver(values, [.. values.SelectMany(v => v.Shape.SelectMany(d => d.Symbols)).Distinct(StringComparer.Ordinal).Select(name => new DimSymbol(name, 1, 1))]).Undetermined;
    }

    bool TryStep(ImmutableArray<string> names, List<string> known, [NotNullWhen(true)] out Step? step)
    {
        for (var p = 0; p < parameters.Length; p++)
        {
            var size = parameters[p].Shape.Size;
            var unknown = new List<string>();
            size.AddSymbols(unknown);
            for (var i = unknown.Count - 1; i >= 0; i--)
                if (known.Contains(unknown[i])) unknown.RemoveAt(i);
            if (unknown.Count != 1 || !Dim.TryDivide(size, Dim.Symbol(unknown[0]), out var unit) || unit.Has(unknown[0])) continue;
            var axis = 0;
            while (!parameters[p].Shape[axis].Has(unknown[0])) axis++;
            step = new(names.IndexOf(unknown[0]), p, new(unit, names), parameters[p].Shape.Remove(axis));
            return true;
        }
        step = null;
        return false;
    }

    /// <summary>The value of a dimension for one that the caller says of the whole: of a micro-batch, for that of its batch.</summary>
    /// <param name="function">The function's name, for messages.</param>
    /// <param name="name">The dimension.</param>
    /// <param name="whole">The size of what it is a part of, or of itself.</param>
    /// <exception cref="ArgumentException">That has no such equal parts.</exception>
    public static long PartOf(string function, string name, long whole) => DimSymbol.WholeOf(name) is var (of, parts) && whole % parts == 0 ? whole / parts : throw Uneven(function, of, parts, whole, of);

    /// <summary>The values of a function's dimensions for those of the source.</summary>
    /// <param name="function">The function's name, for messages.</param>
    /// <param name="binding">The sizes of the dimensions that the source names.</param>
    /// <exception cref="ArgumentException">One has no such equal parts as the function takes.</exception>
    public long[] ValuesOf(string function, DimBinding binding)
    {
        var values = new long[Symbols.Length];
        for (var i = 0; i < values.Length; i++) values[i] = PartOf(function, Symbols[i].Name, binding[DimSymbol.WholeOf(Symbols[i].Name).Whole]);
        return values;
    }

    /// <summary>What a caller states for the sizes of a call.</summary>
    /// <param name="binding">The sizes of the function's dimensions.</param>
    public long[] StatedBy(DimBinding binding)
    {
        var stated = new long[places.Count];
        for (var i = 0; i < stated.Length; i++) stated[i] = binding[Symbols[places[i]].Name] * DimSymbol.WholeOf(Symbols[places[i]].Name).Parts;
        return stated;
    }

    static ArgumentException Uneven(string function, string whole, long parts, long size, string? argument) =>
        new($"{function}: {whole} is {size}, of which {parts} micro-batches cannot each have as many rows: expected a multiple of {parts}.", argument);

    /// <summary>Fills in the value of every symbol. Allocates nothing unless it throws.</summary>
    /// <param name="function">The function's name, for messages.</param>
    /// <param name="lengths">Elements of each parameter.</param>
    /// <param name="stated">The values of <see cref="Undetermined"/>, in order.</param>
    /// <param name="values">Gets the value of each of <see cref="Symbols"/> but the others.</param>
    /// <exception cref="ArgumentException">A length is no multiple of what one unit of a dimension takes, or another number of dimensions is stated.</exception>
    public void Solve(string function, ReadOnlySpan<long> lengths, ReadOnlySpan<long> stated, Span<long> values)
    {
        if (stated.Length != Undetermined.Length)
            throw new ArgumentException($"{function} needs the dimensions [{string.Join(", ", Undetermined)}] to be stated, but {stated.Length} were.");
        for (var i = 0; i < stated.Length; i++)
            values[places[i]] = PartOf(function, Symbols[places[i]].Name, stated[i]);
        foreach (var step in steps)
        {
            var unit = step.Unit.Evaluate(values);
            var length = lengths[step.Parameter];
            if (unit <= 0 || length % unit != 0)
            {
                var parameter = parameters[step.Parameter];
                if (DimSymbol.WholeOf(Symbols[step.Symbol].Name) is var (whole, parts) && parts > 1 && unit > 0 && length % (unit / parts) == 0)
                    throw Uneven(function, whole, parts, length / (unit / parts), parameter.Name);
                throw new ArgumentException(
                    $"{function}: {parameter.Name} holds {length} elements, but its shape is {parameter.Shape}: expected a multiple of {unit}, one {Symbols[step.Symbol].Name} being {step.UnitShape}.", parameter.Name);
            }
            values[step.Symbol] = length / unit;
        }
    }
}
