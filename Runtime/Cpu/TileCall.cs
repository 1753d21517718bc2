using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>A generated tile function with its operands and sizes: makes blocks of an operand instead of its being read from memory. Unset where the operand lies in memory.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct TileCall
{
    public delegate*<void**, long*, float*, long, long, long, long, long, long, void> Function;
    public void** Pointers;
    public long* Dims;

    public readonly bool IsSet => Function != null;

    /// <summary>Makes a block of the logical [batch, rows, columns].</summary>
    public readonly void Fill(float* tile, long stride, long batch, long row, long rows, long column, long columns) =>
        Function(Pointers, Dims, tile, stride, batch, row, rows, column, columns);
}
