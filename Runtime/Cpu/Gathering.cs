using System.ComponentModel;
using System;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Elements picked along the middle axis of a tensor [Outer, Extent, Inner] by indices [Outer, Picks, Inner].</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct GatherCall
{
    public long Outer, Extent, Picks, Inner;

    /// <summary>The indices: int32 or, with <see cref="WideIds"/>, int64.</summary>
    public void* Ids;
    public bool WideIds;

    /// <summary>[Outer, Extent, Inner]: read by the gather, written by the gradient.</summary>
    public void* Whole;

    /// <summary>[Outer, Picks, Inner]: written by the gather, read by the gradient.</summary>
    public void* Picked;

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
        where T : unmanaged => pool.Run(&Gather<T>, call, call->Outer * call->Picks, 1 + ChunkElements / Math.Max(1, call->Inner));

    /// <summary>
    /// Adds the elements of the picks' gradient where they came from, onto zeros, in the order of the picks: a line along the axis is one worker's, so the sums do not depend on the number of threads.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the axis; the gradient is then incomplete.</exception>
    internal static void Gradient<E, T, C>(WorkerPool pool, GatherCall* call)
        where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&Gradient<E, T, C>, call, call->Outer * call->Inner, 1 + ChunkElements / Math.Max(1, call->Extent + call->Picks));

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
        for (var row = begin; row < end; row++)
        {
            var whole = (T*)call->Whole + row / call->Picks * call->Extent * call->Inner;
            var first = row * call->Inner;
            for (long i = 0; i < call->Inner; i++) ((T*)call->Picked)[first + i] = whole[Id(call, first + i) * call->Inner + i];
        }
    }

    static void Gradient<E, T, C>(void* context, long begin, long end, int worker)
        where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var call = (GatherCall*)context;
        for (var line = begin; line < end; line++)
        {
            var (outer, inner) = (line / call->Inner, line % call->Inner);
            var whole = (T*)call->Whole + outer * call->Extent * call->Inner + inner;
            // The result itself, or memory of the worker's where an element does not hold a sum.
            var (sums, step) = typeof(T) == typeof(C) ? ((nint)whole, call->Inner) : ((nint)call->Sums[worker], 1);
            for (long k = 0; k < call->Extent; k++) ((C*)sums)[k * step] = C.Zero;
            for (long k = 0; k < call->Picks; k++)
            {
                var pick = (outer * call->Picks + k) * call->Inner + inner;
                ((C*)sums)[Id(call, pick) * step] += E.Load(((T*)call->Picked)[pick]);
            }
            if (typeof(T) == typeof(C)) continue;
            for (long k = 0; k < call->Extent; k++) whole[k * call->Inner] = E.Store(((C*)sums)[k]);
        }
    }
}

static unsafe partial class LibraryKernels
{
    // Picking moves elements: only their size matters.
    static readonly string gather = Implement("gather", call => Gather(call, call.Type(0).Size() switch
    {
        1 => &Gathering.Gather<byte>,
        2 => &Gathering.Gather<ushort>,
        4 => &Gathering.Gather<uint>,
        8 => &Gathering.Gather<ulong>,
        _ => throw call.Unsupported(0),
    }, whole: 0, picked: 2));

    static readonly string gatherGrad = Implement("gather_grad", call => Gather(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, GatherCall*, void>)&Gathering.Gradient<Float64Elements, double, double>,
        DType.F32 => &Gathering.Gradient<Float32Elements, float, float>,
        DType.F16 => &Gathering.Gradient<Float16Elements, ushort, float>,
        DType.BF16 => &Gathering.Gradient<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }, whole: 2, picked: 0));

    static void Gather(LibraryCall launch, delegate*<WorkerPool, GatherCall*, void> kernel, int whole, int picked)
    {
        var call = launch.Take<GatherCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)kernel, call);
        (call->Outer, call->Extent, call->Inner) = launch.Around(whole);
        call->Picks = launch.Shape(picked)[launch.Axis];
        call->WideIds = launch.Type(1) == DType.I64;
        launch.Resolve(whole, &call->Whole);
        launch.Resolve(picked, &call->Picked);
        launch.Resolve(1, &call->Ids);
        if (picked == 0 && launch.Type(0).IsNarrowFloat()) call->Sums = launch.Scratch(call->Extent * sizeof(float));
    }
}
