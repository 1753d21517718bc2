using System;

namespace Graph;

/// <summary>
/// A field of real numbers, the value that models compute with; the precision policy picks its element type (<see cref="Tensor{T}"/> pins it).
/// While a model is compiled it is a value of the graph; in eager code it holds numbers, computed by the reference kernels.
/// </summary>
/// <remarks>Every operation is a member of this class in a file of its own.</remarks>
public partial class Tensor
{
    readonly int[] shape;

    private protected Tensor(int[] shape)
    {
        foreach (var size in shape)
            if (size < 0) throw new ArgumentOutOfRangeException(nameof(shape), "A dimension is negative.");
        this.shape = shape;
    }

    /// <summary>The dimensions, outermost first. While a model is compiled an element may stand for a named dimension: arithmetic on it stays symbolic.</summary>
    public int[] Shape => (int[])shape.Clone();

    /// <summary>The number of dimensions.</summary>
    public int Rank => shape.Length;

    /// <summary>The number of elements.</summary>
    public long Length
    {
        get
        {
            long product = 1;
            foreach (var size in shape) product *= size;
            return product;
        }
    }
}

/// <summary>A tensor whose elements are <typeparamref name="T"/>: float, double, Half, int, long, sbyte, byte or bool.</summary>
public sealed partial class Tensor<T> : Tensor
    where T : unmanaged
{
    internal Tensor(int[] shape)
        : base(shape)
    {
    }
}
