using System.ComponentModel;
using System;
using System.Numerics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Maximum and average pooling and their gradients. Every plane is one worker's, so results do not depend on the number of threads.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Pooling
{
    // A chunk has at least this many elements of the image: some microseconds of work.
    const long ChunkElements = 32 * 1024;

    static long Grain(PoolingCall* call) => 1 + ChunkElements / Math.Max(1, call->Height * call->Width);

    /// <summary>Maxima and, where there is room for it, where they lie: the first of equal ones; NaN counts as the greatest, the first of them wins.</summary>
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
        var dense = Dense(c, c->Height, c->Width);
        for (long plane = begin; plane < end; plane++)
        {
            T* source = (T*)c->Image + c->Plane(plane), to = (T*)c->Map + plane * map;
            var index = c->Index == null ? null : c->Index + plane * map;
            if (typeof(T) == typeof(C)) MaxPlane(c, (C*)source, (C*)to, index);
            else
            {
                var image = Widened<C>(c, worker, out var maxima);
                Widen<E, T, C>(source, c->From, image, c->Height, c->Width);
                MaxPlane(&dense, image, maxima, index);
                E.StoreExact(maxima, to, map); // each is one of the image
            }
        }
    }

    static void MaxPlane<C>(PoolingCall* c, C* source, C* map, int* index) where C : unmanaged, INumber<C>
    {
        var (from, to) = typeof(C) == typeof(float) && c->From.Column == 1 ? WindowRows.Inside(c) : (0, 0);
        if (to > from) MaxWindows.Plane(c, (float*)source, from, to, (float*)map, index);
        if (to - from == c->MapWidth) return;
        for (long y = 0; y < c->MapHeight; y++, map += c->MapWidth, index += c->MapWidth)
        {
            for (long x = 0; x < from; x++) MaxWindow(c, source, y, x, map + x, index + x);
            for (long x = to; x < c->MapWidth; x++) MaxWindow(c, source, y, x, map + x, index + x);
        }
    }

    static void MaxWindow<C>(PoolingCall* c, C* source, long y, long x, C* value, int* index) where C : unmanaged, INumber<C>
    {
        var (y0, y1) = c->Rows(y);
        var (x0, x1) = c->Columns(x);
        long at = y0 * c->Width + x0;
        var best = source[y0 * c->From.Row + x0 * c->From.Column];
        for (long i = y0; i < y1; i++)
        {
            for (long j = x0; j < x1; j++)
            {
                var candidate = source[i * c->From.Row + j * c->From.Column];
                // True for a greater number, and for NaN against a number.
                if (candidate <= best || C.IsNaN(best)) continue;
                best = candidate;
                at = i * c->Width + j;
            }
        }
        *value = best;
        if (c->Index != null) *index = (int)at;
    }

    static void MaxGradient<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        long image = c->Height * c->Width, map = c->MapHeight * c->MapWidth;
        var dense = Dense(c, c->MapHeight, c->MapWidth);
        for (long plane = begin; plane < end; plane++)
        {
            T* to = (T*)c->Image + plane * image, from = (T*)c->Map + c->Plane(plane);
            var index = c->Index + plane * map;
            if (typeof(T) == typeof(C)) MaxGradientPlane(c, (C*)from, index, (C*)to);
            else
            {
                var sums = Widened<C>(c, worker, out var gradients);
                Widen<E, T, C>(from, c->From, gradients, c->MapHeight, c->MapWidth);
                MaxGradientPlane(&dense, gradients, index, sums);
                E.Store(sums, to, image);
            }
        }
    }

    static void MaxGradientPlane<C>(PoolingCall* c, C* from, int* index, C* sums) where C : unmanaged, INumber<C>
    {
        if (typeof(C) == typeof(float) && MaxWindows.TryHalves(c, (float*)from, index, (float*)sums)) return;
        Clear(c, sums);
        for (long y = 0; y < c->MapHeight; y++, index += c->MapWidth, from += c->From.Row)
            for (long x = 0; x < c->MapWidth; x++) sums[index[x]] += from[x * c->From.Column];
    }

    static void AverageForward<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        long map = c->MapHeight * c->MapWidth;
        var dense = Dense(c, c->Height, c->Width);
        for (long plane = begin; plane < end; plane++)
        {
            T* source = (T*)c->Image + c->Plane(plane), to = (T*)c->Map + plane * map;
            if (typeof(T) == typeof(C)) AveragePlane(c, (C*)source, (C*)to);
            else
            {
                var image = Widened<C>(c, worker, out var means);
                Widen<E, T, C>(source, c->From, image, c->Height, c->Width);
                AveragePlane(&dense, image, means);
                E.Store(means, to, map);
            }
        }
    }

    static void AveragePlane<C>(PoolingCall* c, C* source, C* map) where C : unmanaged, INumber<C>
    {
        var share = C.One / C.CreateChecked(c->KernelHeight * c->KernelWidth);
        var (from, to) = typeof(C) == typeof(float) && c->From.Column == 1 ? WindowRows.Inside(c) : (0, 0);
        for (long y = 0; y < c->MapHeight; y++, map += c->MapWidth)
        {
            if (to > from) AverageWindows.Row(c, (float*)source, y, from, to, (float*)map);
            for (long x = 0; x < from; x++) map[x] = Sum(c, source, y, x) * share;
            for (long x = to; x < c->MapWidth; x++) map[x] = Sum(c, source, y, x) * share;
        }
    }

    static C Sum<C>(PoolingCall* c, C* source, long y, long x) where C : unmanaged, INumber<C>
    {
        var (y0, y1) = c->Rows(y);
        var (x0, x1) = c->Columns(x);
        var sum = C.Zero;
        for (long i = y0; i < y1; i++)
        {
            for (long j = x0; j < x1; j++) sum += source[i * c->From.Row + j * c->From.Column];
        }
        return sum;
    }

    static void AverageGradient<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var c = (PoolingCall*)context;
        long image = c->Height * c->Width;
        var dense = Dense(c, c->MapHeight, c->MapWidth);
        for (long plane = begin; plane < end; plane++)
        {
            T* to = (T*)c->Image + plane * image, from = (T*)c->Map + c->Plane(plane);
            if (typeof(T) == typeof(C)) AverageGradientPlane(c, (C*)from, (C*)to);
            else
            {
                var sums = Widened<C>(c, worker, out var gradients);
                Widen<E, T, C>(from, c->From, gradients, c->MapHeight, c->MapWidth);
                AverageGradientPlane(&dense, gradients, sums);
                E.Store(sums, to, image);
            }
        }
    }

    static void AverageGradientPlane<C>(PoolingCall* c, C* from, C* sums) where C : unmanaged, INumber<C>
    {
        var share = C.One / C.CreateChecked(c->KernelHeight * c->KernelWidth);
        bool lines = typeof(C) == typeof(float) && c->From.Column == 1 && WindowRows.Inside(c) == (0, c->MapWidth);
        Clear(c, sums);
        for (long y = 0; y < c->MapHeight; y++, from += c->From.Row)
        {
            if (lines) AverageWindows.Share(c, (float*)from, y, (float*)sums);
            else
            {
                for (long x = 0; x < c->MapWidth; x++) Share(c, from[x * c->From.Column] * share, y, x, sums);
            }
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

    static void Clear<C>(PoolingCall* c, C* plane) where C : unmanaged => new Span<C>(plane, checked((int)(c->Height * c->Width))).Clear();

    // Elements that are narrower than what is computed with become that a plane at a time: the plane of the image and that of the map.
    static C* Widened<C>(PoolingCall* c, int worker, out C* map) where C : unmanaged
    {
        var image = (C*)c->Widened[worker];
        map = image + c->Height * c->Width;
        return image;
    }

    static PoolingCall Dense(PoolingCall* c, long height, long width) => *c with { From = PlaneStrides.Dense(1, height, width) };

    static void Widen<E, T, C>(T* from, PlaneStrides strides, C* to, long height, long width) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        if (strides.Column == 1 && strides.Row == width)
        {
            E.Load(from, to, height * width);
            return;
        }
        for (long y = 0; y < height; y++, from += strides.Row, to += width)
        {
            if (strides.Column == 1) E.Load(from, to, width);
            else
            {
                for (long x = 0; x < width; x++) to[x] = E.Load(from[x * strides.Column]);
            }
        }
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
    }, image: 0, map: 1, index: call.Results > 1 ? 2 : -1));

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
        if (launch.Type(0).IsNarrowFloat()) call->Widened = launch.Scratch((call->Height * call->Width + call->MapHeight * call->MapWidth) * sizeof(float));
    }
}
