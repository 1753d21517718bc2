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

/// <summary>Sorting. A line is sorted by one worker, through its indices: no two of them are equal then, so the order of equal elements and the result are fixed, whatever the threads do.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Sorting
{
    const long ChunkElements = 4 * 1024;

    /// <summary>Equal elements keep their order, and NaN counts as the largest.</summary>
    /// <typeparam name="T">The elements.</typeparam>
    public static void Sort<T>(WorkerPool pool, SortCall* call)
        where T : unmanaged, INumber<T> => pool.Run(&Sort<T>, call, call->Extent == 0 ? 0 : call->Lines, 1 + ChunkElements / Math.Max(1, call->Extent));

    static void Sort<T>(void* context, long begin, long end, int worker)
        where T : unmanaged, INumber<T>
    {
        var call = (SortCall*)context;
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
            for (long k = 0; k < call->Extent; k++) indices[k * call->IndicesStep] = k;
            Heapsort(call, from, indices);
            for (long k = 0; k < call->Extent; k++) values[k * call->ValuesStep] = from[indices[k * call->IndicesStep] * call->FromStep];
        }
    }

    // Williams, 1964: needs no memory beside the indices.
    static void Heapsort<T>(SortCall* call, T* from, long* indices)
        where T : unmanaged, INumber<T>
    {
        var (n, step) = (call->Extent, call->IndicesStep);
        for (var root = n / 2 - 1; root >= 0; root--) Sink(call, from, indices, root, n);
        for (var last = n - 1; last > 0; last--)
        {
            (indices[0], indices[last * step]) = (indices[last * step], indices[0]);
            Sink(call, from, indices, 0, last);
        }
    }

    static void Sink<T>(SortCall* call, T* from, long* indices, long root, long count)
        where T : unmanaged, INumber<T>
    {
        var step = call->IndicesStep;
        var moved = indices[root * step];
        while (2 * root + 1 < count)
        {
            var child = 2 * root + 1;
            if (child + 1 < count && IsBefore(call, from, indices[child * step], indices[(child + 1) * step])) child++;
            if (!IsBefore(call, from, moved, indices[child * step])) break;
            indices[root * step] = indices[child * step];
            root = child;
        }
        indices[root * step] = moved;
    }

    static bool IsBefore<T>(SortCall* call, T* from, long i, long k)
        where T : unmanaged, INumber<T>
    {
        var (a, b) = (from[i * call->FromStep], from[k * call->FromStep]);
        if (Less(a, b)) return !call->Descending;
        if (Less(b, a)) return call->Descending;
        return i < k;
    }

    static bool Less<T>(T a, T b)
        where T : INumber<T> => a < b || (!T.IsNaN(a) && T.IsNaN(b));
}

static unsafe partial class LibraryKernels
{
    static readonly string sort = Implement("sort", Sort);

    static void Sort(LibraryCall launch)
    {
        var call = launch.Take<SortCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)(launch.Type(0) switch
        {
            DType.F64 => (delegate*<WorkerPool, SortCall*, void>)&Sorting.Sort<double>,
            DType.F32 => &Sorting.Sort<float>,
            DType.F16 => &Sorting.Sort<Half>,
            DType.I64 => &Sorting.Sort<long>,
            DType.I32 => &Sorting.Sort<int>,
            DType.I8 => &Sorting.Sort<sbyte>,
            DType.Bool => &Sorting.Sort<byte>,
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
        launch.Resolve(0, &call->From);
        launch.Resolve(1, &call->Values);
        launch.Resolve(2, (void**)&call->Indices);
    }
}
