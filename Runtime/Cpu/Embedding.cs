using System.ComponentModel;
using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Rows of a float32 table [Rows, Width] and the indices that pick them.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct EmbeddingCall
{
    public long Rows, Width;

    /// <summary>How many indices, and where: as int32 or, with <see cref="WideIds"/>, as int64.</summary>
    public long Count;
    public void* Ids;
    public bool WideIds;

    /// <summary>[Rows, Width]: read by the gather, written by the gradient.</summary>
    public float* Table;

    /// <summary>[Count, Width]: written by the gather, the picks' gradient of the gradient.</summary>
    public float* Picks;

    /// <summary>[Rows, Width]: what the gradient is added to, which may be the table's gradient itself; null for zeros.</summary>
    public float* Start;
}

/// <summary>Embedding lookup and its gradient.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Embedding
{
    const long ChunkElements = 16 * 1024;

    // Columns of a chunk of the gradient: two vectors of the widest kind.
    const long ColumnBlock = 32;

    /// <summary>Copies a row of the table for each index.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the table.</exception>
    public static void Gather(WorkerPool pool, EmbeddingCall* call) => pool.Run(&Gather, call, call->Count, 1 + ChunkElements / Math.Max(1, call->Width));

    /// <summary>
    /// Adds the picks' gradients to the rows they came from, each row's in the order of the indices: the work is divided by columns, so the sums do not depend on the number of threads.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside of the table; the table's gradient is then incomplete.</exception>
    public static void Gradient(WorkerPool pool, EmbeddingCall* call)
    {
        if (call->Start != call->Table) pool.Run(&Fill, call, call->Rows, 1 + 4 * ChunkElements / Math.Max(1, call->Width));
        long blocks = (call->Width + ColumnBlock - 1) / ColumnBlock;
        pool.Run(&Scatter, call, blocks, 1 + ChunkElements / Math.Max(1, call->Count * ColumnBlock));
    }

    static long Id(EmbeddingCall* call, long i)
    {
        long id = call->WideIds ? ((long*)call->Ids)[i] : ((int*)call->Ids)[i];
        if ((ulong)id >= (ulong)call->Rows) throw new ArgumentOutOfRangeException(null, $"The index {id} lies outside of the {call->Rows} rows of the table.");
        return id;
    }

    static void Gather(void* context, long begin, long end, int worker)
    {
        var call = (EmbeddingCall*)context;
        for (long i = begin; i < end; i++) ConvolutionPacking.Copy(call->Picks + i * call->Width, call->Table + Id(call, i) * call->Width, call->Width);
    }

    static void Fill(void* context, long begin, long end, int worker)
    {
        var call = (EmbeddingCall*)context;
        for (long i = begin; i < end; i++)
        {
            float* row = call->Table + i * call->Width;
            if (call->Start == null) new Span<float>(row, checked((int)call->Width)).Clear();
            else ConvolutionPacking.Copy(row, call->Start + i * call->Width, call->Width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Scatter(void* context, long begin, long end, int worker)
    {
        var call = (EmbeddingCall*)context;
        long column = begin * ColumnBlock, columns = Math.Min(end * ColumnBlock, call->Width) - column;
        for (long i = 0; i < call->Count; i++)
        {
            float* from = call->Picks + i * call->Width + column, to = call->Table + Id(call, i) * call->Width + column;
            long j = 0;
            for (; j + 8 <= columns; j += 8) (Vector256.Load(to + j) + Vector256.Load(from + j)).Store(to + j);
            for (; j < columns; j++) to[j] += from[j];
        }
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string embedding = Implement("embedding", call => Embed(call, (delegate*<WorkerPool, EmbeddingCall*, void>)&Embedding.Gather, table: 0, picks: 2, start: -1));

    // A third operand is what the rows are added to.
    static readonly string embeddingGrad = Implement("embedding_grad", call =>
        Embed(call, (delegate*<WorkerPool, EmbeddingCall*, void>)&Embedding.Gradient, table: call.Inputs, picks: 0, start: call.Inputs == 3 ? 2 : -1));

    static void Embed(LibraryCall launch, delegate*<WorkerPool, EmbeddingCall*, void> kernel, int table, int picks, int start)
    {
        var call = launch.Take<EmbeddingCall>();
        launch.Run((delegate*<WorkerPool, void*, void>)kernel, call);
        var rows = launch.Shape(table);
        (call->Rows, call->Width) = (rows[0], rows[1]);
        call->Count = LibraryCall.Product(launch.Shape(1));
        call->WideIds = launch.Type(1) == DType.I64;
        launch.Resolve(table, (void**)&call->Table);
        launch.Resolve(picks, (void**)&call->Picks);
        launch.Resolve(1, &call->Ids);
        if (start >= 0) launch.Resolve(start, (void**)&call->Start);
    }
}
