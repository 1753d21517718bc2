using System;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;

namespace Graph.Data;

/// <summary>
/// Every window of a long text as a row of two columns: [context] tokens from some place on, and the [context] tokens one place later, which a language model learns to foretell.
/// </summary>
public sealed class TokenWindows : Dataset
{
    readonly ReadOnlyMemory<int> tokens;
    readonly int context;

    /// <summary>The windows of <paramref name="context"/> tokens.</summary>
    /// <param name="tokens">The text. It is not copied.</param>
    /// <param name="context">Tokens of a window.</param>
    /// <param name="input">The name of the column of the tokens: that of the loss's argument.</param>
    /// <param name="target">The name of the column of the tokens one place later.</param>
    /// <exception cref="ArgumentException">The text is not longer than one window, or both columns have one name.</exception>
    public TokenWindows(ReadOnlyMemory<int> tokens, int context, string input = "tokens", string target = "targets")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(input);
        ArgumentException.ThrowIfNullOrWhiteSpace(target);
        if (input == target) throw new ArgumentException($"Both columns are called {input}.", nameof(target));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        if (tokens.Length <= context)
            throw new ArgumentException($"A text of {tokens.Length} tokens has no window of {context} and the token after it.", nameof(tokens));
        this.tokens = tokens;
        this.context = context;
        Columns = [new DataColumn(input, DType.I32, [context]), new DataColumn(target, DType.I32, [context])];
    }

    public override int Count => tokens.Length - context;

    public override ImmutableArray<DataColumn> Columns { get; }

    /// <summary>Of the tokens and the columns.</summary>
    public override string? Fingerprint
        => field ??= string.Create(CultureInfo.InvariantCulture, $"windows of {tokens.Length} tokens as {DataFingerprint.Names(Columns)}, {DataFingerprint.Of(tokens.Span)}");

    public override void CopyRow(int row, int column, Span<byte> destination)
        => MemoryMarshal.AsBytes(tokens.Span.Slice(row + column, context)).CopyTo(destination);

    /// <summary>Divides the text in two: its beginning trains, its end, <paramref name="heldOut"/> of the tokens, is kept to measure with. No window crosses the border.</summary>
    /// <exception cref="ArgumentException">A part is not longer than one window.</exception>
    public (TokenWindows Training, TokenWindows HeldOut) SplitText(double heldOut)
    {
        if (!(heldOut > 0 && heldOut < 1))
            throw new ArgumentOutOfRangeException(nameof(heldOut), heldOut, "The share that is held out must lie between 0 and 1.");
        var border = (int)(tokens.Length * (1 - heldOut));
        return (Part(..border), Part(border..));

        TokenWindows Part(Range range) => new(tokens[range], context, Columns[0].Name, Columns[1].Name);
    }
}
