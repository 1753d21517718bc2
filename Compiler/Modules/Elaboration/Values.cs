using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

// What an expression can be while building. C#'s own null, bool, char, numbers and strings are boxed as they are (Half and BFloat16 as a rounded float); the rest is here.
// A tensor is an Ir.Value of the function being built, or one of the kinds of tensors below that become one when an operation takes them.

/// <summary>A member of an enumeration.</summary>
sealed record EnumValue(string Enum, string Member, long Value)
{
    public bool Equals(EnumValue? other) => other is not null && other.Enum == Enum && other.Value == Value;
    public override int GetHashCode() => Value.GetHashCode();
    public override string ToString() => Member;
}

/// <summary>An integer that is known when the model is called: a size with named dimensions. Never constant: constants are numbers.</summary>
sealed record DimValue(Dim Dim)
{
    /// <summary>A number of the given type where the polynomial is constant, else a <see cref="DimValue"/>.</summary>
    public static object Of(Dim dim, TypeKind kind)
    {
        if (!dim.TryConstant(out var value)) return new DimValue(dim);
        if (kind == TypeKind.Int64) return value;
        return checked((int)value);
    }

    public override string ToString() => Dim.ToString();
}

/// <summary>The variable of a loop over a named axis: another number in each iteration.</summary>
/// <param name="Loop">Its body.</param>
/// <param name="Index">The iteration's number, counted from 0, in the body.</param>
/// <param name="First">Its number in iteration 0.</param>
/// <param name="Count">How many iterations there are.</param>
/// <param name="Name">The variable, for messages.</param>
sealed record IterationValue(LoopBuild Loop, Value Index, Dim First, Dim Count, string Name);

/// <summary>An array of any rank, compared by identity.</summary>
sealed class ArrayValue(object?[] items, TypeRef element, int[]? lengths = null)
{
    public object?[] Items { get; } = items;
    public TypeRef Element { get; } = element;

    /// <summary>The length of each dimension.</summary>
    public int[] Lengths { get; } = lengths ?? [items.Length];

    /// <summary>Whether a mistake kept it from being filled.</summary>
    public bool IsPoisoned { get; set; }
}

/// <summary>A <c>List&lt;T&gt;</c>.</summary>
sealed class ListValue(IEnumerable<object?> items, TypeRef element)
{
    public List<object?> Items { get; } = [.. items];
    public TypeRef Element { get; } = element;

    /// <summary>Whether a mistake kept it from being filled.</summary>
    public bool IsPoisoned { get; set; }
}

/// <summary>A tuple, compared element by element.</summary>
sealed class TupleValue(object?[] items)
{
    public object?[] Items { get; } = items;
}

/// <summary><c>^n</c> or an index from the start.</summary>
sealed record IndexValue(int Value, bool FromEnd);

/// <summary><c>a..b</c></summary>
sealed record RangeValue(IndexValue Start, IndexValue End);

/// <summary>How a parameter gets its first numbers.</summary>
sealed record InitializerValue(InitSpec Spec);

/// <summary>A scalar without an element type of its own: it takes that of what it is combined with.</summary>
sealed record ScalarValue(double Number, bool IsInteger);

/// <summary>A parameter or state: one object for each <c>new</c>, so sharing it is sharing its numbers.</summary>
sealed class Handle(StateKind kind, TensorType type, InitSpec init, string? name, Instance? creator, Location location)
{
    public StateKind Kind { get; } = kind;
    public TensorType Type { get; } = type;
    public InitSpec Init { get; } = init;
    public string? Name { get; } = name;

    /// <summary>The module in whose construction it was made, for messages.</summary>
    public Instance? Creator { get; } = creator;
    public Location Location { get; } = location;

    /// <summary>What it is stored in where that is not its type.</summary>
    public string Storage { get; init; } = StateStorages.Full;

    /// <summary>What the program says of it, once it has a path.</summary>
    public StateDecl Declaration => new(Path!, Type, Kind, Init) { Storage = Storage };

    /// <summary>What stands in its place, first to last.</summary>
    public List<SubstituteValue> Substitutes { get; } = [];

    /// <summary>Where the model holds it; null until the model is complete, and for ever if no field does.</summary>
    public string? Path { get; set; }
}

/// <summary>What stands in a parameter's place.</summary>
/// <param name="Name">What its own parameters are under, below the parameter.</param>
/// <param name="Module">What computes it.</param>
/// <param name="Forward">How.</param>
/// <param name="Location">The call that put it there.</param>
sealed record SubstituteValue(string Name, Instance Module, string Forward, Location Location);

/// <summary>A module or record.</summary>
sealed class Instance(ClassDef type)
{
    readonly Dictionary<(string Owner, string Name), object?> fields = [];

    public ClassDef Type { get; } = type;

    /// <summary>Fields and auto-properties by declaring class.</summary>
    public object? this[string owner, string field]
    {
        get => fields.TryGetValue((owner, field), out var value) ? value : null;
        set => fields[(owner, field)] = value;
    }

    public bool Has(string owner, string field) => fields.ContainsKey((owner, field));

    public IEnumerable<KeyValuePair<(string Owner, string Name), object?>> Fields => fields;

    /// <summary>The arguments of each class's primary constructor, which members see.</summary>
    public Dictionary<(string Owner, string Name), object?> Captured { get; } = [];

    /// <summary>The arguments that it was made with.</summary>
    public object?[] Arguments { get; set; } = [];

    /// <summary>The identity of the constructor that was called.</summary>
    public string Constructor { get; set; } = ".ctor()";

    /// <summary>The call that made it, in the model's own assembly where there is one.</summary>
    public Location Location { get; set; } = Location.None;

    /// <summary>True while its constructor runs: the only time a module may change.</summary>
    public bool IsOpen { get; set; } = true;

    /// <summary>Its place in the model: <c>blocks.0</c>; null when no field holds it.</summary>
    public string? Path { get; set; }

    /// <summary>The path that its parameters are under, or what people call it.</summary>
    public string Place => Path ?? "";

    /// <summary>A shallow copy, for <c>with</c>.</summary>
    public Instance Copy()
    {
        var copy = new Instance(Type) { Arguments = Arguments, Constructor = Constructor, Location = Location };
        foreach (var pair in fields) copy.fields[pair.Key] = pair.Value;
        foreach (var pair in Captured) copy.Captured[pair.Key] = pair.Value;
        return copy;
    }
}

/// <summary>A lambda, local function or method as a value.</summary>
abstract class FunctionValue;

/// <summary>A lambda or local function with the variables around it.</summary>
sealed class Closure(EquatableArray<string> parameters, BlockStatement body, Scope scope, Frame frame, string name) : FunctionValue
{
    public EquatableArray<string> Parameters { get; } = parameters;
    public BlockStatement Body { get; } = body;
    public Scope Scope { get; } = scope;

    /// <summary>The call in which it was made: its <c>this</c>.</summary>
    public Frame Frame { get; } = frame;
    public string Name { get; } = name;
}

/// <summary>A method of an object, or a static one.</summary>
sealed class MethodValue(object? target, string owner, string method, bool isVirtual) : FunctionValue
{
    public object? Target { get; } = target;
    public string Owner { get; } = owner;
    public string Method { get; } = method;
    public bool IsVirtual { get; } = isVirtual;
}

/// <summary>The variables of a block. Blocks are many and their variables few, so they are a chain of cells rather than a table.</summary>
sealed class Scope(Scope? parent)
{
    sealed class Cell(string name, object? value, Cell? next)
    {
        public string Name { get; } = name;
        public object? Value { get; set; } = value;
        public Cell? Next { get; } = next;
    }

    Cell? variables;
    Dictionary<string, Closure>? functions;

    Scope? Parent { get; } = parent;

    public void Declare(string name, object? value)
    {
        for (var cell = variables; cell is not null; cell = cell.Next)
            if (cell.Name == name)
            {
                cell.Value = value;
                return;
            }
        variables = new(name, value, variables);
    }

    Cell? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
            for (var cell = scope.variables; cell is not null; cell = cell.Next)
                if (cell.Name == name) return cell;
        return null;
    }

    /// <summary>Gives a new value to a variable, wherever around here it was declared; declares it here if nowhere (a pattern's variable).</summary>
    public void Assign(string name, object? value)
    {
        if (Find(name) is { } cell) cell.Value = value;
        else Declare(name, value);
    }

    public bool TryGet(string name, out object? value)
    {
        var cell = Find(name);
        value = cell?.Value;
        return cell is not null;
    }

    public void Declare(Closure function) => (functions ??= new(StringComparer.Ordinal))[function.Name] = function;

    public Closure? Function(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
            if (scope.functions is { } mine && mine.TryGetValue(name, out var function)) return function;
        return null;
    }
}

/// <summary>A call: what runs, on whom, and from where.</summary>
/// <param name="Callee">For people: <c>Linear.Forward</c>.</param>
/// <param name="This">The object, or null.</param>
/// <param name="Class">The class whose code runs: the owner of captured parameters.</param>
/// <param name="IsOwn">Whether the code lies in the model's own assembly.</param>
/// <param name="CallLocation">The call's place.</param>
/// <param name="Caller">The call that this one was made in.</param>
sealed record Frame(string Callee, Instance? This, string Class, bool IsOwn, Location CallLocation, Frame? Caller)
{
    /// <summary>How many calls lie around this one.</summary>
    public int Depth { get; } = (Caller?.Depth ?? 0) + 1;

    /// <summary>The path of the module that runs, or of the nearest one around.</summary>
    public string Path
    {
        get
        {
            for (var frame = this; frame is not null; frame = frame.Caller)
                if (frame.This?.Path is { } path) return path;
            return "";
        }
    }
}
