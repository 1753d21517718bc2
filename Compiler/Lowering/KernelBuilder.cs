using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

/// <summary>Makes one loop kernel from primitive nodes over placed values.</summary>
public sealed class KernelBuilder
{
    readonly KernelSpec spec;
    readonly DimBinding typical;
    readonly AxisMap map;
    readonly ScalarPool pool = new();
    readonly TargetModel target;
    readonly DimTable dims;
    readonly List<Atom> atoms = [];
    readonly HashSet<Atom> reduced = [];
    readonly List<Walk> walks = [];
    readonly List<Source> sources = [];
    readonly List<(Operand Operand, Access Access, Walk Walk)> operands = [];
    readonly Dictionary<Value, Scalar> scalars = [];
    readonly List<(int First, Scalar Value, Scalar Neutral, Scalar Combine, int Depth)> reductions = [];
    readonly Dictionary<Scalar, int> depths = [];
    readonly List<Walk> indices = [];
    Atom? part;

    KernelBuilder(KernelSpec spec, AxisMap map, DimBinding typical, TargetModel target)
    {
        this.spec = spec;
        this.map = map;
        this.typical = typical;
        this.target = target;
        dims = new(target.Kernels.ShortRow);
    }

    /// <summary>The kernel; null when the nodes have no common iteration space, or, for a tile, when its columns are not one axis.</summary>
    public static BuiltKernel? TryBuild(KernelSpec spec, DimBinding typical, TargetModel target)
    {
        if (AxisMap.TryCreate(spec.Nodes, spec.Alike) is not { } map) return null;
        var builder = new KernelBuilder(spec, map, typical, target);
        return builder.Build();
    }

    BuiltKernel? Build()
    {
        foreach (var value in spec.Nodes.SelectMany(n => n.Inputs.Concat(n.Outputs)).Concat(spec.Outputs.Select(o => o.Value)).Append(spec.TileInput).Append(spec.TileOutput))
            if (value is not null)
                foreach (var atom in map.Atoms(value))
                    if (!atoms.Contains(atom)) atoms.Add(atom);
        foreach (var node in spec.Nodes)
            if (node.Operation.Kind == OpKind.Reduce) reduced.UnionWith(map.Reduced(node));
        // Only the shape of a value may be read (a mean's divisor): axes that no result has and no reduction runs over would be walked for nothing, again and again over the same elements.
        var needed = new HashSet<Atom>(spec.Outputs.Select(o => o.Value).Append(spec.TileInput).Append(spec.TileOutput).OfType<Value>().SelectMany(v => map.Atoms(v)).Concat(reduced));
        atoms.RemoveAll(a => !needed.Contains(a));
        // A result that does not run along an axis of the units would be written once for each of them: over its own operand it would change again and again.
        if (spec.Outputs.Any(o => map.Atoms(o.Value) is var own && atoms.Any(a => !reduced.Contains(a) && !own.Contains(a)))) return null;
        if (spec.Parts > 0 && reduced.Count == 0) return null;
        if (spec.Parts > 0) part = new Atom(spec.Parts);

        var inputs = spec.Inputs.ToDictionary(i => i.Value, i => i.Place);
        foreach (var node in spec.Nodes) Define(node, inputs);
        foreach (var (value, _) in spec.Outputs) Of(value, inputs);
        if (spec.TileOutput is not null) Of(spec.TileOutput, inputs);

        var stores = new List<(Value Value, int Operand)>();
        foreach (var (value, place) in spec.Outputs) stores.Add((value, AddOperand(place, value, written: true)));

        if (spec.TileInput is not null || spec.TileOutput is not null) return BuildTile(stores, inputs);

        if (Order() is not { } order) return null;
        var nest = LoopNest.Choose(atoms, reduced, walks, typical, order.Runs, order.AlongRow);
        if (!Keeps(nest, order)) return null;
        if (part is not null) nest = nest.Insert(nest.Count(a => !a.Reduced) - (nest[nest.Length - 1].Reduced ? 0 : 1), new([part], false));
        var form = reduced.Count == 0 ? KernelForm.Map : nest[nest.Length - 1].Reduced ? KernelForm.Row : KernelForm.Column;
        if (atoms.Count == 0) form = KernelForm.Row;
        var lane = atoms.Count == 0 ? -1 : nest.Length - 1;
        var flat = form != KernelForm.Row && nest.Count(a => !a.Reduced) == 1;
        var axes = nest.Select((a, i) => new LoopAxis(i == lane ? AxisRole.Lane : a.Reduced ? AxisRole.Loop : AxisRole.Outer, a.Reduced, SizeOf(nest, i, flat && i == lane))).ToImmutableArray();
        PartialSplit? split = null;
        if (part is not null) split = new(nest.IndexOf(nest.First(a => a.Atoms[0] == part)), nest.IndexOf(nest.First(a => a.Reduced)));

        var final = Rewrite(nest);
        var stages = new KernelStages(pool, sources, form == KernelForm.Row && nest.Count(a => a.Reduced) == 1 && spec.Parts == 0, target);
        var varying = VaryingSources(nest);
        var elements = stores.Where(s => form == KernelForm.Map || map.Atoms(s.Value).Any(reduced.Contains)).Select(s => (s.Operand, final(scalars[s.Value]), Depth(scalars[s.Value]))).ToList();
        var finals = stores.Where(s => form != KernelForm.Map && !map.Atoms(s.Value).Any(reduced.Contains)).Select(s => new Store(s.Operand, final(scalars[s.Value]))).ToImmutableArray();
        stages.Make([.. reductions.Select((r, i) => (new Reduction(i, r.First, final(r.Value), r.Neutral, r.Combine), r.Depth))], elements, s => varying(s));

        var kernel = WrittenOut(new LoopKernel("", form, axes, Accesses(nest), [.. sources], stages.Result, finals, split, flat) { Lanes = order.Lanes });
        var units = nest.Where(a => !a.Reduced).Aggregate(Dim.One, (n, a) => n * a.Size);
        var inside = nest.Where(a => a.Reduced).Aggregate(Dim.One, (n, a) => n * a.Size);
        var weight = kernel.Stages.SelectMany(s => s.Stores.Select(x => x.Value).Concat(s.Reductions.Select(x => x.Value))).SelectMany(s => s.Ordered()).Distinct().Any(s => target.IsDear(s.Op)) ? target.Work.DearWeight : 1;
        var share = target.Work.Grain / weight;
        var insideTypical = Math.Max(1, inside.Evaluate(typical) / Math.Max(1, spec.Parts));
        long grain = form switch
        {
            KernelForm.Map => share,
            KernelForm.Column => Math.Min(target.Work.MostColumns, Math.Max(target.Work.LeastColumns, share / insideTypical / target.Kernels.ShortRow * target.Kernels.ShortRow)),
            _ => Math.Max(1, share / insideTypical),
        };
        Dim scratch = form == KernelForm.Column ? grain * kernel.SumBytes * reductions.Count : kernel.CacheCount == 0 ? Dim.Zero : nest[nest.Length - 1].Size * 4 * kernel.CacheCount;
        return Finish(kernel, units, grain, scratch, stores);
    }

    /// <summary>What the order of the kernel's sums asks of its loops.</summary>
    /// <param name="Lanes">Of the reductions whose order matters; 0 when there are none.</param>
    /// <param name="Runs">The reduced axes in the order of the operand; empty when any order will do.</param>
    /// <param name="AlongRow">The last run is the innermost loop.</param>
    readonly record struct LoopOrder(int Lanes, ImmutableArray<ImmutableArray<Atom>> Runs, bool AlongRow);

    // Null when its reductions need different ones.
    LoopOrder? Order()
    {
        var ordered = spec.Nodes.Where(n => n.Operation.Kind == OpKind.Reduce && !map.Reduced(n).IsEmpty).Select(n => (Node: n, ReductionOrder.Of(n, target, typical).Lanes)).Where(o => o.Lanes > 0).ToList();
        if (ordered.Count == 0) return new(0, [], false);
        var runs = ReducedRuns.Of(map, ordered.Select(o => o.Node));
        if (runs.IsDefault || ordered.Any(o => o.Lanes != ordered[0].Lanes)) return null;
        return new(ordered[0].Lanes, runs, ReductionOrder.IsAlongRow(ordered[0].Node));
    }

    // Sums in lanes run over the last run as one axis, parts are cut from the first: an operand that passes it in another way is in the way.
    bool Keeps(ImmutableArray<NestAxis> nest, LoopOrder order)
    {
        bool IsOne(ImmutableArray<Atom> run) => nest.Any(a => a.Atoms.SequenceEqual(run));
        return order.Runs.IsEmpty || ((order.Lanes == 1 || IsOne(order.Runs[order.Runs.Length - 1])) && (spec.Parts == 0 || IsOne(order.Runs[0])));
    }

    // The size of a flat axis is the launch's extent, and the outermost axis takes what is left of a unit's number.
    Extent SizeOf(ImmutableArray<NestAxis> nest, int axis, bool isExtent)
    {
        if (isExtent || (axis == 0 && !nest[0].Reduced && nest.Length > 1 && part is null)) return Extent.Zero;
        return spec.AnySize ? dims.Argument(nest[axis].Size) : dims.Size(nest[axis].Size);
    }

    BuiltKernel Finish(LoopKernel kernel, Dim extent, long grain, Dim scratch, List<(Value Value, int Operand)> stores)
    {
        var traffic = operands.Aggregate(Dim.Zero, (sum, o) => sum + o.Walk.Strides.Where(s => !s.Value.Is(0)).Aggregate((Dim)o.Walk.Bytes, (n, s) => n * s.Key.Size));
        var flops = spec.Nodes.Aggregate(Dim.Zero, (sum, n) => sum + n.Operation.Flops(n));
        return new(kernel, [.. operands.Select(o => o.Operand)], kernel.Form == KernelForm.Tile ? TileInPlace(stores) : InPlaces(kernel, stores), dims.Dims, extent, grain, scratch, flops, traffic);
    }

    BuiltKernel? BuildTile(List<(Value Value, int Operand)> stores, Dictionary<Value, Placement> inputs)
    {
        var value = (spec.TileInput ?? spec.TileOutput)!;
        if (reduced.Count > 0) return null;
        ImmutableArray<Atom> Group(int from, int to) => [.. Enumerable.Range(from, to - from).SelectMany(a => map[value, a])];
        var batch = LoopNest.Collapse(Group(0, spec.RowAxis), reduced, walks);
        var rows = LoopNest.Collapse(Group(spec.RowAxis, spec.ColumnAxis), reduced, walks);
        var columns = LoopNest.Collapse(Group(spec.ColumnAxis, value.Shape.Rank), reduced, walks);
        if (spec.Transposed) (rows, columns) = (columns, rows);
        if (columns.Count > 1) return null;
        if (atoms.Count != batch.Sum(a => a.Atoms.Length) + rows.Sum(a => a.Atoms.Length) + columns.Sum(a => a.Atoms.Length)) return null;
        // An absent column axis (size 1) still needs a lane.
        if (columns.Count == 0) columns.Add(new([new Atom(1)], false));
        ImmutableArray<NestAxis> nest = [.. batch, .. rows, .. columns];
        // The outermost size of a group is never divided by, so it stays out of the text.
        var axes = nest.Select((a, i) => new LoopAxis(
            i < batch.Count ? AxisRole.Outer : i < nest.Length - 1 ? AxisRole.Loop : AxisRole.Lane, false,
            i == 0 || i == batch.Count || i == nest.Length - 1 ? Extent.Zero : dims.Size(a.Size))).ToImmutableArray();
        var final = Rewrite(nest);
        var list = stores.Select(s => new Store(s.Operand, final(scalars[s.Value]))).ToImmutableArray();
        if (spec.TileOutput is not null) list = list.Add(new(-1, final(pool.Cast(Of(spec.TileOutput, inputs), spec.TileOutput.DType.Accumulator()))));
        if (stores.Any(s => map.Atoms(s.Value).Length != atoms.Count)) return null;
        var kernel = WrittenOut(new LoopKernel("", KernelForm.Tile, axes, Accesses(nest), [.. sources], [new([], [], list)], [], null, false));
        return Finish(kernel, Dim.Zero, 1, Dim.Zero, stores);
    }

    // As its text says it, without functions that the target does not compute.
    LoopKernel WrittenOut(LoopKernel kernel)
    {
        if (!target.Missing.IsEmpty)
        {
            var done = new Dictionary<Scalar, Scalar>();
            kernel = kernel.With(s => FunctionGraphs.Expand(s, done, op => target.Missing.Contains(op)));
        }
        return kernel.WithInputsInOrder();
    }

    ImmutableArray<Access> Accesses(ImmutableArray<NestAxis> nest) =>
        [.. operands.Select(o => o.Access with { Strides = [.. nest.Select(a => a.Size.Is(1) && !spec.AnySize ? Extent.Zero : dims.Stride(a.Stride(o.Walk)))] })];

    // Index placeholders become sums of axis indices times strides.
    Func<Scalar, Scalar> Rewrite(ImmutableArray<NestAxis> nest)
    {
        var done = new Dictionary<Scalar, Scalar>();
        var placeholders = indices.ToArray();
        return root =>
        {
            foreach (var s in root.Ordered())
            {
                if (done.ContainsKey(s)) continue;
                if (s.Op != ScalarOp.AxisIndex) { done[s] = s.Arguments.Length == 0 ? s : pool.Make(s, [.. s.Arguments.Select(a => done[a])]); continue; }
                var sum = pool.Constant(0, DType.I64);
                for (var i = 0; i < nest.Length; i++)
                {
                    var stride = nest[i].Stride(placeholders[s.Index]);
                    if (!stride.Is(0)) sum = pool.Add(sum, pool.Mul(pool.AxisIndex(i), Number(stride)));
                }
                done[s] = sum.Op is ScalarOp.AxisIndex or ScalarOp.Constant ? sum : pool.Place(sum);
            }
            return done[root];
        };
    }

    Scalar Number(Dim dim)
    {
        if (dim.TryConstant(out var constant)) return pool.Constant(constant, DType.I64);
        var source = new Source.Size(dims.Size(dim));
        var index = sources.IndexOf(source);
        if (index < 0) { index = sources.Count; sources.Add(source); }
        return pool.Input(index, DType.I64);
    }

    Scalar Argument(long number)
    {
        sources.Add(new Source.Size(dims.Argument(number)));
        return pool.Input(sources.Count - 1, DType.I64);
    }

    // True for expressions that vary along the reduced axes (or, without reductions, along the lane).
    Func<Scalar, bool> VaryingSources(ImmutableArray<NestAxis> nest)
    {
        var memo = new Dictionary<Scalar, bool>();
        bool Varies(Scalar s)
        {
            if (memo.TryGetValue(s, out var known)) return known;
            var result = s.Op switch
            {
                ScalarOp.Input => sources[s.Index] is Source.Cached || (sources[s.Index] is Source.Load load && nest.Any(a => a.Reduced && !a.Stride(operands[load.Access].Walk).Is(0))),
                ScalarOp.AxisIndex => nest[s.Index].Reduced,
                _ => s.Arguments.Any(Varies),
            };
            return memo[s] = result;
        }
        return Varies;
    }

    void Define(Node node, Dictionary<Value, Placement> inputs)
    {
        var x = node.Inputs.Select(v => Of(v, inputs)).ToImmutableArray();
        switch (node.Operation.Kind)
        {
            case OpKind.View:
                scalars[node.Output] = x[0];
                return;
            case OpKind.Reduce:
                Accumulate(node, node.Operation.Reduce(node) ?? throw new NotSupportedException($"No kernel computes the reduction {node.Name}."), x[0]);
                return;
        }
        var named = node.Operation.IsNamed;
        scalars[node.Output] = pool.Cast(Instantiate(((ElementwiseOperation)node.Operation).Expression(node), s => s.Op switch
        {
            // An argument of the launch: kernels that differ in it alone are one.
            ScalarOp.Constant when named && s.Type == DType.I64 => Argument((long)s.Constant),
            ScalarOp.Input => x[s.Index],
            ScalarOp.AxisIndex => Index(map[node.Output, s.Index]),
            ScalarOp.LinearIndex => Index(map.Atoms(node.Output)),
            ScalarOp.Dimension => Number(s.Size!),
            _ => null,
        }), node.Output.DType);
    }

    void Accumulate(Node node, Accumulation accumulation, Scalar element)
    {
        var over = map.Reduced(node);
        ImmutableArray<Scalar> values = [.. accumulation.Element.Select(e => Instantiate(e, s => s.Op != ScalarOp.Input ? null : s.Index == 0 ? element : Index(over)))];
        if (over.IsEmpty)
        {
            scalars[node.Output] = pool.Cast(Instantiate(accumulation.Result, s => s.Op == ScalarOp.Input ? values[s.Index] : null), node.Output.DType);
            return;
        }
        var (first, depth, source) = (reductions.Count, values.Max(Depth), sources.Count);
        for (var c = 0; c < values.Length; c++)
        {
            sources.Add(new Source.Reduced(first + c));
            reductions.Add((first, values[c], accumulation.Neutral[c], accumulation.Combine[c], depth));
        }
        scalars[node.Output] = pool.Cast(Instantiate(accumulation.Result, s => s.Op == ScalarOp.Input ? pool.Input(source + s.Index, s.Type) : null), node.Output.DType);
    }

    // An expression of an operation in this kernel; leaves that the kernel knows in another way are replaced.
    Scalar Instantiate(Scalar root, Func<Scalar, Scalar?> leaf)
    {
        var done = new Dictionary<Scalar, Scalar>();
        foreach (var s in root.Ordered())
            done[s] = leaf(s) ?? (s.Op == ScalarOp.Constant ? pool.Constant(s.Constant, s.Type) : pool.Make(s, [.. s.Arguments.Select(a => done[a])]));
        return done[root];
    }

    Scalar Index(ImmutableArray<Atom> over)
    {
        var strides = new Dictionary<Atom, Dim>();
        Walk.AddRowMajor(strides, over, Dim.One);
        var index = indices.FindIndex(w => w.Strides.Count == strides.Count && w.Strides.All(p => strides.TryGetValue(p.Key, out var s) && s == p.Value));
        if (index < 0)
        {
            index = indices.Count;
            indices.Add(new(strides, 0, false));
            walks.Add(indices[index]);
        }
        return pool.AxisIndex(index);
    }

    Scalar Of(Value value, Dictionary<Value, Placement> inputs)
    {
        if (scalars.TryGetValue(value, out var known)) return known;
        if (value == spec.TileInput)
        {
            // A tile holds sums, which are rounded to the result's type where they leave it.
            sources.Add(new Source.Tile());
            return scalars[value] = pool.Cast(pool.Input(sources.Count - 1, value.DType.Accumulator()), value.DType);
        }
        if (!inputs.TryGetValue(value, out var place)) throw new InvalidOperationException($"A kernel reads a value of type {value.Type} that is not placed.");
        var operand = AddOperand(place, value, written: false);
        var source = new Source.Load(operand);
        var index = sources.IndexOf(source);
        if (index < 0) { index = sources.Count; sources.Add(source); }
        return scalars[value] = pool.Input(index, value.DType);
    }

    int AddOperand(Placement place, Value value, bool written)
    {
        var strides = new Dictionary<Atom, Dim>();
        var lead = written && part is not null ? 1 : 0;
        if (lead == 1) strides[part!] = place.Strides[0];
        for (var axis = 0; axis < value.Shape.Rank; axis++) Walk.AddRowMajor(strides, map[value, axis], place.Strides[axis + lead]);
        if (!written)
            for (var i = 0; i < operands.Count; i++)
                if (!operands[i].Operand.IsWritten && operands[i].Operand.Buffer == place.Buffer && operands[i].Operand.Offset == place.Offset
                    && operands[i].Walk.Strides.Count == strides.Count && strides.All(p => operands[i].Walk.Stride(p.Key) == p.Value))
                    return i;
        var walk = new Walk(strides, (value.DType.Bits() + 7) / 8, written);
        walks.Add(walk);
        operands.Add((new(place.Buffer, place.Offset, written), new(operands.Count, value.DType, written, []), walk));
        return operands.Count - 1;
    }

    int Depth(Scalar root)
    {
        foreach (var s in root.Ordered())
        {
            if (depths.ContainsKey(s)) continue;
            depths[s] = s.Op == ScalarOp.Input && sources[s.Index] is Source.Reduced r ? reductions[r.Reduction].Depth + 1 : s.Arguments.Select(a => depths[a]).DefaultIfEmpty(0).Max();
        }
        return depths[root];
    }

    // A written operand may take a read one's memory when both walk alike, the buffer is read through that walk only, and no stage reads it after the store.
    ImmutableArray<InPlace> InPlaces(LoopKernel kernel, List<(Value Value, int Operand)> stores)
    {
        var result = ImmutableArray.CreateBuilder<InPlace>();
        foreach (var (value, written) in stores)
            foreach (var read in Enumerable.Range(0, operands.Count).Where(i => !operands[i].Operand.IsWritten))
            {
                if (operands.Where((o, i) => i != read && !o.Operand.IsWritten).Any(o => o.Operand.Buffer == operands[read].Operand.Buffer)) continue;
                if (!SameWalk(written, read)) continue;
                if (LastStageReading(kernel, read) <= StageOfStore(kernel, written)) result.Add(new(written, read));
            }
        return result.ToImmutable();
    }

    ImmutableArray<InPlace> TileInPlace(List<(Value Value, int Operand)> stores) =>
        [.. from s in stores
            from read in Enumerable.Range(0, operands.Count)
            where !operands[read].Operand.IsWritten && SameWalk(s.Operand, read)
                && operands.Where((o, i) => i != read && !o.Operand.IsWritten).All(o => o.Operand.Buffer != operands[read].Operand.Buffer)
            select new InPlace(s.Operand, read)];

    // Over the same elements in the same order, each as many bits.
    bool SameWalk(int written, int read)
    {
        var (a, b) = (operands[written].Walk, operands[read].Walk);
        return operands[written].Access.Type.Bits() == operands[read].Access.Type.Bits() && a.Strides.Count == b.Strides.Count && a.Strides.All(p => b.Strides.TryGetValue(p.Key, out var s) && s == p.Value);
    }

    static int StageOfStore(LoopKernel kernel, int access)
    {
        for (var i = 0; i < kernel.Stages.Length; i++)
            if (kernel.Stages[i].Stores.Any(s => s.Access == access)) return i;
        return kernel.Stages.Length;
    }

    static int LastStageReading(LoopKernel kernel, int access)
    {
        bool Reads(Scalar root) => root.Ordered().Any(s => s.Op == ScalarOp.Input && kernel.Sources[s.Index] is Source.Load l && l.Access == access);
        if (kernel.Finals.Any(f => Reads(f.Value))) return kernel.Stages.Length;
        for (var i = kernel.Stages.Length - 1; i >= 0; i--)
        {
            var stage = kernel.Stages[i];
            if (stage.Reductions.Any(r => Reads(r.Value)) || stage.Caches.Any(c => Reads(c.Value)) || stage.Stores.Any(s => Reads(s.Value))) return i;
        }
        return -1;
    }
}
