using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>What windows passed on, added up where their largest elements lie: a thread for each element of the image, which looks at all windows of its plane in order.</summary>
sealed class PtxMaxPoolGradient : PtxLibrary
{
    public override string Operation => "max_pool2d_grad";

    protected override ImmutableArray<string> Names => ["plane", "map_height", "map_width", "extent", "row", "column"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var (map, image) = (Shape(launch, 0, binding), Shape(launch, 2, binding));
        return [image[2] * image[3], map[2], map[3], Product(image), Step(launch, 0, 2, binding), Step(launch, 0, 3, binding)];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => PtxWindows.Walks(launch);

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[3] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (index, text) = (code.Index, code.Code);
        var element = code.Element(Threads, code["extent"]);
        var (plane, own) = code.Divide(element, code["plane"]);
        var (sum, start, first) = (text.Copy(PtxOperand.Single(0)), code.Walk("planes", plane), index.Multiply(plane, code["map_height"]));
        PtxLoop.For(text, index, index.Number(0), code["map_height"], 1, row => PtxLoop.For(text, index, index.Number(0), code["map_width"], 1, column =>
        {
            var (window, other) = (index.MultiplyAdd(index.Add(first, row), code["map_width"], column), text.Label("OTHER"));
            var largest = PtxConversions.Cast(text, code.Load(1, window), code.Kernel.Types[1], DType.I64);
            text.Branch(other, text.Compare("ne", "s64", largest, index.Whole(own)));
            text.Write("add.rn.f32", sum, sum, code.Load(0, index.Add(start, index.MultiplyAdd(row, code["row"], index.Multiply(column, code["column"])))));
            text.Place(other);
        }));
        code.Store(2, element, sum);
    }
}
