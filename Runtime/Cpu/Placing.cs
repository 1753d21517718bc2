using System;
using System.ComponentModel;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Cpu;

/// <summary>A part [Outer, Count, Inner] that replaces elements of a whole [Outer, Extent, Inner], from a place along the middle axis on. Sizes are in bytes but for the middle axis.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct PlaceCall
{
    public long Outer, Extent, Count, Inner;

    /// <summary>How the part lies, and how many of its runs belong to one of the <see cref="Outer"/>.</summary>
    public Runs Runs;
    public long RunsOfRow;
    public int ElementBytes;

    /// <summary>The place: int32 or, with <see cref="Wide"/>, int64.</summary>
    public void* At;
    public bool Wide;

    /// <summary>What the whole was. Where it is <see cref="To"/>, only the part is written.</summary>
    public byte* From;
    public byte* Part, To;
}

/// <summary>Writing a part of a tensor.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Placing
{
    const long ChunkBytes = 64 * 1024;

    /// <summary>Writes the part, and what lies around it unless it is there.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not fit behind the place; nothing was written.</exception>
    public static void Run(WorkerPool pool, void* context)
    {
        var call = (PlaceCall*)context;
        var at = At(call);
        if (at < 0 || at > call->Extent - call->Count) throw new ArgumentOutOfRangeException(null, $"{at} lies outside of 0 to {call->Extent - call->Count}.");
        if (call->From != call->To) pool.Run(&Around, call, call->Outer * call->Extent * call->Inner, ChunkBytes);
        pool.Run(&Parts, call, call->Outer, 1 + ChunkBytes / Math.Max(1, call->Count * call->Inner));
    }

    static long At(PlaceCall* call) => call->Wide ? *(long*)call->At : *(int*)call->At;

    static void Around(void* context, long begin, long end, int worker)
    {
        var call = (PlaceCall*)context;
        System.Buffer.MemoryCopy(call->From + begin, call->To + begin, end - begin, end - begin);
    }

    static void Parts(void* context, long begin, long end, int worker)
    {
        var call = (PlaceCall*)context;
        var (bytes, at) = (call->Count * call->Inner, At(call));
        for (var row = begin; row < end; row++)
            call->Runs.Copy(call->To + (row * call->Extent + at) * call->Inner, call->Part, row * call->RunsOfRow, bytes / call->ElementBytes, call->ElementBytes);
    }
}

static unsafe partial class LibraryKernels
{
    static readonly string placed = Implement("placed", Place);

    static void Place(LibraryCall launch)
    {
        var call = launch.Take<PlaceCall>();
        launch.Run(&Placing.Run, call);
        (call->Outer, call->Extent, call->Inner) = launch.Around(0);
        call->Count = launch.Shape(1)[launch.Axis];
        call->Runs = Runs.Of(launch, 1, launch.Axis);
        call->RunsOfRow = call->Count * call->Inner / Math.Max(1, call->Runs.Length);
        call->ElementBytes = launch.Type(0).Size();
        call->Inner *= call->ElementBytes;
        call->Wide = launch.Type(2) == DType.I64;
        launch.Resolve(0, (void**)&call->From);
        launch.Resolve(1, (void**)&call->Part);
        launch.Resolve(2, &call->At);
        launch.Resolve(3, (void**)&call->To);
    }
}
