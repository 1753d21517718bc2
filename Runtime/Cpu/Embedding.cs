using System.ComponentModel;
using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Rows of a table [Rows, Width] and the indices that pick them.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct EmbeddingCall
{
    public long Rows, Width;

    /// <summary>How many indices, and where: as int32 or, with <see cref="WideIds"/>, as int64.</summary>
    public long Count;
    public void* Ids;
    public bool WideIds;
    public Places IdPlaces;

    /// <summary>[Rows, Width]: read by the gather, written by the gradient.</summary>
    public void* Table;

    /// <summary>What the gather reads lies anywhere: elements from one row to the next, and from one column. What the gradient writes is contiguous.</summary>
    public long RowStride, ColumnStride;

    /// <summary>[Count, Width]: written by the gather, element behind element; the picks' gradient of the gradient, whose rows lie anywhere.</summary>
    public void* Picks;
    public Places PickRows;
    public long PickStep;

    /// <summary>[Rows, Width]: what the gradient is added to, which may be the table's gradient itself; null for zeros.</summary>
    public void* Start;

    /// <summary>
    /// A gradient whose elements are narrower than its sums: for each worker a number for each row, which says where its sums are, and behind these sums of the rows that are picked over <see cref="Columns"/> columns.
    /// </summary>
    public float** Sums;
    public long Columns;
}

/// <summary>Embedding lookup and its gradient.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Embedding
{
    const long ChunkElements = 16 * 1024;

    // Columns of a chunk of the gradient: two vectors of the widest kind.
    const long ColumnBlock = 32;

    /// <summary>Copies a row of a float32 table for each index.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the table.</exception>
    public static void Gather(WorkerPool pool, EmbeddingCall* call) => Gather<float>(pool, call);

    /// <inheritdoc cref="Gather(WorkerPool, EmbeddingCall*)"/>
    /// <typeparam name="T">Anything of an element's size.</typeparam>
    internal static void Gather<T>(WorkerPool pool, EmbeddingCall* call) where T : unmanaged => pool.Run(&Gather<T>, call, call->Count, 1 + ChunkElements / Math.Max(1, call->Width));

    /// <summary>
    /// Adds the picks' gradients to the rows they came from, each row's in the order of the indices: the work is divided by columns, so the sums do not depend on the number of threads.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the table; the table's gradient is then incomplete.</exception>
    public static void Gradient(WorkerPool pool, EmbeddingCall* call) => Gradient<float>(pool, call);

    /// <inheritdoc cref="Gradient(WorkerPool, EmbeddingCall*)"/>
    /// <typeparam name="T">The elements, which are their own sums.</typeparam>
    internal static void Gradient<T>(WorkerPool pool, EmbeddingCall* call) where T : unmanaged, INumber<T>
    {
        if (call->Start != call->Table) pool.Run(&Fill<T>, call, call->Rows, 1 + 4 * ChunkElements / Math.Max(1, call->Width));
        long blocks = (call->Width + ColumnBlock - 1) / ColumnBlock;
        pool.Run(&Scatter<T>, call, blocks, 1 + ChunkElements / Math.Max(1, call->Count * ColumnBlock));
    }

    /// <summary>As <see cref="Gradient{T}"/>, of elements that are narrower than their sums: those of the rows that are picked lie in a worker's memory, some columns at a time, and are rounded once.</summary>
    internal static void NarrowGradient<E, T, C>(WorkerPool pool, EmbeddingCall* call) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        if (call->Start != call->Table) pool.Run(&Fill<T>, call, call->Rows, 1 + 4 * ChunkElements / Math.Max(1, call->Width));
        pool.Run(&NarrowScatter<E, T, C>, call, (call->Width + call->Columns - 1) / call->Columns, 1);
    }

    /// <summary>The most columns that a worker adds up at a time.</summary>
    internal const int MostColumns = 128;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void NarrowScatter<E, T, C>(void* context, long begin, long end, int worker) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        var call = (EmbeddingCall*)context;
        var places = (int*)call->Sums[worker]; // of a row: which of the sums are its own; none but where it is picked
        var sums = (C*)(places + call->Rows);
        var pick = stackalloc C[MostColumns];
        for (var block = begin; block < end; block++)
        {
            long column = block * call->Columns, columns = Math.Min(call->Columns, call->Width - column);
            for (long i = 0; i < call->Count; i++) places[Id(call, i)] = -1;
            var count = 0;
            for (long i = 0; i < call->Count; i++)
            {
                var row = Id(call, i);
                if (places[row] < 0)
                {
                    places[row] = count++;
                    var first = sums + places[row] * columns;
                    if (call->Start == null) new Span<C>(first, (int)columns).Clear();
                    else E.Load((T*)call->Start + row * call->Width + column, first, columns);
                }
                Load<E, T, C>((T*)call->Picks + call->PickRows[i] + column * call->PickStep, call->PickStep, pick, columns);
                Add(pick, sums + places[row] * columns, columns);
            }
            for (long i = 0; i < call->Count; i++)
            {
                var row = Id(call, i);
                if (places[row] < 0) continue; // stored before
                E.Store(sums + places[row] * columns, (T*)call->Table + row * call->Width + column, columns);
                places[row] = -1;
            }
        }
    }

    static void Load<E, T, C>(T* from, long step, C* to, long count) where E : IElement<T, C> where T : unmanaged where C : unmanaged, INumber<C>
    {
        if (step == 1) E.Load(from, to, count);
        else
            for (long j = 0; j < count; j++) to[j] = E.Load(from[j * step]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add<T>(T* from, T* to, long count) where T : unmanaged, INumber<T>
    {
        long j = 0;
        for (; j + Vector256<T>.Count <= count; j += Vector256<T>.Count) (Vector256.Load(to + j) + Vector256.Load(from + j)).Store(to + j);
        for (; j < count; j++) to[j] += from[j];
    }

    static long Id(EmbeddingCall* call, long i)
    {
        long at = call->IdPlaces[i], id = call->WideIds ? ((long*)call->Ids)[at] : ((int*)call->Ids)[at];
        if ((ulong)id >= (ulong)call->Rows) throw new ArgumentOutOfRangeException(null, $"The index {id} lies outside of the {call->Rows} rows of the table.");
        return id;
    }

    static void Gather<T>(void* context, long begin, long end, int worker) where T : unmanaged
    {
        var call = (EmbeddingCall*)context;
        for (long i = begin; i < end; i++)
        {
            T* to = (T*)call->Picks + i * call->Width, from = (T*)call->Table + Id(call, i) * call->RowStride;
            if (call->ColumnStride == 1) Copy(to, from, call->Width);
            else
                for (long j = 0; j < call->Width; j++) to[j] = from[j * call->ColumnStride];
        }
    }

    static void Copy<T>(T* to, T* from, long count) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) ConvolutionPacking.Copy((float*)to, (float*)from, count);
        else new ReadOnlySpan<T>(from, checked((int)count)).CopyTo(new(to, checked((int)count)));
    }

    static void Fill<T>(void* context, long begin, long end, int worker) where T : unmanaged
    {
        var call = (EmbeddingCall*)context;
        for (long i = begin; i < end; i++)
        {
            var row = (T*)call->Table + i * call->Width;
            if (call->Start == null) new Span<T>(row, checked((int)call->Width)).Clear();
            else Copy(row, (T*)call->Start + i * call->Width, call->Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Scatter<T>(void* context, long begin, long end, int worker) where T : unmanaged, INumber<T>
    {
        var call = (EmbeddingCall*)context;
        long column = begin * ColumnBlock, columns = Math.Min(end * ColumnBlock, call->Width) - column;
        for (long i = 0; i < call->Count; i++)
        {
            T* from = (T*)call->Picks + call->PickRows[i] + column * call->PickStep, to = (T*)call->Table + Id(call, i) * call->Width + column;
            long step = call->PickStep;
            if (step == 1) Add(from, to, columns);
            else
                for (long j = 0; j < columns; j++) to[j] += from[j * step];
        }
    }
}

static unsafe partial class LibraryKernels
{
    // Picking rows moves elements: only their size matters.
    static readonly string embedding = Implement("embedding", call => Embed(call, call.Type(0).Size() switch
    {
        1 => (delegate*<WorkerPool, EmbeddingCall*, void>)&Embedding.Gather<byte>,
        2 => &Embedding.Gather<ushort>,
        4 => &Embedding.Gather<float>,
        8 => &Embedding.Gather<double>,
        _ => throw call.Unsupported(0),
    }, table: 0, picks: 2, start: -1));

    // A third operand is what the rows are added to.
    static readonly string embeddingGrad = Implement("embedding_grad", call => Embed(call, call.Type(0) switch
    {
        DType.F64 => (delegate*<WorkerPool, EmbeddingCall*, void>)&Embedding.Gradient<double>,
        DType.F32 => &Embedding.Gradient<float>,
        DType.F16 => &Embedding.NarrowGradient<Float16Elements, ushort, float>,
        DType.BF16 => &Embedding.NarrowGradient<BFloat16Elements, ushort, float>,
        _ => throw call.Unsupported(0),
    }, table: call.Inputs, picks: 0, start: call.Inputs == 3 ? 2 : -1));

    // Sums of so many elements stay near a processor.
    const long EmbeddingSums = 1 << 18;

    static void Embed(LibraryCall launch, delegate*<WorkerPool, EmbeddingCall*, void> kernel, int table, int picks, int start)
    {
        var call = launch.Take<EmbeddingCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)kernel, call);
        var rows = launch.Shape(table);
        (call->Rows, call->Width) = (rows[0], rows[1]);
        (call->RowStride, call->ColumnStride) = (launch.Strides(table)[0], rows[1] == 1 ? 1 : launch.Strides(table)[1]);
        call->Count = LibraryCall.Product(launch.Shape(1));
        call->WideIds = launch.Type(1) == DType.I64;
        call->IdPlaces = launch.All(1);
        if (picks == 0)
        {
            var last = launch.Shape(0).Length - 1;
            (call->PickRows, call->PickStep) = (launch.Lines(0, last), rows[1] == 1 ? 1 : launch.Strides(0)[last]);
        }
        launch.Resolve(table, (void**)&call->Table);
        launch.Resolve(picks, (void**)&call->Picks);
        launch.Resolve(1, &call->Ids);
        if (start >= 0) launch.Resolve(start, (void**)&call->Start);
        if (picks != 0 || !launch.Type(0).IsNarrowFloat()) return;
        var picked = Math.Max(1, Math.Min(call->Count, call->Rows));
        call->Columns = Math.Clamp(EmbeddingSums / picked, 1, Embedding.MostColumns);
        call->Sums = launch.Scratch((call->Rows + picked * call->Columns) * sizeof(float));
    }
}
