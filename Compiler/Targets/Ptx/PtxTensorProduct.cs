using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// A product of 16-bit numbers on tensor cores, which add up in float32 (<c>mma.sync.m16n8k16</c>). Copies of operands run some stages ahead of the products; what a body makes is staged by the threads themselves. A finished tile goes 16 rows of a warp
/// at a time through the memory of the block to threads that have eight neighbouring elements each, whose epilogue they write. Operands, epilogues, slices and parameters are those of the product in plain instructions.
/// </summary>
sealed class PtxTensorProduct : PtxProduct
{
    readonly ProductKernel kernel;
    readonly PtxTensorForm form;
    readonly DType type;
    readonly PtxOperand lane, warp, warpRow, warpColumn;
    PtxOperand memory, tileRow, tileColumn, slice;

    PtxTensorProduct(ProductKernel kernel, PtxTensorForm form, PtxWriter code, bool isWide) : base(kernel, code, isWide)
    {
        (this.kernel, this.form) = (kernel, form);
        type = PtxTensorForm.TypeOf(kernel) ?? throw new NotSupportedException($"{kernel.Name} multiplies what tensor cores do not.");
        code.Head.Add($"  tiles {Tile.Name} warps {Tile.WarpRows}x{Tile.WarpColumns} stages {Tile.Stages}x{PtxTensorTile.Step} copies a={form.CopyLeft} b={form.CopyRight}");
        (lane, warp) = (Word("and.b32", Thread, 31), Word("shr.u32", Thread, 5));
        var down = Code.Instruction("div.u32", RegisterClass.Word, warp, PtxOperand.Word(Tile.WarpsAcross));
        var across = Code.Instruction("rem.u32", RegisterClass.Word, warp, PtxOperand.Word(Tile.WarpsAcross));
        (warpRow, warpColumn) = (Word("mul.lo.s32", down, Tile.WarpRows), Word("mul.lo.s32", across, Tile.WarpColumns));
    }

    new PtxTensorTile Tile => form.Tile;

    bool IsCopying => form.CopyLeft + form.CopyRight > 0;

    /// <summary>The text of the kernel that multiplies.</summary>
    public static string Write(ProductKernel kernel, PtxTensorForm form, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, form.Tile.Threads, form.Tile.Resident);
        new PtxTensorProduct(kernel, form, code, isWide).MultiplyOnCores();
        return code.ToString();
    }

    PtxOperand Word(string opcode, PtxOperand x, long number) => Code.Instruction(opcode, RegisterClass.Word, x, PtxOperand.Word(number));

    void MultiplyOnCores()
    {
        memory = Code.Shared();
        (tileRow, tileColumn, slice) = Decode(Tile.Rows, Tile.Columns);
        var (m, n, k) = Extents;
        var first = Index.Multiply(slice, Argument(SliceBlocks));
        var last = Index.Smaller(Index.Add(first, Argument(SliceBlocks)), Argument(Blocks));
        var (deepLeft, deepRight) = (IsDeep(true), IsDeep(false));
        var left = new PtxTensorOperand(Code, Index, Tile, isLeft: true, deepLeft, form.CopyLeft, Thread, memory, tileRow, m, k);
        var right = new PtxTensorOperand(Code, Index, Tile, isLeft: false, deepRight, form.CopyRight, Thread, memory, tileColumn, n, k);
        var depth = Code.Copy(Index.Multiply(first, Index.Number(PtxTensorTile.Step)));
        if (form.CopyLeft > 0) BeginCopies(left, isLeft: true, depth);
        if (form.CopyRight > 0) BeginCopies(right, isLeft: false, depth);
        left.BeginMatrices(lane, warpRow);
        right.BeginMatrices(lane, warpColumn);
        PtxOperand[] sums = [.. Enumerable.Range(0, Tile.WarpRows * Tile.WarpColumns / 32).Select(_ => Code.Copy(PtxOperand.Single(0)))];
        var (to, from) = (Code.Copy(PtxOperand.Word(0)), Code.Copy(PtxOperand.Word(0)));
        var ahead = Index.Number(Tile.Stages - 1);
        var stages = Index.Subtract(last, first);
        PtxLoop.For(Code, Index, Index.Number(0), Index.Add(stages, ahead), 1, at =>
        {
            // Stage `at` is started, and what was started some stages before is multiplied. Who has arrived here is done with the stage whose place is taken.
            var (early, started, behind) = (Code.Label("EARLY"), Code.Label("STARTED"), Code.Label("BEHIND"));
            var isEarly = Index.Compare("lt", at, ahead);
            Code.Branch(early, isEarly);
            if (IsCopying) Code.Do($"cp.async.wait_group {Tile.Stages - 2}");
            Code.Do("bar.sync 0");
            Code.Place(early);
            Code.Branch(started, Index.Compare("ge", at, stages));
            if (form.CopyLeft > 0) left.Copy(to, depth);
            if (form.CopyRight > 0) right.Copy(to, depth);
            if (form.CopyLeft == 0) left.Make(to, depth, (place, line, step) => Piece(place, kernel.A, StartA, LeftBody, line, step, m, k, isLeft: true, deepLeft));
            if (form.CopyRight == 0) right.Make(to, depth, (place, line, step) => Piece(place, kernel.B, StartB, RightBody, line, step, n, k, isLeft: false, deepRight));
            Code.Write("add." + Index.Signed, depth, depth, Index.Number(PtxTensorTile.Step));
            Next(to);
            Code.Place(started);
            if (IsCopying) Code.Do("cp.async.commit_group");
            Code.Branch(behind, isEarly);
            for (var part = 0; part < PtxTensorTile.Step / PtxTensorTile.Instruction; part++) Products(left.Matrices(from, part), right.Matrices(from, part), sums);
            Next(from);
            Code.Place(behind);
        });
        Code.Do("bar.sync 0");
        Finish(sums);
    }

    // What is copied lies as it is copied; a body makes elements along its lanes.
    bool IsDeep(bool isLeft) => (isLeft ? form.CopyLeft : form.CopyRight) > 0 ? PtxTensorForm.MatrixOf(kernel, isLeft)!.IsDeep : isLeft ? AreDeep.Left : AreDeep.Right;

    void BeginCopies(PtxTensorOperand operand, bool isLeft, PtxOperand depth)
    {
        var matrix = PtxTensorForm.MatrixOf(kernel, isLeft)!;
        var body = matrix.IsOfBody ? (isLeft ? LeftBody : RightBody)!.Inside : null;
        PtxOperand Extent(Extent extent) => body is null ? Size(extent) : body.Size(extent);
        operand.BeginCopies(body?.Start(matrix.OfBody) ?? (isLeft ? StartA : StartB), Extent(matrix.LineStride), Extent(matrix.DepthStride), depth);
    }

    // The place of the stage behind one.
    void Next(PtxOperand slot)
    {
        var behind = Word("add.s32", slot, Tile.StageBytes);
        Code.Assign(slot, Code.Instruction("selp.b32", RegisterClass.Word, behind, PtxOperand.Word(0), Code.Compare("lt", "s32", behind, PtxOperand.Word(Tile.Stages * Tile.StageBytes))));
    }

    // Which are the sums of 16 rows and 8 columns of a warp: four of a lane.
    int Fragment(int i, int j) => 4 * (i * (Tile.WarpColumns / 8) + j);

    void Products(PtxOperand[][] rows, PtxOperand[][] columns, PtxOperand[] sums)
    {
        var name = type == DType.F16 ? "f16" : "bf16";
        for (var i = 0; i < rows.Length; i++)
            for (var j = 0; j < 2 * columns.Length; j++)
            {
                var four = "{" + string.Join(", ", sums.Skip(Fragment(i, j)).Take(4)) + "}";
                Code.Do($"mma.sync.aligned.m16n8k16.row.col.f32.{name}.{name}.f32 {four}, {{{string.Join(", ", rows[i])}}}, {{{columns[j / 2][2 * (j % 2)]}, {columns[j / 2][2 * (j % 2) + 1]}}}, {four}");
            }
    }

    // Eight elements of an operand to the memory of the block.
    void Piece(PtxOperand place, Access? access, PtxOperand start, PtxTileBody? body, PtxOperand line, PtxOperand depth, PtxOperand lines, PtxOperand depths, bool isLeft, bool isDeep)
    {
        var (along, end) = isDeep ? (depth, depths) : (line, lines);
        var isOutside = isDeep ? Index.Compare("ge", line, lines) : Index.Compare("ge", depth, depths);
        (PtxOperand Row, PtxOperand Column) At(PtxOperand moved) => isDeep == isLeft ? (isLeft ? line : depth, moved) : (moved, isLeft ? depth : line);
        if (body is null)
        {
            // All of them on their way at once.
            var halves = new PtxOperand[PtxTensorForm.Together];
            for (var i = 0; i < halves.Length; i++)
            {
                var moved = Index.Add(along, Index.Number(i));
                var (row, column) = At(moved);
                halves[i] = Code.Register(RegisterClass.Half);
                Code.Do($"mov.b16 {halves[i]}, 0");
                var isThere = Code.Instruction("and.pred", RegisterClass.Predicate, Index.Compare("lt", moved, end), Code.Instruction("not.pred", RegisterClass.Predicate, isOutside));
                Code.Do($"ld.global.b16 {halves[i]}, {Place(access!, start, row, column)}", isThere);
            }
            PtxEights.StoreHalves(Code, "shared", place, halves);
            return;
        }
        var (singly, done) = (Code.Label("SINGLY"), Code.Label("PIECE"));
        var together = new PtxBodyOfEight(body, Code, Index);
        Code.Branch(singly, isOutside);
        Code.Branch(singly, Index.Compare("gt", Index.Add(along, Index.Number(PtxTensorForm.Together)), end));
        PtxEights.Store(Code, "shared", type, place, together.Write(isDeep ? line : depth, along, null, singly));
        Code.Do("bra " + done);
        Code.Place(singly);
        var to = Code.Copy(place);
        PtxLoop.For(Code, Index, along, Index.Add(along, Index.Number(PtxTensorForm.Together)), 1, moved =>
        {
            var outside = Code.Label("OUTSIDE");
            var value = Code.Copy(PtxOperand.Single(0));
            Code.Branch(outside, isOutside);
            Code.Branch(outside, Index.Compare("ge", moved, end));
            Code.Assign(value, body.Make(null, isDeep ? line : depth, moved));
            Code.Place(outside);
            PtxConversions.Store(Code, "shared", type, $"[{to}]", value);
            Code.Write("add.s32", to, to, PtxOperand.Word(PtxTensorTile.Element));
        });
        Code.Place(done);
    }

    // Sixteen rows of the warp's part at a time: sums as the instruction leaves them (PTX ISA, "Matrix fragments for mma.m16n8k16") to the memory of the block, and eight of a row to each lane.
    void Finish(PtxOperand[] sums)
    {
        const int Eight = PtxEights.Count;
        var (m, n, _) = Extents;
        var own = Code.Instruction("mad.lo.s32", RegisterClass.Word, warp, PtxOperand.Word(Tile.FinishedBytes), memory);
        var to = Code.Instruction("mad.lo.s32", RegisterClass.Word, Word("shr.u32", lane, 2), PtxOperand.Word(Tile.FinishedPitch * sizeof(float)), Code.Instruction("mad.lo.s32", RegisterClass.Word, Word("and.b32", lane, 3), PtxOperand.Word(2 * sizeof(float)), own));
        // Neighbouring lanes have neighbouring elements.
        var perRow = Tile.WarpColumns / Eight;
        var (down, across) = IsByRow
            ? (Code.Instruction("div.u32", RegisterClass.Word, lane, PtxOperand.Word(perRow)), Code.Instruction("rem.u32", RegisterClass.Word, lane, PtxOperand.Word(perRow)))
            : (Word("and.b32", lane, PtxTensorTile.FinishedRows - 1), Word("shr.u32", lane, 4));
        var (stepDown, stepAcross) = IsByRow ? (32 / perRow, 0) : (0, 32 / PtxTensorTile.FinishedRows);
        var passes = PtxTensorTile.FinishedRows * perRow / 32;
        var (firstRow, firstColumn) = (Index.Add(Index.Add(tileRow, Index.OfWord(warpRow)), Index.OfWord(down)), Index.Add(Index.Add(tileColumn, Index.OfWord(warpColumn)), Index.Multiply(Index.OfWord(across), Index.Number(Eight))));
        var firstPlace = Code.Instruction("mad.lo.s32", RegisterClass.Word, down, PtxOperand.Word(Tile.FinishedPitch * sizeof(float)), Code.Instruction("mad.lo.s32", RegisterClass.Word, across, PtxOperand.Word(Eight * sizeof(float)), own));
        PtxLoop.For(Code, Index, Index.Number(0), Index.Number(Tile.WarpRows), PtxTensorTile.FinishedRows, start =>
        {
            for (var i = 0; i < Tile.WarpRows / PtxTensorTile.FinishedRows; i++)
            {
                var other = Code.Label("OTHER");
                Code.Branch(other, Index.Compare("ne", start, Index.Number(i * PtxTensorTile.FinishedRows)));
                for (var j = 0; j < Tile.WarpColumns / 8; j++)
                    for (var half = 0; half < 2; half++)
                        Code.Do($"st.shared.v2.f32 [{to}+{(half * 8 * Tile.FinishedPitch + j * 8) * sizeof(float)}], {{{sums[Fragment(i, j) + 2 * half]}, {sums[Fragment(i, j) + 2 * half + 1]}}}");
                Code.Place(other);
            }
            Code.Do("bar.warp.sync 0xffffffff");
            var place = Code.Copy(firstPlace);
            PtxLoop.For(Code, Index, Index.Number(0), Index.Number(passes), 1, pass =>
            {
                var next = Code.Label("OUTSIDE");
                var y = Index.Add(Index.Add(firstRow, start), Index.Multiply(pass, Index.Number(stepDown)));
                var x = Index.Add(firstColumn, Index.Multiply(pass, Index.Number(stepAcross * Eight)));
                Code.Branch(next, Index.Compare("ge", y, m));
                Code.Branch(next, Index.Compare("ge", x, n));
                Take(place, y, x, n);
                Code.Place(next);
                Code.Write("add.s32", place, place, PtxOperand.Word((stepDown * Tile.FinishedPitch + stepAcross * Eight) * sizeof(float)));
            });
            Code.Do("bar.warp.sync 0xffffffff");
        });
    }

    // Eight finished elements of a row: together where all of them are there and what is read and written for them begins at a multiple of 16 bytes.
    void Take(PtxOperand place, PtxOperand y, PtxOperand x, PtxOperand n)
    {
        var done = Code.Label("TAKEN");
        if (IsCut)
        {
            var whole = Code.Label("WHOLE");
            Code.Branch(whole, Index.Compare("eq", Argument(Slices), Index.Number(1)));
            Give(place, x, n, done, elsewhere => Aligned(Partial(slice, y, x), DType.F32, elsewhere), moved => Partial(slice, y, moved), null);
            Code.Place(whole);
        }
        if (Takes is { } body)
        {
            var together = new PtxBodyOfEight(body, Code, Index);
            Give(place, x, n, done, !together.Fits ? null : elsewhere =>
            {
                together.Write(y, x, PtxEights.Load(Code, "shared", DType.F32, place), elsewhere);
                return null;
            }, null, y);
        }
        else Give(place, x, n, done, kernel.C!.Strides[4].Is(1) && PtxEights.Has(kernel.C.Type) ? elsewhere => Aligned(Result(y, x), kernel.C.Type, elsewhere) : null, null, y);
        Code.Place(done);

        (PtxOperand, DType)? Aligned(PtxOperand address, DType of, string elsewhere)
        {
            Code.Branch(elsewhere, Code.Compare("ne", "s64", Code.Instruction("and.b64", RegisterClass.Long, address, PtxOperand.Long(15)), PtxOperand.Long(0)));
            return (address, of);
        }
    }

    // Eight at once, or one after the other up to the last column; then on to what is behind.
    void Give(PtxOperand place, PtxOperand x, PtxOperand n, string done, Func<string, (PtxOperand Address, DType Type)?>? together, Func<PtxOperand, PtxOperand>? partial, PtxOperand? y)
    {
        var singly = Code.Label("SINGLY");
        var end = Index.Add(x, Index.Number(PtxEights.Count));
        if (together is not null)
        {
            Code.Branch(singly, Index.Compare("gt", end, n));
            if (together(singly) is { } plain) PtxEights.Store(Code, "global", plain.Type, plain.Address, PtxEights.Load(Code, "shared", DType.F32, place));
            Code.Do("bra " + done);
        }
        Code.Place(singly);
        var from = Code.Copy(place);
        PtxLoop.For(Code, Index, x, Index.Smaller(end, n), 1, moved =>
        {
            var value = Code.Instruction("ld.shared.f32", RegisterClass.Single, new PtxOperand(RegisterClass.Single, $"[{from}]"));
            if (partial is not null) Code.Do($"st.global.f32 [{partial(moved)}], {value}");
            else Write(y!.Value, moved, value);
            Code.Write("add.s32", from, from, PtxOperand.Word(sizeof(float)));
        });
        Code.Do("bra " + done);
    }
}
