using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// The library's kernels by operation: how a launch's attributes and shapes become the call that its kernel reads.
sealed unsafe partial class LaunchTableBuilder
{
    void WriteLibrary(LibraryLaunch launch, LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Library;
        switch (launch.Node.Name)
        {
            case "max_pool2d": WritePooling(launch, entry, (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.MaxForward, image: 0, map: 1, index: 2); break;
            case "max_pool2d_grad": WritePooling(launch, entry, (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.MaxGradient, image: 2, map: 0, index: 1); break;
            case "avg_pool2d": WritePooling(launch, entry, (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.AverageForward, image: 0, map: 1, index: -1); break;
            case "avg_pool2d_grad": WritePooling(launch, entry, (delegate*<WorkerPool, PoolingCall*, void>)&Pooling.AverageGradient, image: 1, map: 0, index: -1); break;
            case "embedding": WriteEmbedding(launch, entry, (delegate*<WorkerPool, EmbeddingCall*, void>)&Embedding.Gather, table: 0, picks: 2, start: -1); break;
            case "embedding_grad":
                var starts = launch.Node.Inputs.Length == 3;
                WriteEmbedding(launch, entry, (delegate*<WorkerPool, EmbeddingCall*, void>)&Embedding.Gradient, table: starts ? 3 : 2, picks: 0, start: starts ? 2 : -1);
                break;
            case "pad": WritePad(launch, entry); break;
            case "argmax": WriteArgMax(launch, entry); break;
            default: throw new NotSupportedException($"The processor has no kernel for the operation {launch.Node.Name}.");
        }
    }

    void WritePooling(LibraryLaunch launch, LaunchEntry* entry, delegate*<WorkerPool, PoolingCall*, void> kernel, int image, int map, int index)
    {
        var call = memory.Take<PoolingCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)kernel;
        entry->Call = call;
        var (images, maps) = (launch.Shapes[image], launch.Shapes[map]);
        call->Planes = Evaluate(images[0]) * Evaluate(images[1]);
        (call->Height, call->Width) = (Evaluate(images[2]), Evaluate(images[3]));
        (call->MapHeight, call->MapWidth) = (Evaluate(maps[2]), Evaluate(maps[3]));
        // The gradient of a maximum goes where the index says: it has no window.
        (call->KernelHeight, call->KernelWidth) = Pair(launch.Node, "kernel", 1);
        (call->StrideHeight, call->StrideWidth) = Pair(launch.Node, "stride", 1);
        (call->PaddingTop, call->PaddingLeft) = Pair(launch.Node, "padding", 0);
        Resolve(launch.Operands[image], (void**)&call->Image);
        Resolve(launch.Operands[map], (void**)&call->Map);
        if (index >= 0) Resolve(launch.Operands[index], (void**)&call->Index);
    }

    static (int Height, int Width) Pair(Node node, string name, int fallback) => node.Attributes.Ints(name) switch
    {
        [var both] => (both, both),
        [var height, var width] => (height, width),
        _ => (fallback, fallback),
    };

    void WriteEmbedding(LibraryLaunch launch, LaunchEntry* entry, delegate*<WorkerPool, EmbeddingCall*, void> kernel, int table, int picks, int start)
    {
        var call = memory.Take<EmbeddingCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)kernel;
        entry->Call = call;
        call->Rows = Evaluate(launch.Shapes[table][0]);
        call->Width = Evaluate(launch.Shapes[table][1]);
        call->Count = Product(launch.Shapes[1]);
        call->WideIds = launch.Operands[1].Buffer.DType == DType.I64;
        Resolve(launch.Operands[table], (void**)&call->Table);
        Resolve(launch.Operands[picks], (void**)&call->Picks);
        Resolve(launch.Operands[1], &call->Ids);
        if (start >= 0) Resolve(launch.Operands[start], (void**)&call->Start);
    }

    long Product(IEnumerable<Dim> dims)
    {
        long product = 1;
        foreach (var dim in dims) product *= Evaluate(dim);
        return product;
    }

    // The extents before, along and behind an axis.
    (long Outer, long Extent, long Inner) Around(ImmutableArray<Dim> shape, int axis) => (Product(shape[..axis]), Evaluate(shape[axis]), Product(shape[(axis + 1)..]));

    static int Axis(LibraryLaunch launch) => launch.Node.Inputs[0].Shape.Axis(launch.Node.Attributes.Int("axis", -1));

    void WritePad(LibraryLaunch launch, LaunchEntry* entry)
    {
        var call = memory.Take<PadCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)(delegate*<WorkerPool, PadCall*, void>)&Movement.Pad;
        entry->Call = call;
        var bytes = launch.Operands[0].Buffer.DType.Size();
        var (outer, extent, inner) = Around(launch.Shapes[0], Axis(launch));
        call->Rows = outer;
        call->BytesBefore = Evaluate(launch.Node.Attributes.Dims("before")[0]) * inner * bytes;
        call->Bytes = extent * inner * bytes;
        call->BytesAfter = Evaluate(launch.Node.Attributes.Dims("after")[0]) * inner * bytes;
        Resolve(launch.Operands[0], (void**)&call->From);
        Resolve(launch.Operands[1], (void**)&call->To);
    }

    void WriteArgMax(LibraryLaunch launch, LaunchEntry* entry)
    {
        var call = memory.Take<ArgMaxCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)(delegate*<WorkerPool, ArgMaxCall*, void>)&Movement.ArgMax;
        entry->Call = call;
        (call->Outer, call->Extent, call->Inner) = Around(launch.Shapes[0], Axis(launch));
        Resolve(launch.Operands[0], (void**)&call->From);
        Resolve(launch.Operands[1], (void**)&call->To);
    }
}
