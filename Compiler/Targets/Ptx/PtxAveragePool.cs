using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The mean of each window, padding counted as 0: a thread for each.</summary>
sealed class PtxAveragePool : PtxLibrary
{
    public override string Operation => "avg_pool2d";

    protected override ImmutableArray<string> Names => PtxWindows.Names;

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding) => PtxWindows.Sizes(launch, image: Shape(launch, 0, binding), map: Shape(launch, 1, binding), extent: Product(Shape(launch, 1, binding)), binding: binding);

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => PtxWindows.Walks(launch);

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[PtxWindows.Extent] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var element = code.Element(Threads, code["extent"]);
        var sum = code.Code.Copy(PtxOperand.Single(0));
        PtxWindows.Of(code, element, (_, inImage) => code.Code.Write("add.rn.f32", sum, sum, code.Load(0, inImage)));
        code.Store(1, element, code.Code.Instruction("mul.rn.f32", RegisterClass.Single, sum, Share(code)));
    }

    /// <summary>What an element of a window is of its mean.</summary>
    public static PtxOperand Share(PtxLibraryCode code)
    {
        var whole = code.Index.Multiply(code["kernel_height"], code["kernel_width"]);
        return code.Code.Instruction("div.rn.f32", RegisterClass.Single, PtxOperand.Single(1), code.Code.Instruction("cvt.rn.f32." + code.Index.Signed, RegisterClass.Single, whole));
    }
}
