namespace Graph.Compiler.Targets.Ptx;

/// <summary>Division by a size that is known when a kernel is launched: a product of 64 bits and a shift, by two numbers that the launch computes and hands over in one parameter.</summary>
public static class PtxReciprocal
{
    /// <summary>The name of the parameter.</summary>
    public static string NameOf(string size) => size + "_by";

    /// <summary>
    /// What stands for a divisor: m below 2³² in the low half, a shift s in the high half, so that a ÷ d = a·m ÷ 2ˢ for every a below 2³¹; 0 for what nobody divides by in 32 bits. m is ⌈2ˢ ÷ d⌉ with s = 31 + ⌈log₂ d⌉: it exceeds 2ˢ ÷ d by
    /// less than 1, so a·m exceeds a·2ˢ ÷ d by less than 2³¹ ≤ 2ˢ ÷ d, which is less than what is missing to the next whole number.
    /// </summary>
    public static long Of(long divisor)
    {
        if (divisor is <= 0 or >= 1L << 31) return 0;
        var shift = 31;
        while (1L << (shift - 31) < divisor) shift++;
        var multiplier = ((1UL << shift) + (ulong)divisor - 1) / (ulong)divisor;
        return (long)shift << 32 | (long)multiplier;
    }

    /// <summary>The quotient.</summary>
    /// <param name="code">Where it is written.</param>
    /// <param name="a">Of 32 bits, not negative.</param>
    /// <param name="reciprocal">The parameter.</param>
    internal static PtxOperand Divide(PtxWriter code, PtxOperand a, PtxOperand reciprocal)
    {
        var (multiplier, shift) = (code.Register(RegisterClass.Word), code.Register(RegisterClass.Word));
        code.Do($"mov.b64 {{{multiplier}, {shift}}}, {reciprocal}");
        var product = code.Instruction("mul.wide.u32", RegisterClass.Long, a, multiplier);
        return code.Instruction("cvt.u32.u64", RegisterClass.Word, code.Instruction("shr.u64", RegisterClass.Long, product, shift));
    }
}
