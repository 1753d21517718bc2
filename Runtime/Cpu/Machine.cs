using System.ComponentModel;
using System;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graph.Runtime.Cpu;

/// <summary>Classes of processors by their widest useful vectors.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum VectorWidth
{
    /// <summary>Vector128: SSE, NEON, and the software fallback.</summary>
    Bits128,
    /// <summary>AVX2 with FMA.</summary>
    Bits256,
    /// <summary>AVX-512F.</summary>
    Bits512,
}

/// <summary>
/// What the contraction kernels know about a processor: the register tile and the entry points of its micro-kernels.
/// The tile changes no bit of a result: every element is one chain of multiply-adds whatever tile it lies in.
/// </summary>
readonly unsafe struct Machine
{
    /// <summary>Most floats a kernel keeps of one packed block in the second-level cache (half a mebibyte, half of what current cores have).</summary>
    public const long BlockFloats = 128 * 1024;

    readonly delegate*<long, float*, float*, long, float*, long, long, void>* table;

    Machine(VectorWidth width, int rows, int lanes, int stride, delegate*<long, float*, float*, long, float*, long, long, void>* table)
    {
        Width = width;
        Rows = rows;
        Lanes = lanes;
        Columns = 2 * lanes;
        PanelStride = stride;
        this.table = table;
    }

    public VectorWidth Width { get; }

    /// <summary>Rows of the register tile.</summary>
    public int Rows { get; }

    /// <summary>Floats in a vector.</summary>
    public int Lanes { get; }

    /// <summary>Columns of the register tile: two vectors.</summary>
    public int Columns { get; }

    /// <summary>Floats from one k to the next in a packed panel of A; at least <see cref="Rows"/>.</summary>
    public int PanelStride { get; }

    /// <summary>The kernel of a tile of <paramref name="rows"/> × <paramref name="columns"/> (rounded up to one or two vectors).</summary>
    public delegate*<long, float*, float*, long, float*, long, long, void> Kernel(long rows, long columns) =>
        table[(columns > Lanes ? Rows : 0) + rows - 1];

    /// <summary>The kernel of such a tile whose rows of A and B are listed, not even steps apart.</summary>
    public delegate*<long, float*, float*, long, float*, long, long, void> ListedKernel(long rows, long columns) =>
        table[2 * Rows + (columns > Lanes ? Rows : 0) + rows - 1];

    static readonly Machine bits128 = Create(VectorWidth.Bits128);
    static readonly Machine bits256 = Create(VectorWidth.Bits256);
    static readonly Machine bits512 = Create(VectorWidth.Bits512);

    /// <summary>The widest class that this processor supports.</summary>
    public static VectorWidth Best { get; } =
        Supports(VectorWidth.Bits512) ? VectorWidth.Bits512 : Supports(VectorWidth.Bits256) ? VectorWidth.Bits256 : VectorWidth.Bits128;

    /// <summary>Tests set it to run the kernels of narrower processors.</summary>
    [field: ThreadStatic]
    public static VectorWidth? Override { get; set; }

    public static ref readonly Machine Current
    {
        get
        {
            switch (Override ?? Best)
            {
                case VectorWidth.Bits512: return ref bits512;
                case VectorWidth.Bits256: return ref bits256;
                default: return ref bits128;
            }
        }
    }

    public static bool Supports(VectorWidth width) => width switch
    {
        VectorWidth.Bits512 => Avx512F.IsSupported && Vector512.IsHardwareAccelerated,
        VectorWidth.Bits256 => Avx2.IsSupported && Fma.IsSupported,
        _ => true,
    };

    static Machine Create(VectorWidth width)
    {
        // Lives as long as the process.
        var table = (delegate*<long, float*, float*, long, float*, long, long, void>*)NativeMemory.AllocZeroed(64, (nuint)sizeof(void*));
        switch (width)
        {
            case VectorWidth.Bits512:
                MicroKernel512.Fill(table);
                return new(width, MicroKernel512.Rows, MicroKernel512.Lanes, MicroKernel512.PanelStride, table);
            case VectorWidth.Bits256:
                MicroKernel256.Fill(table);
                return new(width, MicroKernel256.Rows, MicroKernel256.Lanes, MicroKernel256.PanelStride, table);
            default:
                MicroKernel128.Fill(table);
                return new(width, MicroKernel128.Rows, MicroKernel128.Lanes, MicroKernel128.PanelStride, table);
        }
    }
}
