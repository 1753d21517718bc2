using System;

namespace Graph.PtxEmulator;

/// <summary>Which numbers may stand for a value of a type, and with which bits.</summary>
static class Immediates
{
    public static bool TryFit(ImmediateOperand immediate, PtxType type, out ulong bits)
    {
        bits = immediate.Bits;
        switch (immediate.Kind)
        {
            case ImmediateKind.Integer:
                // A 32-bit float is no integer; untyped and integer values take what fits as signed or as unsigned.
                if (type.IsFloat() || type == PtxType.Pred) return false;
                var width = 8 * type.Size();
                if (width == 64) return true;
                var value = (long)bits;
                var fits = value >= -(1L << (width - 1)) && value < 1L << width;
                bits &= (1UL << width) - 1;
                return fits;
            case ImmediateKind.Float32:
                return type is PtxType.F32 or PtxType.B32 or PtxType.TF32;
            default:
                if (type is PtxType.F64 or PtxType.B64) return true;
                if (type != PtxType.F32) return false;
                bits = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(bits));
                return true;
        }
    }
}
