using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Elements along an axis that numbers pick, one for each of the result: a thread for each.</summary>
sealed class PtxGather : PtxLibrary
{
    public override string Operation => "gather";

    public override bool Checks => true;

    protected override ImmutableArray<string> Names => ["whole", "step", "extent"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var axis = AxisOf(launch);
        return [Shape(launch, 0, binding)[axis], Step(launch, 0, axis, binding), Product(Shape(launch, 2, binding))];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("lines", StridedWalk.LinesOf(launch, 2, 0, AxisOf(launch))), ("ids", StridedWalk.All(launch, 1))];

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[2] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var element = code.Element(Threads, code["extent"]);
        code.Move(2, element, 0, code.Index.MultiplyAdd(code.Pick(1, code.Walk("ids", element), code["whole"]), code["step"], code.Walk("lines", element)));
    }
}
