using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Running sums along an axis: a thread a line, which adds in float64 in the order of the elements, as the CPU does.</summary>
sealed class PtxCumSum : PtxLibrary
{
    public override string Operation => "cumsum";

    protected override ImmutableArray<string> Names => ["length", "step", "inner", "lines"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var (outer, length, inner) = Around(launch, 0, binding);
        return [length, Step(launch, 0, AxisOf(launch), binding), inner, length == 0 ? 0 : outer * inner];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("lines", StridedWalk.Lines(launch, 0, AxisOf(launch)))];

    public override long Blocks(ImmutableArray<long> sizes) => (sizes[3] + Threads - 1) / Threads;

    protected override void Write(PtxLibraryCode code)
    {
        var (writer, index) = (code.Code, code.Index);
        var line = code.Element(Threads, code["lines"]);
        var (outer, inner) = code.Divide(line, code["inner"]);
        var isReverse = code.Kernel.Attributes.Bool("reverse");
        var first = isReverse ? index.MultiplyAdd(outer, code["length"], index.Subtract(code["length"], index.Number(1))) : index.Multiply(outer, code["length"]);
        var at = writer.Copy(index.MultiplyAdd(first, code["inner"], inner));
        var begin = code.Walk("lines", line);
        var from = writer.Copy(isReverse ? index.MultiplyAdd(index.Subtract(code["length"], index.Number(1)), code["step"], begin) : begin);
        var left = writer.Copy(code["length"]);
        var sum = writer.Copy(PtxOperand.Double(0));
        var next = writer.Label("NEXT");
        writer.Place(next);
        writer.Write("add.rn.f64", sum, sum, writer.Instruction("cvt.f64.f32", RegisterClass.Double, code.Load(0, from)));
        code.Store(1, at, writer.Instruction("cvt.rn.f32.f64", RegisterClass.Single, sum));
        writer.Write((isReverse ? "sub." : "add.") + index.Signed, at, at, code["inner"]);
        writer.Write((isReverse ? "sub." : "add.") + index.Signed, from, from, code["step"]);
        writer.Write("sub." + index.Signed, left, left, index.Number(1));
        writer.Branch(next, index.Compare("gt", left, index.Number(0)));
    }
}
