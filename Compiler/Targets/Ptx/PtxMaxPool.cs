using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The largest element of each window and, where the launch has a place for it, its place in the plane, the first of equal ones; a NaN is the largest. A thread for each window.</summary>
sealed class PtxMaxPool : PtxLibrary
{
    public override string Operation => "max_pool2d";

    protected override ImmutableArray<string> Names => PtxWindows.Names;

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding) => PtxWindows.Sizes(launch, image: Shape(launch, 0, binding), map: Shape(launch, 1, binding), extent: Product(Shape(launch, 1, binding)), binding: binding);

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => PtxWindows.Walks(launch);

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[PtxWindows.Extent] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (index, text) = (code.Index, code.Code);
        var element = code.Element(Threads, code["extent"]);
        var (best, place) = (text.Copy(PtxOperand.Single(float.NegativeInfinity)), text.Copy(PtxOperand.Word(-1)));
        PtxWindows.Of(code, element, (inPlane, inImage) =>
        {
            var value = code.Load(0, inImage);
            var isNone = text.Compare("nan", "f32", value, value);
            var wasNumber = text.Compare("num", "f32", best, best);
            var isFirst = text.Compare("lt", "s32", place, PtxOperand.Word(0));
            var isBetter = text.Instruction("or.pred", RegisterClass.Predicate, text.Compare("gt", "f32", value, best), text.Instruction("and.pred", RegisterClass.Predicate, isNone, wasNumber));
            isBetter = text.Instruction("or.pred", RegisterClass.Predicate, isBetter, isFirst);
            text.Assign(best, text.Instruction("selp.f32", RegisterClass.Single, value, best, isBetter));
            text.Assign(place, text.Instruction("selp.b32", RegisterClass.Word, index.Class == RegisterClass.Long ? text.Instruction("cvt.u32.u64", RegisterClass.Word, inPlane) : inPlane, place, isBetter));
        });
        code.Store(1, element, best);
        if (code.Kernel.Types.Length > 2) code.Store(2, element, PtxConversions.Cast(text, place, DType.I32, code.Kernel.Types[2]));
    }
}
