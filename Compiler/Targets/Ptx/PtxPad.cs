using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Elements of one number before and after an axis: a thread for each of the result.</summary>
sealed class PtxPad : PtxLibrary
{
    public override string Operation => "pad";

    protected override ImmutableArray<string> Names => ["from", "before", "to", "inner", "extent"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var (outer, from, inner) = Around(launch, 0, binding);
        var to = Around(launch, 1, binding).Extent;
        return [from, launch.Attributes.Dims("before")[0].Evaluate(binding), to, inner, outer * to * inner];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("lines", StridedWalk.All(launch, 0))];

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[4] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (index, text) = (code.Index, code.Code);
        var element = code.Element(Threads, code["extent"]);
        var (rest, inner) = code.Divide(element, code["inner"]);
        var (outer, place) = code.Divide(rest, code["to"]);
        place = index.Subtract(place, code["before"]);
        var padding = text.Label("PADDING");
        text.Branch(padding, index.Compare("lt", place, index.Number(0)));
        text.Branch(padding, index.Compare("ge", place, code["from"]));
        code.Move(1, element, 0, code.Walk("lines", index.MultiplyAdd(index.MultiplyAdd(outer, code["from"], place), code["inner"], inner)));
        text.Do("bra " + code.End);
        text.Place(padding);
        code.Store(1, element, PtxScalars.Constant(text, code.Kernel.Attributes.Real("value", 0), code.Kernel.Types[1]));
    }
}
