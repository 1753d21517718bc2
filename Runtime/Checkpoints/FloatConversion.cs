using System;
using System.Runtime.CompilerServices;
using Graph.Compiler.Ir;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Checkpoints;

/// <summary>Rounds weights that a file holds in one real type to the type that a model computes in, as PyTorch's <c>load_state_dict</c> does.</summary>
static unsafe class FloatConversion
{
    /// <summary>True for types between which <see cref="Convert"/> converts.</summary>
    public static bool Converts(DType from, DType to) => from.IsFloat() && to is (DType.F32 or DType.F64);

    /// <summary>Converts numbers; neither side has to be aligned.</summary>
    /// <param name="count">How many.</param>
    public static void Convert(byte* from, DType source, byte* to, DType target, long count)
    {
        if (target == DType.F32 && source is DType.F16 or DType.BF16)
        {
            if (source == DType.F16) NarrowFloats.FromHalf((ushort*)from, (float*)to, count);
            else NarrowFloats.FromBFloat16((ushort*)from, (float*)to, count);
            return;
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
            if (target == DType.F32) Unsafe.WriteUnaligned(to + i * sizeof(float), (float)value);
            else if (target == DType.F64) Unsafe.WriteUnaligned(to + i * sizeof(double), value);
            else throw new ArgumentOutOfRangeException(nameof(target), target, "Only float32 and float64 are converted to.");
        }
    }
}
