using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The shares of all windows that see an element, added up in the windows' order: a thread for each element of the image.</summary>
sealed class PtxAveragePoolGradient : PtxLibrary
{
    public override string Operation => "avg_pool2d_grad";

    protected override ImmutableArray<string> Names => PtxWindows.Names;

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding) => PtxWindows.Sizes(launch, image: Shape(launch, 1, binding), map: Shape(launch, 0, binding), extent: Product(Shape(launch, 1, binding)), binding: binding);

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => PtxWindows.Walks(launch);

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[PtxWindows.Extent] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var element = code.Element(Threads, code["extent"]);
        var (sum, share) = (code.Code.Copy(PtxOperand.Single(0)), PtxAveragePool.Share(code));
        PtxWindows.Seeing(code, element, window =>
            code.Code.Write("add.rn.f32", sum, sum, code.Code.Instruction("mul.rn.f32", RegisterClass.Single, code.Load(0, window), share)));
        code.Store(1, element, sum);
    }
}
