using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>Where a variable lives.</summary>
public enum StateSpace { Generic, Register, Param, Global, Shared, Const, Local }

/// <summary>A module as its text says it.</summary>
public sealed record PtxModule(string Source, Version Version, string Target, int AddressSize, IReadOnlyList<Variable> Variables, IReadOnlyList<Function> Functions, IReadOnlyList<Comment> Comments)
{
    /// <summary>The number of the target, 80 for <c>sm_80</c>.</summary>
    public int Sm { get; } = int.Parse(new string([.. Target.Where(char.IsAsciiDigit)]), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The last comment above a line or on it, which usually names the source line that an instruction comes from; null if there is none.</summary>
    public string? CommentFor(int line) => Comments.LastOrDefault(comment => comment.Position.Line <= line && comment.Position.Line > line - 40)?.Text;
}

/// <summary>A variable: <see cref="Count"/> elements (null: not an array; 0: an array without a size, as dynamic shared memory is).</summary>
public sealed record Variable(StateSpace Space, PtxType Type, int Vector, string Name, int Align, long? Count, IReadOnlyList<ulong> Initial, bool Extern, Position Position)
{
    /// <summary>Bytes that it takes.</summary>
    public long Size => (long)Type.Size() * Vector * (Count ?? 1);
}

/// <summary>A kernel (<c>.entry</c>) or a device function (<c>.func</c>).</summary>
public sealed class Function(string name, bool isEntry, Position position, Scope module)
{
    public string Name { get; } = name;
    public bool IsEntry { get; } = isEntry;
    public Position Position { get; } = position;
    public List<Variable> Results { get; } = [];
    public List<Variable> Parameters { get; } = [];
    public List<Statement> Body { get; } = [];
    public Scope Scope { get; } = new(module);
    /// <summary>Threads of a block at most (<c>.maxntid</c>), or exactly (<c>.reqntid</c>).</summary>
    public (int X, int Y, int Z)? MaxThreads { get; set; }
    public (int X, int Y, int Z)? RequiredThreads { get; set; }
    public override string ToString() => Name;
}

/// <summary>What names mean between two braces; an inner scope hides an outer one.</summary>
public sealed class Scope(Scope? parent)
{
    readonly Dictionary<string, object> named = new(StringComparer.Ordinal);
    readonly List<(string Prefix, int Count, PtxType Type)> ranges = [];

    public bool TryAdd(string name, object meaning) => named.TryAdd(name, meaning);
    public void AddRange(string prefix, int count, PtxType type) => ranges.Add((prefix, count, type));

    /// <summary>A <see cref="Register"/>, <see cref="Variable"/> or <see cref="Label"/>; null if nothing has this name.</summary>
    public object? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope.named.TryGetValue(name, out var meaning)) return meaning;
            foreach (var (prefix, count, type) in scope.ranges)
                if (name.StartsWith(prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(prefix.Length), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var index)
                    && index < count && (name.Length == prefix.Length + 1 || name[prefix.Length] != '0'))
                {
                    var register = new Register(name, type);
                    scope.named.Add(name, register);
                    return register;
                }
        }
        return null;
    }

    Scope? Outer { get; } = parent;
}

public sealed record Register(string Name, PtxType Type)
{
    public bool Equals(Register? other) => ReferenceEquals(this, other);
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

public sealed record Label(string Name, Position Position);

public abstract record Statement(Position Position);

public sealed record LabelStatement(Label Label) : Statement(Label.Position);

/// <summary>An instruction: <c>@p opcode.modifier.modifier operand, operand;</c></summary>
public sealed record InstructionStatement(Position Position, Guard? Guard, string Opcode, IReadOnlyList<Modifier> Modifiers, IReadOnlyList<Operand> Operands, Scope Scope, int End, string Text) : Statement(Position)
{
    public override string ToString() => Text;
}

/// <summary>The predicate before an instruction; <see cref="Mark"/> is where its <c>@</c> or <c>@!</c> stands.</summary>
public sealed record Guard(string Name, bool Negated, Span Mark, Span NameSpan);

/// <summary>A part of an instruction's name after a dot, without the dot.</summary>
public sealed record Modifier(string Name, Span Span);

public abstract record Operand(Span Span);
/// <summary>A register, variable, label or function, or a variable with an offset.</summary>
public sealed record NameOperand(Span Span, string Name, long Offset = 0) : Operand(Span);
/// <summary>A special register such as <c>%tid.x</c>.</summary>
public sealed record SpecialOperand(Span Span, string Name) : Operand(Span);
public enum ImmediateKind { Integer, Float32, Float64 }
/// <summary>A number; bits of a float, two's complement of an integer.</summary>
public sealed record ImmediateOperand(Span Span, ImmediateKind Kind, ulong Bits) : Operand(Span);
public sealed record NegatedOperand(Span Span, Operand Inner) : Operand(Span);
public sealed record PairOperand(Span Span, Operand First, Operand Second) : Operand(Span);
public sealed record AddressOperand(Span Span, Operand? Base, long Offset, Span? OffsetSpan) : Operand(Span);
public sealed record VectorOperand(Span Span, IReadOnlyList<Operand> Elements) : Operand(Span);
public sealed record ListOperand(Span Span, IReadOnlyList<Operand> Elements) : Operand(Span);
/// <summary><c>_</c>: a result that nobody wants.</summary>
public sealed record SinkOperand(Span Span) : Operand(Span);
