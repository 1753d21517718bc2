using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The functions that loops and branches need beside kernels: they run in one thread.</summary>
static class PtxControl
{
    const string NumberName = "set_number", FlagName = "set_flag";

    /// <summary>Writes a number to an operand of the launch.</summary>
    public static PtxLaunch SetNumber(int operand, long number) => new(NumberName, 1, 1, 0, [PtxValue.At(operand), PtxValue.Of(number)]);

    /// <summary>Sets a flag: whether the condition, an operand of the launch, holds, or with <paramref name="isInverted"/> does not, and the flag around it is set.</summary>
    public static PtxLaunch SetFlag(int flag, int condition, bool isInverted, int around) =>
        new(FlagName, 1, 1, 0, [PtxValue.Flag(flag), PtxValue.At(condition), PtxValue.Of(isInverted ? 1 : 0), PtxValue.Flag(around)]);

    /// <summary>Those that a program needs.</summary>
    public static IEnumerable<PtxTarget.Function> Functions(LoweredProgram program)
    {
        var launches = program.Functions.SelectMany(f => f.Launches).ToList();
        if (launches.Any(l => l is RepeatLaunch { ReadsIndex: true })) yield return new(NumberName, Number(), 1, 0);
        if (launches.Any(l => l is BranchLaunch or RepeatLaunch { IsConditional: true })) yield return new(FlagName, Flag(), 1, 0);
    }

    static string Number()
    {
        var code = new PtxWriter(new(NumberName, false), 1);
        code.Head.Add("the number of an iteration, as a tensor");
        var (to, number) = (code.Parameter("to"), code.Parameter("number"));
        code.Do($"st.global.s64 [{to}], {number}");
        return code.ToString();
    }

    static string Flag()
    {
        var code = new PtxWriter(new(FlagName, false), 1);
        code.Head.Add("whether what follows runs");
        var (to, condition, inverted, around) = (code.Parameter("flag"), code.Parameter("condition"), code.Parameter("inverted"), code.Parameter("around"));
        PtxOperand Byte(PtxOperand address) => code.Compare("ne", "s32", code.Instruction("ld.global.u8", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "[" + address + "]")), PtxOperand.Word(0));
        // Where nothing around it runs, nobody has written the condition.
        var (result, outside) = (code.Copy(PtxOperand.Word(0)), code.Label("OUTSIDE"));
        code.Branch(outside, Byte(around), inverted: true);
        var holds = code.Instruction("xor.pred", RegisterClass.Predicate, Byte(condition), code.Compare("ne", "s64", inverted, PtxOperand.Long(0)));
        code.Write("selp.b32", result, PtxOperand.Word(1), PtxOperand.Word(0), holds);
        code.Place(outside);
        code.Do($"st.global.u8 [{to}], {result}");
        return code.ToString();
    }
}
