using System.ComponentModel;
using System;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Running sums along an axis of a tensor.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct ScanCall
{
    /// <summary>Lines along the axis, and the elements of one.</summary>
    public long Lines, Extent;

    /// <summary>Where lines begin, and from one element of a line to the next.</summary>
    public Places FromLines, ToLines;
    public long FromStep, ToStep;

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
    internal static void Sum<E, T, C>(WorkerPool pool, ScanCall* call)
        where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&Sum<E, T, C>, call, call->Lines, 1 + ChunkElements / Math.Max(1, call->Extent));

    static void Sum<E, T, C>(void* context, long begin, long end, int worker)
        where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var call = (ScanCall*)context;
        for (var line = begin; line < end; line++)
        {
            T* from = (T*)call->From + call->FromLines[line], to = (T*)call->To + call->ToLines[line];
            var (k, step) = call->Reverse ? (call->Extent - 1, -1L) : (0, 1);
            var sum = 0.0;
            for (long left = call->Extent; left > 0; left--, k += step)
            {
                sum += double.CreateTruncating(E.Load(from[k * call->FromStep]));
                to[k * call->ToStep] = E.Store(C.CreateTruncating(sum));
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
            DType.F64 => (delegate*<WorkerPool, ScanCall*, void>)&Scanning.Sum<Float64Elements, double, double>,
            DType.F32 => &Scanning.Sum<Float32Elements, float, float>,
            DType.F16 => &Scanning.Sum<Float16Elements, ushort, float>,
            DType.BF16 => &Scanning.Sum<BFloat16Elements, ushort, float>,
            _ => throw launch.Unsupported(0),
        }), call);
        var (outer, extent, inner) = launch.Around(0);
        (call->Lines, call->Extent) = (outer * inner, extent);
        (call->FromLines, call->FromStep) = (launch.Lines(0, launch.Axis), launch.Strides(0)[launch.Axis]);
        (call->ToLines, call->ToStep) = (launch.Lines(1, launch.Axis), launch.Strides(1)[launch.Axis]);
        call->Reverse = launch.Attributes.Bool("reverse");
        launch.Resolve(0, &call->From);
        launch.Resolve(1, &call->To);
    }
}
