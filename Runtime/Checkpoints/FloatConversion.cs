using System;
using System.Runtime.CompilerServices;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Checkpoints;

/// <summary>Rounds weights between the real types of files and models, as PyTorch's <c>load_state_dict</c> does.</summary>
static unsafe class FloatConversion
{
    /// <summary>True for types between which <see cref="Convert"/> converts.</summary>
    public static bool Converts(DType from, DType to) => from.IsFloat() && to is (DType.F32 or DType.F64);

    /// <summary>Converts numbers, each rounded once; neither side has to be aligned.</summary>
    /// <param name="count">How many.</param>
    /// <returns>False when a finite number is too large for the target.</returns>
    public static bool Convert(byte* from, DType source, byte* to, DType target, long count)
    {
        var fits = true;
        if (target == DType.F32 && source is DType.F16 or DType.BF16)
        {
            if (source == DType.F16) NarrowFloats.FromHalf((ushort*)from, (float*)to, count);
            else NarrowFloats.FromBFloat16((ushort*)from, (float*)to, count);
            return true;
        }
        for (long i = 0; i < count; i++)
        {
            var value = source switch
            {
                DType.F64 => Unsafe.ReadUnaligned<double>(from + i * sizeof(double)),
                DType.F32 => Unsafe.ReadUnaligned<float>(from + i * sizeof(float)),
                DType.F16 => (double)Unsafe.ReadUnaligned<Half>(from + i * sizeof(ushort)),
                // The upper half of a float32.
                DType.BF16 => BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(from + i * sizeof(ushort)) << 16),
                _ => throw new ArgumentOutOfRangeException(nameof(source), source, "Only real numbers are converted."),
            };
            var rounded = Rounding.Round(value, target);
            fits &= double.IsFinite(rounded) || !double.IsFinite(value);
            switch (target)
            {
                case DType.F64: Unsafe.WriteUnaligned(to + i * sizeof(double), rounded); break;
                case DType.F32: Unsafe.WriteUnaligned(to + i * sizeof(float), (float)rounded); break;
                case DType.F16: Unsafe.WriteUnaligned(to + i * sizeof(ushort), (Half)rounded); break;
                case DType.BF16: Unsafe.WriteUnaligned(to + i * sizeof(ushort), (ushort)(BitConverter.SingleToUInt32Bits((float)rounded) >> 16)); break;
                default: throw new ArgumentOutOfRangeException(nameof(target), target, "Only real numbers are converted to.");
            }
        }
        return fits;
    }
}
