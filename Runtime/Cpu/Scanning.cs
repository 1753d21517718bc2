using System.ComponentModel;
using System;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Running sums along the middle axis of a tensor [Outer, Extent, Inner].</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct ScanCall
{
    public long Outer, Extent, Inner;

    /// <summary>From the last element to the first.</summary>
    public bool Reverse;
    public void* From, To;
}

/// <summary>Running sums. Each line along the axis is added up by one worker in the order of its elements, in float64, so results do not depend on the number of threads.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Scanning
{
    const long ChunkElements = 8 * 1024;

    /// <summary>The sums up to and including each element.</summary>
    /// <typeparam name="T">The elements.</typeparam>
    public static void Sum<T>(WorkerPool pool, ScanCall* call)
        where T : unmanaged, INumber<T> => pool.Run(&Sum<T>, call, call->Outer * call->Inner, 1 + ChunkElements / Math.Max(1, call->Extent));

    static void Sum<T>(void* context, long begin, long end, int worker)
        where T : unmanaged, INumber<T>
    {
        var call = (ScanCall*)context;
        for (var line = begin; line < end; line++)
        {
            var at = line / call->Inner * call->Extent * call->Inner + line % call->Inner;
            var step = call->Inner;
            if (call->Reverse) (at, step) = (at + (call->Extent - 1) * call->Inner, -call->Inner);
            var sum = 0.0;
            for (long k = 0; k < call->Extent; k++, at += step)
            {
                sum += double.CreateTruncating(((T*)call->From)[at]);
                ((T*)call->To)[at] = T.CreateTruncating(sum);
            }
        }
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string cumSum = Implement("cumsum", CumSum);

    static void CumSum(LibraryCall launch)
    {
        var call = launch.Take<ScanCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)(launch.Type(0) switch
        {
            DType.F64 => (delegate*<WorkerPool, ScanCall*, void>)&Scanning.Sum<double>,
            DType.F32 => &Scanning.Sum<float>,
            _ => throw launch.Unsupported(0),
        }), call);
        (call->Outer, call->Extent, call->Inner) = launch.Around(0);
        call->Reverse = launch.Attributes.Bool("reverse");
        launch.Resolve(0, &call->From);
        launch.Resolve(1, &call->To);
    }
}
