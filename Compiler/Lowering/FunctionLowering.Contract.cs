using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Space;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Lowering;

// Matrix products with what is done to their operands and results on the way.
sealed partial class FunctionLowering
{
    /// <summary>One axis of a contraction's batch: its size and the stride of A, B and C along it.</summary>
    readonly record struct BatchAxis(Dim Size, Dim A, Dim B, Dim C);

    void Contract(Node node, Node contract, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        if (contract.Operation.Library(contract) is null) throw new NotSupportedException($"No kernel computes the contraction {contract.Name}.");
        var (a, b, c) = (contract.Inputs[0], contract.Inputs[1], contract.Output);
        var sums = c.DType.Accumulator();
        foreach (var (inner, outer) in inputs) places[inner] = places[outer];
        var parts = ContractParts.Of(contract, body, outputs.Select(o => o.Inner));
        foreach (var view in parts.Views) this.View(view);
        var prologueA = Prologue(node, a, parts.PrologueA, inputs, a.Shape.Rank - 2, a.Shape.Rank - 1, true, false);
        var prologueB = Prologue(node, b, parts.PrologueB, inputs, b.Shape.Rank - 2, b.Shape.Rank - 1, false, true);
        var placeA = prologueA is null ? places[a] : null;
        var placeB = prologueB is null ? places[b] : null;
        ImmutableArray<(Value Inner, Value Outer)> results = [.. outputs.Where(o => !parts.Sums.Any(s => s.Output == o.Inner))];
        var added = parts.ResultSums.FirstOrDefault();
        var epilogue = added is null ? Epilogue(node, c, c.Shape.Rank - 2, c.Shape.Rank - 1, parts.Epilogue, inputs, results, out var wanted) : Summed(node, c, added, parts.Epilogue, inputs, out wanted);
        // What lies in memory in another type than that of the sums is converted on the way: operands while they are packed, the result while it is in cache.
        if (placeA is not null && a.DType != sums) (prologueA, placeA) = (Converted(a, placeA, c.Shape, node, true, false), null);
        if (placeB is not null && b.DType != sums) (prologueB, placeB) = (Converted(b, placeB, c.Shape, node, false, true), null);
        var rest = epilogue is not null ? [] : added is null ? parts.Epilogue : parts.Epilogue.Add(added);
        var placeC = wanted;
        if (wanted is not null && c.DType != sums) (epilogue, placeC) = (Rounded(c, wanted, c.Shape.Rank - 2, c.Shape.Rank - 1), null);
        // An epilogue whose columns lie apart stores number by number: where its rows do not, the product is solved as its transpose.
        var isTurned = false;
        if (epilogue is not null && added is null && !c.Shape[c.Shape.Rank - 2].Is(1) && StridedAccesses(epilogue) > 0)
        {
            var other = wanted is null ? TryBuild(EpilogueSpec(c, c.Shape.Rank - 2, c.Shape.Rank - 1, parts.Epilogue, inputs, results) with { Transposed = true }) : Rounded(c, wanted, c.Shape.Rank - 2, c.Shape.Rank - 1, transposed: true);
            isTurned = other is not null && !Overwrites(other) && StridedAccesses(other) < StridedAccesses(epilogue);
            if (isTurned) epilogue = other;
        }
        if (Batch(c.Shape, a, placeA, b, placeB, placeC) is not { } batch)
        {
            if (placeA is not null) placeA = DenseCopy(a, node);
            if (placeB is not null) placeB = DenseCopy(b, node);
            if (Batch(c.Shape, a, placeA, b, placeB, placeC) is { } merged) batch = merged;
            else
            {
                // Many axes that are broadcast in turns: the operands are written out as often as they are read, and then all axes are one.
                if (placeA is not null) (a, placeA) = Spread(a, placeA, c.Shape, node);
                if (placeB is not null) (b, placeB) = Spread(b, placeB, c.Shape, node);
                if (placeC is not null) placeC = Dense(c, NewBuffer(node.Name, BufferKind.Arena, c.Type));
                batch = Batch(c.Shape, a, placeA, b, placeB, placeC)!.Value;
            }
        }
        var operands = ImmutableArray.CreateBuilder<Operand>();
        var arguments = new DimTable(0);
        var (m, n, k) = (c.Shape[c.Shape.Rank - 2], c.Shape[c.Shape.Rank - 1], a.Shape[a.Shape.Rank - 1]);
        if (isTurned) (m, n) = (n, m);
        Extent[] sizes = [.. batch.Select(x => arguments.Fixed(x.Size)), arguments.Fixed(m), arguments.Fixed(n), arguments.Fixed(k)];
        Access? View(Value v, Placement? place, bool isWritten, Func<BatchAxis, Dim> stride)
        {
            if (place is null) return null;
            operands.Add(new(place.Buffer, place.Offset, isWritten));
            var (row, column) = (Stride(v, place, v.Shape.Rank - 2), Stride(v, place, v.Shape.Rank - 1));
            if (isTurned) (row, column) = (column, row);
            return new(operands.Count - 1, v.DType, isWritten, [.. batch.Select(x => arguments.Fixed(stride(x))), arguments.Fixed(row), arguments.Fixed(column)]);
        }
        var viewA = View(a, placeA, false, x => x.A);
        var viewB = View(b, placeB, false, x => x.B);
        var (makesA, hookA) = AddPrologue(prologueA, operands);
        var (makesB, hookB) = AddPrologue(prologueB, operands);
        Access? viewC = null;
        (LoopKernel? Body, HookOperands? Operands) takes = default;
        ImmutableArray<InPlace> inPlace = [];
        if (epilogue is null) viewC = View(c, placeC, true, x => x.C);
        else (takes.Body, takes.Operands, inPlace) = AddHook(epilogue, operands);
        var sumsOf = new Access?[2];
        var unrounded = new List<(Value Sum, Placement Place, Value Result)>();
        Access SumsTo(Node sum)
        {
            var outer = outputs.First(o => o.Inner == sum.Output).Outer;
            var (value, place) = (sum.Output, PlaceOf(outer));
            if (value.DType != sums || Step(value.Shape, place.Strides) is null)
            {
                value = Value.Argument(value.Type with { DType = sums }, "sums");
                place = places[value] = Dense(value, NewBuffer("sums", BufferKind.Arena, value.Type));
                unrounded.Add((value, place, outer));
            }
            operands.Add(new(place.Buffer, place.Offset, true));
            return new(operands.Count - 1, sums, true, [Extent.Zero, Extent.Zero, Extent.Zero, arguments.Fixed(Step(value.Shape, place.Strides)!)]);
        }
        foreach (var sum in parts.Sums)
            sumsOf[OperandSums.Of(contract, sum, body) ?? throw new InvalidOperationException($"{node.Name} has a sum that is none of what its product multiplies.")] = SumsTo(sum);
        var sumsOfC = added is not null && epilogue is not null ? SumsTo(added) : null;
        if (isTurned)
        {
            (viewA, viewB, hookA, hookB) = (viewB, viewA, hookB, hookA);
            (makesA, makesB) = (makesB is null ? null : makesB with { Transposed = !makesB.Transposed }, makesA is null ? null : makesA with { Transposed = !makesA.Transposed });
            Array.Reverse(sumsOf);
        }
        var workspace = Workspace(operands, sums, m, n, k);
        var kernel = kernels.Add(new ProductKernel("", sums, [.. sizes.Take(3)], sizes[3], sizes[4], sizes[5], viewA, viewB, viewC, makesA, makesB, takes.Body, target.Products.In(sums), workspace)
        {
            SumsOfA = sumsOf[0], SumsOfB = sumsOf[1], SumsOfC = sumsOfC, LanesOfC = sumsOfC is null ? 0 : ReductionOrder.Of(added!, target, typical).Lanes,
        }, "product");
        Add(node, new ContractLaunch(node.Origins, operands.ToImmutable(), inPlace, kernel, arguments.Dims, hookA, hookB, takes.Operands)
        {
            Flops = contract.Operation.Flops(contract) + (prologueA?.Kernel.Flops ?? Dim.Zero) + (prologueB?.Kernel.Flops ?? Dim.Zero) + (epilogue?.Flops ?? Dim.Zero),
            Traffic = (prologueA?.Kernel.Traffic ?? a.Type.Bytes) + (prologueB?.Kernel.Traffic ?? b.Type.Bytes) + (epilogue?.Traffic ?? c.Type.Bytes),
        });
        if (placeC is not null && placeC != wanted) CopyTo(c, placeC, wanted!, node);
        foreach (var (sum, place, result) in unrounded) Round(node, sum, place, result.DType, places[result]);
        if (!rest.IsEmpty) After(node, c, wanted!, rest, inputs, results);
    }

    // From one element to the next of a value whose axes are one; null when they are not.
    static Dim? Step(Shape shape, ImmutableArray<Dim> strides)
    {
        Dim? step = null;
        var next = Dim.One;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (shape[axis].Is(1)) continue;
            if (step is null) step = strides[axis];
            else if (strides[axis] != next) return null;
            next = strides[axis] * shape[axis];
        }
        return step ?? Dim.One;
    }

    // Sums in their result's type.
    void Round(Node node, Value sums, Placement from, DType type, Placement to)
    {
        var round = new Builder(program, "round");
        var rounded = round.Cast(sums, type);
        Launch(node, TryBuild(new([.. round.Nodes], [(sums, from)], [(rounded, to)]))!);
    }

    // Of products: small ones share nothing, at no sizes that a caller may choose.
    Workspace? Workspace(ImmutableArray<Operand>.Builder operands, DType sums, Dim m, Dim n, Dim k) =>
        target.Packing.SharesNothing(target.Products.In(sums), m.Range(program.Dims).Max, n.Range(program.Dims).Max, k.Range(program.Dims).Max) ? Alone() : Workspace(operands, sums);

    Workspace? Alone() => target.Packing == PackingModel.None ? null : new(null, target.Packing);

    // The last operand: memory of the launch alone. Sums of other types than float32 are made block by block in each thread's own.
    Workspace? Workspace(ImmutableArray<Operand>.Builder operands, DType sums)
    {
        if (target.Packing == PackingModel.None || sums != DType.F32) return Alone();
        operands.Add(new(NewBuffer("workspace", BufferKind.Arena, DType.F32, Dim.Zero), Dim.Zero, true));
        return new(operands.Count - 1, target.Packing);
    }

    // An operand with all batch axes of the product.
    (Value, Placement) Spread(Value operand, Placement place, Shape product, Node node)
    {
        (operand, place) = Broadcast(operand, place, product);
        var dense = Dense(operand, NewBuffer("copy", BufferKind.Arena, operand.Type));
        CopyTo(operand, place, dense, node);
        return (operand, dense);
    }

    // The same elements, seen with all batch axes of the product.
    static (Value, Placement) Broadcast(Value operand, Placement place, Shape product)
    {
        var (from, extra) = (operand.Shape, product.Rank - operand.Shape.Rank);
        var shape = new Shape([.. product.Dims.RemoveRange(product.Rank - 2, 2), from[from.Rank - 2], from[from.Rank - 1]]);
        return (Value.Argument(operand.Type.With(shape), "spread"), place with { Strides = [.. Enumerable.Range(0, shape.Rank).Select(i => i < extra || from[i - extra] != shape[i] ? Dim.Zero : place.Strides[i - extra])] });
    }

    /// <summary>
    /// What makes an operand as a tile function; null when it lies in memory. What no tile function computes is made in memory first.
    /// </summary>
    /// <param name="node">The fused node.</param>
    /// <param name="value">The operand.</param>
    /// <param name="body">What makes it.</param>
    /// <param name="inputs">What the body reads.</param>
    /// <param name="rowAxis">Where the axes of a tile's rows begin.</param>
    /// <param name="columnAxis">Where those of its columns begin.</param>
    /// <param name="orientations">Whether tiles may be transposed: the one that fills panels without a detour first, which is taken when memory does not care.</param>
    (BuiltKernel Kernel, bool Transposed)? Prologue(Node node, Value value, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, int rowAxis, int columnAxis, params bool[] orientations)
    {
        if (body.IsEmpty) return null;
        var spec = new KernelSpec(body, [.. inputs.Select(i => (i.Inner, places[i.Outer]))], []) { TileOutput = value, RowAxis = rowAxis, ColumnAxis = columnAxis };
        if (Tile(spec, orientations) is { } tile) return tile;
        places[value] = Dense(value, NewBuffer(node.Name, BufferKind.Arena, value.Type));
        Kernel(node, body, inputs, [(value, value)]);
        return null;
    }

    // The tile function of the orientation that reads neighbouring elements; null when neither has columns of one axis.
    (BuiltKernel Kernel, bool Transposed)? Tile(KernelSpec spec, bool[] orientations)
    {
        var best = orientations
            .Select(transposed => (Kernel: TryBuild(spec with { Transposed = transposed }), Transposed: transposed))
            .Where(c => c.Kernel is not null)
            .OrderBy(c => StridedAccesses(c.Kernel!)).FirstOrDefault();
        return best.Kernel is null ? null : (best.Kernel, best.Transposed);
    }

    // A tile function that reads an operand in its own type and makes it in that of the sums.
    (BuiltKernel Kernel, bool Transposed) Converted(Value operand, Placement place, Node node, int rowAxis, int columnAxis, params bool[] orientations)
    {
        (BuiltKernel, bool)? Read(Placement from) => Tile(new KernelSpec([], [(operand, from)], []) { TileOutput = operand, RowAxis = rowAxis, ColumnAxis = columnAxis }, orientations);
        if (Read(place) is { } tile) return tile;
        var dense = Dense(operand, NewBuffer("copy", BufferKind.Arena, operand.Type));
        CopyTo(operand, place, dense, node);
        return Read(dense)!.Value;
    }

    // Blocks are numbered by the product's batch: an operand that several matrices share has all of its axes.
    (BuiltKernel Kernel, bool Transposed) Converted(Value operand, Placement place, Shape product, Node node, params bool[] orientations)
    {
        if (operand.Shape.Dims.Take(operand.Shape.Rank - 2).Any(d => !d.Is(1))) (operand, place) = Broadcast(operand, place, product);
        return Converted(operand, place, node, operand.Shape.Rank - 2, operand.Shape.Rank - 1, orientations);
    }

    // A tile function that writes sums in their result's type.
    BuiltKernel Rounded(Value result, Placement place, int rowAxis, int columnAxis, bool transposed = false) =>
        TryBuild(new KernelSpec([], [], [(result, place)]) { TileInput = result, RowAxis = rowAxis, ColumnAxis = columnAxis, Transposed = transposed })!;

    // Operands whose lanes lie apart: a vector of one takes as many loads or stores as it has lanes.
    static int StridedAccesses(BuiltKernel tile) => tile.Kernel.Accesses.Count(a => a.Strides[tile.Kernel.Lane] is var stride && !stride.Is(0) && !stride.Is(1));

    (TileMaker?, HookOperands?) AddPrologue((BuiltKernel Kernel, bool Transposed)? prologue, ImmutableArray<Operand>.Builder operands)
    {
        if (prologue is not { } p) return default;
        operands.AddRange(p.Kernel.Operands);
        return (new(kernels.Add(p.Kernel.Kernel), p.Transposed), new(operands.Count - p.Kernel.Operands.Length, p.Kernel.Operands.Length, p.Kernel.Dims));
    }

    static Dim Stride(Value value, Placement place, int axis) => value.Shape[axis].Is(1) ? Dim.One : place.Strides[axis];

    (LoopKernel, HookOperands, ImmutableArray<InPlace>) AddHook(BuiltKernel epilogue, ImmutableArray<Operand>.Builder operands)
    {
        var first = operands.Count;
        operands.AddRange(epilogue.Operands);
        var others = operands.Take(first).Select(o => o.Buffer).ToList();
        // The contraction's own operands are read by all workers at any time, so nothing may be written over them.
        return (kernels.Add(epilogue.Kernel), new(first, epilogue.Operands.Length, epilogue.Dims),
            [.. epilogue.InPlace.Where(p => !others.Contains(epilogue.Operands[p.Read].Buffer)).Select(p => new InPlace(p.Written + first, p.Read + first))]);
    }

    /// <summary>
    /// The epilogue as a tile function; null when there is none or no tile function computes it, and then <paramref name="place"/> is where the plain result goes.
    /// </summary>
    BuiltKernel? Epilogue(
        Node node, Value c, int rowAxis, int columnAxis, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs, out Placement? place)
    {
        place = null;
        if (body.IsEmpty)
        {
            place = PlaceOf(outputs.First(o => o.Inner == c).Outer);
            return null;
        }
        var built = TryBuild(EpilogueSpec(c, rowAxis, columnAxis, body, inputs, outputs));
        if (built is not null && !Overwrites(built)) return built;
        var plain = outputs.FirstOrDefault(o => o.Inner == c);
        place = plain.Inner is not null ? places[plain.Outer] : Dense(c, NewBuffer(node.Name, BufferKind.Arena, c.Type));
        return null;
    }

    KernelSpec EpilogueSpec(Value c, int rowAxis, int columnAxis, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs) =>
        new(body, [.. inputs.Where(i => places.ContainsKey(i.Outer)).Select(i => (i.Inner, places[i.Outer]))], [.. outputs.Select(o => (o.Inner, PlaceOf(o.Outer)))]) { TileInput = c, RowAxis = rowAxis, ColumnAxis = columnAxis };

    // The epilogue that leaves what a sum reads in its tile; null when no tile function computes that, and then the plain result goes to a place, from which a kernel of its own adds it up.
    BuiltKernel? Summed(Node node, Value c, Node sum, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, out Placement? place)
    {
        place = null;
        var spec = new KernelSpec(body, [.. inputs.Where(i => places.ContainsKey(i.Outer)).Select(i => (i.Inner, places[i.Outer]))], [])
        {
            TileInput = c, TileOutput = sum.Inputs[0], RowAxis = c.Shape.Rank - 2, ColumnAxis = c.Shape.Rank - 1,
        };
        if (TryBuild(spec) is { } built) return built;
        place = Dense(c, NewBuffer(node.Name, BufferKind.Arena, c.Type));
        return null;
    }

    // The epilogue as a kernel behind the contraction.
    void After(Node node, Value c, Placement place, ImmutableArray<Node> body, ImmutableArray<(Value Inner, Value Outer)> inputs, ImmutableArray<(Value Inner, Value Outer)> outputs)
    {
        places[c] = place;
        Kernel(node, body, inputs.Add((c, c)), outputs.RemoveAll(o => o.Inner == c));
    }

    // The batch axes as three extents; null when more than three do not merge.
    static ImmutableArray<BatchAxis>? Batch(Shape shape, Value a, Placement? placeA, Value b, Placement? placeB, Placement? placeC)
    {
        var axes = new List<BatchAxis>();
        Dim Along(Value v, Placement? place, int fromEnd) => place is null || fromEnd > v.Shape.Rank || v.Shape[v.Shape.Rank - fromEnd].Is(1) ? Dim.Zero : place.Strides[v.Shape.Rank - fromEnd];
        for (var i = 0; i < shape.Rank - 2; i++)
        {
            if (shape[i].Is(1)) continue;
            var fromEnd = shape.Rank - i;
            var axis = new BatchAxis(shape[i], Along(a, placeA, fromEnd), Along(b, placeB, fromEnd), placeC is null ? Dim.Zero : placeC.Strides[i]);
            if (axes.Count > 0 && axes[axes.Count - 1] is var last && last.A == axis.A * axis.Size && last.B == axis.B * axis.Size && (placeC is null || last.C == axis.C * axis.Size))
                axes[axes.Count - 1] = axis with { Size = last.Size * axis.Size };
            else axes.Add(axis);
        }
        if (axes.Count > 3) return null;
        while (axes.Count < 3) axes.Insert(0, new(Dim.One, Dim.Zero, Dim.Zero, Dim.Zero));
        return [.. axes];
    }
}
