using System;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Some rows of a 16-bit matrix in the memory of the block, with all of its columns: what attention multiplies, as left or right operand and either way round. Rows are cut into pieces of 16 bytes, which lie in an order of the row's own, exclusive or with
/// bits of its number, so that the eight rows that a matrix is loaded from lie in different banks.
/// </summary>
/// <param name="code">Where it is written.</param>
/// <param name="index">How places are computed.</param>
/// <param name="thread">The thread's number in its block.</param>
/// <param name="threads">How many threads a block has.</param>
/// <param name="at">Where it begins in the memory of the block.</param>
/// <param name="rows">How many rows.</param>
/// <param name="columns">How many columns: 32, or a multiple of 64.</param>
sealed class PtxTensorRows(PtxWriter code, PtxIndex index, PtxOperand thread, int threads, PtxOperand at, int rows, int columns)
{
    // Elements of a piece, and its bytes.
    const int Together = PtxTensorForm.Together, Piece = Together * PtxTensorTile.Element;

    readonly int pieces = columns / Together, rowBytes = columns * PtxTensorTile.Element;

    /// <summary>Bytes of so many rows.</summary>
    public static int Bytes(int rows, int columns) => rows * columns * PtxTensorTile.Element;

    static PtxOperand Word(long value) => PtxOperand.Word(value);

    PtxOperand Do(string opcode, params PtxOperand[] x) => code.Instruction(opcode, RegisterClass.Word, x);

    static int Log(int power) => power == 1 ? 0 : 1 + Log(power / 2);

    // By what a row moves its pieces: rows that fill 128 bytes together have the same order.
    PtxOperand Order(PtxOperand row) => Do("and.b32", pieces >= 8 ? row : Do("shr.u32", row, Word(Log(8 / pieces))), Word(Math.Min(pieces, 8) - 1));

    /// <summary>Where a piece of a row lies.</summary>
    public PtxOperand Place(PtxOperand row, PtxOperand piece) => Do("mad.lo.s32", row, Word(rowBytes), Do("mad.lo.s32", Do("xor.b32", piece, Order(row)), Word(Piece), at));

    /// <summary>Brings rows of a matrix in global memory: by asynchronous copies of 16 bytes, or element by element through registers. What is outside of it becomes 0.</summary>
    /// <param name="slot">How far behind the beginning, in bytes.</param>
    /// <param name="isCopied">Whether rows begin at multiples of 16 bytes, and columns lie behind one another.</param>
    /// <param name="start">Where the matrix begins.</param>
    /// <param name="strides">How far its rows and its columns lie apart, in elements.</param>
    /// <param name="first">The first row.</param>
    /// <param name="end">How many rows it has.</param>
    /// <param name="width">How many columns it has.</param>
    public void Stage(PtxOperand slot, bool isCopied, PtxOperand start, (PtxOperand Row, PtxOperand Column) strides, PtxOperand first, PtxOperand end, PtxOperand width)
    {
        var rowsOfPass = threads / pieces;
        var (row, piece) = (Do("shr.u32", thread, Word(Log(pieces))), Do("and.b32", thread, Word(pieces - 1)));
        var column = index.OfWord(Do("mul.lo.s32", piece, Word(Together)));
        var left = index.Smaller(index.Larger(index.Subtract(width, column), index.Number(0)), index.Number(Together));
        var bytes = Do("shl.b32", index.Class == RegisterClass.Long ? code.Instruction("cvt.u32.u64", RegisterClass.Word, left) : left, Word(1));
        for (var pass = 0; pass * rowsOfPass < rows; pass++)
        {
            var own = Do("add.s32", row, Word(pass * rowsOfPass));
            var line = index.Add(first, index.OfWord(own));
            var isInside = index.Compare("lt", line, end);
            var (to, from) = (Do("add.s32", Place(own, piece), slot), index.Address(start, index.MultiplyAdd(line, strides.Row, index.Multiply(column, strides.Column)), PtxTensorTile.Element));
            if (isCopied)
            {
                code.Do($"cp.async.cg.shared.global [{to}], [{from}], {Piece}, {Do("selp.b32", bytes, Word(0), isInside)}");
                continue;
            }
            var halves = new PtxOperand[Together];
            for (var i = 0; i < Together; i++)
            {
                halves[i] = code.Register(RegisterClass.Half);
                code.Do($"mov.b16 {halves[i]}, 0");
                var isThere = code.Instruction("and.pred", RegisterClass.Predicate, isInside, index.Compare("gt", left, index.Number(i)));
                code.Do($"ld.global.b16 {halves[i]}, [{index.Address(from, index.Multiply(index.Number(i), strides.Column), PtxTensorTile.Element)}]", isThere);
            }
            PtxEights.StoreHalves(code, "shared", to, halves);
        }
    }

    /// <summary>How a lane finds what it loads of a matrix: the rows of its part, and the order of their pieces (PTX ISA, "ldmatrix": lane 8 i + r names row r of matrix i).</summary>
    /// <param name="lane">The lane's number in its warp.</param>
    /// <param name="firstRow">The first row of the warp's part.</param>
    /// <param name="isUpperFirst">
    /// Whether the second of four matrices has the next eight rows, as for a left operand and for a right one whose rows are steps; otherwise the next eight columns, as for a right operand whose rows are its columns (PTX ISA, "Matrix fragments for
    /// mma.m16n8k16").
    /// </param>
    public Reader Read(PtxOperand lane, PtxOperand firstRow, bool isUpperFirst)
    {
        var (r, low, high) = (Do("and.b32", lane, Word(7)), Do("and.b32", Do("shr.u32", lane, Word(3)), Word(1)), Do("shr.u32", lane, Word(4)));
        var (upper, further) = isUpperFirst ? (low, high) : (high, low);
        var row = Do("add.s32", Do("mad.lo.s32", upper, Word(8), r), firstRow);
        return new(code, Do("mad.lo.s32", row, Word(rowBytes), at), Do("mul.lo.s32", Do("xor.b32", further, Order(row)), Word(Piece)), rowBytes);
    }

    /// <summary>Loads sixteen rows and columns at a time.</summary>
    public sealed class Reader(PtxWriter code, PtxOperand row, PtxOperand order, int rowBytes)
    {
        /// <summary>From now on of a part that lies so many bytes further.</summary>
        public Reader From(PtxOperand slot) => new(code, code.Instruction("add.s32", RegisterClass.Word, row, slot), order, rowBytes);

        /// <summary>Four registers of sixteen rows and columns.</summary>
        /// <param name="rows">The first row in the warp's part: a multiple of 16.</param>
        /// <param name="columns">The first column: a multiple of 16.</param>
        /// <param name="isTurned">Whether rows are steps of the summed extent.</param>
        public PtxOperand[] Load(int rows, int columns, bool isTurned)
        {
            PtxOperand[] four = [.. Enumerable.Range(0, 4).Select(_ => code.Register(RegisterClass.Word))];
            var place = code.Instruction("add.s32", RegisterClass.Word, row, columns == 0 ? order : code.Instruction("xor.b32", RegisterClass.Word, order, PtxOperand.Word(columns * PtxTensorTile.Element)));
            code.Do($"ldmatrix.sync.aligned.m8n8.x4{(isTurned ? ".trans" : "")}.shared.b16 {{{string.Join(", ", four)}}}, [{place}+{rows * rowBytes}]");
            return four;
        }
    }

    /// <summary>Writes what a warp has summed up over its sixteen rows to its part, which nobody reads any more, and from there to global memory: eight elements of a row at a time, where they are there and begin at a multiple of 16 bytes.</summary>
    /// <param name="lane">The lane's number in its warp.</param>
    /// <param name="firstRow">The first row of the warp's part.</param>
    /// <param name="type">The type of the elements.</param>
    /// <param name="sums">Four sums for each eight columns, as the instruction leaves them.</param>
    /// <param name="start">Where the result begins: its row 0.</param>
    /// <param name="strides">How far its rows and its columns lie apart, in elements.</param>
    /// <param name="first">The row of the result that the first row of the part is.</param>
    /// <param name="end">How many rows the result has.</param>
    /// <param name="width">How many columns.</param>
    /// <param name="isContiguous">Whether columns lie behind one another.</param>
    public void Finish(PtxOperand lane, PtxOperand firstRow, DType type, PtxOperand[] sums, PtxOperand start, (PtxOperand Row, PtxOperand Column) strides, PtxOperand first, PtxOperand end, PtxOperand width, bool isContiguous)
    {
        var (own, within) = (Do("add.s32", Do("shr.u32", lane, Word(2)), firstRow), Do("shl.b32", Do("and.b32", lane, Word(3)), Word(2)));
        for (var half = 0; half < 2; half++)
        {
            var row = half == 0 ? own : Do("add.s32", own, Word(8));
            var (line, order) = (Do("add.s32", Do("mad.lo.s32", row, Word(rowBytes), at), within), Do("mul.lo.s32", Order(row), Word(Piece)));
            for (var j = 0; j < sums.Length / 4; j++)
                code.Do($"st.shared.b32 [{Do("add.s32", line, (j == 0 ? order : Do("xor.b32", order, Word(j * Piece))))}], {Pack(code, type, sums[4 * j + 2 * half], sums[4 * j + 2 * half + 1])}");
        }
        code.Do("bar.warp.sync 0xffffffff");
        var used = sums.Length / 4;
        PtxLoop.For(code, index, index.Number(0), index.Number(16 * used), 32, part =>
        {
            var (outside, singly, done) = (code.Label("OUTSIDE"), code.Label("SINGLY"), code.Label("WRITTEN"));
            var number = Do("add.s32", index.Class == RegisterClass.Long ? code.Instruction("cvt.u32.u64", RegisterClass.Word, part) : part, lane);
            var (down, piece) = (Do("shr.u32", number, Word(Log(used))), Do("and.b32", number, Word(used - 1)));
            var (y, x) = (index.Add(first, index.OfWord(down)), index.OfWord(Do("mul.lo.s32", piece, Word(Together))));
            code.Branch(outside, index.Compare("ge", y, end));
            code.Branch(outside, index.Compare("ge", x, width));
            PtxOperand[] four = [.. Enumerable.Range(0, 4).Select(_ => code.Register(RegisterClass.Word))];
            code.Do($"ld.shared.v4.b32 {{{string.Join(", ", four)}}}, [{Place(Do("add.s32", down, firstRow), piece)}]");
            var to = index.Address(start, index.MultiplyAdd(y, strides.Row, index.Multiply(x, strides.Column)), PtxTensorTile.Element);
            if (isContiguous)
            {
                code.Branch(singly, index.Compare("gt", index.Add(x, index.Number(Together)), width));
                code.Branch(singly, code.Compare("ne", "s64", code.Instruction("and.b64", RegisterClass.Long, to, PtxOperand.Long(15)), PtxOperand.Long(0)));
                code.Do($"st.global.v4.b32 [{to}], {{{string.Join(", ", four)}}}");
                code.Do("bra " + done);
            }
            code.Place(singly);
            for (var i = 0; i < Together; i += 2)
            {
                var (low, high) = (code.Register(RegisterClass.Half), code.Register(RegisterClass.Half));
                code.Do($"mov.b32 {{{low}, {high}}}, {four[i / 2]}");
                for (var k = 0; k < 2; k++)
                    code.Do($"st.global.b16 [{index.Address(to, index.Multiply(index.Number(i + k), strides.Column), PtxTensorTile.Element)}], {(k == 0 ? low : high)}", index.Compare("lt", index.Add(x, index.Number(i + k)), width));
            }
            code.Place(done);
            code.Place(outside);
        });
    }

    /// <summary>Two float32 numbers rounded to 16 bits, the first one below.</summary>
    public static PtxOperand Pack(PtxWriter code, DType type, PtxOperand low, PtxOperand high) => code.Instruction($"cvt.rn.{(type == DType.F16 ? "f16x2" : "bf16x2")}.f32", RegisterClass.Word, PtxConversions.InRegister(code, high), PtxConversions.InRegister(code, low));
}
