using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Numbers that a model has computed and that pick something: a thread for each. One that picks what is not there is reported, and the first or the last goes on in its place.</summary>
sealed class PtxCheckIndex : PtxLibrary
{
    public override string Operation => "check_index";

    public override bool Checks => true;

    protected override ImmutableArray<string> Names => ["below", "extent"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding) => [launch.Attributes.Dims("below")[0].Evaluate(binding), Product(Shape(launch, 0, binding))];

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[1] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (writer, type) = (code.Code, code.Kernel.Types[0]);
        var element = code.Element(Threads, code["extent"]);
        var id = PtxConversions.Cast(writer, code.Load(0, element), type, DType.I64);
        var there = writer.Copy(id);
        var fine = writer.Label("FINE");
        if (code.Kernel.Attributes.Has("except")) writer.Branch(fine, writer.Compare("eq", "s64", id, PtxOperand.Long(code.Kernel.Attributes.Int("except"))));
        var below = code.Index.Whole(code["below"]);
        writer.Write("min.s64", there, id, writer.Instruction("sub.s64", RegisterClass.Long, below, PtxOperand.Long(1)));
        writer.Write("max.s64", there, there, PtxOperand.Long(0));
        writer.Branch(fine, writer.Compare("eq", "s64", id, there));
        code.Report(id, below, fine);
        writer.Place(fine);
        code.Store(1, element, PtxConversions.Cast(writer, there, DType.I64, type));
    }
}
