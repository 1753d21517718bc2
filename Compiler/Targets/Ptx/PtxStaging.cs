using System;
using System.Linq;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// The inside of a product in tiles of 64 × 64: 256 threads stage 16 steps of both operands in the memory of the block, 64 lines of each step behind one another, and each thread adds up four by four products of them.
/// </summary>
/// <param name="code">Where it is written.</param>
/// <param name="index">How places are computed.</param>
/// <param name="thread">The thread's number in its block.</param>
/// <param name="shared">The memory of the block, which begins with the two stages.</param>
/// <param name="isReal">Whether float32 numbers are added up, or integers of 32 bits.</param>
sealed class PtxStaging(PtxWriter code, PtxIndex index, PtxOperand thread, PtxOperand shared, bool isReal)
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Lines of a tile in each direction, and steps that are staged at once.</summary>
    public const int Tile = 64, Step = 16;

    /// <summary>The lines of a step begin so many elements behind those of the one before, so that neighbouring ones lie in different banks.</summary>
    public const int Pitch = Tile + 4;

    /// <summary>Products of a thread in each direction.</summary>
    public const int Own = 4;

    /// <summary>Where the stage of the second operand begins, in bytes, and where the second one ends.</summary>
    public const int SecondStage = Step * Pitch * Element, StagesEnd = 2 * SecondStage;

    const int Element = 4;

    string Type => isReal ? "f32" : "s32";

    RegisterClass Sum => isReal ? RegisterClass.Single : RegisterClass.Word;

    static PtxOperand Word(long value) => PtxOperand.Word(value);

    PtxOperand Do(string opcode, params PtxOperand[] x) => code.Instruction(opcode, RegisterClass.Word, x);

    /// <summary>Where the four lines of a thread begin in a step: of the left operand, and of the right one.</summary>
    public (PtxOperand Left, PtxOperand Right) Places() =>
        (Do("mad.lo.s32", Do("shr.u32", thread, Word(4)), Word(Own * Element), shared), Do("mad.lo.s32", Do("and.b32", thread, Word(15)), Word(Own * Element), shared));

    /// <summary>One step of a thread's products: a chain of multiply-adds each.</summary>
    /// <param name="left">Where the lines of the left operand begin.</param>
    /// <param name="right">Those of the right one, in front of its stage.</param>
    /// <param name="offset">The step, in bytes.</param>
    /// <param name="chain">The sums.</param>
    public void Multiply(PtxOperand left, PtxOperand right, int offset, PtxOperand[] chain)
    {
        var (rows, columns) = (Four(left, offset), Four(right, offset + SecondStage));
        for (var i = 0; i < Own; i++)
            for (var j = 0; j < Own; j++) code.Write(isReal ? "fma.rn.f32" : "mad.lo.s32", chain[i * Own + j], rows[i], columns[j], chain[i * Own + j]);
    }

    /// <summary>Stages some steps of a tile of an operand: 1,024 elements, four a thread; 0 outside of the matrix. Neighbouring threads read neighbouring elements.</summary>
    /// <param name="start">The tile's first line: a row of the left operand, a column of the right one.</param>
    /// <param name="extent">How many lines there are.</param>
    /// <param name="depth">The first step.</param>
    /// <param name="to">Where steps end.</param>
    /// <param name="at">Where in the memory of the block, in bytes: 0 or <see cref="SecondStage"/>.</param>
    /// <param name="isDeep">Whether elements lie behind one another along the steps.</param>
    /// <param name="read">Reads the element of a line at a step.</param>
    /// <param name="four">How four neighbouring elements are read as one, and the predicate that says that they may be; null where they never are.</param>
    public void Stage(
        PtxOperand start, PtxOperand extent, PtxOperand depth, PtxOperand to, int at, bool isDeep, Func<PtxOperand, PtxOperand, PtxOperand> read,
        (PtxOperand IsAligned, Func<PtxOperand, PtxOperand, PtxOperand[]> Read)? four = null)
    {
        if (four is not { } fours)
        {
            One(start, extent, depth, to, at, isDeep, read);
            return;
        }
        var (alone, done) = (code.Label("ALONE"), code.Label("STAGED"));
        code.Branch(alone, fours.IsAligned, inverted: true);
        Fours(start, extent, depth, to, at, isDeep, fours.Read);
        code.Do("bra " + done);
        code.Place(alone);
        One(start, extent, depth, to, at, isDeep, read);
        code.Place(done);
    }

    // Four neighbours a thread as one access: they are inside of the matrix or outside together, for its end is a multiple of four.
    void Fours(PtxOperand start, PtxOperand extent, PtxOperand depth, PtxOperand to, int at, bool isDeep, Func<PtxOperand, PtxOperand, PtxOperand[]> read)
    {
        // Along steps four threads have a line, along lines sixteen threads have a step.
        var (minor, major) = (Do("and.b32", thread, Word(isDeep ? 3 : 15)), Do("shr.u32", thread, Word(isDeep ? 2 : 4)));
        minor = Do("shl.b32", minor, Word(2));
        var (line, step) = isDeep ? (major, minor) : (minor, major);
        var place = Do("mad.lo.s32", step, Word(Pitch * Element), Do("mad.lo.s32", line, Word(Element), shared));
        PtxOperand[] values = [.. Enumerable.Range(0, Own).Select(_ => code.Copy(isReal ? PtxOperand.Single(0) : Word(0)))];
        var outside = code.Label("OUTSIDE");
        var (y, x) = (index.Add(start, index.OfWord(line)), index.Add(depth, index.OfWord(step)));
        code.Branch(outside, index.Compare("ge", y, extent));
        code.Branch(outside, index.Compare("ge", x, to));
        var four = read(y, x);
        for (var r = 0; r < Own; r++) code.Assign(values[r], four[r]);
        code.Place(outside);
        if (isDeep)
            for (var r = 0; r < Own; r++) code.Do($"st.shared.{Type} [{place}+{at + r * Pitch * Element}], {values[r]}");
        else code.Do($"st.shared.v4.{Type} [{place}+{at}], {{{string.Join(", ", values)}}}");
    }

    // One element after the other.
    void One(PtxOperand start, PtxOperand extent, PtxOperand depth, PtxOperand to, int at, bool isDeep, Func<PtxOperand, PtxOperand, PtxOperand> read)
    {
        PtxOperand[] values = new PtxOperand[Own], places = new PtxOperand[Own];
        for (var r = 0; r < Own; r++)
        {
            var (step, line) = isDeep ? (Do("and.b32", thread, Word(Step - 1)), Do("shr.u32", thread, Word(4))) : (Do("shr.u32", thread, Word(6)), Do("and.b32", thread, Word(Tile - 1)));
            if (isDeep) line = Do("add.s32", line, Word(r * Threads / Step));
            else step = Do("add.s32", step, Word(r * Threads / Tile));
            places[r] = Do("mad.lo.s32", step, Word(Pitch * Element), Do("mad.lo.s32", line, Word(Element), shared));
            values[r] = code.Copy(isReal ? PtxOperand.Single(0) : Word(0));
            var outside = code.Label("OUTSIDE");
            var (y, x) = (index.Add(start, index.OfWord(line)), index.Add(depth, index.OfWord(step)));
            code.Branch(outside, index.Compare("ge", y, extent));
            code.Branch(outside, index.Compare("ge", x, to));
            code.Assign(values[r], read(y, x));
            code.Place(outside);
        }
        for (var r = 0; r < Own; r++) code.Do($"st.shared.{Type} [{places[r]}+{at}], {values[r]}");
    }

    /// <summary>Four numbers that lie together in the memory of the block.</summary>
    public PtxOperand[] Four(PtxOperand address, int offset)
    {
        PtxOperand[] four = [.. Enumerable.Range(0, Own).Select(_ => code.Register(Sum))];
        code.Do($"ld.shared.v4.{Type} {{{string.Join(", ", four)}}}, [{address}+{offset}]");
        return four;
    }
}
