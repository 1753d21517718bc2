using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>One instruction while it is decoded: takes its modifiers in order and checks its operands as the assembler does.</summary>
sealed class Site(InstructionStatement statement, ProgramBuilder builder)
{
    readonly List<int> reads = [], writes = [];
    int modifier;

    public InstructionStatement Statement => statement;
    public ProgramBuilder Builder => builder;
    public int Count => statement.Operands.Count;
    public Operand this[int index] => statement.Operands[index];
    public int[] Reads => [.. reads];
    public int[] Writes => [.. writes];

    public PtxSyntaxException Refuse(string message) => new(statement.Position, $"{message} In: {statement.Text}");
    static PtxSyntaxException Refuse(Operand operand, string message) => new(operand.Span.Start, message);

    // Modifiers.

    public string? Next => modifier < statement.Modifiers.Count ? statement.Modifiers[modifier].Name : null;

    public bool Take(string name)
    {
        if (Next != name) return false;
        modifier++;
        return true;
    }

    public string? TakeAny(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) if (Take(name)) return name;
        return null;
    }

    public string Expect(params ReadOnlySpan<string> names) => TakeAny(names) ?? throw WrongModifier($".{string.Join(", .", names.ToArray())}");

    public PtxType TakeType(params ReadOnlySpan<PtxType> allowed)
    {
        if (Next is { } name && PtxTypes.TryParse(name, out var type) && allowed.Contains(type)) { modifier++; return type; }
        throw WrongModifier("the type ." + string.Join(", .", allowed.ToArray().Select(t => t.Name())));
    }

    PtxSyntaxException WrongModifier(string expected)
    {
        var position = modifier < statement.Modifiers.Count ? statement.Modifiers[modifier].Span.Start : statement.Position;
        return new PtxSyntaxException(position, $"'{statement.Opcode}' takes {expected} here, not {(Next is null ? "nothing" : "." + Next)}.");
    }

    /// <summary>No modifiers are left, and there are as many operands as the instruction has.</summary>
    public void Done(int operands)
    {
        if (Next is not null) throw new PtxSyntaxException(statement.Modifiers[modifier].Span.Start, $"'{statement.Opcode}' does not take .{Next} here, or the emulator does not model it.");
        if (Count != operands) throw Refuse($"'{statement.Opcode}' takes {operands} operands here, not {Count}.");
    }

    /// <summary>Refuses an instruction that the module's target lacks.</summary>
    public void Requires(int sm, int major, int minor)
    {
        if (builder.Module.Sm < sm) throw Refuse($"'{statement.Opcode}' of this form needs .target sm_{sm} or higher, not {builder.Module.Target}.");
        if (builder.Module.Version < new Version(major, minor)) throw Refuse($"'{statement.Opcode}' of this form needs .version {major}.{minor} or higher, not {builder.Module.Version}.");
    }

    // Operands: what comes back says where the 32 values lie (Warp.Read, Warp.Write).

    public int Read(int index, PtxType type) => Read(statement.Operands[index], type);

    public int Read(Operand operand, PtxType type)
    {
        switch (operand)
        {
            case ImmediateOperand immediate:
                if (!Immediates.TryFit(immediate, type, out var bits)) throw Refuse(operand, $"this number is no operand of type .{type.Name()}.");
                return builder.Constant(bits, type.Size());
            case NameOperand name:
                return Read(Register(name, type, wider: false));
            default:
                throw Refuse(operand, $"a register or number of type .{type.Name()} is expected here.");
        }
    }

    /// <summary>Reads a register in some lanes only, which the instruction checks itself; the index is -1 for a number.</summary>
    public (int At, int Index) ReadInSomeLanes(int index, PtxType type)
    {
        if (statement.Operands[index] is not NameOperand name) return (Read(index, type), -1);
        var register = Register(name, type, wider: false);
        return (register.Offset, register.Index);
    }

    /// <summary>Reads a register that may be wider than the type; gives the register's own type.</summary>
    public (int At, PtxType Register) ReadWide(Operand operand, PtxType type)
    {
        if (operand is ImmediateOperand) return (Read(operand, type), type);
        if (operand is not NameOperand name) throw Refuse(operand, $"a register or number of type .{type.Name()} is expected here.");
        var register = Register(name, type, wider: true);
        return (Read(register), register.Type);
    }

    int Read(RegisterSlot slot)
    {
        if (!reads.Contains(slot.Index)) reads.Add(slot.Index);
        return slot.Offset;
    }

    public int Write(int index, PtxType type) => Write(statement.Operands[index], type);

    public int Write(Operand operand, PtxType type)
    {
        if (operand is not NameOperand name) throw Refuse(operand, $"a register of type .{type.Name()} is expected here.");
        var register = Register(name, type, wider: false);
        return Write(register);
    }

    public (int At, PtxType Register) WriteWide(Operand operand, PtxType type)
    {
        if (operand is not NameOperand name) throw Refuse(operand, $"a register of type .{type.Name()} is expected here.");
        var register = Register(name, type, wider: true);
        return (Write(register), register.Type);
    }

    int Write(RegisterSlot slot)
    {
        if (writes.Contains(slot.Index)) throw Refuse($"register {slot.Name} is written twice.");
        writes.Add(slot.Index);
        return slot.Offset;
    }

    RegisterSlot Register(NameOperand name, PtxType type, bool wider)
    {
        if (statement.Scope.Find(name.Name) is not Register register) throw Refuse(name, Unknown(name, "register"));
        if (name.Offset != 0) throw Refuse(name, "a register has no offset here.");
        if (!(wider ? type.AcceptsWider(register.Type) : type.Accepts(register.Type))) throw Refuse(name, $"register {name.Name} is .{register.Type.Name()}, but the instruction is of type .{type.Name()}.");
        return builder.Slot(register);
    }

    string Unknown(NameOperand name, string expected) => statement.Scope.Find(name.Name) is null ? $"'{name.Name}' is not defined here." : $"'{name.Name}' is no {expected}.";

    /// <summary>Index of a predicate register.</summary>
    public int ReadPredicate(Operand operand)
    {
        if (operand is not NameOperand name || statement.Scope.Find(name.Name) is not Register { Type: PtxType.Pred } register) throw Refuse(operand, "a predicate register is expected here.");
        var slot = builder.Slot(register);
        Read(slot);
        return slot.Index;
    }

    public (int Index, bool Negated) ReadPredicateOrNot(Operand operand)
        => operand is NegatedOperand negated ? (ReadPredicate(negated.Inner), true) : (ReadPredicate(operand), false);

    /// <summary>Index of a predicate register that is written; -1 for a sink.</summary>
    public int WritePredicate(Operand operand)
    {
        if (operand is SinkOperand) return -1;
        if (operand is not NameOperand name || statement.Scope.Find(name.Name) is not Register { Type: PtxType.Pred } register) throw Refuse(operand, "a predicate register is expected here.");
        var slot = builder.Slot(register);
        Write(slot);
        return slot.Index;
    }

    /// <summary>The elements of a vector operand, or the operand itself.</summary>
    public static IReadOnlyList<Operand> Elements(Operand operand) => operand is VectorOperand vector ? vector.Elements : [operand];

    public PtxType? RegisterType(Operand operand) => operand is NameOperand name && statement.Scope.Find(name.Name) is Register register ? register.Type : null;

    /// <summary>An integer that has to stand in the text.</summary>
    public long Integer(Operand operand) => operand is ImmediateOperand { Kind: ImmediateKind.Integer } immediate ? (long)immediate.Bits : throw Refuse(operand, "a number is expected here.");
}

/// <summary>A register of a program: where its 32 values lie, and its index for predicates and for what is initialised.</summary>
sealed record RegisterSlot(int Index, int Offset, string Name, PtxType Type);
