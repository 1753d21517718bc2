using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Writes one kernel: its parameters, registers by class, instructions, labels. Every parameter is a number of 64 bits; registers are made as they are needed and declared at the head. What a register may hold is
/// checked where it is written: an instruction gives its result in the class that the caller asks for.
/// </summary>
sealed class PtxWriter
{
    readonly PtxEntry entry;
    readonly int threads, blocks;
    readonly List<string> parameters = [];
    readonly List<string> body = [];
    readonly int[] registers = new int[Enum.GetValues(typeof(RegisterClass)).Length];
    int labels;

    // What a launch may hand over on every card.
    const int MostParameterBytes = 4352;

    /// <param name="entry">The kernel's name in the module, and whether it asks a flag first.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="blocks">How many blocks a multiprocessor shall have room for, which bounds the registers of a thread; 0 leaves them to the assembler.</param>
    public PtxWriter(PtxEntry entry, int threads, int blocks = 0)
    {
        (this.entry, this.threads, this.blocks) = (entry, threads, blocks);
        if (!entry.IsGuarded) return;
        var flag = Instruction("ld.param.u64", RegisterClass.Long, new PtxOperand(RegisterClass.Long, "[" + PtxEntry.When + "]"));
        Do("ret", Compare("eq", "s32", Instruction("ld.global.u8", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "[" + flag + "]")), PtxOperand.Word(0)));
    }

    /// <summary>Comment lines above the kernel.</summary>
    public List<string> Head { get; } = [];

    /// <summary>Whether it uses memory of the block, whose size the launch says.</summary>
    public bool UsesShared { get; private set; }

    /// <summary>Declares a parameter.</summary>
    /// <returns>Its value.</returns>
    public PtxOperand Parameter(string parameter)
    {
        parameters.Add(parameter);
        return Instruction("ld.param.u64", RegisterClass.Long, new PtxOperand(RegisterClass.Long, "[" + parameter + "]"));
    }

    /// <summary>A register that nothing has written yet.</summary>
    public PtxOperand Register(RegisterClass of) => new(of, of.Prefix() + (registers[(int)of]++).ToString(CultureInfo.InvariantCulture));

    /// <summary>An instruction that gives a result.</summary>
    public PtxOperand Instruction(string opcode, RegisterClass result, params PtxOperand[] operands)
    {
        var to = Register(result);
        Write(opcode, to, operands);
        return to;
    }

    /// <summary>An instruction that writes a register that is there.</summary>
    public void Write(string opcode, PtxOperand to, params PtxOperand[] operands) => Line($"{opcode} {string.Join(", ", operands.Prepend(to).Select(o => o.Text))};");

    /// <summary>An instruction without a result.</summary>
    public void Do(string text, PtxOperand? guard = null, bool inverted = false) => Line($"{(guard is { } p ? $"@{(inverted ? "!" : "")}{p} " : "")}{text};");

    /// <summary>Copies a value to a register that is there.</summary>
    public void Assign(PtxOperand to, PtxOperand from)
    {
        if (to.Class != from.Class) throw new InvalidOperationException($"{entry.Name}: {from} is no value for {to}.");
        Line($"mov.{to.Class.Type()} {to}, {from};");
    }

    /// <summary>A register of its own with a value.</summary>
    public PtxOperand Copy(PtxOperand from)
    {
        var to = Register(from.Class);
        if (from.Class == RegisterClass.Predicate && !from.IsRegister) throw new InvalidOperationException($"{entry.Name}: {from} is no predicate.");
        Assign(to, from);
        return to;
    }

    /// <summary>A label that stands nowhere yet.</summary>
    public string Label(string what) => "$" + what + (labels++).ToString(CultureInfo.InvariantCulture);

    /// <summary>Puts a label here.</summary>
    public void Place(string label) => body.Add(label + ":");

    /// <summary>Goes to a label where a predicate holds.</summary>
    public void Branch(string label, PtxOperand predicate, bool inverted = false) => Do("bra " + label, predicate, inverted);

    /// <summary>A comparison of two operands of one class.</summary>
    public PtxOperand Compare(string comparison, string type, PtxOperand a, PtxOperand b) => Instruction($"setp.{comparison}.{type}", RegisterClass.Predicate, a, b);

    /// <summary>A line of comment, from which reports tell where they are.</summary>
    public void Comment(string text) => body.Add("    // " + text);

    /// <summary>The address of the block's memory, as a number of 32 bits.</summary>
    public PtxOperand Shared()
    {
        UsesShared = true;
        return Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, PtxTarget.SharedName));
    }

    void Line(string text) => body.Add("    " + text);

    /// <summary>The whole kernel.</summary>
    /// <exception cref="NotSupportedException">It has more parameters than every card takes.</exception>
    public override string ToString()
    {
        if (parameters.Count * sizeof(long) > MostParameterBytes - sizeof(long)) throw new NotSupportedException($"{entry.Name} has {parameters.Count} parameters of 8 bytes, but cards take {MostParameterBytes} bytes in all.");
        var text = new StringBuilder();
        foreach (var line in Head) text.Append("// ").Append(line).Append('\n');
        text.Append(".visible .entry ").Append(entry.Name).Append("(\n");
        text.Append(string.Join(",\n", (entry.IsGuarded ? parameters.Append(PtxEntry.When) : parameters).Select(p => "    .param .u64 " + p))).Append("\n)\n");
        text.Append(".reqntid ").Append(threads.ToString(CultureInfo.InvariantCulture)).Append(", 1, 1\n");
        if (blocks > 0) text.Append(".minnctapersm ").Append(blocks.ToString(CultureInfo.InvariantCulture)).Append('\n');
        text.Append("{\n");
        for (var i = 0; i < registers.Length; i++)
            if (registers[i] > 0) text.Append("    .reg .").Append(((RegisterClass)i).Type()).Append(' ').Append(((RegisterClass)i).Prefix()).Append('<').Append(registers[i].ToString(CultureInfo.InvariantCulture)).Append(">;\n");
        text.Append('\n');
        foreach (var line in PtxUnused.Without(body)) text.Append(line).Append('\n');
        return text.Append("    ret;\n}\n").ToString();
    }
}

/// <summary>A function of a module.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsGuarded">It returns at once where the byte that its last parameter points to is 0.</param>
readonly record struct PtxEntry(string Name, bool IsGuarded)
{
    /// <summary>The last parameter of a guarded function.</summary>
    public const string When = "when";
}
