using System.ComponentModel;
using System;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Rows of bytes with elements of one value before and after each.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct PadCall
{
    public long Rows, BytesBefore, Bytes, BytesAfter;
    public byte* From, To;

    /// <summary>How the rows lie, and how many runs are one.</summary>
    public Runs Runs;
    public long RunsOfRow;

    /// <summary>Bytes of an element: 1, 2, 4 or 8.</summary>
    public int ElementBytes;

    /// <summary>The bits of the element that is written before and after, in its lowest bytes.</summary>
    public ulong Value;
}

/// <summary>Padding: a kernel that moves numbers.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Movement
{
    const long ChunkBytes = 64 * 1024;

    /// <summary>Copies every row between its padding.</summary>
    public static void Pad(WorkerPool pool, PadCall* call) => pool.Run(&Pad, call, call->Rows, 1 + ChunkBytes / Math.Max(1, call->BytesBefore + call->Bytes + call->BytesAfter));

    static void Pad(void* context, long begin, long end, int worker)
    {
        var call = (PadCall*)context;
        var stride = call->BytesBefore + call->Bytes + call->BytesAfter;
        for (var row = begin; row < end; row++)
        {
            var to = call->To + row * stride;
            Fill(call, to, call->BytesBefore);
            call->Runs.Copy(to + call->BytesBefore, call->From, row * call->RunsOfRow, call->Bytes / call->ElementBytes, call->ElementBytes);
            Fill(call, to + call->BytesBefore + call->Bytes, call->BytesAfter);
        }
    }

    static void Fill(PadCall* call, byte* to, long bytes)
    {
        // A span is no longer than an int says.
        const int most = 1 << 30;
        for (; bytes > 0; to += most, bytes -= most)
        {
            var count = (int)Math.Min(bytes, most);
            switch (call->ElementBytes)
            {
                case 1: new Span<byte>(to, count).Fill((byte)call->Value); break;
                case 2: new Span<ushort>(to, count / 2).Fill((ushort)call->Value); break;
                case 4: new Span<uint>(to, count / 4).Fill((uint)call->Value); break;
                case 8: new Span<ulong>(to, count / 8).Fill(call->Value); break;
                default: throw new ArgumentOutOfRangeException(nameof(call), $"Elements have 1, 2, 4 or 8 bytes, not {call->ElementBytes}.");
            }
        }
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string pad = Implement("pad", Pad);

    static void Pad(LibraryCall launch)
    {
        var call = launch.Take<PadCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)(delegate*<WorkerPool, PadCall*, void>)&Movement.Pad, call);
        var bytes = launch.Type(0).Size();
        call->ElementBytes = bytes;
        call->Value = Bits(launch, launch.Attributes.Real("value"));
        var (outer, extent, inner) = launch.Around(0);
        call->Rows = outer;
        call->Runs = Runs.Of(launch, 0, launch.Axis);
        call->RunsOfRow = extent * inner / Math.Max(1, call->Runs.Length);
        call->BytesBefore = launch.Size("before") * inner * bytes;
        call->Bytes = extent * inner * bytes;
        call->BytesAfter = launch.Size("after") * inner * bytes;
        launch.Resolve(0, (void**)&call->From);
        launch.Resolve(1, (void**)&call->To);
    }

    // A number as an element lies in memory, in the lowest bytes.
    static ulong Bits(LibraryCall launch, double value) => launch.Type(0) switch
    {
        DType.F64 => BitConverter.DoubleToUInt64Bits(value),
        DType.F32 => BitConverter.SingleToUInt32Bits((float)value),
        DType.F16 => NarrowFloats.ToHalf((float)Rounding.Round(value, DType.F16)),
        DType.BF16 => NarrowFloats.ToBFloat16((float)Rounding.Round(value, DType.BF16)),
        DType.I64 or DType.I32 or DType.I8 or DType.U8 or DType.Bool => (ulong)(long)value,
        _ => throw launch.Unsupported(0),
    };
}
