using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Matrix products in tiles: a block of threads has a tile of the result, and passes the summed extent in steps that it stages in shared memory, operands from memory through any strides or made by their bodies on the
/// way. Each thread has four by four sums. A finished tile goes through shared memory to threads that store neighbouring elements, or hand them to the epilogue. A sum that is cut into slices leaves those in the
/// workspace, and a second kernel adds them in order.
/// </summary>
sealed class PtxProduct
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Rows and columns of a tile, and steps of the summed extent that are staged at once.</summary>
    public const int Tile = 64, Step = 16;

    /// <summary>The name of the kernel that adds slices.</summary>
    public static string SumOf(string name) => name + "_sum";

    // Rows of staged operands and of the finished tile begin so many elements apart, so that neighbouring ones lie in different banks.
    const int Pitch = Tile + 4, TilePitch = Tile + 1;

    // Sums of a thread in each direction.
    const int Own = 4;

    const int Element = 4;

    /// <summary>Bytes of shared memory of a block.</summary>
    public const int SharedBytes = Tile * TilePitch * Element;

    const int StageB = Step * Pitch * Element;

    readonly ProductKernel kernel;
    readonly PtxWriter code;
    readonly PtxIndex index;
    readonly Dictionary<string, PtxOperand> arguments = new(StringComparer.Ordinal);
    readonly PtxOperand m, n, k, batch, row, column, thread, shared;
    readonly bool isReal;

    /// <summary>The parameters of both kernels, in order.</summary>
    public static ImmutableArray<PtxArgument> Arguments(ProductKernel kernel)
    {
        var list = ImmutableArray.CreateBuilder<PtxArgument>();
        void View(string name, Access? access)
        {
            if (access is not null) list.Add(new PtxArgument.Operand(name, PtxPart.Kernel, access.Pointer));
        }
        void Hook(string name, LoopKernel? body, PtxPart part)
        {
            if (body is null) return;
            for (var i = 0; i < PtxUnits.Operands(body); i++) list.Add(new PtxArgument.Operand(name + "p" + i, part, i));
            for (var i = 0; i < PtxUnits.Arguments(body); i++) list.Add(new PtxArgument.Size(name + "d" + i, part, i));
        }
        View("a", kernel.A);
        View("b", kernel.B);
        View("c", kernel.C);
        Hook("a", kernel.MakesA?.Body, PtxPart.MakesA);
        Hook("b", kernel.MakesB?.Body, PtxPart.MakesB);
        Hook("c", kernel.Epilogue, PtxPart.Epilogue);
        if (kernel.Workspace?.Pointer is { } workspace) list.Add(new PtxArgument.Operand("workspace", PtxPart.Kernel, workspace));
        var extents = kernel.Batch.Concat([kernel.M, kernel.N, kernel.K]).Concat(new[] { kernel.A, kernel.B, kernel.C }.SelectMany(a => a?.Strides ?? []));
        for (var i = 0; i < extents.Where(e => !e.IsConstant).Select(e => (int)e.Value + 1).DefaultIfEmpty(0).Max(); i++) list.Add(new PtxArgument.Size("d" + i, PtxPart.Kernel, i));
        foreach (var name in new[] { RowTiles, ColumnTiles, Blocks, BlockLength, SliceBlocks, Slices }) list.Add(new PtxArgument.Count(name));
        return list.ToImmutable();
    }

    /// <summary>Names of the numbers that a launch computes: tiles of the result in both directions, blocks of the summed extent, how long they are (0 for even ones), how many each slice has, slices.</summary>
    public const string RowTiles = "row_tiles", ColumnTiles = "column_tiles", Blocks = "blocks", BlockLength = "block_length", SliceBlocks = "slice_blocks", Slices = "slices";

    PtxProduct(ProductKernel kernel, PtxWriter code, bool isWide)
    {
        (this.kernel, this.code) = (kernel, code);
        isReal = kernel.Accumulator switch
        {
            DType.F32 => true,
            DType.I32 => false,
            var other => throw new NotSupportedException($"The PTX target has no products that add up in {other.Name()}."),
        };
        index = new(code, isWide);
        code.Head.AddRange(kernel.Text.TrimEnd('\n').Split('\n'));
        foreach (var argument in Arguments(kernel))
        {
            var value = code.Parameter(argument.Name);
            arguments[argument.Name] = argument is PtxArgument.Operand ? value : index.Of(value);
        }
        (m, n, k) = (Size(kernel.M), Size(kernel.N), Size(kernel.K));
        shared = code.Shared();
        thread = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%tid.x"));
        var block = index.OfWord(code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x")));
        var rest = index.Divide(block, arguments[ColumnTiles]);
        column = index.Multiply(index.Subtract(block, index.Multiply(rest, arguments[ColumnTiles])), index.Number(Tile));
        batch = index.Divide(rest, arguments[RowTiles]);
        row = index.Multiply(index.Subtract(rest, index.Multiply(batch, arguments[RowTiles])), index.Number(Tile));
    }

    /// <summary>The text of the kernel that multiplies.</summary>
    public static string Write(ProductKernel kernel, string name, bool isWide)
    {
        var code = new PtxWriter(name, Threads);
        new PtxProduct(kernel, code, isWide).Multiply();
        return code.ToString();
    }

    /// <summary>The text of the kernel that adds slices: a thread for each element of the result.</summary>
    public static string WriteSum(ProductKernel kernel, string name, bool isWide)
    {
        var code = new PtxWriter(name, Threads);
        new PtxProduct(kernel, code, isWide).Add();
        return code.ToString();
    }

    PtxOperand Size(Extent extent) => extent.IsConstant ? index.Number(extent.Value) : arguments["d" + extent.Value];

    static PtxOperand Word(long value) => PtxOperand.Word(value);

    PtxOperand Do(string opcode, params PtxOperand[] x) => code.Instruction(opcode, RegisterClass.Word, x);

    RegisterClass Sum => isReal ? RegisterClass.Single : RegisterClass.Word;

    PtxOperand Zero => isReal ? PtxOperand.Single(0) : Word(0);

    string Type => isReal ? "f32" : "s32";

    PtxOperand Plus(PtxOperand a, PtxOperand b) => code.Instruction(isReal ? "add.rn.f32" : "add.s32", Sum, a, b);

    // The last number of a block is that of its matrix, or of its slice of the only one.
    void Multiply()
    {
        var (matrix, slice) = (batch, index.Number(0));
        if (kernel.Workspace?.Pointer is not null)
        {
            var isWhole = index.Compare("eq", arguments[Slices], index.Number(1));
            matrix = code.Instruction("selp." + index.Class.Type(), index.Class, batch, index.Number(0), isWhole);
            slice = code.Instruction("selp." + index.Class.Type(), index.Class, index.Number(0), batch, isWhole);
        }
        var a = new PtxMatrix(kernel.A, kernel.MakesA?.Body, "a", this, matrix);
        var b = new PtxMatrix(kernel.B, kernel.MakesB?.Body, "b", this, matrix);
        var totals = Registers();
        var chain = Registers();
        foreach (var total in totals) code.Assign(total, Zero);
        var first = index.Multiply(slice, arguments[SliceBlocks]);
        var last = index.Smaller(index.Add(first, arguments[SliceBlocks]), arguments[Blocks]);
        var (ty, tx) = (Do("shr.u32", thread, Word(4)), Do("and.b32", thread, Word(15)));
        var (fromA, fromB) = (Do("mad.lo.s32", ty, Word(Own * Element), shared), Do("mad.lo.s32", tx, Word(Own * Element), shared));
        PtxLoop.For(code, index, first, last, 1, block =>
        {
            foreach (var sum in chain) code.Assign(sum, Zero);
            var to = Start(index.Add(block, index.Number(1)));
            PtxLoop.For(code, index, Start(block), to, Step, depth =>
            {
                a.Stage(row, m, depth, to, 0, kernel.MakesA?.Transposed ?? false, isLeft: true);
                b.Stage(column, n, depth, to, StageB, kernel.MakesB?.Transposed ?? false, isLeft: false);
                code.Do("bar.sync 0");
                Steps(index.Subtract(to, depth), fromA, fromB, chain);
                code.Do("bar.sync 0");
            });
            // The first block is the sum so far, bit by bit; the others are added to it.
            var isFirst = index.Compare("eq", block, first);
            for (var i = 0; i < totals.Length; i++)
                code.Assign(totals[i], code.Instruction($"selp.{(isReal ? "f32" : "b32")}", Sum, chain[i], Plus(totals[i], chain[i]), isFirst));
        });
        for (var i = 0; i < Own; i++)
            for (var j = 0; j < Own; j++)
            {
                var place = Do("mad.lo.s32", ty, Word(Own * TilePitch * Element), Do("mad.lo.s32", tx, Word(Own * Element), shared));
                code.Do($"st.shared.{Type} [{place}+{(i * TilePitch + j) * Element}], {totals[i * Own + j]}");
            }
        code.Do("bar.sync 0");
        Finish(matrix, slice);
    }

    PtxOperand[] Registers() => [.. Enumerable.Range(0, Own * Own).Select(_ => code.Register(Sum))];

    // Where a block of the summed extent begins.
    PtxOperand Start(PtxOperand block) => kernel.Sums.IsPlain ? index.Part(block, k, arguments[Blocks]) : index.Smaller(index.Multiply(block, arguments[BlockLength]), k);

    // The staged steps, one chain of multiply-adds for each sum: all of them written out, or what is left at the end.
    void Steps(PtxOperand left, PtxOperand fromA, PtxOperand fromB, PtxOperand[] chain)
    {
        var (few, done) = (code.Label("FEW"), code.Label("STEPPED"));
        code.Branch(few, index.Compare("lt", left, index.Number(Step)));
        for (var step = 0; step < Step; step++) One(fromA, fromB, step * Pitch * Element);
        code.Do("bra " + done);
        code.Place(few);
        var (atA, atB) = (code.Copy(fromA), code.Copy(fromB));
        PtxLoop.For(code, index, index.Number(0), left, 1, _ =>
        {
            One(atA, atB, 0);
            code.Write("add.s32", atA, atA, Word(Pitch * Element));
            code.Write("add.s32", atB, atB, Word(Pitch * Element));
        });
        code.Place(done);

        void One(PtxOperand x, PtxOperand y, int offset)
        {
            var (left, right) = (Four(x, offset), Four(y, offset + StageB));
            for (var i = 0; i < Own; i++)
                for (var j = 0; j < Own; j++) code.Write(isReal ? "fma.rn.f32" : "mad.lo.s32", chain[i * Own + j], left[i], right[j], chain[i * Own + j]);
        }
    }

    PtxOperand[] Four(PtxOperand address, int offset)
    {
        PtxOperand[] four = [.. Enumerable.Range(0, Own).Select(_ => code.Register(Sum))];
        code.Do($"ld.shared.v4.{Type} {{{string.Join(", ", four)}}}, [{address}+{offset}]");
        return four;
    }

    // The finished tile: neighbouring threads have neighbouring elements.
    void Finish(PtxOperand matrix, PtxOperand slice)
    {
        var byRow = kernel.Epilogue is not null || !kernel.C!.Strides[3].Is(1) || kernel.C.Strides[4].Is(1);
        var (minor, major) = (Do("and.b32", thread, Word(Tile - 1)), Do("shr.u32", thread, Word(6)));
        var place = Do("mad.lo.s32", byRow ? major : minor, Word(TilePitch * Element), Do("mad.lo.s32", byRow ? minor : major, Word(Element), shared));
        var target = new PtxResult(kernel, this, matrix);
        PtxLoop.For(code, index, index.Number(0), index.Number(Tile), Threads / Tile, start =>
        {
            var next = code.Label("OUTSIDE");
            var (i, j) = byRow ? (index.Add(start, index.OfWord(major)), index.OfWord(minor)) : (index.OfWord(minor), index.Add(start, index.OfWord(major)));
            var (y, x) = (index.Add(row, i), index.Add(column, j));
            code.Branch(next, index.Compare("ge", y, m));
            code.Branch(next, index.Compare("ge", x, n));
            var value = code.Instruction("ld.shared." + Type, Sum, new PtxOperand(Sum, $"[{place}]"));
            if (kernel.Workspace?.Pointer is null) target.Write(y, x, value);
            else
            {
                var whole = code.Label("WHOLE");
                code.Branch(whole, index.Compare("eq", arguments[Slices], index.Number(1)));
                code.Do($"st.global.{Type} [{Partial(slice, y, x)}], {value}");
                code.Do("bra " + next);
                code.Place(whole);
                target.Write(y, x, value);
            }
            code.Place(next);
            code.Write("add.s32", place, place, Word(Threads / Tile * (byRow ? TilePitch : 1) * Element));
        });
    }

    // Where the workspace has the sum of a slice.
    PtxOperand Partial(PtxOperand slice, PtxOperand y, PtxOperand x) =>
        index.Address(arguments["workspace"], index.MultiplyAdd(index.MultiplyAdd(slice, m, y), n, x), Element);

    void Add()
    {
        var end = code.Label("END");
        var block = index.OfWord(code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x")));
        var element = index.MultiplyAdd(block, index.Number(Threads), index.OfWord(thread));
        code.Branch(end, index.Compare("ge", element, index.Multiply(m, n)));
        var y = index.Divide(element, n);
        var x = index.Subtract(element, index.Multiply(y, n));
        var sum = code.Register(Sum);
        code.Write("ld.global." + Type, sum, new PtxOperand(Sum, $"[{Partial(index.Number(0), y, x)}]"));
        PtxLoop.For(code, index, index.Number(1), arguments[Slices], 1, slice =>
            code.Assign(sum, Plus(sum, code.Instruction("ld.global." + Type, Sum, new PtxOperand(Sum, $"[{Partial(slice, y, x)}]")))));
        new PtxResult(kernel, this, index.Number(0)).Write(y, x, sum);
        code.Place(end);
    }

    // The element at which a matrix of the batch begins.
    PtxOperand Offset(Access access, PtxOperand matrix)
    {
        var place = index.Number(0);
        for (var axis = 2; axis >= 0; axis--)
        {
            if (kernel.Batch.Take(axis + 1).All(e => e.Is(1))) break;
            var extent = Size(kernel.Batch[axis]);
            var isOutermost = kernel.Batch.Take(axis).All(e => e.Is(1));
            var rest = isOutermost ? index.Number(0) : index.Divide(matrix, extent);
            var at = isOutermost ? matrix : index.Subtract(matrix, index.Multiply(rest, extent));
            if (!access.Strides[axis].Is(0)) place = index.MultiplyAdd(at, Size(access.Strides[axis]), place);
            matrix = rest;
        }
        return place;
    }

    // A body in its place, for a matrix of the batch.
    PtxBody Body(LoopKernel body, string name, PtxOperand matrix)
    {
        var made = new PtxBody(body, code, index, i => arguments[name + "p" + i], e => e.IsConstant ? index.Number(e.Value) : arguments[name + "d" + e.Value], isLaneUnit: false);
        made.Decode(matrix, made.AxesOf(AxisRole.Outer));
        made.Hoist(body.Stages.SelectMany(PtxBody.Roots), PtxLevel.Unit);
        return made;
    }

    // One of the operands.
    sealed class PtxMatrix
    {
        readonly PtxProduct product;
        readonly Access? access;
        readonly PtxBody? body;
        readonly LoopKernel? maker;
        readonly PtxOperand offset;

        public PtxMatrix(Access? access, LoopKernel? maker, string name, PtxProduct product, PtxOperand matrix)
        {
            (this.access, this.product) = (access, product);
            if (maker is not null) body = product.Body(this.maker = PtxTarget.WrittenOut(maker), name, matrix);
            else offset = product.index.Address(product.arguments[name], product.Offset(access!, matrix), access!.Type.Size());
        }

        /// <summary>Stages some steps of a tile: 1,024 elements, four a thread; 0 outside of the matrix.</summary>
        /// <param name="start">The tile's first row, or column of the right operand.</param>
        /// <param name="extent">How many there are.</param>
        /// <param name="depth">The first step.</param>
        /// <param name="to">The end of the steps.</param>
        /// <param name="at">Where it is staged, in bytes.</param>
        /// <param name="isTransposed">The rows of a body are the operand's columns.</param>
        /// <param name="isLeft">Rows of the left operand, columns of the right one.</param>
        public void Stage(PtxOperand start, PtxOperand extent, PtxOperand depth, PtxOperand to, int at, bool isTransposed, bool isLeft)
        {
            var (code, index, thread) = (product.code, product.index, product.thread);
            // Neighbouring threads read neighbouring elements: of the summed extent where those lie behind one another.
            var deep = maker is null ? access!.Strides[isLeft ? 4 : 3].Is(1) : isLeft != isTransposed;
            PtxOperand[] values = new PtxOperand[Own], places = new PtxOperand[Own];
            for (var r = 0; r < Own; r++)
            {
                var (step, line) = deep ? (product.Do("and.b32", thread, Word(Step - 1)), product.Do("shr.u32", thread, Word(4))) : (product.Do("shr.u32", thread, Word(6)), product.Do("and.b32", thread, Word(Tile - 1)));
                if (deep) line = product.Do("add.s32", line, Word(r * Threads / Step));
                else step = product.Do("add.s32", step, Word(r * Threads / Tile));
                places[r] = product.Do("mad.lo.s32", step, Word(Pitch * Element), product.Do("mad.lo.s32", line, Word(Element), product.shared));
                values[r] = code.Copy(product.Zero);
                var outside = code.Label("OUTSIDE");
                var (y, x) = (index.Add(start, index.OfWord(line)), index.Add(depth, index.OfWord(step)));
                code.Branch(outside, index.Compare("ge", y, extent));
                code.Branch(outside, index.Compare("ge", x, to));
                code.Assign(values[r], Read(isLeft ? y : x, isLeft ? x : y, isTransposed));
                code.Place(outside);
            }
            for (var r = 0; r < Own; r++) code.Do($"st.shared.{product.Type} [{places[r]}+{at}], {values[r]}");
        }

        // An element of the operand.
        PtxOperand Read(PtxOperand row, PtxOperand column, bool isTransposed)
        {
            var index = product.index;
            if (maker is null)
            {
                var place = index.MultiplyAdd(row, product.Size(access!.Strides[3]), access.Strides[4].Is(0) ? index.Number(0) : index.Multiply(column, product.Size(access.Strides[4])));
                return PtxConversions.Load(product.code, "global", access.Type, "[" + index.Address(offset, place, access.Type.Size()) + "]");
            }
            PtxOperand? made = null;
            body!.Push();
            body.Decode(isTransposed ? column : row, body.AxesOf(AxisRole.Loop));
            body.At[maker.Lane] = isTransposed ? row : column;
            body.Write(maker.Stages[0].Stores, value => made = value);
            body.Pop();
            return made!.Value;
        }
    }

    // Where finished sums go.
    sealed class PtxResult
    {
        readonly ProductKernel kernel;
        readonly PtxProduct product;
        readonly PtxBody? body;
        readonly LoopKernel? taker;
        readonly PtxOperand start;

        public PtxResult(ProductKernel kernel, PtxProduct product, PtxOperand matrix)
        {
            (this.kernel, this.product) = (kernel, product);
            if (kernel.Epilogue is { } epilogue) body = product.Body(taker = PtxTarget.WrittenOut(epilogue), "c", matrix);
            else start = product.index.Address(product.arguments["c"], product.Offset(kernel.C!, matrix), kernel.C!.Type.Size());
        }

        public void Write(PtxOperand row, PtxOperand column, PtxOperand value)
        {
            var index = product.index;
            if (taker is null)
            {
                var c = kernel.C!;
                var place = index.MultiplyAdd(row, product.Size(c.Strides[3]), index.Multiply(column, product.Size(c.Strides[4])));
                PtxConversions.Store(product.code, "global", c.Type, "[" + index.Address(start, place, c.Type.Size()) + "]", value);
                return;
            }
            body!.Push();
            body.Decode(row, body.AxesOf(AxisRole.Loop));
            body.At[taker.Lane] = column;
            body.Tile = value;
            body.Write(taker.Stages[0].Stores);
            body.Pop();
        }
    }
}
