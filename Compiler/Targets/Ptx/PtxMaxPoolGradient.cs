using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>What windows passed on, added up where their largest elements lie: a thread for each element of the image, which looks at all windows of its plane in order.</summary>
sealed class PtxMaxPoolGradient : PtxLibrary
{
    public override string Operation => "max_pool2d_grad";

    protected override ImmutableArray<string> Names => ["plane", "map_plane", "extent"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var (map, image) = (Shape(launch, 0, binding), Shape(launch, 2, binding));
        return [image[2] * image[3], map[2] * map[3], Product(image)];
    }

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[2] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (index, text) = (code.Index, code.Code);
        var element = code.Element(Threads, code["extent"]);
        var (plane, own) = code.Divide(element, code["plane"]);
        var (sum, start) = (text.Copy(PtxOperand.Single(0)), index.Multiply(plane, code["map_plane"]));
        PtxLoop.For(text, index, index.Number(0), code["map_plane"], 1, window =>
        {
            var (place, other) = (index.Add(start, window), text.Label("OTHER"));
            var largest = PtxConversions.Cast(text, code.Load(1, place), code.Kernel.Types[1], DType.I64);
            text.Branch(other, text.Compare("ne", "s64", largest, index.Whole(own)));
            text.Write("add.rn.f32", sum, sum, code.Load(0, place));
            text.Place(other);
        });
        code.Store(2, element, sum);
    }
}
