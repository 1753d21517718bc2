using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// What attention's kernels have in common. A block has a tile of 64 queries, or backward of 64 keys, of a head, and 64 columns of the result: heads of more columns have several blocks, each of which makes the scores again, so sums stay in registers
/// whatever the width. Tiles that pass by make 64 × 64 products with it, which lie in the memory of the block while they become weights: those are the left operand of the next product where they lie.
/// </summary>
abstract class PtxAttention
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = PtxStaging.Threads;

    /// <summary>Blocks of a multiprocessor: 128 registers a thread.</summary>
    protected const int Resident = 2;

    /// <summary>Queries, keys and columns of a tile.</summary>
    public const int Tile = PtxStaging.Tile;

    /// <summary>Shared memory of a block: the stages, two matrices of a tile, and three numbers a query.</summary>
    public const int SharedBytes = Second + Matrix + Numbers * Tile * Element;

    /// <summary>The numbers that a launch computes: tiles of a head that blocks have, and blocks that share a tile.</summary>
    public const string Tiles = "tiles", Chunks = "chunks";

    protected const int Element = 4, Pitch = PtxStaging.Pitch;

    const int Matrix = Tile * Pitch * Element, Numbers = 3;

    /// <summary>Where the two matrices begin in the memory of the block, in bytes, and the three numbers of each query.</summary>
    protected const int First = PtxStaging.StagesEnd, Second = First + Matrix, OfQueries = Second + Matrix;

    readonly Dictionary<AttentionRole, PtxOperand> pointers = [];
    readonly PtxOperand[] sizes;
    readonly Dictionary<string, PtxOperand> arguments = new(StringComparer.Ordinal);

    protected PtxAttention(AttentionKernel kernel, PtxWriter code, bool isWide)
    {
        if (kernel.Accumulator != DType.F32) throw new NotSupportedException($"The PTX target has no attention in {kernel.Accumulator.Name()}.");
        if (kernel.Tiles.Keys != Tile || kernel.Tiles.GradientKeys != Tile || kernel.Tiles.GradientQueries != Tile) throw new NotSupportedException($"The PTX target cuts attention into tiles of {Tile}, but {kernel.Name} says {kernel.Tiles.Text}.");
        (Kernel, Code, Index) = (kernel, code, new(code, isWide));
        code.Head.AddRange(kernel.Text.TrimEnd('\n').Split('\n'));
        foreach (var argument in PtxArgument.WithReciprocals(Arguments(kernel)))
        {
            var value = code.Parameter(argument.Name);
            if (argument is PtxArgument.Reciprocal { Divisor.Name: var size }) Index.Know(arguments[size], value);
            else arguments[argument.Name] = argument is PtxArgument.Operand ? value : Index.Of(value);
        }
        foreach (var operand in kernel.Operands)
            if (operand.Role != AttentionRole.Parts) pointers[operand.Role] = arguments[NameOf(operand.Role)];
        sizes = [.. kernel.Sizes.Select(Size)];
        Thread = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%tid.x"));
        Shared = code.Shared();
        Staging = new(code, Index, Thread, Shared, isReal: true);
        (FromLeft, FromRight) = Staging.Places();
        Before = Position();
    }

    protected AttentionKernel Kernel { get; }

    protected PtxWriter Code { get; }

    protected PtxIndex Index { get; }

    protected PtxStaging Staging { get; }

    protected PtxOperand Thread { get; }

    /// <summary>The memory of the block.</summary>
    protected PtxOperand Shared { get; }

    protected PtxOperand FromLeft { get; }

    protected PtxOperand FromRight { get; }

    /// <summary>How many keys stand before the first query.</summary>
    protected PtxOperand Before { get; }

    protected PtxOperand Heads => sizes[1];

    protected PtxOperand KeyHeads => sizes[2];

    protected PtxOperand Queries => sizes[3];

    protected PtxOperand Keys => sizes[4];

    // The columns of queries and keys; behind it those of values.
    const int WidthSize = 5;

    protected PtxOperand Width => sizes[WidthSize];

    protected PtxOperand Depth => sizes[WidthSize + 1];

    static string NameOf(AttentionRole role) => AttentionKernel.NameOf(role);

    /// <summary>The parameters of all kernels of an attention, in order.</summary>
    public static ImmutableArray<PtxArgument> Arguments(AttentionKernel kernel) =>
    [
        .. kernel.Operands.Where(o => o.Role != AttentionRole.Parts).Select(o => new PtxArgument.Operand(NameOf(o.Role), PtxPart.Kernel, o.Access.Pointer)),
        .. Enumerable.Range(0, kernel.Sizes.Concat(kernel.Operands.SelectMany(o => o.Access.Strides)).Where(e => !e.IsConstant).Select(e => (int)e.Value + 1).DefaultIfEmpty(0).Max())
            .Select(i => new PtxArgument.Size("d" + i, PtxPart.Kernel, i)),
        new PtxArgument.Count(Tiles), new PtxArgument.Count(Chunks), .. kernel.Operands.Where(o => HasFours(kernel, o.Role)).Select(o => new PtxArgument.Flag(FourOf(o.Role))),
    ];

    /// <summary>The value of a count that the launch computes.</summary>
    protected PtxOperand Count(string name) => arguments[name];

    /// <summary>The name of the number that says, as 1, that four neighbouring columns of an operand are one access.</summary>
    public static string FourOf(AttentionRole role) => NameOf(role) + "_by4";

    // Matrices whose columns lie behind one another.
    static bool HasFours(AttentionKernel kernel, AttentionRole role) => Columns(role) is not null && kernel.Find(role) is { } access && access.Strides[3].Is(1) && PtxFours.IsFour(access.Type)
        && access.Strides.Take(3).All(s => !s.IsConstant || s.Value % PtxFours.Elements == 0);

    // How many columns a matrix has, by the number of the size; null for what is none.
    static int? Columns(AttentionRole role) => role switch
    {
        AttentionRole.Query or AttentionRole.Key or AttentionRole.QueryGradient or AttentionRole.KeyGradient => WidthSize,
        AttentionRole.Value or AttentionRole.Output or AttentionRole.OutputGradient or AttentionRole.ValueGradient => WidthSize + 1,
        AttentionRole.Mask or AttentionRole.Lengths or AttentionRole.Position or AttentionRole.Normalizer or AttentionRole.Parts
            or AttentionRole.Seed or AttentionRole.Stream or AttentionRole.Iteration or AttentionRole.First => null,
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "Attention has no such operand."),
    };

    /// <summary>Which operands of a launch have columns of which four neighbours are one access, as the numbers that say so.</summary>
    public static IEnumerable<(string Name, long IsAligned)> Fours(AttentionLaunch launch, DimBinding binding)
    {
        bool IsMultiple(Dim number) => number.Evaluate(binding) % PtxFours.Elements == 0;
        foreach (var operand in launch.Kernel.Operands.Where(o => HasFours(launch.Kernel, o.Role)))
            yield return (FourOf(operand.Role), IsMultiple(launch.Operands[operand.Access.Pointer].Offset) && IsMultiple(launch.Kernel.Sizes[Columns(operand.Role)!.Value].In(launch.Dims))
                && operand.Access.Strides.Take(3).All(s => IsMultiple(s.In(launch.Dims))) ? 1 : 0);
    }

    // The predicate that says it; null where it never is so.
    PtxOperand? IsByFour(AttentionRole role) => HasFours(Kernel, role) ? Index.Compare("ne", arguments[FourOf(role)], Index.Number(0)) : null;

    /// <summary>A size as an index.</summary>
    protected PtxOperand Size(Extent extent) => extent.IsConstant ? Index.Number(extent.Value) : arguments["d" + extent.Value];

    protected bool Has(AttentionRole role) => pointers.ContainsKey(role);

    /// <summary>Splits the number of the block: its head among so many, its tile and its first column.</summary>
    protected (PtxOperand Batch, PtxOperand Head, PtxOperand Tile, PtxOperand Column) Decode(PtxOperand heads)
    {
        var block = Index.OfWord(Code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x")));
        var (above, chunk) = Divide(block, arguments[Chunks]);
        var (pair, tile) = Divide(above, arguments[Tiles]);
        var (batch, head) = Divide(pair, heads);
        return (batch, head, Index.Multiply(tile, Index.Number(Tile)), Index.Multiply(chunk, Index.Number(Tile)));
    }

    /// <summary>Quotient and remainder.</summary>
    protected (PtxOperand Quotient, PtxOperand Remainder) Divide(PtxOperand a, PtxOperand b)
    {
        var quotient = Index.Divide(a, b);
        return (quotient, Index.Subtract(a, Index.Multiply(quotient, b)));
    }

    // Of the position what can matter.
    PtxOperand Position()
    {
        if (!Has(AttentionRole.Position)) return Index.Number(0);
        var position = Whole(AttentionRole.Position, []);
        position = Code.Instruction("min.s64", RegisterClass.Long, position, Index.Whole(Keys));
        return Signed(Code.Instruction("max.s64", RegisterClass.Long, position, Code.Instruction("neg.s64", RegisterClass.Long, Index.Whole(Queries))));
    }

    /// <summary>How many keys a sequence has.</summary>
    protected PtxOperand KeysOf(PtxOperand batch)
    {
        if (!Has(AttentionRole.Lengths)) return Keys;
        var length = Code.Instruction("min.s64", RegisterClass.Long, Whole(AttentionRole.Lengths, batch), Index.Whole(Keys));
        return Signed(Code.Instruction("max.s64", RegisterClass.Long, length, PtxOperand.Long(0)));
    }

    PtxOperand Signed(PtxOperand whole) => Index.Class == RegisterClass.Long ? whole : Code.Instruction("cvt.s32.s64", RegisterClass.Word, whole);

    /// <summary>An integer of an operand, in 64 bits.</summary>
    protected PtxOperand Whole(AttentionRole role, params PtxOperand[] at) => PtxConversions.Cast(Code, Load(role, at), Kernel.Find(role)!.Type, DType.I64);

    /// <summary>The address of an element in brackets; what is not said of its place is 0.</summary>
    protected string At(AttentionRole role, params PtxOperand[] at)
    {
        var access = Kernel.Find(role)!;
        var place = Index.Number(0);
        for (var i = 0; i < at.Length; i++) place = Index.MultiplyAdd(at[i], Size(access.Strides[i]), place);
        return "[" + Index.Address(pointers[role], place, access.Type.Size()) + "]";
    }

    protected PtxOperand Load(AttentionRole role, params PtxOperand[] at) => PtxConversions.Load(Code, "global", Kernel.Find(role)!.Type, At(role, at));

    protected void Store(AttentionRole role, PtxOperand value, params PtxOperand[] at) => PtxConversions.Store(Code, "global", Kernel.Find(role)!.Type, At(role, at), value);

    /// <summary>Where a matrix of an operand begins.</summary>
    protected PtxOperand Start(AttentionRole role, PtxOperand batch, PtxOperand head) =>
        Kernel.Find(role)! is var access ? Index.Address(pointers[role], Index.MultiplyAdd(batch, Size(access.Strides[0]), Index.Multiply(head, Size(access.Strides[1]))), access.Type.Size()) : default;

    /// <summary>A matrix of an operand, as it is read.</summary>
    /// <param name="Role">Whose.</param>
    /// <param name="At">The element of a row and a column.</param>
    /// <param name="Four">The same of four neighbouring columns, and the predicate that says that they are one access; null where they never are.</param>
    protected sealed record Reading(AttentionRole Role, Func<PtxOperand, PtxOperand, PtxOperand> At, (PtxOperand IsAligned, Func<PtxOperand, PtxOperand, PtxOperand[]> Read)? Four)
    {
        /// <summary>The same with its columns in front of its rows.</summary>
        public (PtxOperand IsAligned, Func<PtxOperand, PtxOperand, PtxOperand[]> Read)? FourTurned => Four is { } four ? (four.IsAligned, (column, row) => four.Read(row, column)) : null;
    }

    /// <summary>Reads a matrix of an operand, over its rows and columns.</summary>
    protected Reading Reader(AttentionRole role, PtxOperand batch, PtxOperand head)
    {
        var access = Kernel.Find(role)!;
        var start = Start(role, batch, head);
        string Place(PtxOperand row, PtxOperand column) => "[" + Index.Address(start, Index.MultiplyAdd(row, Size(access.Strides[2]), Index.Multiply(column, Size(access.Strides[3]))), access.Type.Size()) + "]";
        return new(
            role, (row, column) => PtxConversions.Load(Code, "global", access.Type, Place(row, column)),
            IsByFour(role) is { } aligned ? (aligned, (row, column) => PtxConversions.LoadFour(Code, access.Type, Place(row, column))) : null);
    }

    /// <summary>Whether the columns of an operand lie behind one another.</summary>
    protected bool IsByRow(AttentionRole role) => Kernel.Find(role)!.Strides[3].Is(1);

    protected PtxOperand Single(string opcode, params PtxOperand[] x) => Code.Instruction(opcode, RegisterClass.Single, x);

    protected PtxOperand Word(string opcode, params PtxOperand[] x) => Code.Instruction(opcode, RegisterClass.Word, x);

    protected static PtxOperand Number(long value) => PtxOperand.Word(value);

    /// <summary>Sixteen sums.</summary>
    protected PtxOperand[] Sums()
    {
        PtxOperand[] sums = [.. Enumerable.Range(0, PtxStaging.Own * PtxStaging.Own).Select(_ => Code.Register(RegisterClass.Single))];
        Clear(sums);
        return sums;
    }

    protected void Clear(PtxOperand[] sums)
    {
        foreach (var sum in sums) Code.Assign(sum, PtxOperand.Single(0));
    }

    /// <summary>The rows of two operands multiplied with each other along a width, to a matrix in the memory of the block: rows of the right operand behind one another in it, or with <paramref name="isTurned"/> those of the left one.</summary>
    protected void Scores(
        int matrix, bool isTurned, Reading left, PtxOperand leftStart, PtxOperand leftExtent, Reading right, PtxOperand rightStart, PtxOperand rightExtent, PtxOperand width)
    {
        var chain = Sums();
        PtxLoop.For(Code, Index, Index.Number(0), width, PtxStaging.Step, depth =>
        {
            Staging.Stage(leftStart, leftExtent, depth, width, 0, IsByRow(left.Role), left.At, left.Four);
            Staging.Stage(rightStart, rightExtent, depth, width, PtxStaging.SecondStage, IsByRow(right.Role), right.At, right.Four);
            Code.Do("bar.sync 0");
            for (var step = 0; step < PtxStaging.Step; step++) Staging.Multiply(FromLeft, FromRight, step * Pitch * Element, chain);
            Code.Do("bar.sync 0");
        });
        var (ty, tx) = (Word("shr.u32", Thread, Number(4)), Word("and.b32", Thread, Number(15)));
        var (major, minor) = isTurned ? (tx, ty) : (ty, tx);
        var place = Word("mad.lo.s32", major, Number(PtxStaging.Own * Pitch * Element), Word("mad.lo.s32", minor, Number(PtxStaging.Own * Element), Shared));
        for (var i = 0; i < PtxStaging.Own; i++)
        {
            var line = Enumerable.Range(0, PtxStaging.Own).Select(j => isTurned ? chain[j * PtxStaging.Own + i] : chain[i * PtxStaging.Own + j]);
            Code.Do($"st.shared.v4.f32 [{place}+{matrix + i * Pitch * Element}], {{{string.Join(", ", line)}}}");
        }
    }

    /// <summary>A matrix in the memory of the block, whose lines are steps, times rows of an operand from <paramref name="start"/> up to <paramref name="end"/>, of 64 columns: chains of multiply-adds. Threads meet before the matrix is read.</summary>
    protected void Weighted(PtxOperand[] chain, int matrix, Reading rows, PtxOperand start, PtxOperand end, PtxOperand column, PtxOperand columns)
    {
        Clear(chain);
        var from = Word("add.s32", FromLeft, Number(matrix));
        PtxLoop.For(Code, Index, start, Index.Add(start, Index.Number(Tile)), PtxStaging.Step, depth =>
        {
            Staging.Stage(column, columns, depth, end, PtxStaging.SecondStage, !IsByRow(rows.Role), (line, step) => rows.At(step, line), rows.FourTurned);
            Code.Do("bar.sync 0");
            for (var step = 0; step < PtxStaging.Step; step++) Staging.Multiply(from, FromRight, step * Pitch * Element, chain);
            Code.Do("bar.sync 0");
            Code.Write("add.s32", from, from, Number(PtxStaging.Step * Pitch * Element));
        });
    }

    /// <summary>What a product of a query and a key is among the scores: scaled, with what the mask adds, −∞ where the query does not see the key.</summary>
    protected PtxOperand Score(PtxOperand dot, PtxOperand batch, PtxOperand head, PtxOperand query, PtxOperand key, PtxOperand keys)
    {
        var score = Code.Copy(PtxOperand.Single(float.NegativeInfinity));
        var unseen = Code.Label("UNSEEN");
        Code.Branch(unseen, Index.Compare("ge", query, Queries));
        Code.Branch(unseen, Index.Compare("ge", key, keys));
        if (Kernel.IsCausal) Code.Branch(unseen, Index.Compare("gt", key, Index.Add(query, Before)));
        var isAdded = Kernel.Find(AttentionRole.Mask) is { } mask && mask.Type != DType.Bool;
        if (Has(AttentionRole.Mask) && !isAdded) Code.Branch(unseen, Load(AttentionRole.Mask, batch, head, query, key), inverted: true);
        Code.Write("mul.rn.f32", score, dot, PtxOperand.Single((float)Kernel.Scale));
        if (isAdded) Code.Write("add.rn.f32", score, score, Load(AttentionRole.Mask, batch, head, query, key));
        Code.Place(unseen);
        return score;
    }

    /// <summary>What dropout multiplies a weight by: 0, or what the kept ones grow by. The number that decides is that of the weight's place among all.</summary>
    protected PtxOperand Kept(PtxOperand batch, PtxOperand head, PtxOperand query, PtxOperand key)
    {
        PtxOperand Next(PtxOperand place, PtxOperand size, PtxOperand at) => Code.Instruction("mad.lo.s64", RegisterClass.Long, place, Index.Whole(size), Index.Whole(at));
        var element = Next(Next(Next(Index.Whole(batch), Heads, head), Queries, query), Keys, key);
        if (Has(AttentionRole.First)) element = Code.Instruction("add.s64", RegisterClass.Long, element, Whole(AttentionRole.First, []));
        var number = PtxPhilox.Uniform(Code, Whole(AttentionRole.Seed, []), element, Whole(AttentionRole.Stream, []), Whole(AttentionRole.Iteration, []));
        return Single("selp.f32", PtxOperand.Single((float)(1 / (1 - Kernel.Dropout))), PtxOperand.Single(0), Code.Compare("ge", "f32", number, PtxOperand.Single((float)Kernel.Dropout)));
    }

    /// <summary>e^x, as everywhere.</summary>
    protected PtxOperand Exponential(PtxOperand x)
    {
        var input = Scalar.Input(0, DType.F32);
        return PtxScalars.Evaluate(Code, FunctionGraphs.Expand([Scalar.Exp(input)])[0], new() { [input] = x });
    }

    /// <summary>Writes a thread's sixteen elements of a tile of rows and columns to an operand's matrix, those that are there: four neighbours at once where they are one access.</summary>
    protected void Store(AttentionRole role, PtxOperand batch, PtxOperand head, PtxOperand row, PtxOperand rows, PtxOperand column, PtxOperand columns, PtxOperand[] values)
    {
        const int Own = PtxStaging.Own;
        var (ty, tx) = (Word("shr.u32", Thread, Number(4)), Word("and.b32", Thread, Number(15)));
        var (y, x) = (Index.MultiplyAdd(Index.OfWord(ty), Index.Number(Own), row), Index.MultiplyAdd(Index.OfWord(tx), Index.Number(Own), column));
        var (singly, done) = (Code.Label("SINGLY"), Code.Label("WRITTEN"));
        if (IsByFour(role) is { } aligned)
        {
            Code.Branch(singly, aligned, inverted: true);
            Code.Branch(done, Index.Compare("ge", x, columns));
            for (var i = 0; i < Own; i++)
            {
                var r = Index.Add(y, Index.Number(i));
                Code.Branch(done, Index.Compare("ge", r, rows));
                PtxConversions.StoreFour(Code, Kernel.Find(role)!.Type, At(role, batch, head, r, x), values.Skip(i * Own).Take(Own));
            }
            Code.Do("bra " + done);
            Code.Place(singly);
        }
        for (var i = 0; i < Own * Own; i++)
        {
            var outside = Code.Label("OUTSIDE");
            var (r, c) = (Index.Add(y, Index.Number(i / Own)), Index.Add(x, Index.Number(i % Own)));
            Code.Branch(outside, Index.Compare("ge", r, rows));
            Code.Branch(outside, Index.Compare("ge", c, columns));
            Store(role, values[i], batch, head, r, c);
            Code.Place(outside);
        }
        Code.Place(done);
    }

    /// <summary>An address in the memory of the block with a constant part, in brackets.</summary>
    protected static string Local(PtxOperand address, int offset) => $"[{address}+{offset}]";

    protected PtxOperand LoadLocal(PtxOperand address, int offset) => Single("ld.shared.f32", new PtxOperand(RegisterClass.Single, Local(address, offset)));
}
