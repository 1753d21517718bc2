namespace Graph.Compiler.Targets.Ptx;

/// <summary>The remainder of two float32 with the sign of the divisor, which is exact but for the sum that brings it there: a division of whole numbers, up to 39 bits of the quotient at a time.</summary>
static class PtxRemainder
{
    const int Step = 39; // a rest of 24 bits moved up by so many has 63

    public static PtxOperand OfSingles(PtxWriter code, PtxOperand a, PtxOperand b)
    {
        (a, b) = (PtxConversions.InRegister(code, a), PtxConversions.InRegister(code, b));
        var (done, next, ready, sign) = (code.Label("DONE"), code.Label("NEXT"), code.Label("READY"), code.Label("SIGN"));
        // Not a number where the dividend is infinite or the divisor 0, and where one of them is none.
        var result = code.Copy(PtxOperand.Single(float.NaN));
        var (x, y) = (Magnitude(a), Magnitude(b));
        code.Branch(done, code.Compare("geu", "f32", x, PtxOperand.Single(float.PositiveInfinity)));
        code.Branch(done, code.Compare("equ", "f32", y, PtxOperand.Single(0)));
        code.Assign(result, a);
        code.Branch(sign, code.Compare("lt", "f32", x, y));

        // Every float32 is a float64 with 24 bits behind an exponent.
        var (first, wholeFirst) = Parts(x);
        var (second, wholeSecond) = Parts(y);
        var left = code.Instruction("sub.s32", RegisterClass.Word, first, second);
        var rest = code.Instruction("rem.u64", RegisterClass.Long, wholeFirst, wholeSecond);
        code.Place(next);
        code.Branch(ready, code.Compare("le", "s32", left, PtxOperand.Word(0)));
        var step = code.Instruction("min.s32", RegisterClass.Word, left, PtxOperand.Word(Step));
        code.Write("shl.b64", rest, rest, step);
        code.Write("rem.u64", rest, rest, wholeSecond);
        code.Write("sub.s32", left, left, step);
        code.Do("bra " + next);
        code.Place(ready);
        // 2^(exponent of the divisor − 23).
        var scale = code.Register(RegisterClass.Double);
        code.Do($"mov.b64 {scale}, {{{code.Copy(PtxOperand.Word(0))}, {code.Instruction("shl.b32", RegisterClass.Word, code.Instruction("sub.s32", RegisterClass.Word, second, PtxOperand.Word(23)), PtxOperand.Word(20))}}}");
        var exact = code.Instruction("mul.rn.f64", RegisterClass.Double, code.Instruction("cvt.rn.f64.u64", RegisterClass.Double, rest), scale);
        var bits = code.Instruction("mov.b32", RegisterClass.Word, code.Instruction("cvt.rn.f32.f64", RegisterClass.Single, exact));
        var minus = code.Instruction("and.b32", RegisterClass.Word, code.Instruction("mov.b32", RegisterClass.Word, a), PtxOperand.Word(int.MinValue));
        code.Write("mov.b32", result, code.Instruction("or.b32", RegisterClass.Word, bits, minus));

        code.Place(sign);
        var isNegative = code.Compare("lt", "f32", result, PtxOperand.Single(0));
        var other = code.Instruction("xor.pred", RegisterClass.Predicate, isNegative, code.Compare("lt", "f32", b, PtxOperand.Single(0)));
        other = code.Instruction("and.pred", RegisterClass.Predicate, other, code.Compare("neu", "f32", result, PtxOperand.Single(0)));
        code.Do($"add.rn.f32 {result}, {result}, {b}", other);
        code.Place(done);
        return result;

        PtxOperand Magnitude(PtxOperand number) => code.Instruction("abs.f32", RegisterClass.Single, number);

        (PtxOperand Exponent, PtxOperand Whole) Parts(PtxOperand number)
        {
            var wide = code.Instruction("mov.b64", RegisterClass.Long, code.Instruction("cvt.f64.f32", RegisterClass.Double, number));
            var exponent = code.Instruction("cvt.u32.u64", RegisterClass.Word, code.Instruction("shr.u64", RegisterClass.Long, wide, PtxOperand.Long(52)));
            var digits = code.Instruction("and.b64", RegisterClass.Long, code.Instruction("shr.u64", RegisterClass.Long, wide, PtxOperand.Long(29)), PtxOperand.Long(0x7FFFFF));
            return (exponent, code.Instruction("or.b64", RegisterClass.Long, digits, PtxOperand.Long(0x800000)));
        }
    }
}
