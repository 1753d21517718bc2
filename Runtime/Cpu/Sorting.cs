using System;
using System.ComponentModel;
using System.Linq;
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

    /// <summary>The other axes: how many, their sizes, and their strides in each tensor.</summary>
    public int Rank;
    public long* Sizes, FromStrides, ValuesStrides, IndicesStrides;

    public bool Descending;
    public void* From, Values;
    public long* Indices;

    /// <summary>Scratch memory of each worker: a line's entries, twice.</summary>
    public float** Scratch;

    /// <summary>How many lines there are.</summary>
    public readonly long Lines
    {
        get
        {
            long lines = 1;
            for (var axis = 0; axis < Rank; axis++) lines *= Sizes[axis];
            return lines;
        }
    }
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
            var from = (T*)call->From;
            var values = (T*)call->Values;
            var indices = call->Indices;
            var rest = line;
            for (var axis = call->Rank - 1; axis >= 0; axis--)
            {
                var i = rest % call->Sizes[axis];
                rest /= call->Sizes[axis];
                from += i * call->FromStrides[axis];
                values += i * call->ValuesStrides[axis];
                indices += i * call->IndicesStrides[axis];
            }
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
        long* Others(long[] numbers)
        {
            var place = launch.Take<long>(numbers.Length - 1);
            for (var a = 0; a < numbers.Length; a++)
                if (a != axis) place[a < axis ? a : a - 1] = numbers[a];
            return place;
        }
        var (from, values, indices) = (launch.Strides(0), launch.Strides(1), launch.Strides(2));
        (call->Extent, call->FromStep, call->ValuesStep, call->IndicesStep) = (shape[axis], from[axis], values[axis], indices[axis]);
        call->Rank = shape.Length - 1;
        call->Sizes = Others(shape);
        call->FromStrides = Others(from);
        call->ValuesStrides = Others(values);
        call->IndicesStrides = Others(indices);
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
