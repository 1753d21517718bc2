using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>Which of attention's kernels: forward, or backward that of keys and values, or that of queries.</summary>
enum PtxAttentionPart
{
    Forward,
    Keys,
    Queries,
}

/// <summary>How an attention is cut for tensor cores: for heads of so many columns, whose rows come by asynchronous copies or through registers.</summary>
/// <param name="Columns">Heads of 32, 64, 128 or 256 columns at most; what is missing is 0.</param>
/// <param name="IsCopied">Whether rows of all operands begin at multiples of 16 bytes, their columns behind one another.</param>
/// <param name="IsPlain">Whether scores are products of queries and keys and no more: neither a mask nor dropout needs registers.</param>
sealed record PtxTensorAttentionForm(int Columns, bool IsCopied, bool IsPlain)
{
    /// <summary>Warps of a block, and its threads.</summary>
    public const int Warps = 4, Threads = 32 * Warps;

    static readonly ImmutableArray<int> classes = [32, 64, 128, 256];

    static readonly ImmutableArray<AttentionRole> multiplied = [AttentionRole.Query, AttentionRole.Key, AttentionRole.Value, AttentionRole.Output, AttentionRole.OutputGradient];

    static readonly ImmutableArray<AttentionRole> rounded = [.. multiplied, AttentionRole.QueryGradient, AttentionRole.KeyGradient, AttentionRole.ValueGradient];

    /// <summary>Rows of a warp, in sixteens: twice as many where sums leave registers for them, so that what passes is loaded half as often.</summary>
    public int RowTiles(PtxAttentionPart part) => part == PtxAttentionPart.Forward && Columns <= 64 && IsPlain ? 2 : 1;

    /// <summary>Rows that a block has.</summary>
    public int Rows(PtxAttentionPart part) => 16 * Warps * RowTiles(part);

    /// <summary>Rows of a tile that passes by.</summary>
    public int Passing(PtxAttentionPart part) => Columns <= (part == PtxAttentionPart.Forward ? 128 : 64) ? 64 : 32;

    /// <summary>Tiles that pass by in the memory of the block at once: the next is on its way while one is multiplied, where there is room for both.</summary>
    public int Stages(PtxAttentionPart part) => part == PtxAttentionPart.Forward || Columns <= 128 ? 2 : 1;

    /// <summary>Columns of the result that a block adds up: heads of more have several blocks for the gradients of keys and values, each of which makes the weights again.</summary>
    public int Chunk(PtxAttentionPart part) => part == PtxAttentionPart.Keys ? Math.Min(Columns, 128) : Columns;

    /// <summary>Bytes of one of the block's own matrices, and of one of those that pass by.</summary>
    public (int Own, int Passing) MatrixBytes(PtxAttentionPart part) => (PtxTensorRows.Bytes(Rows(part), Columns), PtxTensorRows.Bytes(Passing(part), Columns));

    /// <summary>Shared memory of a block: its own matrices, two of each tile that passes, and backward three numbers a query.</summary>
    public int SharedBytes(PtxAttentionPart part)
    {
        var (own, passing) = MatrixBytes(part);
        return NumbersAt(part) + part switch { PtxAttentionPart.Forward => 0, PtxAttentionPart.Keys => 3 * Passing(part), _ => 3 * Rows(part) } * sizeof(float);
    }

    /// <summary>Where the numbers of queries begin.</summary>
    public int NumbersAt(PtxAttentionPart part) => MatrixBytes(part) is var (own, passing) ? (part == PtxAttentionPart.Forward ? 1 : 2) * own + 2 * Stages(part) * passing : 0;

    /// <summary>Multiply-adds for each byte that a block reads of what passes: two products forward, four for keys and values, three for queries.</summary>
    public double Intensity(PtxAttentionPart part) => part switch { PtxAttentionPart.Forward => 2, PtxAttentionPart.Keys => 4, _ => 3 } * Rows(part) / (2.0 * PtxTensorTile.Element);

    /// <summary>The type that tensor cores multiply in an attention; null where they do not: operands or results of two types or of none of 16 bits, or heads of too many columns.</summary>
    public static DType? TypeOf(AttentionKernel kernel)
    {
        if (kernel.Accumulator != DType.F32 || kernel.Tiles.GradientTasks > 1) return null;
        var type = kernel.Find(AttentionRole.Query)!.Type;
        return type is DType.F16 or DType.BF16 && rounded.All(r => kernel.Find(r) is not { } access || access.Type == type) ? type : null;
    }

    /// <summary>Whether tensor cores compute an attention: the type says so, and no head may be wider than they take.</summary>
    public static bool Has(AttentionLaunch launch) => TypeOf(launch.Kernel) is not null && Most(launch) is not null;

    // The widest that heads may be; null for more than there are classes for.
    static int? Most(AttentionLaunch launch)
    {
        Dim Size(int i) => launch.Kernel.Sizes[i].In(launch.Dims);
        return Size(5).TryConstant(out var width) && Size(6).TryConstant(out var depth) && Math.Max(width, depth) <= classes[classes.Length - 1] ? classes.First(c => c >= Math.Max(width, depth)) : null;
    }

    /// <summary>All forms that a launch may take, whatever its sizes are.</summary>
    public static IEnumerable<PtxTensorAttentionForm> All(AttentionLaunch launch)
    {
        var places = Places(launch).ToList();
        if (places.All(p => !p.TryConstant(out var known) || known % PtxTensorForm.Together == 0)) yield return Form(launch, isCopied: true);
        if (places.Any(p => !Dim.TryDivide(p, PtxTensorForm.Together, out _))) yield return Form(launch, isCopied: false);
    }

    /// <summary>The form that it takes under a binding.</summary>
    public static PtxTensorAttentionForm Of(AttentionLaunch launch, DimBinding binding) => Form(launch, Places(launch).All(p => p.Evaluate(binding) % PtxTensorForm.Together == 0));

    static PtxTensorAttentionForm Form(AttentionLaunch launch, bool isCopied) => new(Most(launch)!.Value, isCopied, launch.Kernel.Find(AttentionRole.Mask) is null && launch.Kernel.Dropout == 0);

    // What places of rows are sums of multiples of, in elements; an odd number where columns do not lie behind one another.
    static IEnumerable<Dim> Places(AttentionLaunch launch) =>
        from role in multiplied
        let access = launch.Kernel.Find(role)
        where access is not null
        from place in access.Strides[3].Is(1) ? [.. access.Strides.Take(3).Select(s => s.In(launch.Dims)), launch.Operands[access.Pointer].Offset] : (Dim[])[1]
        select place;

    /// <summary>The name of a function.</summary>
    public string NameOf(string name) => FormattableString.Invariant($"{name}_{Columns}_{(IsCopied ? 16 : 0)}");

    /// <summary>The functions of an attention, with the part that each is.</summary>
    public static IEnumerable<(PtxAttentionPart Part, string Name)> Parts(AttentionKernel kernel) => kernel.Kind == AttentionKind.Forward ? [(PtxAttentionPart.Forward, kernel.Name)]
        : [(PtxAttentionPart.Keys, PtxAttentionGradient.NamesOf(kernel.Name).Keys), (PtxAttentionPart.Queries, PtxAttentionGradient.NamesOf(kernel.Name).Queries)];
}
