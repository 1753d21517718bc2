using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets;

/// <summary>The machines that Graph compiles for.</summary>
public static class KnownTargets
{
    /// <summary>
    /// Processors with vectors of 128 to 512 bits, under the just-in-time compiler of .NET, which compiles methods of up to 16 KB and some two hundred vector statements well: the limits of kernels keep them
    /// there. Rows are kept for another pass in half of a second-level cache of 1 MB. One model for all of them: neither the code nor the order of a sum depends on the processor that a program runs on.
    /// </summary>
    public static TargetModel Cpu { get; } = new()
    {
        Name = "cpu",
        Title = "The CPU",
        Types = [DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.I4, DType.Bool],
        Kernels = new(Operations: 72, Dear: 8, Results: 8, Operands: 20, Passes: 4, ShortRow: 16),
        Memory = new(RowBytes: 1 << 19, ColumnRows: 512, Alignment: 64),
        Work = new(Grain: 1 << 14, DearWeight: 4, LeastColumns: 64, MostColumns: 1024, FewRows: 8, LongRow: 1 << 16),
        Costs = new([.. ScalarFunctions.All.Where(f => !f.IsInstruction).Select(f => f.Op), ScalarOp.Uniform], Prologue: 8, Again: 6, Repeats: 2, PackedPixels: 256, PackedChannels: 32),
        Sums = new(Lanes: 64, SplitWork: 1 << 17, PartWork: 1 << 15, MostParts: 64, LeastPart: 8, BusyChunks: 6, MostNormParts: 1024),
        Products = CpuLibrary.Products,
        Packing = CpuLibrary.Packing,
        Packs = PackedOperands.ConvolutionWeight | PackedOperands.ProductRight,
        Attention = CpuLibrary.Attention,
    };

    /// <summary>
    /// NVIDIA's cards from Volta on, with plain instructions. A row belongs to a warp of 32 threads, which keeps nothing of it for a later pass: what is needed again is read again, from its cache. Sums of products
    /// may be cut into slices, which is all that workspaces are for. No number depends on how many processors a card has.
    /// </summary>
    public static TargetModel Ptx { get; } = new()
    {
        Name = "ptx",
        Title = "The GPU",
        Types = [DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool],
        Kernels = new(Operations: 96, Dear: 8, Results: 8, Operands: 20, Passes: 4, ShortRow: 16),
        Memory = new(RowBytes: 0, ColumnRows: 512, Alignment: 256),
        Work = new(Grain: 1 << 10, DearWeight: 4, LeastColumns: 32, MostColumns: 256, FewRows: 64, LongRow: 1 << 14),
        Costs = new([.. ScalarFunctions.All.Where(f => !f.IsInstruction).Select(f => f.Op), ScalarOp.Uniform], Prologue: 8, Again: 6, Repeats: 2, PackedPixels: 256, PackedChannels: 32),
        Sums = new(Lanes: 32, SplitWork: 1 << 15, PartWork: 1 << 12, MostParts: 256, LeastPart: 8, BusyChunks: 64, MostNormParts: 1024),
        Products = new(DepthBlock: 512, SliceElements: 1 << 16, SliceLeast: 2, SliceMost: 16, SliceDeep: 0, GradientPixels: 0, GradientTasks: 0),
        Packing = new(MostBytes: 0, LeastWork: long.MaxValue, WorkerBytes: 0, TurnedFloats: 0, PackedFloats: 0, Tiles: [new(64, 64, 64)]),
        Attention = new(Keys: 64, GradientQueries: 64, GradientKeys: 64, GradientTasks: 1),
        Hooks = LibraryHooks.Addend | LibraryHooks.Prologue | LibraryHooks.Epilogue,
        Library = KernelCatalog.Of(
        [
            new("matmul", [DType.F32, DType.F16, DType.BF16, DType.I32, DType.I8, DType.U8]), new("embedding", [DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool]), new("embedding_grad", [DType.F32, DType.F16, DType.BF16]),
            new("gather", [DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool]), new("gather_grad", [DType.F32, DType.F16, DType.BF16]),
            new("conv2d", [DType.F32, DType.F16, DType.BF16, DType.I32, DType.I8, DType.U8]), new("conv2d_grad_input", [DType.F32, DType.F16, DType.BF16]), new("conv2d_grad_weight", [DType.F32, DType.F16, DType.BF16]),
            new("max_pool2d", [DType.F32, DType.F16, DType.BF16]), new("max_pool2d_grad", [DType.F32, DType.F16, DType.BF16]),
            new("avg_pool2d", [DType.F32, DType.F16, DType.BF16]), new("avg_pool2d_grad", [DType.F32, DType.F16, DType.BF16]),
            new("pad", [DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool]),
            new("cumsum", [DType.F32, DType.F16, DType.BF16]), new("sort", [DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.Bool]), new("check_index", [DType.I64, DType.I32]),
            new("scaled_dot_product_attention", [DType.F32, DType.F16, DType.BF16]), new("scaled_dot_product_attention_grad", [DType.F32, DType.F16, DType.BF16]),
        ]),
    };

    /// <summary>All of them.</summary>
    public static ImmutableArray<TargetModel> All { get; } = [Cpu, Ptx];

    /// <summary>The target of that name, in any case; null when there is none.</summary>
    public static TargetModel? Find(string name) => All.FirstOrDefault(t => string.Equals(t.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The targets of a build that names none.</summary>
    public static ImmutableArray<TargetModel> Default { get; } = [Cpu];
}
