using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// The gradient of an embedding's table: a block for each row. It looks at the numbers that picked rows, 256 at a time, and adds up what belongs to its own in their order: the same chain for every element as on
/// the processor, without a sort and without atomics.
/// </summary>
sealed class PtxEmbeddingGradient : PtxLibrary
{
    // Columns of a thread.
    const int Own = 4;

    const int Warps = 8;

    public override string Operation => "embedding_grad";

    public override bool Checks => false; // what picks nothing was reported when it was picked

    protected override ImmutableArray<string> Names => ["rows", "width", "picks", "step"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var table = Shape(launch, launch.Inputs, binding);
        return [table[0], table[1], Product(Shape(launch, 1, binding)), Step(launch, 0, launch.Shapes[0].Length - 1, binding)];
    }

    protected override ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [("lines", StridedWalk.Lines(launch, 0, launch.Shapes[0].Length - 1)), ("ids", StridedWalk.All(launch, 1))];

    public override long Blocks(ImmutableArray<long> sizes) => sizes[0];

    protected override void Write(PtxLibraryCode code)
    {
        var (index, text, result) = (code.Index, code.Code, code.Kernel.Inputs);
        var masks = new PtxOperand(RegisterClass.Word, "masks");
        text.Do($".shared .align 4 .b8 {masks}[{4 * Warps}]");
        var row = index.OfWord(code.Block);
        var start = text.Instruction("mov.u32", RegisterClass.Word, masks);
        var warp = text.Instruction("shr.u32", RegisterClass.Word, code.Thread, PtxOperand.Word(5));
        var mine = text.Instruction("mad.lo.s32", RegisterClass.Word, warp, PtxOperand.Word(4), start);
        var isFirst = text.Compare("eq", "u32", text.Instruction("and.b32", RegisterClass.Word, code.Thread, PtxOperand.Word(31)), PtxOperand.Word(0));
        PtxLoop.For(text, index, index.Number(0), code["width"], Own * Threads, columns =>
        {
            PtxOperand[] at = [.. Enumerable.Range(0, Own).Select(j => index.Add(columns, index.Add(index.OfWord(code.Thread), index.Number(j * Threads))))];
            PtxOperand[] steps = [.. at.Select(c => index.Multiply(c, code["step"]))];
            PtxOperand[] isThere = [.. at.Select(c => index.Compare("lt", c, code["width"]))];
            PtxOperand[] sums = [.. at.Select((c, j) => Begin(code, index.MultiplyAdd(row, code["width"], c), isThere[j]))];
            PtxLoop.For(text, index, index.Number(0), code["picks"], Threads, picks =>
            {
                var (pick, none) = (index.Add(picks, index.OfWord(code.Thread)), text.Label("NONE"));
                var isOwn = text.Copy(PtxOperand.Word(0));
                text.Branch(none, index.Compare("ge", pick, code["picks"]));
                var id = PtxConversions.Cast(text, code.Load(1, code.Walk("ids", pick)), code.Kernel.Types[1], DType.I64);
                text.Assign(isOwn, PtxConversions.Cast(text, text.Compare("eq", "s64", id, index.Whole(row)), DType.Bool, DType.I32));
                text.Place(none);
                var mask = text.Register(RegisterClass.Word);
                text.Do($"vote.sync.ballot.b32 {mask}, {text.Compare("ne", "s32", isOwn, PtxOperand.Word(0))}, 0xffffffff");
                text.Do($"st.shared.b32 [{mine}], {mask}", isFirst);
                text.Do("bar.sync 0");
                for (var w = 0; w < Warps; w++)
                    Add(code, text.Instruction("ld.shared.b32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, $"[{start}+{4 * w}]")), index.Add(picks, index.Number(32 * w)), steps, isThere, sums);
                text.Do("bar.sync 0");
            });
            for (var j = 0; j < Own; j++)
            {
                var outside = text.Label("OUTSIDE");
                text.Branch(outside, isThere[j], inverted: true);
                code.Store(result, index.MultiplyAdd(row, code["width"], at[j]), sums[j]);
                text.Place(outside);
            }
        });
    }

    // Zero, or the element that the gradient is added to.
    static PtxOperand Begin(PtxLibraryCode code, PtxOperand element, PtxOperand isThere)
    {
        var sum = code.Code.Copy(PtxOperand.Single(0));
        if (code.Kernel.Inputs < 3) return sum;
        var outside = code.Code.Label("OUTSIDE");
        code.Code.Branch(outside, isThere, inverted: true);
        code.Code.Assign(sum, code.Load(2, element));
        code.Code.Place(outside);
        return sum;
    }

    // The picks of a mask, the lowest first.
    static void Add(PtxLibraryCode code, PtxOperand mask, PtxOperand first, PtxOperand[] at, PtxOperand[] isThere, PtxOperand[] sums)
    {
        var (index, text) = (code.Index, code.Code);
        var (next, done) = (text.Label("PICK"), text.Label("PICKED"));
        text.Place(next);
        text.Branch(done, text.Compare("eq", "s32", mask, PtxOperand.Word(0)));
        var bit = text.Instruction("clz.b32", RegisterClass.Word, text.Instruction("brev.b32", RegisterClass.Word, mask));
        var from = code.Walk("lines", index.Add(first, index.OfWord(bit)));
        for (var j = 0; j < at.Length; j++)
        {
            var outside = text.Label("OUTSIDE");
            text.Branch(outside, isThere[j], inverted: true);
            text.Write("add.rn.f32", sums[j], sums[j], code.Load(0, index.Add(from, at[j])));
            text.Place(outside);
        }
        text.Write("and.b32", mask, mask, text.Instruction("add.s32", RegisterClass.Word, mask, PtxOperand.Word(-1)));
        text.Do("bra " + next);
        text.Place(done);
    }
}
