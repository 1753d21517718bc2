using System;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>A dense row-major tensor of the reference interpreter: floats of any width in doubles, integers and bools in longs.</summary>
public sealed class TensorData
{
    public TensorData(DType type, long[] shape)
    {
        DType = type;
        Shape = shape;
        Size = shape.Aggregate(1L, (a, b) => checked(a * b));
        if (type.IsFloat()) Real = new double[Size]; else Int = new long[Size];
    }

    public TensorData(DType type, long[] shape, double[] real) : this(type, shape, real, null, real.LongLength) { }

    public TensorData(DType type, long[] shape, long[] values) : this(type, shape, null, values, values.LongLength) { }

    TensorData(DType type, long[] shape, double[]? real, long[]? values, long length)
    {
        DType = type;
        Shape = shape;
        Size = shape.Aggregate(1L, (a, b) => checked(a * b));
        if (length != Size || type.IsFloat() != (real is not null))
            throw new ArgumentException($"{length} {(real is null ? "integers" : "reals")} do not fill {type.Name()}[{string.Join(",", shape)}].");
        Real = real!;
        Int = values!;
    }

    public DType DType { get; }
    public long[] Shape { get; }
    public long Size { get; }
    public int Rank => Shape.Length;

    /// <summary>The elements of a float type; null otherwise.</summary>
    public double[] Real { get; } = null!;

    /// <summary>The elements of an integer or bool type; null otherwise.</summary>
    public long[] Int { get; } = null!;

    public static TensorData Scalar(double value, DType type = DType.F64) => new(type, [], [value]);
    public static TensorData Scalar(long value, DType type = DType.I64) => new(type, [], [value]);

    /// <summary>An element as a double, whatever its type.</summary>
    public double this[long index]
    {
        get => Real is { } r ? r[index] : Int[index];
        set
        {
            if (Real is { } r) r[index] = value; else Int[index] = (long)value;
        }
    }

    /// <summary>Row-major strides.</summary>
    public long[] Strides()
    {
        var strides = new long[Rank];
        long stride = 1;
        for (var axis = Rank - 1; axis >= 0; axis--) { strides[axis] = stride; stride *= Shape[axis]; }
        return strides;
    }

    /// <summary>The same elements under another shape; shares the storage.</summary>
    public TensorData Reshape(long[] shape) => Real is { } r ? new(DType, shape, r) : new(DType, shape, Int);

    /// <summary>Rounds every element to what the type can hold.</summary>
    public void RoundTo(DType type)
    {
        if (Real is { } real) Rounding.Round(real, 0, real.Length, type);
    }
}

/// <summary>Rounding of reals to the narrower types, and of integers to theirs.</summary>
public static class Rounding
{
    /// <summary>To the nearest value of the type, halves to even; integers wrap around, as they do in every target.</summary>
    public static double Round(double value, DType type) => type switch
    {
        DType.F32 => (float)value,
        DType.BF16 => Narrow(value, digits: 8, least: -126, most: 3.3895313892515355e38),
        DType.F16 => Narrow(value, digits: 11, least: -14, most: 65504),
        DType.I32 or DType.I8 or DType.U8 or DType.I4 => type.Wrap(unchecked((long)value)),
        DType.F64 or DType.I64 or DType.Bool or DType.Token => value,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such element type."),
    };

    /// <summary>A stretch of values, each to the nearest value of the type.</summary>
    public static void Round(double[] values, int start, int count, DType type)
    {
        switch (type)
        {
            case DType.F32:
                for (var i = start; i < start + count; i++) values[i] = (float)values[i];
                break;
            case DType.F16 or DType.BF16:
                for (var i = start; i < start + count; i++) values[i] = Round(values[i], type);
                break;
            case DType.I32:
                for (var i = start; i < start + count; i++) values[i] = unchecked((int)(long)values[i]);
                break;
            case DType.U8 or DType.I4:
                for (var i = start; i < start + count; i++) values[i] = Round(values[i], type);
                break;
            case DType.I8:
                for (var i = start; i < start + count; i++) values[i] = unchecked((sbyte)(long)values[i]);
                break;
        }
    }

    // In one step: rounded to float32 first, what lies just beside the middle between two values would be taken for the middle.
    static double Narrow(double value, int digits, int least, double most)
    {
        if (double.IsNaN(value) || double.IsInfinity(value) || value == 0) return value;
        var magnitude = Math.Abs(value);
        var exponent = Math.Max((int)((BitConverter.DoubleToInt64Bits(magnitude) >> 52) - 1023), least);
        var unit = Math.Pow(2, exponent - digits + 1);
        var rounded = Math.Round(magnitude / unit, MidpointRounding.ToEven) * unit;
        return Math.Sign(value) * (rounded > most ? double.PositiveInfinity : rounded);
    }
}
