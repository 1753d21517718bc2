using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// What attention's kernels on tensor cores have in common. A block of four warps has a tile of rows of a head: queries, or backward keys. Tiles of the other side pass by in the memory of the block, the next one on its way while one is multiplied. A
/// warp has sixteen rows, or twice as many, and all of their scores, so weights go from one product to the next in registers.
/// </summary>
abstract class PtxTensorAttention : PtxAttention
{
    // What e^x is a power of 2 with.
    const float Logarithm = 1.44269504f;

    readonly Lazy<(PtxOperand Seed, PtxOperand Stream, PtxOperand Iteration)> random;
    readonly PtxAttentionPart part;

    protected PtxTensorAttention(AttentionKernel kernel, PtxTensorAttentionForm form, PtxAttentionPart part, PtxWriter code, bool isWide) : base(kernel, code, isWide)
    {
        (Form, this.part) = (form, part);
        Type = PtxTensorAttentionForm.TypeOf(kernel) ?? throw new NotSupportedException($"{kernel.Name} multiplies what tensor cores do not.");
        (RowTiles, Rows, Passing) = (form.RowTiles(part), form.Rows(part), form.Passing(part));
        code.Head.Add($"  {part.ToString().ToLowerInvariant()} on tensor cores: heads of {form.Columns}, rows {Rows} passing {Passing} stages {form.Stages(part)}{(form.IsCopied ? " copied" : "")}");
        Lane = Word("and.b32", Thread, Number(31));
        WarpRow = Word("mul.lo.s32", Word("shr.u32", Thread, Number(5)), Number(16 * RowTiles));
        (LaneRow, LaneColumn) = (Index.OfWord(Word("add.s32", WarpRow, Word("shr.u32", Lane, Number(2)))), Index.OfWord(Word("shl.b32", Word("and.b32", Lane, Number(3)), Number(1))));
        random = new(() => (Whole(AttentionRole.Seed), Whole(AttentionRole.Stream), Whole(AttentionRole.Iteration)));
    }

    protected PtxTensorAttentionForm Form { get; }

    /// <summary>The type of what is multiplied.</summary>
    protected DType Type { get; }

    /// <summary>Rows of a warp in sixteens, of a block, and of a tile that passes.</summary>
    protected int RowTiles { get; }

    /// <inheritdoc cref="RowTiles"/>
    protected int Rows { get; }

    /// <inheritdoc cref="RowTiles"/>
    protected int Passing { get; }

    protected PtxOperand Lane { get; }

    /// <summary>The first of the warp's rows.</summary>
    protected PtxOperand WarpRow { get; }

    /// <summary>The first row and column of what a lane has of sums: rows lie 8 apart, columns are two neighbours of every eight.</summary>
    protected PtxOperand LaneRow { get; }

    /// <inheritdoc cref="LaneRow"/>
    protected PtxOperand LaneColumn { get; }

    /// <summary>Splits the number of the block: sequence, head, first row, and which columns of the result. Tiles that many keys pass by begin first.</summary>
    protected (PtxOperand Batch, PtxOperand Head, PtxOperand First, PtxOperand Chunk) Split(PtxOperand heads)
    {
        var block = Index.OfWord(Code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x")));
        var (above, chunk) = Divide(block, Count(Chunks));
        var (pair, tile) = Divide(above, Count(Tiles));
        var (batch, head) = Divide(pair, heads);
        if (Kernel.IsCausal && part != PtxAttentionPart.Keys) tile = Index.Subtract(Index.Subtract(Count(Tiles), Index.Number(1)), tile);
        return (batch, head, Index.Multiply(tile, Index.Number(Rows)), chunk);
    }

    /// <summary>A matrix of the block's own, by number.</summary>
    protected PtxTensorRows Own(int number) => new(Code, Index, Thread, PtxTensorAttentionForm.Threads, Word("add.s32", Shared, Number(number * Form.MatrixBytes(part).Own)), Rows, Form.Columns);

    /// <summary>One of the two matrices of a tile that passes.</summary>
    protected PtxTensorRows Passes(int number)
    {
        var (own, passing) = Form.MatrixBytes(part);
        return new(Code, Index, Thread, PtxTensorAttentionForm.Threads, Word("add.s32", Shared, Number((part == PtxAttentionPart.Forward ? 1 : 2) * own + number * passing)), Passing, Form.Columns);
    }

    /// <summary>Bytes of a tile that passes.</summary>
    protected int SlotBytes => 2 * Form.MatrixBytes(part).Passing;

    /// <summary>Brings rows of an operand to the memory of the block.</summary>
    protected void Stage(PtxTensorRows rows, PtxOperand slot, AttentionRole role, PtxOperand start, PtxOperand first, PtxOperand end) =>
        rows.Stage(slot, Form.IsCopied, start, Strides(role), first, end, role is AttentionRole.Query or AttentionRole.Key ? Width : Depth);

    /// <summary>How far rows and columns of an operand lie apart.</summary>
    protected (PtxOperand Row, PtxOperand Column) Strides(AttentionRole role) => Kernel.Find(role)! is var access ? (Size(access.Strides[2]), Size(access.Strides[3])) : default;

    /// <summary>Lets the keys that are seen pass with their values, tile by tile.</summary>
    /// <param name="seen">How many are seen.</param>
    /// <param name="keys">How many there are.</param>
    /// <param name="key">Where keys are staged, and their first element.</param>
    /// <param name="value">The same of values.</param>
    /// <param name="use">Uses a tile: its place in the memory of the block, and the key that the thread's first sum of it is for.</param>
    protected void PassKeys(PtxOperand seen, PtxOperand keys, (PtxTensorRows Rows, PtxOperand Start) key, (PtxTensorRows Rows, PtxOperand Start) value, Action<PtxOperand, PtxOperand> use)
    {
        var (next, at) = (Code.Copy(Index.Number(0)), Code.Copy(LaneColumn));
        Pass(
            Index.Divide(Index.Add(seen, Index.Number(Passing - 1)), Index.Number(Passing)),
            slot =>
            {
                Stage(key.Rows, slot, AttentionRole.Key, key.Start, next, keys);
                Stage(value.Rows, slot, AttentionRole.Value, value.Start, next, keys);
                Code.Write("add." + Index.Signed, next, next, Index.Number(Passing));
            },
            slot =>
            {
                use(slot, at);
                Code.Write("add." + Index.Signed, at, at, Index.Number(Passing));
            });
    }

    /// <summary>Lets so many tiles pass: each is staged ahead of its use where there is room for two, and nobody stages what somebody still reads.</summary>
    /// <param name="count">How many tiles.</param>
    /// <param name="stage">Stages the next one to a place in the memory of the block.</param>
    /// <param name="use">Uses it.</param>
    protected void Pass(PtxOperand count, Action<PtxOperand> stage, Action<PtxOperand> use)
    {
        void Commit()
        {
            if (Form.IsCopied) Code.Do("cp.async.commit_group");
        }
        void Meet(int behind)
        {
            if (Form.IsCopied) Code.Do($"cp.async.wait_group {behind}");
            Code.Do("bar.sync 0");
        }
        if (Form.Stages(part) == 1)
            PtxLoop.For(Code, Index, Index.Number(0), count, 1, _ =>
            {
                stage(Number(0));
                Commit();
                Meet(0);
                use(Number(0));
                Code.Do("bar.sync 0");
            });
        else
        {
            var to = Code.Copy(Number(0));
            PtxLoop.For(Code, Index, Index.Number(0), Index.Add(count, Index.Number(1)), 1, at =>
            {
                var (staged, early) = (Code.Label("STAGED"), Code.Label("EARLY"));
                Code.Branch(staged, Index.Compare("ge", at, count));
                stage(to);
                Code.Place(staged);
                Commit();
                Code.Write("sub.s32", to, Number(SlotBytes), to);
                Code.Branch(early, Index.Compare("eq", at, Index.Number(0)));
                Meet(1);
                use(to);
                Code.Do("bar.sync 0");
                Code.Place(early);
            });
        }
        // Nothing is on its way any more, where no tile has passed either.
        if (Form.IsCopied) Code.Do("cp.async.wait_all");
        Code.Do("bar.sync 0");
    }

    /// <summary>Rows of the warp times rows that pass, along their columns: four sums for each sixteen rows and eight of those.</summary>
    protected PtxOperand[][] Dots(PtxTensorRows.Reader left, PtxTensorRows.Reader right)
    {
        var sums = Zeros(Passing);
        for (var step = 0; step < Form.Columns; step += 16)
        {
            PtxOperand[][] rows = [.. Enumerable.Range(0, RowTiles).Select(i => left.Load(16 * i, step, isTurned: false))];
            for (var group = 0; group < Passing; group += 16)
            {
                var columns = right.Load(group, step, isTurned: false);
                Multiply(rows, columns, sums, group);
            }
        }
        return sums;
    }

    /// <summary>Weights, as sums of a product lie, times the rows that pass, added to sums over columns.</summary>
    protected void AddWeighted(PtxOperand[][] weights, PtxTensorRows.Reader rows, PtxOperand[][] sums)
    {
        for (var step = 0; step < Passing; step += 16)
        {
            // Sums of eight columns and of the next eight are a left operand of sixteen steps (PTX ISA, "Matrix fragments for mma.m16n8k16").
            PtxOperand[][] left = [.. weights.Select(w => (PtxOperand[])[.. Enumerable.Range(0, 4).Select(i => step / 2 + 2 * i).Select(at => PtxTensorRows.Pack(Code, Type, w[at], w[at + 1]))])];
            for (var column = 0; column < sums[0].Length * 2; column += 16) Multiply(left, rows.Load(step, column, isTurned: true), sums, column);
        }
    }

    void Multiply(PtxOperand[][] left, PtxOperand[] right, PtxOperand[][] sums, int column)
    {
        for (var i = 0; i < left.Length; i++)
            for (var half = 0; half < 2; half++) PtxTensorBlock.Multiply(Code, Type, left[i], right[2 * half], right[2 * half + 1], sums[i], (column / 8 + half) * 4);
    }

    /// <summary>Sums over so many columns for each sixteen rows of the warp.</summary>
    protected PtxOperand[][] Zeros(int columns) => [.. Enumerable.Range(0, RowTiles).Select(_ => (PtxOperand[])[.. Enumerable.Range(0, columns / 2).Select(_ => Code.Copy(PtxOperand.Single(0)))])];

    /// <summary>The row that a sum of a lane belongs to, and its column, from the first ones of the product.</summary>
    protected (PtxOperand Row, PtxOperand Column) PlaceOf(PtxOperand row, PtxOperand column, int tile, int sum) =>
        (Index.Add(row, Index.Number(16 * tile + 8 * (sum / 2 % 2))), Index.Add(column, Index.Number(sum / 4 * 8 + sum % 2)));

    /// <summary>What a product of a query and a key is among the scores: scaled, with what the mask adds, −∞ where the query does not see the key.</summary>
    protected PtxOperand Score(PtxOperand dot, PtxOperand isSeen, PtxOperand maskStart, PtxOperand query, PtxOperand key)
    {
        var score = Single("mul.rn.f32", dot, PtxOperand.Single((float)Kernel.Scale));
        if (Kernel.Find(AttentionRole.Mask) is { } mask)
        {
            // Where nothing is seen, what is seen is read again: all lanes go the same way.
            PtxOperand Inside(PtxOperand at, PtxOperand size) => Index.Smaller(at, Index.Subtract(size, Index.Number(1)));
            var (row, column) = Strides(AttentionRole.Mask);
            var address = Index.Address(maskStart, Index.MultiplyAdd(Inside(query, Queries), row, Index.Multiply(Inside(key, Keys), column)), mask.Type.Size());
            var value = PtxConversions.Load(Code, "global", mask.Type, $"[{address}]");
            if (mask.Type == DType.Bool) isSeen = Code.Instruction("and.pred", RegisterClass.Predicate, isSeen, value);
            else score = Single("add.rn.f32", score, value);
        }
        return Single("selp.f32", score, PtxOperand.Single(float.NegativeInfinity), isSeen);
    }

    /// <summary>Where the mask of a head begins; nothing where there is none.</summary>
    protected PtxOperand MaskOf(PtxOperand batch, PtxOperand head) => Has(AttentionRole.Mask) ? Start(AttentionRole.Mask, batch, head) : default;

    /// <summary>Up to which key a query sees them: no key for one that is not there.</summary>
    protected PtxOperand Sees(PtxOperand query, PtxOperand keys)
    {
        var sees = Kernel.IsCausal ? Index.Smaller(keys, Index.Add(Index.Add(query, Before), Index.Number(1))) : keys;
        return Code.Instruction("selp." + Index.Class.Type(), Index.Class, sees, Index.Number(0), Index.Compare("lt", query, Queries));
    }

    /// <summary>What dropout multiplies a weight by: the number that decides is that of its place among all.</summary>
    /// <param name="before">The number of the head's first query among all.</param>
    /// <param name="query">The query.</param>
    /// <param name="key">The key.</param>
    protected PtxOperand Kept(PtxOperand before, PtxOperand query, PtxOperand key)
    {
        PtxOperand Next(PtxOperand place, PtxOperand size, PtxOperand at) => Code.Instruction("mad.lo.s64", RegisterClass.Long, place, Index.Whole(size), Index.Whole(at));
        var element = Next(Code.Instruction("add.s64", RegisterClass.Long, before, Index.Whole(query)), Keys, key);
        if (Has(AttentionRole.First)) element = Code.Instruction("add.s64", RegisterClass.Long, element, Whole(AttentionRole.First));
        var (seed, stream, iteration) = random.Value;
        var number = PtxPhilox.Uniform(Code, seed, element, stream, iteration);
        return Single("selp.f32", PtxOperand.Single((float)(1 / (1 - Kernel.Dropout))), PtxOperand.Single(0), Code.Compare("ge", "f32", number, PtxOperand.Single((float)Kernel.Dropout)));
    }

    /// <summary>The number of a head's first query among all.</summary>
    protected PtxOperand FirstOf(PtxOperand batch, PtxOperand head)
    {
        if (Kernel.Dropout == 0) return PtxOperand.Long(0);
        _ = random.Value; // read here, and not again for each weight
        PtxOperand Next(PtxOperand place, PtxOperand size, PtxOperand at) => Code.Instruction("mad.lo.s64", RegisterClass.Long, place, Index.Whole(size), at);
        return Next(Next(Index.Whole(batch), Heads, Index.Whole(head)), Queries, PtxOperand.Long(0));
    }

    /// <summary>e^x within 2⁻²² of it, 0 for −∞: sums of these products are compared by bound, so no bit has to be that of the function elsewhere.</summary>
    protected PtxOperand Power(PtxOperand x) => Single("ex2.approx.f32", Single("mul.rn.f32", x, PtxOperand.Single(Logarithm)));

    /// <summary>Writes sums of the warp's rows through one of the block's own matrices.</summary>
    protected void Write(PtxTensorRows through, AttentionRole role, PtxOperand[][] sums, PtxOperand start, PtxOperand first, PtxOperand end, PtxOperand width)
    {
        for (var i = 0; i < RowTiles; i++)
        {
            var row = i == 0 ? WarpRow : Word("add.s32", WarpRow, Number(16 * i));
            through.Finish(Lane, row, Type, sums[i], start, Strides(role), Index.Add(first, Index.OfWord(row)), end, width, IsByRow(role));
        }
    }
}
