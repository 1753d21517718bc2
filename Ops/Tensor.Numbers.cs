using System;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;

namespace Graph;

public partial class Tensor
{
    readonly TensorData? numbers;

    internal Tensor(TensorData numbers, AttributeMap? literal = null)
        : this([.. numbers.Shape.Select(d => checked((int)d))])
    {
        this.numbers = numbers;
        Literal = literal;
    }

    /// <summary>A plain number that was converted to a tensor: it takes the element type of what it is combined with.</summary>
    internal AttributeMap? Literal { get; }

    /// <summary>The numbers, which a tensor has outside of the compiler.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    internal virtual TensorData Numbers =>
        numbers ?? throw new InvalidOperationException("The tensor has no numbers: it is part of a model that was not created.");

    /// <summary>A tensor with the given numbers. In a model they are a constant, known while it is compiled and a part of the assembly: at most 64 KB; more are a <see cref="State"/> loaded from a file.</summary>
    /// <param name="values">Row-major elements.</param>
    /// <param name="shape">The dimensions, outermost first; [values.Length] when left out.</param>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor<T> From<T>(T[] values, params int[] shape)
        where T : unmanaged
    {
        var dims = shape.Length == 0 ? [values.Length] : shape.Select(d => (long)d).ToArray();
        var type = Elements.TypeOf<T>();
        return new(type.IsFloat() ? new TensorData(type, dims, [.. values.Select(Elements.ToReal)]) : new TensorData(type, dims, [.. values.Select(Elements.ToInteger)]));
    }

    /// <summary>The elements as floats, row-major.</summary>
    public float[] ToArray()
    {
        var data = Numbers;
        var result = new float[data.Size];
        for (var i = 0; i < result.Length; i++) result[i] = (float)data[i];
        return result;
    }

    /// <summary>The elements as doubles, row-major.</summary>
    public double[] ToDoubles()
    {
        var data = Numbers;
        var result = new double[data.Size];
        for (var i = 0; i < result.Length; i++) result[i] = data[i];
        return result;
    }

    /// <summary>One element; negative indices count from the end.</summary>
    /// <exception cref="IndexOutOfRangeException">There is no such element.</exception>
    public double this[params int[] index]
    {
        get
        {
            if (index.Length != Rank) throw new IndexOutOfRangeException($"A tensor of {Rank} axes has no element at {index.Length} indices.");
            long place = 0;
            for (var axis = 0; axis < index.Length; axis++)
            {
                var i = index[axis] < 0 ? index[axis] + shape[axis] : index[axis];
                if (i < 0 || i >= shape[axis]) throw new IndexOutOfRangeException($"The index {index[axis]} lies outside of axis {axis}, which has {shape[axis]} elements.");
                place = place * shape[axis] + i;
            }
            return Numbers[place];
        }
    }

    /// <summary>The only element.</summary>
    /// <exception cref="InvalidOperationException">There are more or none.</exception>
    public double ToScalar() => Numbers is { Size: 1 } one ? one[0] : throw new InvalidOperationException($"A tensor of {Length} elements is no single number.");

    /// <summary>Type, shape and elements, long axes shortened; only type and shape where there are no numbers.</summary>
    public override string ToString()
    {
        var dims = string.Join(", ", shape.Select(d => d.ToString(CultureInfo.InvariantCulture)));
        if (numbers is null && this is not (Parameter { HasNumbers: true } or State { HasNumbers: true })) return $"{(this is Parameter ? "parameter" : this is State ? "state" : "tensor")}[{dims}]";
        var data = Numbers;
        var text = new StringBuilder(data.DType.Name()).Append('[').Append(dims).Append("] ");
        var width = Shown(data).Select(i => Element(data, i).Length).DefaultIfEmpty(0).Max();
        Write(text, data, 0, 0, width);
        return text.ToString();
    }

    const int Edge = 3;

    static System.Collections.Generic.IEnumerable<long> Shown(TensorData data)
    {
        var strides = data.Strides();
        for (long i = 0; i < data.Size; i++)
        {
            var seen = true;
            for (var axis = 0; seen && axis < data.Rank; axis++)
            {
                var k = i / strides[axis] % data.Shape[axis];
                seen = data.Shape[axis] <= 2 * Edge + 1 || k < Edge || k >= data.Shape[axis] - Edge;
                if (!seen) i += (data.Shape[axis] - Edge - k) * strides[axis] - 1;
            }
            if (seen) yield return i;
        }
    }

    static string Element(TensorData data, long i) =>
        data.DType == DType.Bool ? data.Int[i] != 0 ? "true" : "false"
        : data.Real is { } real ? real[i].ToString("G5", CultureInfo.InvariantCulture)
        : data.Int[i].ToString(CultureInfo.InvariantCulture);

    static void Write(StringBuilder text, TensorData data, int axis, long place, int width)
    {
        if (axis == data.Rank)
        {
            text.Append(Element(data, place).PadLeft(data.Rank == 0 ? 0 : width));
            return;
        }
        var size = data.Shape[axis];
        long stride = 1;
        for (var a = axis + 1; a < data.Rank; a++) stride *= data.Shape[a];
        var inner = axis == data.Rank - 1;
        text.Append('[');
        for (long i = 0; i < size; i++)
        {
            if (i > 0) text.Append(inner ? ", " : ",\n" + new string(' ', axis + 1));
            if (size > 2 * Edge + 1 && i == Edge)
            {
                text.Append("…");
                i = size - Edge - 1;
                continue;
            }
            Write(text, data, axis + 1, place + i * stride, width);
        }
        text.Append(']');
    }
}

public sealed partial class Tensor<T>
{
    internal Tensor(TensorData numbers)
        : base(numbers)
    {
    }
}

/// <summary>Element types of C# and of the IR.</summary>
static class Elements
{
    public static DType TypeOf<T>() => default(T) switch
    {
        float => DType.F32,
        double => DType.F64,
        int => DType.I32,
        long => DType.I64,
        sbyte => DType.I8,
        byte => DType.U8,
        bool => DType.Bool,
#if NET
        Half => DType.F16,
#endif
        _ => throw new ArgumentException($"Tensors hold float, double, Half, int, long, sbyte, byte and bool, not {typeof(T)}."),
    };

    public static double ToReal<T>(T value) => value switch
    {
        float f => f,
        double d => d,
#if NET
        Half h => (double)h,
#endif
        _ => throw new ArgumentException($"{typeof(T)} is no real type."),
    };

    public static long ToInteger<T>(T value) => value switch
    {
        int i => i,
        long l => l,
        sbyte s => s,
        byte b => b,
        bool b => b ? 1 : 0,
        _ => throw new ArgumentException($"{typeof(T)} is no integer type."),
    };
}
