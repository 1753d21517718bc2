using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// What a block of threads does on tensor cores, wherever operands come from and results go: stages of both operands run some way ahead of the products, and a finished tile goes 16 rows of a warp at a time through the memory of the block to threads
/// that have eight neighbouring elements each.
/// </summary>
sealed class PtxTensorBlock
{
    readonly PtxWriter code;
    readonly PtxIndex index;
    readonly PtxTensorForm form;
    readonly PtxTensorTile tile;
    readonly DType type;
    readonly PtxOperand thread, memory, lane, warp, warpRow, warpColumn;

    /// <param name="code">Where it is written.</param>
    /// <param name="index">How places are computed.</param>
    /// <param name="thread">The thread's number in its block.</param>
    /// <param name="form">The tile, and how operands are copied.</param>
    /// <param name="type">The type of both operands.</param>
    public PtxTensorBlock(PtxWriter code, PtxIndex index, PtxOperand thread, PtxTensorForm form, DType type)
    {
        (this.code, this.index, this.thread, this.type) = (code, index, thread, type);
        (this.form, tile) = (form, form.Tile);
        code.Head.Add($"  tiles {tile.Name} warps {tile.WarpRows}x{tile.WarpColumns} stages {tile.Stages}x{form.Step} copies a={form.CopyLeft} b={form.CopyRight}");
        (lane, warp) = (Word("and.b32", thread, 31), Word("shr.u32", thread, 5));
        var down = code.Instruction("div.u32", RegisterClass.Word, warp, PtxOperand.Word(tile.WarpsAcross));
        var across = code.Instruction("rem.u32", RegisterClass.Word, warp, PtxOperand.Word(tile.WarpsAcross));
        (warpRow, warpColumn) = (Word("mul.lo.s32", down, tile.WarpRows), Word("mul.lo.s32", across, tile.WarpColumns));
        memory = code.Shared();
    }

    // Rows of tiles that blocks which run at the same time share columns of.
    const int Together = 8;

    /// <summary>Which tile a block has by its number: eight rows of tiles go along the columns together, so that what blocks read at the same time is a square of both operands and not a line of one, and lies in the second-level cache.</summary>
    /// <param name="index">How places are computed.</param>
    /// <param name="row">The row of tiles by the number.</param>
    /// <param name="column">The column of tiles.</param>
    /// <param name="rows">How many rows of tiles there are.</param>
    /// <param name="columns">How many columns.</param>
    public static (PtxOperand Row, PtxOperand Column) Arrange(PtxIndex index, PtxOperand row, PtxOperand column, PtxOperand rows, PtxOperand columns)
    {
        var first = index.And(row, -Together);
        var height = index.Smaller(index.Subtract(rows, first), index.Number(Together));
        var number = index.MultiplyAdd(index.Subtract(row, first), columns, column);
        var across = index.Divide(number, height);
        return (index.Add(first, index.Subtract(number, index.Multiply(across, height))), across);
    }

    PtxOperand Word(string opcode, PtxOperand x, long number) => code.Instruction(opcode, RegisterClass.Word, x, PtxOperand.Word(number));

    /// <summary>An operand in the memory of the block.</summary>
    /// <param name="isLeft">Whether it is the left one.</param>
    /// <param name="isDeep">Whether its elements lie behind one another along the summed extent.</param>
    /// <param name="start">The tile's first line.</param>
    /// <param name="extent">How many lines the operand has.</param>
    /// <param name="depthEnd">How many steps it has.</param>
    public PtxTensorOperand Operand(bool isLeft, bool isDeep, PtxOperand start, PtxOperand extent, PtxOperand depthEnd) =>
        new(code, index, form, isLeft, isDeep, thread, memory, start, extent, depthEnd);

    /// <summary>Multiplies stages of 32 steps, or 16 of tf32.</summary>
    /// <param name="left">The left operand.</param>
    /// <param name="right">The right one.</param>
    /// <param name="depth">The first step.</param>
    /// <param name="stages">How many stages there are.</param>
    /// <param name="stageLeft">Stages what is not copied of the left operand: at a place in the memory of the block, from a step on.</param>
    /// <param name="stageRight">The same of the right one.</param>
    /// <returns>The sums of a thread, as the instruction leaves them. All threads have met.</returns>
    public PtxOperand[] Multiply(PtxTensorOperand left, PtxTensorOperand right, PtxOperand depth, PtxOperand stages, Action<PtxOperand, PtxOperand> stageLeft, Action<PtxOperand, PtxOperand> stageRight)
    {
        depth = code.Copy(depth);
        var isCopying = left.IsCopied || right.IsCopied;
        left.BeginMatrices(lane, warpRow);
        right.BeginMatrices(lane, warpColumn);
        PtxOperand[] sums = [.. Enumerable.Range(0, tile.WarpRows * tile.WarpColumns / 32).Select(_ => code.Copy(PtxOperand.Single(0)))];
        var (to, from) = (code.Copy(PtxOperand.Word(0)), code.Copy(PtxOperand.Word(0)));
        var ahead = index.Number(tile.Stages - 1);
        PtxLoop.For(code, index, index.Number(0), index.Add(stages, ahead), 1, at =>
        {
            // Stage `at` is started, and what was started some stages before is multiplied. Who has arrived here is done with the stage whose place is taken.
            var (early, started, behind) = (code.Label("EARLY"), code.Label("STARTED"), code.Label("BEHIND"));
            var isEarly = index.Compare("lt", at, ahead);
            code.Branch(early, isEarly);
            if (isCopying) code.Do($"cp.async.wait_group {tile.Stages - 2}");
            code.Do("bar.sync 0");
            code.Place(early);
            code.Branch(started, index.Compare("ge", at, stages));
            if (left.IsCopied) left.Copy(to, depth);
            if (right.IsCopied) right.Copy(to, depth);
            if (!left.IsCopied) stageLeft(to, depth);
            if (!right.IsCopied) stageRight(to, depth);
            code.Write("add." + index.Signed, depth, depth, index.Number(form.Step));
            Next(to);
            code.Place(started);
            if (isCopying) code.Do("cp.async.commit_group");
            code.Branch(behind, isEarly);
            for (var part = 0; part < PtxTensorOperand.Parts; part++) Products(left.Matrices(from, part), right.Matrices(from, part), sums);
            Next(from);
            code.Place(behind);
        });
        code.Do("bar.sync 0");
        return sums;
    }

    // The place of the stage behind one.
    void Next(PtxOperand slot)
    {
        var behind = Word("add.s32", slot, tile.StageBytes);
        code.Assign(slot, code.Instruction("selp.b32", RegisterClass.Word, behind, PtxOperand.Word(0), code.Compare("lt", "s32", behind, PtxOperand.Word(tile.Stages * tile.StageBytes))));
    }

    // Which are the sums of 16 rows and 8 columns of a warp: four of a lane.
    int Fragment(int i, int j) => 4 * (i * (tile.WarpColumns / 8) + j);

    void Products(PtxOperand[][] rows, PtxOperand[][] columns, PtxOperand[] sums)
    {
        for (var i = 0; i < rows.Length; i++)
            for (var j = 0; j < 2 * columns.Length; j++) Multiply(code, type, rows[i], columns[j / 2][2 * (j % 2)], columns[j / 2][2 * (j % 2) + 1], sums, Fragment(i, j));
    }

    /// <summary>Sixteen rows times eight columns over the steps of an instruction, added to four sums: 16 steps of 16-bit numbers, 8 of float32 in tf32.</summary>
    public static void Multiply(PtxWriter code, DType type, PtxOperand[] left, PtxOperand right0, PtxOperand right1, PtxOperand[] sums, int at)
    {
        var (name, steps) = type == DType.F32 ? ("tf32", 8) : (type == DType.F16 ? "f16" : "bf16", 16);
        var four = "{" + string.Join(", ", sums.Skip(at).Take(4)) + "}";
        code.Do($"mma.sync.aligned.m16n8k{steps}.row.col.f32.{name}.{name}.f32 {four}, {{{string.Join(", ", left)}}}, {{{right0}, {right1}}}, {four}");
    }

    /// <summary>Sixteen rows of the warp's part at a time: sums as the instruction leaves them (PTX ISA, "Matrix fragments for mma.m16n8k16") to the memory of the block, and eight of a row to each lane.</summary>
    /// <param name="sums">The sums of a thread.</param>
    /// <param name="tileRow">The tile's first row.</param>
    /// <param name="tileColumn">Its first column.</param>
    /// <param name="m">How many rows the result has.</param>
    /// <param name="n">How many columns it has.</param>
    /// <param name="isByRow">Whether its elements lie behind one another along its columns.</param>
    /// <param name="take">Takes what lies at a place in the memory of the block: a row, and the first of eight columns.</param>
    public void Finish(PtxOperand[] sums, PtxOperand tileRow, PtxOperand tileColumn, PtxOperand m, PtxOperand n, bool isByRow, Action<PtxOperand, PtxOperand, PtxOperand> take)
    {
        const int Eight = PtxEights.Count;
        var own = code.Instruction("mad.lo.s32", RegisterClass.Word, warp, PtxOperand.Word(tile.FinishedBytes), memory);
        var to = code.Instruction("mad.lo.s32", RegisterClass.Word, Word("shr.u32", lane, 2), PtxOperand.Word(tile.FinishedPitch * sizeof(float)), code.Instruction("mad.lo.s32", RegisterClass.Word, Word("and.b32", lane, 3), PtxOperand.Word(2 * sizeof(float)), own));
        // Neighbouring lanes have neighbouring elements.
        var perRow = tile.WarpColumns / Eight;
        var (down, across) = isByRow
            ? (code.Instruction("div.u32", RegisterClass.Word, lane, PtxOperand.Word(perRow)), code.Instruction("rem.u32", RegisterClass.Word, lane, PtxOperand.Word(perRow)))
            : (Word("and.b32", lane, PtxTensorTile.FinishedRows - 1), Word("shr.u32", lane, 4));
        var (stepDown, stepAcross) = isByRow ? (32 / perRow, 0) : (0, 32 / PtxTensorTile.FinishedRows);
        var passes = PtxTensorTile.FinishedRows * perRow / 32;
        var (firstRow, firstColumn) = (index.Add(index.Add(tileRow, index.OfWord(warpRow)), index.OfWord(down)), index.Add(index.Add(tileColumn, index.OfWord(warpColumn)), index.Multiply(index.OfWord(across), index.Number(Eight))));
        var firstPlace = code.Instruction("mad.lo.s32", RegisterClass.Word, down, PtxOperand.Word(tile.FinishedPitch * sizeof(float)), code.Instruction("mad.lo.s32", RegisterClass.Word, across, PtxOperand.Word(Eight * sizeof(float)), own));
        PtxLoop.For(code, index, index.Number(0), index.Number(tile.WarpRows), PtxTensorTile.FinishedRows, start =>
        {
            for (var i = 0; i < tile.WarpRows / PtxTensorTile.FinishedRows; i++)
            {
                var other = code.Label("OTHER");
                code.Branch(other, index.Compare("ne", start, index.Number(i * PtxTensorTile.FinishedRows)));
                for (var j = 0; j < tile.WarpColumns / 8; j++)
                    for (var half = 0; half < 2; half++)
                        code.Do($"st.shared.v2.f32 [{to}+{(half * 8 * tile.FinishedPitch + j * 8) * sizeof(float)}], {{{sums[Fragment(i, j) + 2 * half]}, {sums[Fragment(i, j) + 2 * half + 1]}}}");
                code.Place(other);
            }
            code.Do("bar.warp.sync 0xffffffff");
            var place = code.Copy(firstPlace);
            PtxLoop.For(code, index, index.Number(0), index.Number(passes), 1, pass =>
            {
                var next = code.Label("OUTSIDE");
                var y = index.Add(index.Add(firstRow, start), index.Multiply(pass, index.Number(stepDown)));
                var x = index.Add(firstColumn, index.Multiply(pass, index.Number(stepAcross * Eight)));
                code.Branch(next, index.Compare("ge", y, m));
                code.Branch(next, index.Compare("ge", x, n));
                take(place, y, x);
                code.Place(next);
                code.Write("add.s32", place, place, PtxOperand.Word((stepDown * tile.FinishedPitch + stepAcross * Eight) * sizeof(float)));
            });
            code.Do("bar.warp.sync 0xffffffff");
        });
    }

    /// <summary>Eight finished elements at once, or one after the other up to the last column; then on to what is behind.</summary>
    /// <param name="place">Where they lie in the memory of the block.</param>
    /// <param name="x">The first one's column.</param>
    /// <param name="n">How many columns the result has.</param>
    /// <param name="done">The label behind.</param>
    /// <param name="together">Takes eight, or says where they go and as what; goes elsewhere where it cannot. Null where it never can.</param>
    /// <param name="take">Takes one, in its column.</param>
    public void Give(PtxOperand place, PtxOperand x, PtxOperand n, string done, Func<string, (PtxOperand Address, DType Type)?>? together, Action<PtxOperand, PtxOperand> take)
    {
        var singly = code.Label("SINGLY");
        var end = index.Add(x, index.Number(PtxEights.Count));
        if (together is not null)
        {
            code.Branch(singly, index.Compare("gt", end, n));
            if (together(singly) is { } plain) PtxEights.Store(code, "global", plain.Type, plain.Address, PtxEights.Load(code, "shared", DType.F32, place));
            code.Do("bra " + done);
        }
        code.Place(singly);
        var from = code.Copy(place);
        PtxLoop.For(code, index, x, index.Smaller(end, n), 1, moved =>
        {
            var value = code.Instruction("ld.shared.f32", RegisterClass.Single, new PtxOperand(RegisterClass.Single, $"[{from}]"));
            take(moved, value);
            code.Write("add.s32", from, from, PtxOperand.Word(sizeof(float)));
        });
        code.Do("bra " + done);
    }

    /// <summary>Where eight elements go to at once, as what; elsewhere where that does not begin at a multiple of 16 bytes.</summary>
    public (PtxOperand, DType)? Aligned(PtxOperand address, DType of, string elsewhere)
    {
        code.Branch(elsewhere, code.Compare("ne", "s64", code.Instruction("and.b64", RegisterClass.Long, address, PtxOperand.Long(15)), PtxOperand.Long(0)));
        return (address, of);
    }
}
