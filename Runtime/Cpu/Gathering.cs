using System.ComponentModel;
using System;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Elements picked along an axis of a whole, which has <see cref="Extent"/> there, by as many indices as are picked.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct GatherCall
{
    public long Extent;

    /// <summary>Lines of indices: along the last axis in a gather, along the axis of the whole in a gradient; and the indices of one.</summary>
    public long Lines, Picks;

    /// <summary>Where lines of indices begin, and from one index to the next.</summary>
    public Places IdLines;
    public long IdStep;

    /// <summary>The indices: int32 or, with <see cref="WideIds"/>, int64.</summary>
    public void* Ids;
    public bool WideIds;

    /// <summary>Read by the gather, written by the gradient. Of each line of indices the first element that one of them may pick, from one element along the whole's axis to the next, and how much farther the pick of the next index begins.</summary>
    public void* Whole;
    public Places WholeLines;
    public long WholeStep, WholeShift;

    /// <summary>Written by the gather, element behind element; read by the gradient wherever it lies.</summary>
    public void* Picked;
    public Places PickedLines;
    public long PickedStep;

    /// <summary>A gradient whose elements are narrower than its sums: sums along one line for each worker.</summary>
    public float** Sums;
}

/// <summary>Picking elements along an axis, and its gradient. Every index is checked where it is used, so nothing outside of the axis is read or written.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Gathering
{
    const long ChunkElements = 16 * 1024;

    /// <summary>Copies the picked elements.</summary>
    /// <typeparam name="T">Anything of an element's size.</typeparam>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the axis; the result is then incomplete.</exception>
    public static void Gather<T>(WorkerPool pool, GatherCall* call)
        where T : unmanaged => pool.Run(&Gather<T>, call, call->Lines, 1 + ChunkElements / Math.Max(1, call->Picks));

    /// <summary>
    /// Adds the elements of the picks' gradient where they came from, onto zeros, in the order of the picks: a line along the axis is one worker's, so the sums do not depend on the number of threads.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the axis; the gradient is then incomplete.</exception>
    internal static void Gradient<E, T, C>(WorkerPool pool, GatherCall* call)
        where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&Gradient<E, T, C>, call, call->Lines, 1 + ChunkElements / Math.Max(1, call->Extent + call->Picks));

    static long Id(GatherCall* call, long pick)
    {
        var id = call->WideIds ? ((long*)call->Ids)[pick] : ((int*)call->Ids)[pick];
        if ((ulong)id >= (ulong)call->Extent) throw new ArgumentOutOfRangeException(null, $"Gather's index {id} lies outside of the {call->Extent} elements of its axis.");
        return id;
    }

    static void Gather<T>(void* context, long begin, long end, int worker)
        where T : unmanaged
    {
        var call = (GatherCall*)context;
        for (var line = begin; line < end; line++)
        {
            T* to = (T*)call->Picked + line * call->Picks, whole = (T*)call->Whole + call->WholeLines[line];
            var ids = call->IdLines[line];
            for (long i = 0; i < call->Picks; i++) to[i] = whole[Id(call, ids + i * call->IdStep) * call->WholeStep + i * call->WholeShift];
        }
    }

    static void Gradient<E, T, C>(void* context, long begin, long end, int worker)
        where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var call = (GatherCall*)context;
        for (var line = begin; line < end; line++)
        {
            T* whole = (T*)call->Whole + call->WholeLines[line], picked = (T*)call->Picked + call->PickedLines[line];
            var ids = call->IdLines[line];
            // The result itself, or memory of the worker's where an element does not hold a sum.
            var (sums, step) = typeof(T) == typeof(C) ? ((nint)whole, call->WholeStep) : ((nint)call->Sums[worker], 1);
            for (long k = 0; k < call->Extent; k++) ((C*)sums)[k * step] = C.Zero;
            for (long k = 0; k < call->Picks; k++) ((C*)sums)[Id(call, ids + k * call->IdStep) * step] += E.Load(picked[k * call->PickedStep]);
            if (typeof(T) == typeof(C)) continue;
            for (long k = 0; k < call->Extent; k++) whole[k * call->WholeStep] = E.Store(((C*)sums)[k]);
        }
    }
}

static unsafe partial class LibraryKernels
{
    // Picking moves elements: only their size matters.
    static readonly string gather = Implement("gather", call => Gather(call, call.Type(0).Size() switch
    {
        1 => (delegate*<WorkerPool, GatherCall*, void>)&Gathering.Gather<byte>,
        2 => &Gathering.Gather<ushort>,
        4 => &Gathering.Gather<uint>,
        8 => &Gathering.Gather<ulong>,
        _ => throw call.Unsupported(0),
    }));

    static readonly string gatherGrad = Implement("gather_grad", call => GatherGradient(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, GatherCall*, void>)&Gathering.Gradient<Float64Elements, double, double>,
        DType.F32 => &Gathering.Gradient<Float32Elements, float, float>,
        DType.F16 => &Gathering.Gradient<Float16Elements, ushort, float>,
        DType.BF16 => &Gathering.Gradient<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }));

    static void Gather(LibraryCall launch, delegate*<WorkerPool, GatherCall*, void> kernel)
    {
        var call = Gather(launch, kernel, whole: 0, picked: 2);
        var (picked, whole, axis) = (launch.Shape(2), launch.Strides(0), launch.Axis);
        var last = picked.Length - 1;
        (call->Lines, call->Picks) = (LibraryCall.Product(picked[..last]), picked[last]);
        (call->IdLines, call->IdStep) = (launch.Lines(1, last), launch.Strides(1)[last]);
        // What an index stands beside, behind the axis, it picks there.
        long[] beside = [.. whole[..last]];
        if (axis < last) beside[axis] = 0;
        call->WholeLines = Places.Of(launch, picked.AsSpan(0, last), beside);
        (call->WholeStep, call->WholeShift) = (whole[axis], axis == last ? 0 : whole[last]);
    }

    static void GatherGradient(LibraryCall launch, delegate*<WorkerPool, GatherCall*, void> kernel)
    {
        var call = Gather(launch, kernel, whole: 2, picked: 0);
        var axis = launch.Axis;
        var (outer, picks, inner) = launch.Around(0);
        (call->Lines, call->Picks) = (outer * inner, picks);
        (call->IdLines, call->IdStep) = (launch.Lines(1, axis), launch.Strides(1)[axis]);
        (call->WholeLines, call->WholeStep) = (launch.Lines(2, axis), launch.Strides(2)[axis]);
        (call->PickedLines, call->PickedStep) = (launch.Lines(0, axis), launch.Strides(0)[axis]);
        if (launch.Type(0).IsNarrowFloat()) call->Sums = launch.Scratch(call->Extent * sizeof(float));
    }

    static GatherCall* Gather(LibraryCall launch, delegate*<WorkerPool, GatherCall*, void> kernel, int whole, int picked)
    {
        var call = launch.Take<GatherCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)kernel, call);
        call->Extent = launch.Shape(whole)[launch.Axis];
        call->WideIds = launch.Type(1) == DType.I64;
        launch.Resolve(whole, &call->Whole);
        launch.Resolve(picked, &call->Picked);
        launch.Resolve(1, &call->Ids);
        return call;
    }
}
