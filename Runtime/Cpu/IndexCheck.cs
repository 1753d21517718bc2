using System;
using System.ComponentModel;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>Indices, and what they may be.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct IndexCheckCall
{
    public long Count, Below, Except;
    public bool HasExcept, Wide;

    /// <summary>[Count], int32 or, with <see cref="Wide"/>, int64: read and written.</summary>
    public void* From, To;
}

/// <summary>Looks at indices that a model has computed.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class IndexCheck
{
    const long Grain = 64 * 1024;

    /// <summary>Copies the indices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is not there.</exception>
    public static void Run(WorkerPool pool, void* call) => pool.Run(&Chunk, call, ((IndexCheckCall*)call)->Count, Grain);

    static void Chunk(void* context, long begin, long end, int worker)
    {
        var call = (IndexCheckCall*)context;
        for (var i = begin; i < end; i++)
        {
            var id = call->Wide ? ((long*)call->From)[i] : ((int*)call->From)[i];
            if ((ulong)id >= (ulong)call->Below && !(call->HasExcept && id == call->Except))
                throw new ArgumentOutOfRangeException(null, $"{id} lies outside of 0 to {call->Below - 1}{(call->HasExcept ? $" and is not {call->Except}" : "")}.");
            if (call->Wide) ((long*)call->To)[i] = id;
            else ((int*)call->To)[i] = (int)id;
        }
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string checkIndex = Implement("check_index", CheckIndex);

    static void CheckIndex(LibraryCall launch)
    {
        var call = launch.Take<IndexCheckCall>();
        launch.Run(&IndexCheck.Run, call);
        call->Count = LibraryCall.Product(launch.Shape(0));
        call->Below = launch.Size("below");
        call->HasExcept = launch.Attributes.Has("except");
        call->Except = launch.Attributes.Int("except", 0);
        call->Wide = launch.Type(0) == DType.I64;
        launch.Resolve(0, &call->From);
        launch.Resolve(1, &call->To);
    }
}
