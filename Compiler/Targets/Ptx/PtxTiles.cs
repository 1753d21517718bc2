using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Products in tiles: a block of threads has a tile of the result, and passes the summed extent in steps that it stages in shared memory. Each thread has four by four sums. A finished tile goes through shared memory
/// to threads that write neighbouring elements. Where operands come from and where results go is what kinds of products differ in.
/// </summary>
abstract class PtxTiles
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = PtxStaging.Threads;

    /// <summary>Blocks of a multiprocessor: 128 registers a thread, which tiles with bodies need.</summary>
    protected const int Resident = 2;

    /// <summary>Rows and columns of a tile, and steps of the summed extent that are staged at once.</summary>
    public const int Tile = PtxStaging.Tile, Step = PtxStaging.Step;

    // Rows of staged operands and of the finished tile begin so many elements apart, so that what a warp reads at once lies in different banks: four neighbours a thread of a tile by rows, one of a tile by columns.
    const int Pitch = PtxStaging.Pitch;

    int TilePitch => IsByRow ? Tile + Own : Tile + 1;

    // Sums of a thread in each direction.
    const int Own = PtxStaging.Own;

    /// <summary>Bytes of an element: float32 and 32-bit integers are added up.</summary>
    protected const int Element = 4;

    /// <summary>Bytes of shared memory of a block.</summary>
    public const int SharedBytes = Tile * (Tile + Own) * Element;

    /// <summary>Names of the numbers that a launch computes: tiles of the result in both directions, blocks of the summed extent, how long they are, how many each slice has, slices.</summary>
    public const string RowTiles = "row_tiles", ColumnTiles = "column_tiles", Blocks = "blocks", BlockLength = "block_length", SliceBlocks = "slice_blocks", Slices = "slices";

    /// <summary>Names of the numbers that say, as 1, that four neighbouring elements of an operand are one access.</summary>
    public const string Left4Name = "left_by4", Right4Name = "right_by4";

    /// <summary>The same of four neighbouring results of a row.</summary>
    public const string Result4Name = "result_by4";

    /// <summary>The parameters for them, which stand behind all others.</summary>
    protected static IEnumerable<PtxArgument> Counts => new[] { RowTiles, ColumnTiles, Blocks, BlockLength, SliceBlocks, Slices }.Select(name => new PtxArgument.Count(name));

    readonly ProductSums sums;
    readonly bool isReal;
    PtxOperand shared;
    PtxStaging? staging;
    readonly Dictionary<string, PtxOperand> arguments = new(StringComparer.Ordinal), wholes = new(StringComparer.Ordinal);

    /// <param name="code">Where it is written.</param>
    /// <param name="isWide">With places of 64 bits.</param>
    /// <param name="text">The kernel's text.</param>
    /// <param name="accumulator">The type of the sums.</param>
    /// <param name="sums">Their order.</param>
    /// <param name="isCut">Whether sums may be cut into slices, which go to the workspace.</param>
    /// <param name="parameters">All parameters.</param>
    /// <exception cref="NotSupportedException">The sums are of a type without instructions here.</exception>
    protected PtxTiles(PtxWriter code, bool isWide, string text, DType accumulator, ProductSums sums, bool isCut, IEnumerable<PtxArgument> parameters)
    {
        isReal = accumulator switch
        {
            DType.F32 => true,
            DType.I32 => false,
            var other => throw new NotSupportedException($"The PTX target has no products that add up in {other.Name()}."),
        };
        (Code, Index, this.sums, IsCut) = (code, new(code, isWide), sums, isCut);
        code.Head.AddRange(text.TrimEnd('\n').Split('\n'));
        foreach (var parameter in PtxArgument.WithReciprocals([.. parameters]))
        {
            var value = wholes[parameter.Name] = code.Parameter(parameter.Name);
            if (parameter is PtxArgument.Reciprocal { Divisor.Name: var size }) Index.Know(arguments[size], value);
            else arguments[parameter.Name] = parameter is PtxArgument.Operand ? value : Index.Of(value);
        }
        Thread = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%tid.x"));
    }

    protected PtxWriter Code { get; }

    /// <summary>Whether sums may be cut into slices.</summary>
    protected bool IsCut { get; }

    protected PtxIndex Index { get; }

    /// <summary>The thread's number in its block.</summary>
    protected PtxOperand Thread { get; }

    /// <summary>The value of a parameter.</summary>
    protected PtxOperand Argument(string name) => arguments[name];

    /// <summary>The type that instructions on sums have.</summary>
    protected string Type => isReal ? "f32" : "s32";

    /// <summary>The registers of sums.</summary>
    protected RegisterClass Sum => isReal ? RegisterClass.Single : RegisterClass.Word;

    /// <summary>A sum of nothing.</summary>
    protected PtxOperand Zero => isReal ? PtxOperand.Single(0) : PtxOperand.Word(0);

    /// <summary>Rows, columns and summed extent of a matrix.</summary>
    protected abstract (PtxOperand M, PtxOperand N, PtxOperand K) Extents { get; }

    /// <summary>Makes ready for a matrix of the batch.</summary>
    protected abstract void Begin(PtxOperand matrix);

    /// <summary>An element of the left operand.</summary>
    protected abstract PtxOperand Left(PtxOperand row, PtxOperand depth);

    /// <summary>An element of the right operand.</summary>
    protected abstract PtxOperand Right(PtxOperand depth, PtxOperand column);

    /// <summary>Four neighbouring elements of the left operand as one access: along the summed extent where they lie so, along rows otherwise. Null where they never are.</summary>
    protected virtual Func<PtxOperand, PtxOperand, PtxOperand[]>? LeftFour => null;

    /// <summary>The same of the right operand.</summary>
    protected virtual Func<PtxOperand, PtxOperand, PtxOperand[]>? RightFour => null;

    /// <summary>Takes a finished element.</summary>
    protected abstract void Write(PtxOperand row, PtxOperand column, PtxOperand value);

    /// <summary>Takes four neighbouring finished elements of a row. Null where they never are one access.</summary>
    protected virtual Action<PtxOperand, PtxOperand, PtxOperand[]>? WriteFour => null;

    /// <summary>Whether elements lie behind one another along the summed extent: in the left operand, and in the right one.</summary>
    protected abstract (bool Left, bool Right) AreDeep { get; }

    /// <summary>Whether elements of the result lie behind one another along its columns.</summary>
    protected virtual bool IsByRow => true;

    /// <summary>A sum of two sums.</summary>
    protected PtxOperand Plus(PtxOperand a, PtxOperand b) => Code.Instruction(isReal ? "add.rn.f32" : "add.s32", Sum, a, b);

    static PtxOperand Word(long value) => PtxOperand.Word(value);

    PtxOperand Do(string opcode, params PtxOperand[] x) => Code.Instruction(opcode, RegisterClass.Word, x);

    // Where a block of the summed extent begins.
    PtxOperand Start(PtxOperand block) => sums.IsPlain ? Index.Part(block, Extents.K, arguments[Blocks]) : Index.Smaller(Index.Multiply(block, arguments[BlockLength]), Extents.K);

    /// <summary>Splits the number of the block: the first row and column of its tile, and its slice of the sums; makes ready for its matrix.</summary>
    /// <param name="rows">Rows of a tile.</param>
    /// <param name="columns">Columns of a tile.</param>
    protected (PtxOperand Row, PtxOperand Column, PtxOperand Slice) Decode(int rows, int columns)
    {
        var block = Index.OfWord(Code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x")));
        var above = Index.Divide(block, arguments[ColumnTiles]);
        var matrix = Index.Divide(above, arguments[RowTiles]);
        var (down, across) = Arrange(Index.Subtract(above, Index.Multiply(matrix, arguments[RowTiles])), Index.Subtract(block, Index.Multiply(above, arguments[ColumnTiles])));
        var (row, column) = (Index.Multiply(down, Index.Number(rows)), Index.Multiply(across, Index.Number(columns)));
        var slice = Index.Number(0);
        if (IsCut)
        {
            // The last number of a block is that of its matrix, or of its slice of the only one.
            var isWhole = Index.Compare("eq", arguments[Slices], Index.Number(1));
            slice = Code.Instruction("selp." + Index.Class.Type(), Index.Class, Index.Number(0), matrix, isWhole);
            matrix = Code.Instruction("selp." + Index.Class.Type(), Index.Class, matrix, Index.Number(0), isWhole);
        }
        Begin(matrix);
        return (row, column, slice);
    }

    /// <summary>Which tile a block has whose number is that of a row and column of tiles; the same where nobody says otherwise.</summary>
    protected virtual (PtxOperand Row, PtxOperand Column) Arrange(PtxOperand row, PtxOperand column) => (row, column);

    /// <summary>Writes the kernel that multiplies.</summary>
    protected void Multiply()
    {
        shared = Code.Shared();
        staging = new(Code, Index, Thread, shared, isReal);
        var (row, column, slice) = Decode(Tile, Tile);
        var (m, n, _) = Extents;
        var (deepLeft, deepRight) = AreDeep;
        var (fourLeft, fourRight) = (Four(LeftFour, Left4Name), Four(RightFour is { } right ? (x, k) => right(k, x) : null, Right4Name));
        PtxOperand[] totals = Registers(), chain = Registers();
        foreach (var total in totals) Code.Assign(total, Zero);
        var first = Index.Multiply(slice, arguments[SliceBlocks]);
        var last = Index.Smaller(Index.Add(first, arguments[SliceBlocks]), arguments[Blocks]);
        var (ty, tx) = (Do("shr.u32", Thread, Word(4)), Do("and.b32", Thread, Word(15)));
        var (fromA, fromB) = staging.Places();
        PtxLoop.For(Code, Index, first, last, 1, part =>
        {
            foreach (var sum in chain) Code.Assign(sum, Zero);
            var to = Start(Index.Add(part, Index.Number(1)));
            PtxLoop.For(Code, Index, Start(part), to, Step, depth =>
            {
                staging.Stage(row, m, depth, to, 0, deepLeft, Left, fourLeft);
                staging.Stage(column, n, depth, to, PtxStaging.SecondStage, deepRight, (x, k) => Right(k, x), fourRight);
                Code.Do("bar.sync 0");
                Steps(Index.Subtract(to, depth), fromA, fromB, chain);
                Code.Do("bar.sync 0");
            });
            // The first block is the sum so far, bit by bit; the others are added to it.
            var isFirst = Index.Compare("eq", part, first);
            for (var i = 0; i < totals.Length; i++) Code.Assign(totals[i], Code.Instruction($"selp.{(isReal ? "f32" : "b32")}", Sum, chain[i], Plus(totals[i], chain[i]), isFirst));
        });
        var place = Do("mad.lo.s32", ty, Word(Own * TilePitch * Element), Do("mad.lo.s32", tx, Word(Own * Element), shared));
        for (var i = 0; i < Own; i++)
            if (IsByRow) Code.Do($"st.shared.v4.{Type} [{place}+{i * TilePitch * Element}], {{{string.Join(", ", totals.Skip(i * Own).Take(Own))}}}");
            else
                for (var j = 0; j < Own; j++) Code.Do($"st.shared.{Type} [{place}+{(i * TilePitch + j) * Element}], {totals[i * Own + j]}");
        Code.Do("bar.sync 0");
        Finish(row, column, slice);
    }

    // Whether the launch has found that four elements are one access.
    (PtxOperand, Func<PtxOperand, PtxOperand, PtxOperand[]>)? Four(Func<PtxOperand, PtxOperand, PtxOperand[]>? read, string name) =>
        read is null ? null : (Index.Compare("ne", arguments[name], Index.Number(0)), read);

    PtxOperand[] Registers() => [.. Enumerable.Range(0, Own * Own).Select(_ => Code.Register(Sum))];

    // The staged steps, one chain of multiply-adds for each sum: all of them written out, or what is left at the end.
    void Steps(PtxOperand left, PtxOperand fromA, PtxOperand fromB, PtxOperand[] chain)
    {
        var (few, done) = (Code.Label("FEW"), Code.Label("STEPPED"));
        Code.Branch(few, Index.Compare("lt", left, Index.Number(Step)));
        for (var step = 0; step < Step; step++) One(fromA, fromB, step * Pitch * Element);
        Code.Do("bra " + done);
        Code.Place(few);
        var (atA, atB) = (Code.Copy(fromA), Code.Copy(fromB));
        PtxLoop.For(Code, Index, Index.Number(0), left, 1, _ =>
        {
            One(atA, atB, 0);
            Code.Write("add.s32", atA, atA, Word(Pitch * Element));
            Code.Write("add.s32", atB, atB, Word(Pitch * Element));
        });
        Code.Place(done);

        void One(PtxOperand x, PtxOperand y, int offset) => staging!.Multiply(x, y, offset, chain);
    }

    void Finish(PtxOperand row, PtxOperand column, PtxOperand slice)
    {
        if (!IsByRow || WriteFour is not { } four)
        {
            FinishSingly(row, column, slice);
            return;
        }
        var (singly, done) = (Code.Label("SINGLY"), Code.Label("FINISHED"));
        Code.Branch(singly, Index.Compare("eq", arguments[Result4Name], Index.Number(0)));
        FinishFours(row, column, slice, four);
        Code.Do("bra " + done);
        Code.Place(singly);
        FinishSingly(row, column, slice);
        Code.Place(done);
    }

    // The finished tile, four neighbouring elements of a row a thread: columns are as many as make fours.
    void FinishFours(PtxOperand row, PtxOperand column, PtxOperand slice, Action<PtxOperand, PtxOperand, PtxOperand[]> take)
    {
        const int PerRow = Tile / Own, Rows = Threads / PerRow;
        var (m, n, _) = Extents;
        var (minor, major) = (Do("shl.b32", Do("and.b32", Thread, Word(PerRow - 1)), Word(2)), Do("shr.u32", Thread, Word(4)));
        var place = Do("mad.lo.s32", major, Word(TilePitch * Element), Do("mad.lo.s32", minor, Word(Element), shared));
        PtxLoop.For(Code, Index, Index.Number(0), Index.Number(Tile), Rows, start =>
        {
            var next = Code.Label("OUTSIDE");
            var (y, x) = (Index.Add(row, Index.Add(start, Index.OfWord(major))), Index.Add(column, Index.OfWord(minor)));
            Code.Branch(next, Index.Compare("ge", y, m));
            Code.Branch(next, Index.Compare("ge", x, n));
            var values = staging!.Four(place, 0);
            if (IsCut)
            {
                var whole = Code.Label("WHOLE");
                Code.Branch(whole, Index.Compare("eq", arguments[Slices], Index.Number(1)));
                Code.Do($"st.global.v4.{Type} [{Partial(slice, y, x)}], {{{string.Join(", ", values)}}}");
                Code.Do("bra " + next);
                Code.Place(whole);
            }
            take(y, x, values);
            Code.Place(next);
            Code.Write("add.s32", place, place, Word(Rows * TilePitch * Element));
        });
    }

    // The same element by element: neighbouring threads have neighbouring elements.
    void FinishSingly(PtxOperand row, PtxOperand column, PtxOperand slice)
    {
        var (m, n, _) = Extents;
        var (minor, major) = (Do("and.b32", Thread, Word(Tile - 1)), Do("shr.u32", Thread, Word(6)));
        var place = Do("mad.lo.s32", IsByRow ? major : minor, Word(TilePitch * Element), Do("mad.lo.s32", IsByRow ? minor : major, Word(Element), shared));
        PtxLoop.For(Code, Index, Index.Number(0), Index.Number(Tile), Threads / Tile, start =>
        {
            var next = Code.Label("OUTSIDE");
            var (i, j) = IsByRow ? (Index.Add(start, Index.OfWord(major)), Index.OfWord(minor)) : (Index.OfWord(minor), Index.Add(start, Index.OfWord(major)));
            var (y, x) = (Index.Add(row, i), Index.Add(column, j));
            Code.Branch(next, Index.Compare("ge", y, m));
            Code.Branch(next, Index.Compare("ge", x, n));
            var value = Code.Instruction("ld.shared." + Type, Sum, new PtxOperand(Sum, $"[{place}]"));
            if (IsCut)
            {
                var whole = Code.Label("WHOLE");
                Code.Branch(whole, Index.Compare("eq", arguments[Slices], Index.Number(1)));
                Code.Do($"st.global.{Type} [{Partial(slice, y, x)}], {value}");
                Code.Do("bra " + next);
                Code.Place(whole);
            }
            Write(y, x, value);
            Code.Place(next);
            Code.Write("add.s32", place, place, Word(Threads / Tile * (IsByRow ? TilePitch : 1) * Element));
        });
    }

    /// <summary>Where the workspace has the sum of a slice.</summary>
    protected PtxOperand Partial(PtxOperand slice, PtxOperand y, PtxOperand x) =>
        Index.Address(arguments["workspace"], Index.MultiplyAdd(Index.MultiplyAdd(slice, Extents.M, y), Extents.N, x), Element);

    /// <summary>Writes the kernel that adds slices, a thread for each element of the result.</summary>
    protected void Add()
    {
        var end = Code.Label("END");
        var (m, n, _) = Extents;
        var block = Index.OfWord(Code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x")));
        var element = Index.MultiplyAdd(block, Index.Number(Threads), Index.OfWord(Thread));
        Code.Branch(end, Index.Compare("ge", element, Index.Multiply(m, n)));
        Begin(Index.Number(0));
        var y = Index.Divide(element, n);
        var x = Index.Subtract(element, Index.Multiply(y, n));
        var sum = Code.Register(Sum);
        Code.Write("ld.global." + Type, sum, new PtxOperand(Sum, $"[{Partial(Index.Number(0), y, x)}]"));
        PtxLoop.For(Code, Index, Index.Number(1), arguments[Slices], 1, slice =>
            Code.Assign(sum, Plus(sum, Code.Instruction("ld.global." + Type, Sum, new PtxOperand(Sum, $"[{Partial(slice, y, x)}]")))));
        Write(y, x, sum);
        Code.Place(end);
    }

    /// <summary>Parameters for a body that makes an operand or takes results.</summary>
    protected static IEnumerable<PtxArgument> Hook(string name, LoopKernel? body, PtxPart part) => body is null ? [] :
        Enumerable.Range(0, PtxUnits.Operands(body)).Select(i => (PtxArgument)new PtxArgument.Operand(name + "p" + i, part, i))
            .Concat(Enumerable.Range(0, PtxUnits.Arguments(body)).Select(i => new PtxArgument.Size(name + "d" + i, part, i)));

    /// <summary>Parameters for the sizes that a kernel takes as arguments.</summary>
    protected static IEnumerable<PtxArgument> Sizes(IEnumerable<Extent> extents) =>
        Enumerable.Range(0, extents.Where(e => !e.IsConstant).Select(e => (int)e.Value + 1).DefaultIfEmpty(0).Max()).Select(i => new PtxArgument.Size("d" + i, PtxPart.Kernel, i));

    /// <summary>A size as an index.</summary>
    protected PtxOperand Size(Extent extent) => extent.IsConstant ? Index.Number(extent.Value) : arguments["d" + extent.Value];

    /// <summary>A body in its place, whose parameters have a prefix.</summary>
    protected PtxTileBody Body(LoopKernel body, string name) => new(body, Code, Index, i => arguments[name + "p" + i], e => e.IsConstant ? Index.Number(e.Value) : arguments[name + "d" + e.Value],
        e => e.IsConstant ? PtxOperand.Long(e.Value) : wholes[name + "d" + e.Value]);
}

/// <summary>A body of a product or convolution: what it makes of a place, or does with what is there.</summary>
sealed class PtxTileBody
{
    readonly LoopKernel kernel;
    readonly PtxBody body;

    /// <summary>The kernel, its functions written out.</summary>
    public LoopKernel Kernel => kernel;

    /// <summary>Its expressions at a place.</summary>
    public PtxBody Inside => body;

    public PtxTileBody(LoopKernel kernel, PtxWriter code, PtxIndex index, Func<int, PtxOperand> pointer, Func<Extent, PtxOperand> size, Func<Extent, PtxOperand> whole)
    {
        this.kernel = PtxTarget.WrittenOut(kernel);
        body = new(this.kernel, code, index, pointer, size, whole, isLaneUnit: false);
        body.Hoist(Roots, PtxLevel.Kernel);
    }

    IEnumerable<Scalar> Roots => kernel.Stages.SelectMany(PtxBody.Roots);

    /// <summary>From here on the matrix is of this number: for bodies whose matrix is the block's.</summary>
    public void Begin(PtxOperand matrix)
    {
        body.Decode(matrix, body.AxesOf(AxisRole.Outer));
        body.Hoist(Roots, PtxLevel.Unit);
    }

    /// <summary>Makes an element.</summary>
    /// <param name="matrix">The number of its matrix; null where <see cref="Begin"/> has said it.</param>
    /// <param name="row">Its row.</param>
    /// <param name="column">Its column.</param>
    public PtxOperand Make(PtxOperand? matrix, PtxOperand row, PtxOperand column)
    {
        PtxOperand? made = null;
        At(matrix, row, column, () => body.Write(kernel.Stages[0].Stores, value => made = value));
        return made!.Value;
    }

    /// <summary>Takes an element.</summary>
    public void Take(PtxOperand? matrix, PtxOperand row, PtxOperand column, PtxOperand value) => At(matrix, row, column, () =>
    {
        body.Tile = value;
        body.Write(kernel.Stages[0].Stores);
    });

    void At(PtxOperand? matrix, PtxOperand row, PtxOperand column, Action inside)
    {
        body.Push();
        if (matrix is { } number) body.Decode(number, body.AxesOf(AxisRole.Outer));
        body.Decode(row, body.AxesOf(AxisRole.Loop));
        body.At[kernel.Lane] = column;
        inside();
        body.Pop();
    }
}
