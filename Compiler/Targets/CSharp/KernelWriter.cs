using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>Writes the body of a kernel for one vector width: the walk over units, loops and lanes.</summary>
sealed class KernelWriter : BodyWriter
{
    const int LogicalLanes = SummationOrder.LogicalLanes, NarrowestWidth = 4;

    readonly int unroll;
    readonly bool isRolled; // too heavy to be written out as often as it has partial sums: those lie in memory
    string low = "", high = "";
    long? trip;

    KernelWriter(LaneAnalysis lanes, CodeText code, VectorText? vector) : base(lanes, code, vector)
    {
        var most = SummationOrder.Unroll(lanes, vector?.Width ?? NarrowestWidth);
        unroll = Kernel.Lanes > 1 ? Kernel.Lanes / LogicalLanes : most;
        isRolled = unroll > most;
    }

    /// <summary>Writes the statements between the braces of the method.</summary>
    public static void Write(LaneAnalysis lanes, CodeText code, VectorText? vector) => new KernelWriter(lanes, code, vector).Body();

    /// <summary>Whether a stage gets vector loops: its expressions have vector forms and its axis is not shorter than a block.</summary>
    public static bool IsVectorised(LaneAnalysis lanes, KernelStage stage) =>
        lanes.CanVectorise(stage) && !(lanes.Kernel.Form == KernelForm.Row && (Trip(lanes.Kernel) < LogicalLanes || (lanes.Kernel.Lanes == 1 && stage.Reductions.Length > 0))) && Roots(stage).Any(r => lanes.Of(r) == Level.Lane);

    static long? Trip(LoopKernel kernel) => kernel.Lane >= 0 && kernel.Form == KernelForm.Row && kernel.Split?.SplitAxis != kernel.Lane && kernel.Axes[kernel.Lane].Size.IsConstant ? kernel.Axes[kernel.Lane].Size.Value : null;

    void Body()
    {
        for (var a = 0; a < Kernel.Accesses.Length; a++) Code.Line($"var p{a} = {ScalarText.Pointer(Kernel.Accesses[a].Type, $"p[{ScalarText.Number(Kernel.Accesses[a].Pointer)}]")};");
        foreach (var argument in Arguments()) Code.Line($"long n{ScalarText.Number(argument)} = d[{ScalarText.Number(argument)}];");
        foreach (var r in Kernel.Stages.SelectMany(InMemory)) Code.Line($"{ScalarText.Type(r.Value.Type)}* lane{r.Index} = stackalloc {ScalarText.Type(r.Value.Type)}[{Kernel.Lanes}];");
        Hoist(Kernel.Stages.SelectMany(Roots).Concat(Kernel.Finals.Select(f => f.Value)), Level.Kernel);
        switch (Kernel.Form)
        {
            case KernelForm.Tile: Tile(); break;
            case KernelForm.Row: Row(); break;
            case KernelForm.Map or KernelForm.Column: Elements(); break;
            default: throw new InvalidOperationException($"A kernel has the unknown form {Kernel.Form}.");
        }
    }

    IEnumerable<long> Arguments() =>
        Kernel.Axes.Select(a => a.Size).Concat(Kernel.Accesses.SelectMany(a => a.Strides)).Concat(Kernel.Sources.OfType<Source.Size>().Select(s => s.Value)).Where(e => !e.IsConstant).Select(e => e.Value).Distinct().OrderBy(v => v);

    // Splits a linear index into those of several axes; the outermost takes what is left.
    void Decode(string index, IReadOnlyList<int> axes)
    {
        for (var i = axes.Count - 1; i >= 0; i--)
        {
            if (i == 0) { Code.Line($"long {Axis(axes[0])} = {index};"); break; }
            var size = Size(Kernel.Axes[axes[i]].Size);
            Code.Line($"long {Axis(axes[i])} = {index} % {size}, rest{axes[i]} = {index} / {size};");
            index = "rest" + axes[i];
        }
    }

    List<int> AxesOf(AxisRole role) => [.. Enumerable.Range(0, Kernel.Axes.Length).Where(i => Kernel.Axes[i].Role == role)];

    void Row()
    {
        OpenScope("for (long u = begin; u < end; u++)");
        Decode("u", AxesOf(AxisRole.Outer));
        var before = MovePointers("q", AxisRole.Outer);
        if (Kernel.Lane >= 0)
        {
            trip = Trip(Kernel);
            var size = Size(Kernel.Axes[Kernel.Lane].Size);
            (low, high) = Range(Kernel.Lane, size);
            for (var c = 0; c < Kernel.CacheCount; c++) Code.Line($"float* cache{c} = scratch + {c} * (long){size};");
        }
        foreach (var stage in Kernel.Stages) RowStage(stage);
        Hoist(Kernel.Finals.Select(f => f.Value), Level.Unit);
        // A result may lie where an operand did: everything is read before anything is written.
        var values = Kernel.Finals.Select(f => Kernel.Finals.Length > 1 ? Named(f.Value) : Value(f.Value)).ToList();
        for (var f = 0; f < values.Count; f++) Code.Line(ScalarText.Store(Kernel.Accesses[Kernel.Finals[f].Access].Type, Place(Kernel.Finals[f].Access, "0"), values[f]));
        RestorePointers(before);
        CloseScope();
    }

    (string Low, string High) Range(int axis, string size)
    {
        if (Kernel.Split is not { } split || split.SplitAxis != axis) return ("0", size);
        var parts = Size(Kernel.Axes[split.PartAxis].Size);
        Code.Line($"long from = {Axis(split.PartAxis)} * {size} / {parts}, to = ({Axis(split.PartAxis)} + 1) * {size} / {parts};");
        return ("from", "to");
    }

    void Elements()
    {
        if (Kernel.IsFlat) OpenScope();
        else
        {
            OpenScope("for (long u = begin; u < end;)");
            Code.Line($"long o = u / {Size(Kernel.Axes[Kernel.Lane].Size)}, i0 = u - o * {Size(Kernel.Axes[Kernel.Lane].Size)}, i1 = {ScalarText.Math}.Min({Size(Kernel.Axes[Kernel.Lane].Size)}, i0 + (end - u));");
            Decode("o", AxesOf(AxisRole.Outer));
        }
        (low, high) = Kernel.IsFlat ? ("begin", "end") : ("i0", "i1");
        var before = MovePointers("q", AxisRole.Outer);
        if (Kernel.Form == KernelForm.Column)
        {
            foreach (var r in Kernel.Stages.SelectMany(s => s.Reductions).OrderBy(r => r.Index))
            {
                var type = ScalarText.Type(r.Value.Type);
                Code.Line(Kernel.SumBytes == 4
                    ? $"{type}* sum{r.Index} = {(type == "float" ? "" : $"({type}*)")}scratch + {r.Index} * ({high} - {low}) - {low};"
                    : $"{type}* sum{r.Index} = ({type}*)((byte*)scratch + {r.Index} * {Kernel.SumBytes} * ({high} - {low})) - {low};");
            }
            foreach (var stage in Kernel.Stages) ColumnStage(stage);
            if (Kernel.Finals.Length > 0) RowStage(new([], [], Kernel.Finals));
        }
        else foreach (var stage in Kernel.Stages) RowStage(stage);
        RestorePointers(before);
        if (!Kernel.IsFlat) Code.Line("u += i1 - i0;");
        CloseScope();
    }

    void Tile()
    {
        Decode("batch", AxesOf(AxisRole.Outer));
        (low, high) = ("col", "col + cols");
        OpenScope("for (long y = 0; y < rows; y++)");
        if (AxesOf(AxisRole.Loop).Count > 0)
        {
            Code.Line("long r = row + y;");
            Decode("r", AxesOf(AxisRole.Loop));
        }
        var before = MovePointers("q", AxisRole.Outer);
        MovePointers("w", AxisRole.Loop);
        var type = ScalarText.Type(Kernel.TileType);
        Code.Line(type == "float" ? "float* t = tile + y * tileStride - col;" : $"{type}* t = ({type}*)tile + y * tileStride - col;");
        var stage = Kernel.Stages[0];
        Hoist(Roots(stage), Level.Unit);
        Hoist(Roots(stage), Level.Loop);
        Lanewise(stage);
        RestorePointers(before);
        CloseScope();
    }

    // A pass whose reductions end in scalars: loops outside, lanes inside.
    void RowStage(KernelStage stage)
    {
        Hoist(Roots(stage), Level.Unit);
        foreach (var r in stage.Reductions) Code.Line($"{ScalarText.Type(r.Value.Type)} r{r.Index} = {Start(r)};");
        OpenScope();
        var vectors = Vector is not null && IsVectorised(Lanes, stage);
        var width = vectors && !isRolled ? LogicalLanes / Vector!.Width * unroll : 0;
        foreach (var r in stage.Reductions)
            for (var v = 0; v < width; v++) Code.Line($"var {Sum(r, v)} = {Vector!.Constant(r.Neutral.Constant, r.Neutral.Type)};");
        var inMemory = InMemory(stage).ToList();
        foreach (var r in inMemory) Code.Line($"for (int l = 0; l < {Kernel.Lanes}; l++) lane{r.Index}[l] = {Start(r)};");
        var loops = stage.Reductions.Length > 0 || Kernel.Form == KernelForm.Row ? AxesOf(AxisRole.Loop) : [];
        var before = OpenLoops(stage, loops);
        Lanewise(stage);
        CloseLoops(before, loops);
        if (vectors && !isRolled)
            foreach (var group in Accumulators(stage)) CombineLanes(group, Vector!);
        else
            foreach (var group in Accumulators(stage).Where(g => inMemory.Contains(g[0])))
            {
                var vector = new VectorText(128);
                OpenScope();
                foreach (var r in group)
                    for (var v = 0; v < Kernel.Lanes / vector.Width; v++) Code.Line($"var {Sum(r, v)} = {vector.V}.Load(lane{r.Index} + {ScalarText.Number(v * vector.Width)});");
                CombineLanes(group, vector);
                CloseScope();
            }
        CloseScope();
    }

    // The reductions of a pass whose partial sums lie in memory.
    IEnumerable<Reduction> InMemory(KernelStage stage) =>
        InScalarLanes(stage) ? Ordered(stage) : isRolled && Vector is not null && Kernel.Form == KernelForm.Row && IsVectorised(Lanes, stage) ? stage.Reductions : [];

    // A pass without vector forms whose sums run in lanes all the same: one element at a time, to the partial sum that the order says.
    bool InScalarLanes(KernelStage stage) =>
        Kernel.Form == KernelForm.Row && Kernel.Lanes > 1 && Ordered(stage).Any() && !IsVectorised(Lanes, stage) && !(Trip(Kernel) < LogicalLanes);

    static IEnumerable<Reduction> Ordered(KernelStage stage) => Accumulators(stage).Where(IsOrdered).SelectMany(g => g);

    // Whether the order of the elements changes bits.
    static bool IsOrdered(ImmutableArray<Reduction> group) => group.Length > 1 || (group[0].Value.Type.IsFloat() && group[0].Operation is not (ScalarOp.Max or ScalarOp.Min));

    static IEnumerable<ImmutableArray<Reduction>> Accumulators(KernelStage stage) => stage.Reductions.GroupBy(r => r.First).Select(g => g.ToImmutableArray());

    // The lanes of all sub-vectors become one accumulator: groups of vectors first, then halves of what is left until one lane is.
    void CombineLanes(ImmutableArray<Reduction> group, VectorText vector)
    {
        var k = LogicalLanes / vector.Width;
        var vectors = Enumerable.Range(0, k).Select(j =>
        {
            var list = Enumerable.Range(0, unroll).Select(g => group.Select(r => Sum(r, g * k + j)).ToArray()).ToList();
            while (list.Count > 1) list = [.. Enumerable.Range(0, list.Count / 2).Select(i => AccumulatorText.Combine(group, list[2 * i], list[2 * i + 1], vector, Code))];
            return list[0];
        }).ToList();
        if (AccumulatorText.Across(group) is { } across)
        {
            var (r, all) = (group[0], $"{ScalarText.Lanes}.{across}({string.Join(", ", vectors.Select(v => v[0]))})");
            Code.Line(r.Operation == ScalarOp.Add ? $"r{r.Index} = {all} + r{r.Index};" : $"r{r.Index} = {AccumulatorText.Combine(group, [all], ["r" + r.Index], null, Code)[0]};");
            return;
        }
        AccumulatorText.Assign(group, r => "r" + r.Index, AccumulatorText.Combine(group, AccumulatorText.Lane(group, vectors, vector, Code), [.. group.Select(r => "r" + r.Index)], null, Code), Code);
    }

    static string Sum(Reduction r, int v) => $"s{ScalarText.Number(r.Index)}_{ScalarText.Number(v)}";

    static string Start(Reduction r) => ScalarText.Literal(r.Neutral.Constant, r.Neutral.Type);

    Dictionary<int, string>? OpenLoops(KernelStage stage, List<int> loops)
    {
        if (loops.Count == 0) return null;
        foreach (var axis in loops)
        {
            var (from, to) = Range(axis, Size(Kernel.Axes[axis].Size));
            OpenScope($"for (long {Axis(axis)} = {from}; {Axis(axis)} < {to}; {Axis(axis)}++)");
        }
        var before = MovePointers("w", AxisRole.Loop);
        Hoist(Roots(stage), Level.Loop);
        return before;
    }

    void CloseLoops(Dictionary<int, string>? before, List<int> loops)
    {
        if (before is null) return;
        RestorePointers(before);
        foreach (var _ in loops) CloseScope();
    }

    // One pass along the lane: blocks of vectors, then single elements.
    void Lanewise(KernelStage stage)
    {
        if (!Roots(stage).Any()) return;
        var vectors = Vector is not null && IsVectorised(Lanes, stage);
        if (vectors) Broadcasts(Roots(stage));
        Code.Line($"long i = {low};");
        var rest = trip;
        if (vectors && InMemory(stage).Any())
        {
            OpenBlocks();
            OpenScope($"for (; i < blockEnd; i += {LogicalLanes})");
            var count = LogicalLanes / Vector!.Width;
            string Place(Reduction r, int v) => $"lane{r.Index} + (i - block) + {ScalarText.Number(v * Vector!.Width)}";
            foreach (var r in stage.Reductions)
                for (var v = 0; v < count; v++) Code.Line($"var {Sum(r, v)} = {Vector.V}.Load({Place(r, v)});");
            for (var sub = 0; sub < count; sub++) VectorStep(stage, sub);
            foreach (var r in stage.Reductions)
                for (var v = 0; v < count; v++) Code.Line($"{Vector.V}.Store({Sum(r, v)}, {Place(r, v)});");
            CloseScope();
            CloseScope();
            if (rest is not null) rest %= LogicalLanes;
        }
        else if (vectors)
        {
            if (Beside(stage) is { Count: > 0 } beside) StoredBeside(stage, beside);
            var logical = stage.Reductions.Length > 0 ? LogicalLanes / Vector!.Width : 1;
            foreach (var count in unroll > 1 && stage.Reductions.Length > 0 ? new[] { logical * unroll, logical } : [logical])
            {
                var step = count * Vector!.Width;
                if (rest < step) continue;
                OpenScope($"for (; i <= {Minus(high, step)}; i += {step})");
                for (var sub = 0; sub < count; sub++) VectorStep(stage, sub);
                CloseScope();
                if (rest is not null) rest %= step;
            }
            if (HasShortVectors(stage)) ShortVectors(stage, ref rest);
        }
        else if (InScalarLanes(stage))
        {
            OpenBlocks();
            OpenScope("for (; i < blockEnd; i++)");
            ScalarStep(stage, inLanes: true);
            CloseScope();
            CloseScope();
        }
        if (rest == 0) return;
        OpenScope($"for (; i < {high}; i++)");
        ScalarStep(stage);
        CloseScope();
    }

    // Stores that narrow what another store keeps as it is, as the optimizer's do with a master and its copy.
    List<(Store Wide, Store Narrow)> Beside(KernelStage stage) => !stage.Reductions.IsEmpty || !stage.Caches.IsEmpty ? [] :
        [.. from narrow in stage.Stores
            where narrow.Access >= 0 && Kernel.Accesses[narrow.Access].Type is var type && type.IsNarrowFloat() && narrow.Value.Op == ScalarOp.Cast && narrow.Value.Type == type
            from wide in stage.Stores
            where wide.Access >= 0 && wide.Value == narrow.Value.Arguments[0] && Kernel.Accesses[wide.Access].Type == DType.F32 && Lanes.LaneStride(Kernel.Accesses[wide.Access]).Is(1)
            select (wide, narrow)];

    // Narrowing is a dozen instructions that wait for the last number of a long chain of divisions and roots, and while they wait none of the next numbers comes in. So they follow in a loop of their own, over a block that is in the
    // first-level cache.
    void StoredBeside(KernelStage stage, List<(Store Wide, Store Narrow)> beside)
    {
        const int block = 256;
        if (trip < block) return;
        OpenScope($"while (i <= {Minus(high, block)})");
        Code.Line($"long blockEnd = i + {block};");
        OpenScope($"for (; i < blockEnd; i += {Vector!.Width})");
        VectorStep(stage with { Stores = [.. stage.Stores.Except(beside.Select(b => b.Narrow))] }, 0);
        CloseScope();
        OpenScope($"for (i = blockEnd - {block}; i < blockEnd; i += {Vector.Width})");
        foreach (var (wide, narrow) in beside)
            Code.Line(Vector.Store(Kernel.Accesses[narrow.Access].Type, Vector.Load(DType.F32, Pointer(wide.Access), "i", "1"), Pointer(narrow.Access), "i", Size(Lanes.LaneStride(Kernel.Accesses[narrow.Access]))));
        CloseScope();
        CloseScope();
    }

    // A number of 16 bits by itself is converted in as many instructions as a vector of them: where rows end within a vector, which rows of tiles often do, shorter ones take most of the rest. Sums go on one by one, which is their order.
    bool HasShortVectors(KernelStage stage) => stage.Reductions.IsEmpty && Vector!.Width > NarrowestWidth && Scalar.Order(Roots(stage)).Any(s => s.Type.IsNarrowFloat());

    void ShortVectors(KernelStage stage, ref long? rest)
    {
        if (rest < NarrowestWidth) return;
        var wide = Vector;
        Vector = new(32 * NarrowestWidth);
        OpenScope($"if (i <= {Minus(high, NarrowestWidth)})");
        Broadcasts(Roots(stage));
        OpenScope($"for (; i <= {Minus(high, NarrowestWidth)}; i += {NarrowestWidth})");
        VectorStep(stage, 0);
        CloseScope();
        CloseScope();
        Vector = wide;
        rest %= NarrowestWidth;
    }

    // Blocks of as many elements as there are partial sums, then of as many as a vector of the widest kind.
    void OpenBlocks()
    {
        OpenScope($"while (i <= {Minus(high, LogicalLanes)})");
        Code.Line($"long block = i, blockEnd = i <= {Minus(high, Kernel.Lanes)} ? i + {Kernel.Lanes} : i + {LogicalLanes};");
    }

    static string Minus(string text, int step) => long.TryParse(text, out var value) ? ScalarText.Number(value - step) : $"{text} - {ScalarText.Number(step)}";

    void VectorStep(KernelStage stage, int sub)
    {
        var careful = stage.Stores.Length + stage.Caches.Length + stage.Reductions.Length > 1;
        var values = stage.Stores.Select(s => StoredLane(s.Value, sub, s.Access < 0 ? DType.F32 : Kernel.Accesses[s.Access].Type, named: careful)).ToList();
        foreach (var group in Accumulators(stage))
            AccumulatorText.Add(group, r => Sum(r, sub), [.. group.Select(r => group.Length > 1 ? NamedLane(r.Value, sub) : Lane(r.Value, sub))], Vector, Code);
        foreach (var c in stage.Caches) Code.Line($"{Vector!.V}.Store({Lane(c.Value, sub)}, cache{ScalarText.Number(c.Slot)} + {Index(sub)});");
        for (var s = 0; s < values.Count; s++)
        {
            var store = stage.Stores[s];
            if (store.Access < 0) { Code.Line($"{Vector!.V}.Store({values[s]}, t + {Index(sub)});"); continue; }
            var access = Kernel.Accesses[store.Access];
            Code.Line(Vector!.Store(access.Type, values[s], Pointer(store.Access), Index(sub), Size(Lanes.LaneStride(access)), IsExact(store.Value, access.Type)));
        }
    }

    void ScalarStep(KernelStage stage, bool inLanes = false)
    {
        var careful = stage.Stores.Length + stage.Caches.Length + stage.Reductions.Length > 1;
        var values = stage.Stores.Select(s => careful ? Named(s.Value) : Value(s.Value)).ToList();
        foreach (var group in Accumulators(stage))
            AccumulatorText.Add(group, r => inLanes && IsOrdered(group) ? $"lane{r.Index}[i - block]" : "r" + r.Index, [.. group.Select(r => group.Length > 1 ? Named(r.Value) : Value(r.Value))], null, Code);
        foreach (var c in stage.Caches) Code.Line($"cache{ScalarText.Number(c.Slot)}[i] = {Value(c.Value)};");
        for (var s = 0; s < values.Count; s++)
        {
            var store = stage.Stores[s];
            Code.Line(store.Access < 0 ? $"t[i] = {values[s]};" : ScalarText.Store(Kernel.Accesses[store.Access].Type, Place(store.Access), values[s]));
        }
    }

    // A pass whose reductions keep the lanes: blocks of columns outside, loops inside, sums in registers.
    void ColumnStage(KernelStage stage)
    {
        Hoist(Roots(stage), Level.Unit);
        OpenScope();
        if (Kernel.Split is { } split) Range(split.SplitAxis, Size(Kernel.Axes[split.SplitAxis].Size));
        Code.Line($"long i = {low};");
        var work = Lanes.LaneScalars(Roots(stage)).Sum(s => Lanes.Target.IsDear(s.Op) ? 8 : 1);
        if (Vector is not null && IsVectorised(Lanes, stage))
            foreach (var count in work <= 20 ? new[] { 4, 1 } : [1])
            {
                OpenScope($"for (; i <= {high} - {count * Vector.Width}; i += {count * Vector.Width})");
                foreach (var r in stage.Reductions)
                    for (var v = 0; v < count; v++) Code.Line($"var {Sum(r, v)} = {Vector.Constant(r.Neutral.Constant, r.Neutral.Type)};");
                var before = OpenColumnLoops(stage);
                Broadcasts(Roots(stage));
                for (var sub = 0; sub < count; sub++) VectorStep(stage, sub);
                CloseLoops(before, AxesOf(AxisRole.Loop));
                foreach (var r in stage.Reductions)
                    for (var v = 0; v < count; v++) Code.Line($"{Vector.V}.Store({Sum(r, v)}, sum{r.Index} + {Index(v)});");
                CloseScope();
            }
        OpenScope($"for (; i < {high}; i++)");
        foreach (var r in stage.Reductions) Code.Line($"{ScalarText.Type(r.Value.Type)} r{r.Index} = {Start(r)};");
        var scalarBefore = OpenColumnLoops(stage);
        ScalarStep(stage);
        CloseLoops(scalarBefore, AxesOf(AxisRole.Loop));
        foreach (var r in stage.Reductions) Code.Line($"sum{r.Index}[i] = r{r.Index};");
        CloseScope();
        CloseScope();
    }

    Dictionary<int, string>? OpenColumnLoops(KernelStage stage)
    {
        var loops = AxesOf(AxisRole.Loop);
        foreach (var axis in loops)
        {
            var (from, to) = Kernel.Split?.SplitAxis == axis ? ("from", "to") : ("0", Size(Kernel.Axes[axis].Size));
            OpenScope($"for (long {Axis(axis)} = {from}; {Axis(axis)} < {to}; {Axis(axis)}++)");
        }
        var before = MovePointers("w", AxisRole.Loop);
        Hoist(Roots(stage), Level.Loop);
        return before;
    }
}
