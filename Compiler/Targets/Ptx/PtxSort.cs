using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Lines of a tensor in order: a block a line, which sorts the places of the elements in the second result by a bitonic network for any length, and then picks the elements. Places tell equal elements apart, so there is one
/// order. Operand and results may lie anywhere.
/// </summary>
sealed class PtxSort : PtxLibrary
{
    // Axes beside the one that is sorted, those that lie together joined.
    const int Axes = 5;

    public override string Operation => "sort";

    protected override ImmutableArray<string> Names =>
        ["length", "span", "from_step", "values_step", "places_step", .. Enumerable.Range(0, Axes).SelectMany(a => new[] { "size" + a, "from" + a, "values" + a, "places" + a }), "lines"];

    public override ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding)
    {
        var shape = Shape(launch, 0, binding);
        var axis = (int)launch.Attributes.Int("axis", -1);
        if (axis < 0) axis += shape.Length;
        var strides = Enumerable.Range(0, 3).Select(i => launch.Strides[i].Select(s => s.Evaluate(binding)).ToArray()).ToArray();
        var others = new List<(long Size, long[] Strides)>();
        for (var a = 0; a < shape.Length; a++)
        {
            if (a == axis || shape[a] == 1) continue;
            long[] own = [.. strides.Select(s => s[a])];
            if (others.Count > 0 && others[others.Count - 1] is var (size, outer) && outer.SequenceEqual(own.Select(s => s * shape[a]))) others[others.Count - 1] = (size * shape[a], own);
            else others.Add((shape[a], own));
        }
        if (others.Count > Axes) throw new NotSupportedException($"The GPU sorts along one of at most {Axes + 1} axes that do not lie together in memory, but {launch.Title} has {others.Count + 1}.");
        while (others.Count < Axes) others.Insert(0, (1, [0, 0, 0]));
        long span = 1;
        while (span < shape[axis]) span *= 2;
        return
        [
            shape[axis], span, .. strides.Select(s => s[axis]), .. others.SelectMany(o => new[] { o.Size, o.Strides[0], o.Strides[1], o.Strides[2] }),
            shape[axis] == 0 ? 0 : others.Aggregate(1L, (n, o) => n * o.Size),
        ];
    }

    public override long Blocks(ImmutableArray<long> sizes) => sizes[sizes.Length - 1];

    protected override void Write(PtxLibraryCode code)
    {
        var (writer, index, length) = (code.Code, code.Index, code["length"]);
        PtxOperand from = index.Number(0), values = from, places = from, rest = index.OfWord(code.Block);
        for (var a = Axes - 1; a >= 0; a--)
        {
            var (next, at) = code.Divide(rest, code["size" + a]);
            rest = next;
            from = index.MultiplyAdd(at, code["from" + a], from);
            values = index.MultiplyAdd(at, code["values" + a], values);
            places = index.MultiplyAdd(at, code["places" + a], places);
        }
        PtxOperand Place(PtxOperand k) => index.MultiplyAdd(k, code["places_step"], places);
        PtxOperand Source(PtxOperand k) => index.MultiplyAdd(k, code["from_step"], from);

        Each(length, k => code.Store(2, Place(k), index.Whole(k)));
        writer.Do("bar.sync 0");
        var half = Shifted("shr", code["span"], PtxOperand.Word(1));
        // Sorted runs become runs of twice the length: first each half against the other, turned around, then in steps that halve.
        var log = writer.Copy(PtxOperand.Word(0));
        var (merge, done) = (writer.Label("MERGE"), writer.Label("SORTED"));
        writer.Place(merge);
        var run = Shifted("shl", index.Number(1), log);
        writer.Branch(done, index.Compare("ge", run, length));
        var below = index.Subtract(run, index.Number(1));
        Each(half, pair =>
        {
            var start = Shifted("shl", Shifted("shr", pair, log), writer.Instruction("add.s32", RegisterClass.Word, log, PtxOperand.Word(1)));
            var inRun = And(pair, below);
            Order(index.Add(start, inRun), index.Subtract(index.Add(start, index.Add(run, below)), inRun));
        });
        writer.Do("bar.sync 0");
        var step = writer.Copy(log);
        var (narrow, wider) = (writer.Label("NARROW"), writer.Label("WIDER"));
        writer.Place(narrow);
        writer.Branch(wider, writer.Compare("le", "s32", step, PtxOperand.Word(0)));
        writer.Write("sub.s32", step, step, PtxOperand.Word(1));
        var distance = Shifted("shl", index.Number(1), step);
        var within = index.Subtract(distance, index.Number(1));
        Each(half, pair =>
        {
            var first = index.Add(Shifted("shl", Shifted("shr", pair, step), writer.Instruction("add.s32", RegisterClass.Word, step, PtxOperand.Word(1))), And(pair, within));
            Order(first, index.Add(first, distance));
        });
        writer.Do("bar.sync 0");
        writer.Do("bra " + narrow);
        writer.Place(wider);
        writer.Write("add.s32", log, log, PtxOperand.Word(1));
        writer.Do("bra " + merge);
        writer.Place(done);
        Each(length, k => code.Move(1, index.MultiplyAdd(k, code["values_step"], values), 0, Source(index.Of(code.Load(2, Place(k))))));

        PtxOperand Shifted(string which, PtxOperand x, PtxOperand by) => writer.Instruction($"{which}.{(which == "shl" ? "b" : "u")}{index.Signed.Substring(1)}", index.Class, x, by);

        PtxOperand And(PtxOperand x, PtxOperand mask) => writer.Instruction("and." + index.Class.Type(), index.Class, x, mask);

        // What the threads of the block do for 0, 1, … one after the other.
        void Each(PtxOperand count, Action<PtxOperand> action)
        {
            var k = writer.Copy(index.OfWord(code.Thread));
            var (next, end) = (writer.Label("NEXT"), writer.Label("END"));
            writer.Place(next);
            writer.Branch(end, index.Compare("ge", k, count));
            action(k);
            writer.Write("add." + index.Signed, k, k, index.Number(Threads));
            writer.Do("bra " + next);
            writer.Place(end);
        }

        // The smaller of two to the first place; what is beyond the end is larger than everything.
        void Order(PtxOperand first, PtxOperand second)
        {
            var fine = writer.Label("FINE");
            writer.Branch(fine, index.Compare("ge", second, length));
            var (a, b) = (code.Load(2, Place(first)), code.Load(2, Place(second)));
            var (x, y) = (Key(code, code.Load(0, Source(index.Of(a)))), Key(code, code.Load(0, Source(index.Of(b)))));
            var type = x.Class == RegisterClass.Long ? "s64" : "s32";
            var isSame = writer.Instruction("and.pred", RegisterClass.Predicate, writer.Compare("eq", type, x, y), writer.Compare("lt", "s64", b, a));
            var isBehind = writer.Instruction("or.pred", RegisterClass.Predicate, writer.Compare("lt", type, y, x), isSame);
            writer.Branch(fine, isBehind, inverted: true);
            code.Store(2, Place(first), b);
            code.Store(2, Place(second), a);
            writer.Place(fine);
        }
    }

    // An integer in the order of the elements: 0 and −0 are one, and what is not a number comes last.
    static PtxOperand Key(PtxLibraryCode code, PtxOperand x)
    {
        var (writer, type) = (code.Code, code.Kernel.Types[0]);
        if (type == DType.Bool) x = PtxConversions.Cast(writer, x, DType.Bool, DType.I32);
        else if (type.IsFloat())
        {
            var bits = writer.Instruction("mov.b32", RegisterClass.Word, writer.Instruction("add.rn.f32", RegisterClass.Single, x, PtxOperand.Single(0)));
            var turned = writer.Instruction("and.b32", RegisterClass.Word, writer.Instruction("shr.s32", RegisterClass.Word, bits, PtxOperand.Word(31)), PtxOperand.Word(int.MaxValue));
            bits = writer.Instruction("xor.b32", RegisterClass.Word, bits, turned);
            x = writer.Instruction("selp.b32", RegisterClass.Word, PtxOperand.Word(int.MaxValue), bits, writer.Compare("nan", "f32", x, x));
        }
        return code.Kernel.Attributes.Bool("descending") ? writer.Instruction("not." + x.Class.Type(), x.Class, x) : x;
    }
}
