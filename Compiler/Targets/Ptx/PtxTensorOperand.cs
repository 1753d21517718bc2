using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// An operand of a product on tensor cores in the memory of the block. A stage lies as the operand itself does, so that neither the left one nor the right one is ever turned: lines of 32 steps, or steps of as many lines as the tile has. Rows
/// of it are cut into pieces of 16 bytes, and a row has its pieces in an order of its own: exclusive or with bits of the row's number, so that the eight rows that a matrix is loaded from lie in different banks.
/// </summary>
sealed class PtxTensorOperand
{
    // Bytes of a piece.
    const int Piece = 16;

    readonly PtxWriter code;
    readonly PtxIndex index;
    readonly bool isLeft, isDeep, isTf32;
    readonly int element, together, steps, copy, lines, warpLines, pieces, rows, passes, rowsOfPass, rowBytes;
    readonly PtxOperand at, start, row, piece, extent, depthEnd, toPiece;
    readonly PtxOperand? isIdle;

    /// <param name="code">Where it is written.</param>
    /// <param name="index">How places are computed.</param>
    /// <param name="form">The tile, how operands are copied, and what elements are.</param>
    /// <param name="isLeft">Whether it is the left operand, whose lines are rows of the result, or the right one, whose lines are columns.</param>
    /// <param name="isDeep">Whether its elements lie behind one another along the summed extent.</param>
    /// <param name="thread">The thread's number in its block.</param>
    /// <param name="shared">The memory of the block.</param>
    /// <param name="start">The tile's first line.</param>
    /// <param name="extent">How many lines the operand has.</param>
    /// <param name="depthEnd">How many steps it has.</param>
    public PtxTensorOperand(PtxWriter code, PtxIndex index, PtxTensorForm form, bool isLeft, bool isDeep, PtxOperand thread, PtxOperand shared, PtxOperand start, PtxOperand extent, PtxOperand depthEnd)
    {
        var tile = form.Tile;
        (this.code, this.index, this.isLeft, this.isDeep, this.start, this.extent, this.depthEnd) = (code, index, isLeft, isDeep, start, extent, depthEnd);
        (copy, isTf32, element, together, steps) = (isLeft ? form.CopyLeft : form.CopyRight, form.IsTf32, form.Element, form.Piece, form.Step);
        (lines, warpLines) = isLeft ? (tile.Rows, tile.WarpRows) : (tile.Columns, tile.WarpColumns);
        (pieces, rows) = isDeep ? (steps / together, lines) : (lines / together, steps);
        rowBytes = pieces * Piece;
        at = isLeft ? shared : Do("add.s32", shared, Word(tile.Rows * PtxTensorTile.Step * PtxTensorTile.Element));
        // A thread has the same piece of several rows, which all have their pieces in the same order.
        rowsOfPass = tile.Threads / pieces;
        passes = Math.Max(1, rows / rowsOfPass);
        if (passes > 1 && rowsOfPass % (isTf32 && !isDeep ? 4 : 8) != 0) throw new InvalidOperationException($"Threads of the tile {tile.Name} have rows of different orders.");
        (row, piece) = (Do("shr.u32", thread, Word(Log(pieces))), Do("and.b32", thread, Word(pieces - 1)));
        toPiece = Place(row, piece);
        if (rows < rowsOfPass) isIdle = code.Compare("ge", "s32", thread, Word(rows * pieces));
    }

    /// <summary>Whether asynchronous copies bring it.</summary>
    public bool IsCopied => copy > 0;

    /// <summary>The thread's first place along its pieces in a stage: a step where elements lie behind one another along the summed extent, a line elsewhere.</summary>
    /// <param name="from">The stage's first step.</param>
    public PtxOperand Along(PtxOperand from)
    {
        var (first, begin) = First;
        return isDeep ? index.Add(from, index.OfWord(begin)) : index.Add(start, index.OfWord(first));
    }

    static PtxOperand Word(long value) => PtxOperand.Word(value);

    PtxOperand Do(string opcode, params PtxOperand[] x) => code.Instruction(opcode, RegisterClass.Word, x);

    static int Log(int power) => power == 1 ? 0 : 1 + Log(power / 2);

    // Where a piece of a row lies in a stage.
    PtxOperand Place(PtxOperand row, PtxOperand piece)
    {
        // Rows that fill 128 bytes together have the same order; steps whose elements are read one by one have every other one, since eight lines are two pieces.
        var order = isTf32 && !isDeep ? Do("shl.b32", row, Word(1)) : pieces >= 8 ? row : Do("shr.u32", row, Word(Log(8 / pieces)));
        var place = Do("xor.b32", piece, Do("and.b32", order, Word(Math.Min(pieces, 8) - 1)));
        return Do("mad.lo.s32", row, Word(rowBytes), Do("mad.lo.s32", place, Word(Piece), at));
    }

    // The thread's first element in a stage: its line in the tile, and its step.
    (PtxOperand Line, PtxOperand Depth) First => isDeep ? (row, Do("mul.lo.s32", piece, Word(together))) : (Do("mul.lo.s32", piece, Word(together)), row);

    PtxOperand line, depth, pointer, step, jump, valid;
    PtxOperand[] inside = [];

    /// <summary>Makes ready for asynchronous copies.</summary>
    /// <param name="from">Where the operand begins.</param>
    /// <param name="lineStride">How many elements lines lie apart.</param>
    /// <param name="depthStride">How many elements steps lie apart.</param>
    /// <param name="firstDepth">The first step.</param>
    public void BeginCopies(PtxOperand from, PtxOperand lineStride, PtxOperand depthStride, PtxOperand firstDepth)
    {
        (line, depth) = First;
        var (y, x) = (index.Add(start, index.OfWord(line)), index.Add(firstDepth, index.OfWord(depth)));
        pointer = code.Copy(index.Address(from, index.MultiplyAdd(y, lineStride, index.Multiply(x, depthStride)), element));
        step = index.Multiply(depthStride, index.Number(steps));
        jump = index.Multiply(isDeep ? lineStride : depthStride, index.Number(rowsOfPass));
        if (isDeep) inside = [.. Enumerable.Range(0, passes).Select(pass => index.Compare("lt", index.Add(y, index.Number(pass * rowsOfPass)), extent))];
        else valid = Bytes(extent, y);
    }

    // How many bytes of a piece are there, from its first place up to an end.
    PtxOperand Bytes(PtxOperand end, PtxOperand first)
    {
        var left = index.Smaller(index.Larger(index.Subtract(end, first), index.Number(0)), index.Number(together));
        return Do("shl.b32", index.Class == RegisterClass.Long ? code.Instruction("cvt.u32.u64", RegisterClass.Word, left) : left, Word(Log(element)));
    }

    /// <summary>Starts the copies of a stage; what is outside of the operand becomes 0. Copies of stages follow one another.</summary>
    /// <param name="slot">Where the stage is, in bytes.</param>
    /// <param name="from">Its first step.</param>
    public void Copy(PtxOperand slot, PtxOperand from)
    {
        var done = code.Label("COPIED");
        if (isIdle is { } idle) code.Branch(done, idle);
        var (to, x, place) = (Do("add.s32", toPiece, slot), index.Add(from, index.OfWord(depth)), pointer);
        var deep = isDeep ? Bytes(depthEnd, x) : default;
        for (var pass = 0; pass < passes; pass++)
        {
            if (pass > 0) place = index.Address(place, jump, element);
            var bytes = isDeep ? Do("selp.b32", deep, Word(0), inside[pass]) : Do("selp.b32", valid, Word(0), index.Compare("lt", index.Add(x, index.Number(pass * rowsOfPass)), depthEnd));
            for (var part = 0; part < Piece; part += copy)
            {
                var some = copy == Piece ? bytes : Do("max.s32", Do("min.s32", Do("sub.s32", bytes, Word(part)), Word(copy)), Word(0));
                code.Do($"cp.async.{(copy == Piece ? "cg" : "ca")}.shared.global [{to}+{pass * rowsOfPass * rowBytes + part}], [{place}+{part}], {copy}, {some}");
            }
        }
        if (isIdle is not null) code.Place(done);
        code.Assign(pointer, index.Address(pointer, step, element));
    }

    /// <summary>Stages what threads read or make themselves.</summary>
    /// <param name="slot">Where the stage is, in bytes.</param>
    /// <param name="from">Its first step.</param>
    /// <param name="write">Writes a piece to an address: from a line and a step on, along steps where elements lie behind one another there, along lines elsewhere. What is outside becomes 0.</param>
    public void Make(PtxOperand slot, PtxOperand from, Action<PtxOperand, PtxOperand, PtxOperand> write)
    {
        var done = code.Label("MADE");
        if (isIdle is { } idle) code.Branch(done, idle);
        var to = Do("add.s32", toPiece, slot);
        var (first, begin) = First;
        var (y, x) = (index.Add(start, index.OfWord(first)), index.Add(from, index.OfWord(begin)));
        if (passes == 1) write(to, y, x);
        else
            PtxLoop.For(code, index, index.Number(0), index.Number(passes * rowsOfPass), rowsOfPass, moved =>
            {
                write(to, isDeep ? index.Add(y, moved) : y, isDeep ? x : index.Add(x, moved));
                code.Write("add.s32", to, to, Word(rowsOfPass * rowBytes));
            });
        if (isIdle is not null) code.Place(done);
    }

    PtxOperand[] places = [];

    /// <summary>Makes ready for a warp's matrices (PTX ISA, "ldmatrix": lane 8 i + r names row r of matrix i).</summary>
    /// <param name="lane">The lane's number in its warp.</param>
    /// <param name="warpLine">The first line of the warp's part.</param>
    public void BeginMatrices(PtxOperand lane, PtxOperand warpLine)
    {
        var (r, low, high) = (Do("and.b32", lane, Word(7)), Do("and.b32", Do("shr.u32", lane, Word(3)), Word(1)), Do("shr.u32", lane, Word(4)));
        // Of the left operand matrices 0 and 1 are of the same steps, of the right one of the same lines: the order of a fragment's registers (PTX ISA, "Matrix fragments for mma.m16n8k16").
        var (upper, deeper) = isLeft ? (low, high) : (high, low);
        if (isTf32 && !isDeep)
        {
            // A lane's element of eight lines and four steps (PTX ISA, "Matrix fragments for mma.m16n8k8"): eight lines are two pieces.
            var (g, t) = (Do("shr.u32", lane, Word(2)), Do("and.b32", lane, Word(3)));
            var (own, within) = (Do("add.s32", Do("shr.u32", warpLine, Word(2)), Do("shr.u32", g, Word(2))), Do("shl.b32", Do("and.b32", g, Word(3)), Word(2)));
            places = [.. Enumerable.Range(0, warpLines / 8).Select(eight => Do("add.s32", Place(t, Do("add.s32", own, Word(2 * eight))), within))];
            return;
        }
        places = isDeep
            ? [.. Enumerable.Range(0, Parts).Select(s => Place(Do("add.s32", Do("mad.lo.s32", upper, Word(8), r), warpLine), Do("add.s32", deeper, Word(2 * s))))]
            : [.. Enumerable.Range(0, warpLines / 16).Select(g => Place(Do("mad.lo.s32", deeper, Word(8), r), Do("add.s32", Do("add.s32", upper, Do("shr.u32", warpLine, Word(3))), Word(2 * g))))];
    }

    /// <summary>How many times a stage has the steps of an instruction: 16, or 8 of tf32.</summary>
    public const int Parts = PtxTensorTile.Step / PtxTensorTile.Instruction;

    /// <summary>The warp's matrices of an instruction's steps of a stage: four registers for each 16 lines.</summary>
    /// <param name="slot">Where the stage is.</param>
    /// <param name="part">Which steps.</param>
    public PtxOperand[][] Matrices(PtxOperand slot, int part)
    {
        var all = new List<PtxOperand[]>();
        for (var group = 0; group < warpLines / 16; group++)
        {
            PtxOperand[] four = [.. Enumerable.Range(0, 4).Select(_ => code.Register(RegisterClass.Word))];
            if (isTf32 && !isDeep)
            {
                for (var i = 0; i < 4; i++)
                {
                    // Of the left operand registers 0 and 1 are of the same steps, of the right one of the same lines.
                    var (upper, deeper) = isLeft ? (i & 1, i >> 1) : (i >> 1, i & 1);
                    code.Do($"ld.shared.b32 {four[i]}, [{Do("add.s32", places[2 * group + upper], slot)}+{(8 * part + 4 * deeper) * rowBytes}]");
                }
                all.Add(Rounded(four));
                continue;
            }
            var (place, offset) = isDeep ? (places[part], group * 16 * rowBytes) : (places[group], part * PtxTensorTile.Instruction * rowBytes);
            code.Do($"ldmatrix.sync.aligned.m8n8.x4{(isDeep ? "" : ".trans")}.shared.b16 {{{string.Join(", ", four)}}}, [{Do("add.s32", place, slot)}+{offset}]");
            all.Add(isTf32 ? Rounded(four) : four);
        }
        return [.. all];
    }

    // Float32 numbers rounded to ten bits of fraction; the instruction itself would cut them off.
    PtxOperand[] Rounded(PtxOperand[] four) => [.. four.Select(x => code.Instruction("cvt.rna.tf32.f32", RegisterClass.Word, code.Instruction("mov.b32", RegisterClass.Single, x)))];
}
