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
            case "gather": WriteGather(launch, entry, Gather(launch), whole: 0, picked: 2); break;
            case "gather_grad": WriteGather(launch, entry, GatherGradient(launch), whole: 2, picked: 0); break;
            case "cumsum": WriteScan(launch, entry); break;
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
        [] => (fallback, fallback),
        var more => throw new NotSupportedException($"{node.Name} has {more.Length} numbers for {name}, but windows have a height and a width."),
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
        var type = launch.Operands[0].Buffer.DType;
        var bytes = type.Size();
        call->ElementBytes = bytes;
        call->Value = Bits(launch.Node.Attributes.Real("value"), type);
        var (outer, extent, inner) = Around(launch.Shapes[0], Axis(launch));
        call->Rows = outer;
        call->BytesBefore = Evaluate(launch.Node.Attributes.Dims("before")[0]) * inner * bytes;
        call->Bytes = extent * inner * bytes;
        call->BytesAfter = Evaluate(launch.Node.Attributes.Dims("after")[0]) * inner * bytes;
        Resolve(launch.Operands[0], (void**)&call->From);
        Resolve(launch.Operands[1], (void**)&call->To);
    }

    // A number as an element lies in memory, in the lowest bytes.
    static ulong Bits(double value, DType type) => type switch
    {
        DType.F64 => BitConverter.DoubleToUInt64Bits(value),
        DType.F32 => BitConverter.SingleToUInt32Bits((float)value),
        DType.I64 or DType.I32 or DType.I8 or DType.Bool => (ulong)(long)value,
        _ => throw Unsupported("pad", type),
    };

    static NotSupportedException Unsupported(string operation, DType type) => new($"The processor has no kernel for {operation} of {type.Name()}.");

    void WriteArgMax(LibraryLaunch launch, LaunchEntry* entry)
    {
        var call = memory.Take<ArgMaxCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)(launch.Operands[0].Buffer.DType switch
        {
            DType.F64 => (delegate*<WorkerPool, ArgMaxCall*, void>)&Movement.ArgMax<double>,
            DType.F32 => &Movement.ArgMax<float>,
            DType.I64 => &Movement.ArgMax<long>,
            DType.I32 => &Movement.ArgMax<int>,
            DType.I8 => &Movement.ArgMax<sbyte>,
            DType.Bool => &Movement.ArgMax<byte>,
            var type => throw Unsupported("argmax", type),
        });
        entry->Call = call;
        (call->Outer, call->Extent, call->Inner) = Around(launch.Shapes[0], Axis(launch));
        Resolve(launch.Operands[0], &call->From);
        Resolve(launch.Operands[1], (void**)&call->To);
    }

    // Picking moves elements: only their size matters.
    static delegate*<WorkerPool, GatherCall*, void> Gather(LibraryLaunch launch) => launch.Operands[0].Buffer.DType.Size() switch
    {
        1 => &Gathering.Gather<byte>,
        2 => &Gathering.Gather<ushort>,
        4 => &Gathering.Gather<uint>,
        8 => &Gathering.Gather<ulong>,
        _ => throw Unsupported("gather", launch.Operands[0].Buffer.DType),
    };

    static delegate*<WorkerPool, GatherCall*, void> GatherGradient(LibraryLaunch launch) => launch.Operands[0].Buffer.DType switch
    {
        DType.F64 => &Gathering.Gradient<double>,
        DType.F32 => &Gathering.Gradient<float>,
        var type => throw Unsupported("gather_grad", type),
    };

    void WriteGather(LibraryLaunch launch, LaunchEntry* entry, delegate*<WorkerPool, GatherCall*, void> kernel, int whole, int picked)
    {
        var call = memory.Take<GatherCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)kernel;
        entry->Call = call;
        var axis = Axis(launch);
        (call->Outer, call->Extent, call->Inner) = Around(launch.Shapes[whole], axis);
        call->Picks = Evaluate(launch.Shapes[picked][axis]);
        call->WideIds = launch.Operands[1].Buffer.DType == DType.I64;
        Resolve(launch.Operands[whole], &call->Whole);
        Resolve(launch.Operands[picked], &call->Picked);
        Resolve(launch.Operands[1], &call->Ids);
    }

    void WriteScan(LibraryLaunch launch, LaunchEntry* entry)
    {
        var call = memory.Take<ScanCall>(1);
        entry->Library = (delegate*<WorkerPool, void*, void>)(launch.Operands[0].Buffer.DType switch
        {
            DType.F64 => (delegate*<WorkerPool, ScanCall*, void>)&Scanning.Sum<double>,
            DType.F32 => &Scanning.Sum<float>,
            var type => throw Unsupported("cumsum", type),
        });
        entry->Call = call;
        (call->Outer, call->Extent, call->Inner) = Around(launch.Shapes[0], Axis(launch));
        call->Reverse = launch.Node.Attributes.Bool("reverse");
        Resolve(launch.Operands[0], &call->From);
        Resolve(launch.Operands[1], &call->To);
    }
}
