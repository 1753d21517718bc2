using System;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;

namespace Graph.Data;

/// <summary>
/// Every window of a long text as a row: <c>tokens</c> are [context] tokens from some place on, <c>targets</c> the [context] tokens one place later.
/// </summary>
public sealed class TokenWindows : Dataset
{
    readonly ReadOnlyMemory<int> tokens;
    readonly int context;

    /// <summary>The windows of <paramref name="context"/> tokens.</summary>
    /// <exception cref="ArgumentException">The text is not longer than one window.</exception>
    public TokenWindows(ReadOnlyMemory<int> tokens, int context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        if (tokens.Length <= context)
            throw new ArgumentException($"A text of {tokens.Length} tokens has no window of {context} and the token after it.", nameof(tokens));
        this.tokens = tokens;
        this.context = context;
        Columns = [new DataColumn("tokens", DType.I32, [context]), new DataColumn("targets", DType.I32, [context])];
    }

    public override int Count => tokens.Length - context;

    public override ImmutableArray<DataColumn> Columns { get; }

    public override void CopyRow(int row, int column, Span<byte> destination)
        => MemoryMarshal.AsBytes(tokens.Span.Slice(row + column, context)).CopyTo(destination);

    /// <summary>Divides the text in two: its beginning trains, its end, <paramref name="heldOut"/> of the tokens, is kept to measure with. No window crosses the border.</summary>
    /// <exception cref="ArgumentException">A part is not longer than one window.</exception>
    public (TokenWindows Training, TokenWindows HeldOut) SplitText(double heldOut)
    {
        var border = (int)(tokens.Length * (1 - heldOut));
        return (new TokenWindows(tokens[..border], context), new TokenWindows(tokens[border..], context));
    }
}
