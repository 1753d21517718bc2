namespace Graph.Compiler.Ir;

/// <summary>
/// What an attention or its gradient computes, for those who lower it: <c>out[b,t,h] = Σₛ softmax(query[b,h,t] · key[b,h/group,s] · scale + mask)ₛ · value[b,h/group,s]</c>. The operands are query [B, H, T, E],
/// key [B, K, S, E] and value [B, K, S, V], then those that are there of mask, lengths, position, seed, stream and iteration, and first; a gradient has what the attention gave and the gradient of its first result behind them.
/// </summary>
/// <param name="IsGradient">The gradient of an attention's first three operands.</param>
/// <param name="IsCausal">A query sees the keys up to its own place.</param>
/// <param name="Scale">What products of queries and keys are multiplied by.</param>
/// <param name="Dropout">The share of weights that become 0, the others grow by 1 ÷ (1 − it); 0 for none.</param>
/// <param name="HasMask">An operand [B, H, T, S]: bools, true where a key is seen, or real numbers that are added to the scores.</param>
/// <param name="HasLengths">An operand [B] of integers: keys from there on are not seen.</param>
/// <param name="HasPosition">An operand [] of an integer: the place of the first query among the keys, 0 without.</param>
public sealed record AttentionForm(bool IsGradient, bool IsCausal, double Scale, double Dropout, bool HasMask, bool HasLengths, bool HasPosition)
{
    /// <summary>With dropout, an operand i64[]: the place of the first weight among all that are drawn for, 0 without. A part of a batch draws what the whole does.</summary>
    public bool HasFirst { get; init; }

    /// <summary>The operands that are always there.</summary>
    public const int Query = 0, Key = 1, Value = 2;

    /// <summary>Stands for an operand that is not there.</summary>
    public const int None = -1;

    /// <summary>The number of the operand, or <see cref="None"/>.</summary>
    public int Mask => HasMask ? 3 : None;

    /// <inheritdoc cref="Mask"/>
    public int Lengths => HasLengths ? 3 + (HasMask ? 1 : 0) : None;

    /// <inheritdoc cref="Mask"/>
    public int Position => HasPosition ? 3 + (HasMask ? 1 : 0) + (HasLengths ? 1 : 0) : None;

    /// <summary>The number of the first of seed, stream and iteration, or <see cref="None"/>.</summary>
    public int Draw => Dropout > 0 ? Operands - (HasFirst ? 4 : 3) : None;

    /// <inheritdoc cref="Mask"/>
    public int First => HasFirst ? Operands - 1 : None;

    /// <summary>How many operands the attention itself has.</summary>
    public int Operands => 3 + (HasMask ? 1 : 0) + (HasLengths ? 1 : 0) + (HasPosition ? 1 : 0) + (Dropout > 0 ? 3 : 0) + (HasFirst ? 1 : 0);

    /// <summary>A gradient's operands behind those of the attention.</summary>
    public int Output => Operands;

    /// <inheritdoc cref="Output"/>
    public int Normalizer => Operands + 1;

    /// <inheritdoc cref="Output"/>
    public int OutputGradient => Operands + 2;

    /// <summary>What attributes say.</summary>
    public static AttentionForm Of(AttributeMap attributes, bool isGradient) => new(
        isGradient, attributes.Bool("causal"), attributes.Real("scale", 1), attributes.Real("dropout"), attributes.Bool("mask"), attributes.Bool("lengths"), attributes.Bool("position"))
    {
        HasFirst = attributes.Bool("first"),
    };
}
