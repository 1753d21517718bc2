namespace Graph.Compiler.Targets.Ptx;

/// <summary>Philox4x32-10 (<see cref="Ir.Philox"/>) as instructions.</summary>
static class PtxPhilox
{
    const long Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57, Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85, Golden = unchecked((long)0x9E3779B97F4A7C15);

    /// <summary>Element <paramref name="element"/> of the stream of an iteration, in [0, 1). All arguments are integers of 64 bits.</summary>
    public static PtxOperand Uniform(PtxWriter code, PtxOperand seed, PtxOperand element, PtxOperand stream, PtxOperand iteration)
    {
        var (k0, k1) = Halves(code, seed);
        var (x, y) = Halves(code, code.Instruction("shr.u64", RegisterClass.Long, element, PtxOperand.Word(2)));
        var (z, w) = Halves(code, code.Instruction("mad.lo.s64", RegisterClass.Long, iteration, PtxOperand.Long(Golden), stream));
        for (var round = 0; round < 10; round++)
        {
            var (high0, low0) = Product(code, x, Multiplier0);
            var (high1, low1) = Product(code, z, Multiplier1);
            (x, y, z, w) = (Xor(code, Xor(code, high1, y), k0), low1, Xor(code, Xor(code, high0, w), k1), low0);
            if (round == 9) break;
            k0 = code.Instruction("add.u32", RegisterClass.Word, k0, PtxOperand.Word(Weyl0));
            k1 = code.Instruction("add.u32", RegisterClass.Word, k1, PtxOperand.Word(Weyl1));
        }
        var number = code.Instruction("and.b32", RegisterClass.Word, code.Instruction("cvt.u32.u64", RegisterClass.Word, Register(code, element)), PtxOperand.Word(3));
        var isOdd = code.Compare("ne", "u32", code.Instruction("and.b32", RegisterClass.Word, number, PtxOperand.Word(1)), PtxOperand.Word(0));
        var isUpper = code.Compare("gt", "u32", number, PtxOperand.Word(1));
        PtxOperand Choose(PtxOperand yes, PtxOperand no, PtxOperand condition) => code.Instruction("selp.b32", RegisterClass.Word, yes, no, condition);
        var word = Choose(Choose(w, z, isOdd), Choose(y, x, isOdd), isUpper);
        var whole = code.Instruction("cvt.rn.f32.u32", RegisterClass.Single, code.Instruction("shr.u32", RegisterClass.Word, word, PtxOperand.Word(8)));
        return code.Instruction("mul.rn.f32", RegisterClass.Single, whole, PtxOperand.Single(1f / (1 << 24)));
    }

    static PtxOperand Register(PtxWriter code, PtxOperand x) => x.IsRegister ? x : code.Copy(x);

    static (PtxOperand Low, PtxOperand High) Halves(PtxWriter code, PtxOperand x)
    {
        var (low, high) = (code.Register(RegisterClass.Word), code.Register(RegisterClass.Word));
        code.Do($"mov.b64 {{{low}, {high}}}, {Register(code, x)}");
        return (low, high);
    }

    static (PtxOperand High, PtxOperand Low) Product(PtxWriter code, PtxOperand x, long by) =>
        (code.Instruction("mul.hi.u32", RegisterClass.Word, x, PtxOperand.Word(by)), code.Instruction("mul.lo.u32", RegisterClass.Word, x, PtxOperand.Word(by)));

    static PtxOperand Xor(PtxWriter code, PtxOperand a, PtxOperand b) => code.Instruction("xor.b32", RegisterClass.Word, a, b);
}
