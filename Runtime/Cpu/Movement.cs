using System;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>Rows of bytes with zeros before and after each.</summary>
public unsafe struct PadCall
{
    public long Rows, BytesBefore, Bytes, BytesAfter;
    public byte* From, To;
}

/// <summary>The place of the greatest element along the middle axis of a float32 tensor [Outer, Extent, Inner], as int64 [Outer, Inner].</summary>
public unsafe struct ArgMaxCall
{
    public long Outer, Extent, Inner;
    public float* From;
    public long* To;
}

/// <summary>Padding and arg-max: kernels that move numbers or pick them.</summary>
public static unsafe class Movement
{
    const long ChunkBytes = 64 * 1024;

    /// <summary>Copies every row between its zeros.</summary>
    public static void Pad(WorkerPool pool, PadCall* call) => pool.Run(&Pad, call, call->Rows, 1 + ChunkBytes / Math.Max(1, call->BytesBefore + call->Bytes + call->BytesAfter));

    static void Pad(void* context, long begin, long end, int worker)
    {
        var call = (PadCall*)context;
        var stride = call->BytesBefore + call->Bytes + call->BytesAfter;
        for (var row = begin; row < end; row++)
        {
            var to = call->To + row * stride;
            Clear(to, call->BytesBefore);
            Buffer.MemoryCopy(call->From + row * call->Bytes, to + call->BytesBefore, call->Bytes, call->Bytes);
            Clear(to + call->BytesBefore + call->Bytes, call->BytesAfter);
        }
    }

    static void Clear(byte* to, long bytes)
    {
        for (; bytes > 0; to += 1 << 30, bytes -= 1 << 30) Unsafe.InitBlockUnaligned(to, 0, (uint)Math.Min(bytes, 1 << 30));
    }

    /// <summary>The first of equal ones; NaN counts as the greatest, the first of them wins, as in PyTorch.</summary>
    public static void ArgMax(WorkerPool pool, ArgMaxCall* call) => pool.Run(&ArgMax, call, call->Outer * call->Inner, 1 + ChunkBytes / (4 * Math.Max(1, call->Extent)));

    static void ArgMax(void* context, long begin, long end, int worker)
    {
        var call = (ArgMaxCall*)context;
        for (var i = begin; i < end; i++)
        {
            var from = call->From + i / call->Inner * call->Extent * call->Inner + i % call->Inner;
            var best = from[0];
            long at = 0;
            for (long k = 1; k < call->Extent; k++)
            {
                var value = from[k * call->Inner];
                if (!(value > best) && !(float.IsNaN(value) && !float.IsNaN(best))) continue;
                best = value;
                at = k;
            }
            call->To[i] = at;
        }
    }
}
