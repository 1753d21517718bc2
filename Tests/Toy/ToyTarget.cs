using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Tests.Toy;

/// <summary>
/// A second machine, all of it in this folder: it runs kernel values as they say, one element after the other, with other lanes, limits, cuts and alignment than the CPU's. It knows kernels, plans and target
/// models and nothing else of the compiler; whatever it cannot compute from them is missing in them.
/// </summary>
static class ToyTarget
{
    /// <summary>The machine as the compiler sees it.</summary>
    public static TargetModel Model { get; } = new()
    {
        Name = "toy",
        Title = "The toy",
        Types = [DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.U8, DType.I4, DType.Bool],
        Kernels = new(Operations: 14, Dear: 2, Results: 2, Operands: 6, Passes: 2, ShortRow: 4),
        Memory = new(RowBytes: 1 << 11, ColumnRows: 16, Alignment: 16),
        Work = new(Grain: 64, DearWeight: 2, LeastColumns: 4, MostColumns: 32, FewRows: 2, LongRow: 1 << 9),
        Costs = new([ScalarOp.Exp, ScalarOp.Log, ScalarOp.Tanh, ScalarOp.Erf, ScalarOp.Sigmoid, ScalarOp.Pow, ScalarOp.Uniform], Prologue: 3, Again: 1, Repeats: 12, PackedPixels: 16, PackedChannels: 4),
        Sums = new(Lanes: 8, SplitWork: 1 << 10, PartWork: 1 << 7, MostParts: 6, LeastPart: 3, BusyChunks: 4, MostNormParts: 5),
        Products = new(DepthBlock: 40, SliceElements: 1 << 9, SliceLeast: 2, SliceMost: 3, SliceDeep: 4, GradientPixels: 24, GradientTasks: 5),
        Attention = new(Keys: 5, GradientQueries: 3, GradientKeys: 4, GradientTasks: 5),
    };
}
