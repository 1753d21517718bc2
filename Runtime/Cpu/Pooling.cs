using System.ComponentModel;
using System;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Maximum and average pooling and their gradients. Every plane is one worker's, so results do not depend on the number of threads.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Pooling
{
    // A chunk has at least this many elements of the image.
    const long ChunkElements = 16 * 1024;

    static long Grain(PoolingCall* call) => 1 + ChunkElements / Math.Max(1, call->Height * call->Width);

    /// <summary>Maxima and where they lie: the first of equal ones; NaN counts as the greatest, the first of them wins.</summary>
    public static void MaxForward(WorkerPool pool, PoolingCall* call) => MaxForward<Float32Elements, float, float>(pool, call);

    internal static void MaxForward<E, T, C>(WorkerPool pool, PoolingCall* call) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&MaxForward<E, T, C>, call, call->Planes, Grain(call));

    /// <summary>Adds every element of the map's gradient where its maximum lay; the rest of the image's gradient is 0.</summary>
    public static void MaxGradient(WorkerPool pool, PoolingCall* call) => MaxGradient<Float32Elements, float, float>(pool, call);

    internal static void MaxGradient<E, T, C>(WorkerPool pool, PoolingCall* call) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&MaxGradient<E, T, C>, call, call->Planes, Grain(call));

    /// <summary>Means over whole windows, padding counted as zeros.</summary>
    public static void AverageForward(WorkerPool pool, PoolingCall* call) => AverageForward<Float32Elements, float, float>(pool, call);

    internal static void AverageForward<E, T, C>(WorkerPool pool, PoolingCall* call) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&AverageForward<E, T, C>, call, call->Planes, Grain(call));

    /// <summary>Shares every element of the map's gradient equally among its window.</summary>
    public static void AverageGradient(WorkerPool pool, PoolingCall* call) => AverageGradient<Float32Elements, float, float>(pool, call);

    internal static void AverageGradient<E, T, C>(WorkerPool pool, PoolingCall* call) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C> => pool.Run(&AverageGradient<E, T, C>, call, call->Planes, Grain(call));

    static void MaxForward<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        long map = c->MapHeight * c->MapWidth;
        var (from, to) = typeof(T) == typeof(float) && c->From.Column == 1 ? WindowRows.Inside(c) : (0, 0);
        for (long plane = begin; plane < end; plane++)
        {
            var source = (T*)c->Image + c->Plane(plane);
            for (long y = 0; y < c->MapHeight; y++)
            {
                long at = plane * map + y * c->MapWidth;
                if (to > from) MaxWindows.Row(c, (float*)source, y, from, to, (float*)c->Map + at, c->Index + at);
                for (long x = 0; x < from; x++) MaxWindow<E, T, C>(c, source, y, x, (T*)c->Map + at + x, c->Index + at + x);
                for (long x = to; x < c->MapWidth; x++) MaxWindow<E, T, C>(c, source, y, x, (T*)c->Map + at + x, c->Index + at + x);
            }
        }
    }

    static void MaxWindow<E, T, C>(PoolingCall* c, T* source, long y, long x, T* value, int* index) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var (y0, y1) = c->Rows(y);
        var (x0, x1) = c->Columns(x);
        long at = y0 * c->Width + x0;
        var best = E.Load(source[y0 * c->From.Row + x0 * c->From.Column]);
        for (long i = y0; i < y1; i++)
        {
            for (long j = x0; j < x1; j++)
            {
                var candidate = E.Load(source[i * c->From.Row + j * c->From.Column]);
                // True for a greater number, and for NaN against a number.
                if (candidate <= best || C.IsNaN(best)) continue;
                best = candidate;
                at = i * c->Width + j;
            }
        }
        *value = E.Store(best);
        *index = (int)at;
    }

    static void MaxGradient<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        long image = c->Height * c->Width, map = c->MapHeight * c->MapWidth;
        for (long plane = begin; plane < end; plane++)
        {
            T* to = (T*)c->Image + plane * image, from = (T*)c->Map + c->Plane(plane);
            int* index = c->Index + plane * map;
            if (typeof(T) == typeof(float) && MaxWindows.TryHalves(c, (float*)from, index, (float*)to)) continue;
            var sums = Sums<T, C>(c, to, worker);
            for (long y = 0; y < c->MapHeight; y++, index += c->MapWidth)
            {
                var line = from + y * c->From.Row;
                for (long x = 0; x < c->MapWidth; x++) sums[index[x]] += E.Load(line[x * c->From.Column]);
            }
            Round<E, T, C>(sums, to, image);
        }
    }

    static void AverageForward<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        var share = C.One / C.CreateChecked(c->KernelHeight * c->KernelWidth);
        var (from, to) = typeof(T) == typeof(float) && c->From.Column == 1 ? WindowRows.Inside(c) : (0, 0);
        for (long plane = begin; plane < end; plane++)
        {
            var source = (T*)c->Image + c->Plane(plane);
            for (long y = 0; y < c->MapHeight; y++)
            {
                var map = (T*)c->Map + (plane * c->MapHeight + y) * c->MapWidth;
                if (to > from) AverageWindows.Row(c, (float*)source, y, from, to, (float*)map);
                for (long x = 0; x < from; x++) map[x] = E.Store(Sum<E, T, C>(c, source, y, x) * share);
                for (long x = to; x < c->MapWidth; x++) map[x] = E.Store(Sum<E, T, C>(c, source, y, x) * share);
            }
        }
    }

    static C Sum<E, T, C>(PoolingCall* c, T* source, long y, long x) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var (y0, y1) = c->Rows(y);
        var (x0, x1) = c->Columns(x);
        var sum = C.Zero;
        for (long i = y0; i < y1; i++)
        {
            for (long j = x0; j < x1; j++) sum += E.Load(source[i * c->From.Row + j * c->From.Column]);
        }
        return sum;
    }

    static void AverageGradient<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        var share = C.One / C.CreateChecked(c->KernelHeight * c->KernelWidth);
        bool lines = typeof(T) == typeof(float) && c->From.Column == 1 && WindowRows.Inside(c) == (0, c->MapWidth);
        for (long plane = begin; plane < end; plane++)
        {
            var to = (T*)c->Image + plane * c->Height * c->Width;
            var sums = Sums<T, C>(c, to, worker);
            for (long y = 0; y < c->MapHeight; y++)
            {
                var from = (T*)c->Map + c->Plane(plane) + y * c->From.Row;
                if (lines) AverageWindows.Share(c, (float*)from, y, (float*)sums);
                else
                {
                    for (long x = 0; x < c->MapWidth; x++) Share(c, E.Load(from[x * c->From.Column]) * share, y, x, sums);
                }
            }
            Round<E, T, C>(sums, to, c->Height * c->Width);
        }
    }

    static void Share<C>(PoolingCall* c, C part, long y, long x, C* sums) where C : unmanaged, INumber<C>
    {
        var (y0, y1) = c->Rows(y);
        var (x0, x1) = c->Columns(x);
        for (long i = y0; i < y1; i++)
        {
            for (long j = x0; j < x1; j++) sums[i * c->Width + j] += part;
        }
    }

    // A plane of zeros to add up in: the result itself, or memory of the worker's where an element does not hold a sum.
    static C* Sums<T, C>(PoolingCall* c, T* to, int worker) where T : unmanaged where C : unmanaged
    {
        var sums = typeof(T) == typeof(C) ? (C*)to : (C*)c->Sums[worker];
        new Span<C>(sums, checked((int)(c->Height * c->Width))).Clear();
        return sums;
    }

    static void Round<E, T, C>(C* sums, T* to, long count) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        if (typeof(T) == typeof(C)) return;
        for (long i = 0; i < count; i++) to[i] = E.Store(sums[i]);
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string maxPool2d = Implement("max_pool2d", call => Pool(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.MaxForward<Float64Elements, double, double>,
        DType.F32 => &Pooling.MaxForward<Float32Elements, float, float>,
        DType.F16 => &Pooling.MaxForward<Float16Elements, ushort, float>,
        DType.BF16 => &Pooling.MaxForward<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }, image: 0, map: 1, index: 2));

    static readonly string maxPool2dGrad = Implement("max_pool2d_grad", call => Pool(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.MaxGradient<Float64Elements, double, double>,
        DType.F32 => &Pooling.MaxGradient<Float32Elements, float, float>,
        DType.F16 => &Pooling.MaxGradient<Float16Elements, ushort, float>,
        DType.BF16 => &Pooling.MaxGradient<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }, image: 2, map: 0, index: 1));

    static readonly string avgPool2d = Implement("avg_pool2d", call => Pool(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.AverageForward<Float64Elements, double, double>,
        DType.F32 => &Pooling.AverageForward<Float32Elements, float, float>,
        DType.F16 => &Pooling.AverageForward<Float16Elements, ushort, float>,
        DType.BF16 => &Pooling.AverageForward<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }, image: 0, map: 1, index: -1));

    static readonly string avgPool2dGrad = Implement("avg_pool2d_grad", call => Pool(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.AverageGradient<Float64Elements, double, double>,
        DType.F32 => &Pooling.AverageGradient<Float32Elements, float, float>,
        DType.F16 => &Pooling.AverageGradient<Float16Elements, ushort, float>,
        DType.BF16 => &Pooling.AverageGradient<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }, image: 1, map: 0, index: -1));

    static void Pool(LibraryCall launch, delegate*<WorkerPool, PoolingCall*, void> kernel, int image, int map, int index)
    {
        var call = launch.Take<PoolingCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)kernel, call);
        var (images, maps) = (launch.Shape(image), launch.Shape(map));
        (call->Planes, call->Channels) = (images[0] * images[1], Math.Max(1, images[1]));
        var from = launch.Strides(0);
        // Of one column nobody takes a step.
        call->From = new() { Image = from[0], Channel = from[1], Row = from[2], Column = launch.Shape(0)[3] == 1 ? 1 : from[3] };
        (call->Height, call->Width) = (images[2], images[3]);
        (call->MapHeight, call->MapWidth) = (maps[2], maps[3]);
        // The gradient of a maximum goes where the index says: it has no window.
        (call->KernelHeight, call->KernelWidth) = launch.Pair("kernel", 1);
        (call->StrideHeight, call->StrideWidth) = launch.Pair("stride", 1);
        (call->PaddingTop, call->PaddingLeft) = launch.Pair("padding", 0);
        launch.Resolve(image, (void**)&call->Image);
        launch.Resolve(map, (void**)&call->Map);
        if (index >= 0) launch.Resolve(index, (void**)&call->Index);
        if (image >= launch.Inputs && launch.Type(0).IsNarrowFloat()) call->Sums = launch.Scratch(call->Height * call->Width * sizeof(float));
    }
}
