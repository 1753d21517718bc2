namespace Graph.Compiler.Targets.Ptx;

/// <summary>Arithmetic on places and sizes: 32 bits where all of a kernel's launches stay below <see cref="Most"/>, 64 elsewhere.</summary>
/// <param name="code">Where it is written.</param>
/// <param name="isWide">64 bits.</param>
sealed class PtxIndex(PtxWriter code, bool isWide)
{
    /// <summary>The most elements of a buffer, and units of a launch, that 32 bits are used for: what is added to a unit's number in its last block stays a number of 32 bits.</summary>
    public const long Most = 1L << 30;

    public RegisterClass Class => isWide ? RegisterClass.Long : RegisterClass.Word;

    /// <summary>The type of signed instructions.</summary>
    public string Signed => isWide ? "s64" : "s32";

    // Nothing that is divided is negative.
    string Unsigned => isWide ? "u64" : "u32";

    public PtxOperand Number(long value) => isWide ? PtxOperand.Long(value) : PtxOperand.Word(value);

    /// <summary>An integer of 64 bits as an index.</summary>
    public PtxOperand Of(PtxOperand whole) => isWide ? whole : code.Instruction("cvt.u32.u64", RegisterClass.Word, whole);

    /// <summary>An unsigned integer of 32 bits as an index.</summary>
    public PtxOperand OfWord(PtxOperand word) => isWide ? code.Instruction("cvt.u64.u32", RegisterClass.Long, word) : word;

    /// <summary>An index as an integer of 64 bits.</summary>
    public PtxOperand Whole(PtxOperand index) => isWide ? index : code.Instruction("cvt.s64.s32", RegisterClass.Long, index);

    public PtxOperand Add(PtxOperand a, PtxOperand b) => Is(a, "0") ? b : Is(b, "0") ? a : code.Instruction("add." + Signed, Class, a, b);

    public PtxOperand Subtract(PtxOperand a, PtxOperand b) => Is(b, "0") ? a : code.Instruction("sub." + Signed, Class, a, b);

    public PtxOperand Multiply(PtxOperand a, PtxOperand b) => Is(a, "0") || Is(b, "0") ? Number(0) : Is(b, "1") ? a : Is(a, "1") ? b : code.Instruction("mul.lo." + Signed, Class, a, b);

    /// <summary>a·b + c.</summary>
    public PtxOperand MultiplyAdd(PtxOperand a, PtxOperand b, PtxOperand c) => Is(a, "0") || Is(b, "0") ? c : Is(b, "1") ? Add(a, c) : Is(c, "0") ? Multiply(a, b) : code.Instruction("mad.lo." + Signed, Class, a, b, c);

    readonly System.Collections.Generic.Dictionary<string, PtxOperand> reciprocals = [];

    /// <summary>Says by which parameter a size is divided by.</summary>
    public void Know(PtxOperand size, PtxOperand reciprocal) => reciprocals[size.Text] = reciprocal;

    /// <summary>The quotient of what is not negative.</summary>
    public PtxOperand Divide(PtxOperand a, PtxOperand b) => Is(b, "1") ? a
        : !isWide && reciprocals.TryGetValue(b.Text, out var reciprocal) ? PtxReciprocal.Divide(code, a, reciprocal) : code.Instruction("div." + Unsigned, Class, a, b);

    public PtxOperand Remainder(PtxOperand a, PtxOperand b) => code.Instruction("rem." + Unsigned, Class, a, b);

    /// <summary>Where part number <paramref name="part"/> of <paramref name="parts"/> even ones begins: part·size ÷ parts, of which the product may need 64 bits.</summary>
    public PtxOperand Part(PtxOperand part, PtxOperand size, PtxOperand parts)
    {
        var product = isWide ? code.Instruction("mul.lo.s64", RegisterClass.Long, part, size) : code.Instruction("mul.wide.u32", RegisterClass.Long, part, size);
        return Of(code.Instruction("div.u64", RegisterClass.Long, product, isWide ? parts : parts.IsRegister ? code.Instruction("cvt.u64.u32", RegisterClass.Long, parts) : PtxOperand.Long(long.Parse(parts.Text, System.Globalization.CultureInfo.InvariantCulture))));
    }

    public PtxOperand And(PtxOperand a, long mask) => code.Instruction("and." + Class.Type(), Class, a, Number(mask));

    public PtxOperand Smaller(PtxOperand a, PtxOperand b) => code.Instruction("min." + Signed, Class, a, b);

    public PtxOperand Larger(PtxOperand a, PtxOperand b) => code.Instruction("max." + Signed, Class, a, b);

    public PtxOperand Compare(string comparison, PtxOperand a, PtxOperand b) => code.Compare(comparison, Signed, a, b);

    /// <summary>An address some elements further.</summary>
    public PtxOperand Address(PtxOperand start, PtxOperand elements, long size) => Is(elements, "0") ? start
        : code.Instruction(isWide ? "mad.lo.s64" : "mad.wide.s32", RegisterClass.Long, elements, isWide ? PtxOperand.Long(size) : PtxOperand.Word(size), start);

    static bool Is(PtxOperand x, string number) => x.Text == number;
}
