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

    protected override ImmutableArray<string> Names => ["whole", "picks", "inner", "extent"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var ((_, whole, inner), (outer, picks, _)) = (Around(launch, 0, binding), Around(launch, 2, binding));
        return [whole, picks, inner, outer * picks * inner];
    }

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[3] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var element = code.Element(Threads, code["extent"]);
        var (rest, inner) = code.Divide(element, code["inner"]);
        var outer = code.Index.Divide(rest, code["picks"]);
        var place = code.Index.MultiplyAdd(outer, code["whole"], code.Pick(1, element, code["whole"]));
        code.Move(2, element, 0, code.Index.MultiplyAdd(place, code["inner"], inner));
    }
}
