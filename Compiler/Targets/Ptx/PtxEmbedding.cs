using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Rows of a table that numbers pick: a thread for each element.</summary>
sealed class PtxEmbedding : PtxLibrary
{
    public override string Operation => "embedding";

    public override bool Checks => true;

    protected override ImmutableArray<string> Names => ["rows", "width", "extent", "line", "step"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var table = Shape(launch, 0, binding);
        // The table may lie anywhere.
        return [table[0], table[1], Product(Shape(launch, 1, binding)) * table[1], launch.Strides[0][0].Evaluate(binding), launch.Strides[0][1].Evaluate(binding)];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("ids", StridedWalk.All(launch, 1))];

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[2] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var element = code.Element(Threads, code["extent"]);
        var (pick, column) = code.Divide(element, code["width"]);
        code.Move(2, element, 0, code.Index.MultiplyAdd(code.Pick(1, code.Walk("ids", pick), code["rows"]), code["line"], code.Index.Multiply(column, code["step"])));
    }
}
