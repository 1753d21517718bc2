using System;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>Attention, or the gradient of its query, key and value.</summary>
public enum AttentionKind
{
    Forward,
    Gradient,
}

/// <summary>What an operand is to an attention. Those of tensors of four axes have strides over batch, heads, rows and columns.</summary>
public enum AttentionRole
{
    Query,
    Key,
    Value,
    /// <summary>Over batch, heads, queries and keys: bools, true where a key is seen, or numbers that are added to the scores.</summary>
    Mask,
    /// <summary>One stride: over the batch.</summary>
    Lengths,
    /// <summary>The place of the first query among the keys.</summary>
    Position,
    Seed,
    Stream,
    Iteration,
    Output,
    /// <summary>Two columns: each query's largest score, and the sum of the exponentials of all less that; −∞ and 0 where it sees nothing.</summary>
    Normalizer,
    OutputGradient,
    QueryGradient,
    KeyGradient,
    ValueGradient,
    /// <summary>The workspace of a gradient: those of the query by part. No strides: it is what <see cref="AttentionTiles.PartBytes"/> says.</summary>
    Parts,
    /// <summary>The place of the first weight among all that are drawn for.</summary>
    First,
}

/// <summary>An operand of an attention.</summary>
/// <param name="Role">What it is.</param>
/// <param name="Access">Where it lies, in its storage type.</param>
public sealed record AttentionOperand(AttentionRole Role, Access Access);

/// <summary>
/// Attention or its gradient as a value: <c>softmax(query · keyᵀ · scale + mask) · value</c> over tiles of queries and keys, of which nothing is kept but what normalizes each query's weights. How it is
/// computed is the target's business; in which order it adds up, the tiles say.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Which of the two.</param>
/// <param name="Accumulator">The type of scores, weights and sums.</param>
/// <param name="Sizes">Batch, heads of the query, heads of the key, queries, keys, width of the query, width of the value.</param>
/// <param name="IsCausal">A query sees the keys up to its own place: its number, from the position on where there is one.</param>
/// <param name="Scale">What products of queries and keys are multiplied by.</param>
/// <param name="Dropout">The share of weights that are dropped: where the random number of the weight's place among all is below it; 0 for none.</param>
/// <param name="Operands">What it reads, then what it writes.</param>
/// <param name="Tiles">The order of the sums.</param>
public sealed record AttentionKernel(
    string Name, AttentionKind Kind, DType Accumulator, ImmutableArray<Extent> Sizes, bool IsCausal, double Scale, double Dropout, ImmutableArray<AttentionOperand> Operands, AttentionTiles Tiles)
    : Kernel(Name)
{
    /// <summary>How many sizes there are.</summary>
    public const int SizeCount = 7;

    string? text;

    public override bool IsGenerated => false;

    /// <summary>Where an operand lies; null when there is none of that role.</summary>
    public Access? Find(AttentionRole role) => Operands.FirstOrDefault(o => o.Role == role)?.Access;

    public override string Text => text ??= Print();

    string Print()
    {
        var text = new StringBuilder();
        text.Append("attention ").Append(Kind.ToString().ToLowerInvariant()).Append(' ').Append(Accumulator.Name()).Append('\n');
        text.Append("  sizes ").Append(string.Join(",", Sizes)).Append('\n');
        foreach (var (role, access) in Operands) text.Append("  ").Append(NameOf(role)).Append(' ').Append(access).Append('\n');
        text.Append("  scale ").Append(new Attr.Real(Scale)).Append(" dropout ").Append(new Attr.Real(Dropout)).Append(IsCausal ? " causal" : "").Append('\n');
        text.Append("  sums ").Append(Tiles.Text).Append('\n');
        return text.ToString();
    }

    /// <summary>The name of a role in texts.</summary>
    public static string NameOf(AttentionRole role) => role switch
    {
        AttentionRole.Query => "query",
        AttentionRole.Key => "key",
        AttentionRole.Value => "value",
        AttentionRole.Mask => "mask",
        AttentionRole.Lengths => "lengths",
        AttentionRole.Position => "position",
        AttentionRole.Seed => "seed",
        AttentionRole.Stream => "stream",
        AttentionRole.Iteration => "iteration",
        AttentionRole.Output => "output",
        AttentionRole.Normalizer => "normalizer",
        AttentionRole.OutputGradient => "doutput",
        AttentionRole.QueryGradient => "dquery",
        AttentionRole.KeyGradient => "dkey",
        AttentionRole.ValueGradient => "dvalue",
        AttentionRole.Parts => "parts",
        AttentionRole.First => "first",
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "There is no such operand."),
    };
}

/// <summary>An attention or its gradient.</summary>
/// <param name="Origins">Where it came from.</param>
/// <param name="Operands">All pointers.</param>
/// <param name="Kernel">What it computes.</param>
/// <param name="Dims">The kernel's arguments.</param>
public sealed record AttentionLaunch(ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, AttentionKernel Kernel, ImmutableArray<Dim> Dims) : Launch(Origins, Operands, [])
{
    public override string Title => "attention." + Kernel.Kind.ToString().ToLowerInvariant();

    /// <summary>In numbers.</summary>
    public AttentionSizes Sizes(Func<Dim, long> size)
    {
        long At(int i) => size(Kernel.Sizes[i].In(Dims));
        return new(At(0), At(1), At(2), At(3), At(4), At(5), At(6));
    }

    public override Workspace? Workspace => Kernel.Find(AttentionRole.Parts) is { } parts ? new(parts.Pointer, PackingModel.None) : null;

    public override long WorkspaceBytes(DimBinding binding) => Workspace is null ? 0 : Kernel.Tiles.PartBytes(Sizes(d => d.Evaluate(binding)), Kernel.Accumulator.Size());

    public override long ThreadBytes(DimBinding binding) => Kernel.Tiles.ThreadBytes(Sizes(d => d.Evaluate(binding)), Kernel.Kind == AttentionKind.Gradient, Kernel.Accumulator.Size());

    /// <summary>The strides of an operand, in elements; null when there is none of that role.</summary>
    public ImmutableArray<Dim>? Strides(AttentionRole role) => Kernel.Find(role) is { } access ? [.. access.Strides.Select(s => s.In(Dims))] : null;
}
