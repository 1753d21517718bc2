using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>What a gather picked, added up where it came from: a thread for each element, which adds its picks in their order.</summary>
sealed class PtxGatherGradient : PtxLibrary
{
    public override string Operation => "gather_grad";

    protected override ImmutableArray<string> Names => ["whole", "picks", "inner", "step", "id_step", "extent"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var ((outer, whole, inner), (_, picks, _)) = (Around(launch, 2, binding), Around(launch, 0, binding));
        var axis = AxisOf(launch);
        return [whole, picks, inner, Step(launch, 0, axis, binding), Step(launch, 1, axis, binding), outer * whole * inner];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("lines", StridedWalk.Lines(launch, 0, AxisOf(launch))), ("ids", StridedWalk.Lines(launch, 1, AxisOf(launch)))];

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[5] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (index, text) = (code.Index, code.Code);
        var element = code.Element(Threads, code["extent"]);
        var (rest, inner) = code.Divide(element, code["inner"]);
        var (outer, own) = code.Divide(rest, code["whole"]);
        var sum = text.Copy(PtxOperand.Single(0));
        var line = index.MultiplyAdd(outer, code["inner"], inner);
        var (first, firstId) = (code.Walk("lines", line), code.Walk("ids", line));
        PtxLoop.For(text, index, index.Number(0), code["picks"], 1, pick =>
        {
            var (place, other) = (index.MultiplyAdd(pick, code["step"], first), text.Label("OTHER"));
            var id = PtxConversions.Cast(text, code.Load(1, index.MultiplyAdd(pick, code["id_step"], firstId)), code.Kernel.Types[1], DType.I64);
            text.Branch(other, text.Compare("ne", "s64", id, index.Whole(own)));
            text.Write("add.rn.f32", sum, sum, code.Load(0, place));
            text.Place(other);
        });
        code.Store(2, element, sum);
    }
}
