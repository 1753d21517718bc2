using System;
using System.ComponentModel;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Lines of a strided tensor in order, with the places that their elements had. All strides are in elements.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct SortCall
{
    /// <summary>Elements of a line.</summary>
    public long Extent;

    /// <summary>From one element of a line to the next, in each tensor.</summary>
    public long FromStep, ValuesStep, IndicesStep;

    /// <summary>How many lines, and where they begin in each tensor.</summary>
    public long Lines;
    public Places FromLines, ValuesLines, IndicesLines;

    public bool Descending;
    public void* From, Values;
    public long* Indices;

    /// <summary>Scratch memory of each worker: a line's entries, twice.</summary>
    public float** Scratch;
}

/// <summary>Sorting. A line is sorted by one worker, by its elements' keys and in their order where these are equal: the result is fixed, whatever the threads do.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Sorting
{
    const long ChunkElements = 4 * 1024;

    /// <summary>Bytes of scratch memory that a worker needs: a line's entries, twice.</summary>
    internal static long ScratchBytes<TKey>(long extent)
        where TKey : unmanaged => 2 * extent * sizeof(RadixSort.Entry<TKey>);

    /// <summary>Equal elements keep their order, and NaN counts as the largest.</summary>
    internal static void Sort<T, TKey, TOrder>(WorkerPool pool, SortCall* call)
        where T : unmanaged
        where TKey : unmanaged, IBinaryInteger<TKey>
        where TOrder : ISortKey<T, TKey>
    {
        if (call->Extent > uint.MaxValue) throw new NotSupportedException($"An axis of {call->Extent} elements is too long to be sorted: {uint.MaxValue} are possible.");
        pool.Run(&Sort<T, TKey, TOrder>, call, call->Extent == 0 ? 0 : call->Lines, 1 + ChunkElements / Math.Max(1, call->Extent));
    }

    static void Sort<T, TKey, TOrder>(void* context, long begin, long end, int worker)
        where T : unmanaged
        where TKey : unmanaged, IBinaryInteger<TKey>
        where TOrder : ISortKey<T, TKey>
    {
        var call = (SortCall*)context;
        var entries = (RadixSort.Entry<TKey>*)call->Scratch[worker];
        var flip = call->Descending ? TKey.AllBitsSet : TKey.Zero;
        for (var line = begin; line < end; line++)
        {
            T* from = (T*)call->From + call->FromLines[line], values = (T*)call->Values + call->ValuesLines[line];
            var indices = call->Indices + call->IndicesLines[line];
            for (long k = 0; k < call->Extent; k++) entries[k] = new() { Key = TOrder.Of(from[k * call->FromStep]) ^ flip, Place = (uint)k };
            var sorted = RadixSort.Sort(entries, entries + call->Extent, call->Extent);
            for (long k = 0; k < call->Extent; k++)
            {
                values[k * call->ValuesStep] = from[sorted[k].Place * call->FromStep];
                indices[k * call->IndicesStep] = sorted[k].Place;
            }
        }
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string sort = Implement("sort", Sort);

    static void Sort(LibraryCall launch)
    {
        var call = launch.Take<SortCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)(launch.Type(0) switch
        {
            DType.F64 => (delegate*<WorkerPool, SortCall*, void>)&Sorting.Sort<double, ulong, Float64Key>,
            DType.F32 => &Sorting.Sort<float, uint, Float32Key>,
            DType.F16 => &Sorting.Sort<ushort, ushort, Float16Key>,
            DType.BF16 => &Sorting.Sort<ushort, ushort, BFloat16Key>,
            DType.I64 => &Sorting.Sort<long, ulong, Int64Key>,
            DType.I32 => &Sorting.Sort<int, uint, Int32Key>,
            DType.I8 => &Sorting.Sort<sbyte, byte, Int8Key>,
            DType.U8 or DType.Bool => &Sorting.Sort<byte, byte, UInt8Key>,
            _ => throw launch.Unsupported(0),
        }), call);
        var (shape, axis) = (launch.Shape(0), launch.Axis);
        var (from, values, indices) = (launch.Strides(0), launch.Strides(1), launch.Strides(2));
        (call->Extent, call->FromStep, call->ValuesStep, call->IndicesStep) = (shape[axis], from[axis], values[axis], indices[axis]);
        var (outer, _, inner) = launch.Around(0);
        call->Lines = outer * inner;
        (call->FromLines, call->ValuesLines, call->IndicesLines) = (launch.Lines(0, axis), launch.Lines(1, axis), launch.Lines(2, axis));
        call->Descending = launch.Attributes.Bool("descending");
        call->Scratch = launch.Scratch(launch.Type(0).Size() switch
        {
            8 => Sorting.ScratchBytes<ulong>(call->Extent),
            4 => Sorting.ScratchBytes<uint>(call->Extent),
            2 => Sorting.ScratchBytes<ushort>(call->Extent),
            1 => Sorting.ScratchBytes<byte>(call->Extent),
            _ => throw launch.Unsupported(0),
        });
        launch.Resolve(0, &call->From);
        launch.Resolve(1, &call->Values);
        launch.Resolve(2, (void**)&call->Indices);
    }
}
