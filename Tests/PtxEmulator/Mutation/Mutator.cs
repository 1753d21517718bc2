using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.PtxEmulator;

/// <summary>What a mutant does to a text.</summary>
public enum MutationKind
{
    BarrierDeleted,
    RegisterSwapped,
    ImmediateChanged,
    PredicateInverted,
    ComparisonChanged,
    OffsetChanged,
    MemberMaskChanged,
    RoundingChanged,
    CopyOrderDropped,

    /// <summary>Registers of a matrix exchanged, or a matrix loaded turned: made by tests that know such kernels.</summary>
    FragmentSwapped,

    /// <summary>Places in shared memory that are not moved as those who read them expect: made by tests that know such kernels.</summary>
    SwizzleChanged,
}

/// <summary>A text with one small fault.</summary>
public sealed record Mutant(MutationKind Kind, int Line, string Before, string After, string Text)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind}, line {Line}: {Before}  ->  {After}");
}

/// <summary>Makes small faults of the kinds that slip into a code generator; types stay right, so that the assembler would accept nearly all of them.</summary>
public sealed class Mutator
{
    readonly PtxModule module;
    readonly Random random;
    readonly List<Mutant> made = [];
    readonly Func<MutationKind, int, bool> keep;
    int number;

    Mutator(PtxModule module, int seed, Func<MutationKind, int, bool> keep)
    {
        (this.module, this.keep) = (module, keep);
        random = new Random(seed);
    }

    /// <summary>All mutants of a module; the seed chooses among registers and numbers, where there are several.</summary>
    /// <param name="text">The module.</param>
    /// <param name="seed">What is chosen.</param>
    /// <param name="keep">Which of them are made, by kind and number, for each holds the whole text; all when left out.</param>
    public static IReadOnlyList<Mutant> Make(string text, int seed = 1, Func<MutationKind, int, bool>? keep = null)
    {
        var mutator = new Mutator(Parser.Parse(text), seed, keep ?? ((_, _) => true));
        foreach (var function in mutator.module.Functions)
        {
            var statements = function.Body.OfType<InstructionStatement>().ToList();
            var registers = statements.SelectMany(statement => statement.Operands.SelectMany(Leaves).OfType<NameOperand>().Select(name => statement.Scope.Find(name.Name))).OfType<Register>().Distinct().ToList();
            foreach (var statement in statements) mutator.Mutate(statement, registers);
        }
        return mutator.made;
    }

    static IEnumerable<Operand> Leaves(Operand operand) => operand switch
    {
        AddressOperand address => address.Base is null ? [] : Leaves(address.Base),
        VectorOperand vector => vector.Elements.SelectMany(Leaves),
        ListOperand list => list.Elements.SelectMany(Leaves),
        PairOperand pair => Leaves(pair.First).Concat(Leaves(pair.Second)),
        NegatedOperand negated => Leaves(negated.Inner),
        _ => [operand],
    };

    void Replace(MutationKind kind, InstructionStatement statement, Span span, string with)
    {
        if (!keep(kind, number++)) return;
        var text = string.Concat(module.Source.AsSpan(0, span.Start.Offset), with, module.Source.AsSpan(span.End));
        var (start, end) = (statement.Position.Offset, statement.End + with.Length - span.Length);
        made.Add(new Mutant(kind, statement.Position.Line, statement.Text, text[start..end], text));
    }

    void Delete(MutationKind kind, InstructionStatement statement) => Replace(kind, statement, new Span(statement.Position, statement.End - statement.Position.Offset), "");

    void Mutate(InstructionStatement statement, List<Register> registers)
    {
        var names = statement.Modifiers.Select(modifier => modifier.Name).ToList();
        if (statement.Opcode is "bar" or "barrier") Delete(MutationKind.BarrierDeleted, statement);
        if (statement.Opcode == "cp" && names.Any(name => name is "commit_group" or "wait_group" or "wait_all")) Delete(MutationKind.CopyOrderDropped, statement);
        if (statement.Guard is { } guard) Replace(MutationKind.PredicateInverted, statement, guard.Mark, guard.Negated ? "@" : "@!");
        MutateModifiers(statement);
        var mask = statement.Opcode is "shfl" or "vote" or "match" || statement.Opcode == "bar" && names.Contains("warp") ? statement.Operands[^1] : null;
        foreach (var operand in statement.Operands)
        {
            if (operand is AddressOperand address) MutateOffset(statement, address, AccessSize(names));
            foreach (var leaf in Leaves(operand))
                if (leaf is ImmediateOperand { Kind: ImmediateKind.Integer } immediate) MutateNumber(statement, immediate, isMask: ReferenceEquals(operand, mask));
                else if (leaf is NameOperand name && statement.Scope.Find(name.Name) is Register register)
                {
                    var others = registers.Where(other => other.Type == register.Type && other != register && ReferenceEquals(statement.Scope.Find(other.Name), other)).ToList();
                    if (others.Count > 0) Replace(MutationKind.RegisterSwapped, statement, name.Span, others[random.Next(others.Count)].Name);
                }
        }
    }

    /// <summary>One access further, or one back.</summary>
    void MutateOffset(InstructionStatement statement, AddressOperand address, int step)
    {
        if (address.OffsetSpan is { } offset) Replace(MutationKind.OffsetChanged, statement, offset, (address.Offset + (random.Next(2) == 0 ? step : -step)).ToString(CultureInfo.InvariantCulture));
        else if (address.Base is { } at) Replace(MutationKind.OffsetChanged, statement, address.Span, string.Create(CultureInfo.InvariantCulture, $"[{module.Source.AsSpan(at.Span.Start.Offset, at.Span.Length)}+{step}]"));
    }

    void MutateNumber(InstructionStatement statement, ImmediateOperand immediate, bool isMask)
    {
        if (isMask)
            foreach (var wrong in new[] { "0x7fffffff", "0x0000ffff" }) Replace(MutationKind.MemberMaskChanged, statement, immediate.Span, wrong);
        else
        {
            var up = immediate.Bits == 0 || random.Next(2) == 0;
            Replace(MutationKind.ImmediateChanged, statement, immediate.Span, ((long)immediate.Bits + (up ? 1 : -1)).ToString(CultureInfo.InvariantCulture));
        }
    }

    static int AccessSize(List<string> modifiers)
    {
        var size = modifiers.Count > 0 && PtxTypes.TryParse(modifiers[^1], out var type) ? Math.Max(1, type.Size()) : 16;
        return size * (modifiers.Contains("v2") ? 2 : modifiers.Contains("v4") ? 4 : 1);
    }

    static readonly Dictionary<string, string> Comparisons = new(StringComparer.Ordinal)
    {
        ["lt"] = "le", ["le"] = "lt", ["gt"] = "ge", ["ge"] = "gt", ["eq"] = "ne", ["ne"] = "eq",
        ["ltu"] = "leu", ["leu"] = "ltu", ["gtu"] = "geu", ["geu"] = "gtu", ["equ"] = "neu", ["neu"] = "equ",
        ["lo"] = "ls", ["ls"] = "lo", ["hi"] = "hs", ["hs"] = "hi",
    };

    static readonly Dictionary<string, string> Roundings = new(StringComparer.Ordinal) { ["rn"] = "rz", ["rz"] = "rn", ["rni"] = "rzi", ["rzi"] = "rni", ["rmi"] = "rpi", ["rpi"] = "rmi" };

    void MutateModifiers(InstructionStatement statement)
    {
        foreach (var modifier in statement.Modifiers)
        {
            if (statement.Opcode is "setp" or "set" && Comparisons.TryGetValue(modifier.Name, out var comparison)) Replace(MutationKind.ComparisonChanged, statement, modifier.Span, comparison);
            if (Roundings.TryGetValue(modifier.Name, out var rounding)) Replace(MutationKind.RoundingChanged, statement, modifier.Span, rounding);
        }
    }
}
