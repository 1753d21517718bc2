using System;
using System.Globalization;

namespace Graph.Compiler.Targets;

/// <summary>
/// Into which tiles a target cuts attention, and so in which order it adds up. Forward, keys pass in tiles: each tile's exponentials are added up in four sums, every fourth key in one, its products with the values are one chain, and both go to
/// what the tiles before gave, brought to the new maximum. Backward, a query's gradient adds up the tiles of keys in order, those of each part where there are several, and then the parts; a key's and a value's those of queries, head behind head of
/// those that share them; within a tile each number is one chain from the first query that sees a key of the tile.
/// </summary>
/// <param name="Keys">The keys of a tile, forward.</param>
/// <param name="GradientQueries">The queries of a tile, backward.</param>
/// <param name="GradientKeys">The keys of a tile, backward.</param>
/// <param name="GradientTasks">With fewer heads of keys in all than so many, their tiles are cut into parts, backward.</param>
public sealed record AttentionTiles(int Keys, int GradientQueries, int GradientKeys, int GradientTasks)
{
    /// <summary>For the texts of kernels and targets.</summary>
    public string Text => FormattableString.Invariant($"keys={Keys} gradient={GradientQueries}/{GradientKeys}/{GradientTasks}");

    // A part has so many tiles of keys at least.
    const int LeastTiles = 8;

    /// <summary>Into how many parts the keys of a head are cut, backward: by their sizes, for the sake of machines with many processors.</summary>
    public long Parts(in AttentionSizes sizes)
    {
        var heads = Math.Max(1, sizes.Batch * sizes.KeyHeads);
        return Math.Max(1, Math.Min(Ceiling(GradientTasks, heads), Tiles(sizes) / LeastTiles));
    }

    /// <summary>The keys of a part: from the first up to the last, which is the next part's first.</summary>
    public (long First, long Last) KeysOf(long part, long parts, in AttentionSizes sizes) =>
        (part * Tiles(sizes) / parts * GradientKeys, Math.Min((part + 1) * Tiles(sizes) / parts * GradientKeys, sizes.Keys));

    long Tiles(in AttentionSizes sizes) => Ceiling(sizes.Keys, GradientKeys);

    static long Ceiling(long a, long b) => (a + b - 1) / b;

    /// <summary>The bytes of the gradients of queries by part, in numbers of <paramref name="element"/> bytes; none where there is one part.</summary>
    public long PartBytes(in AttentionSizes sizes, int element) => Parts(sizes) is > 1 and var parts ? parts * sizes.Batch * sizes.Heads * sizes.Queries * sizes.Width * element : 0;

    /// <summary>
    /// The most bytes that a processor works in for itself, in numbers of <paramref name="element"/> bytes: forward a tile of keys and some of queries, backward the keys and values of a part of a head, in each
    /// order in which they are multiplied, with their gradients. Linear in the length. Rounded up to whole panels, of at most <see cref="PanelRows"/> rows.
    /// </summary>
    public long ThreadBytes(in AttentionSizes sizes, bool isGradient, int element)
    {
        var (width, depth) = (Whole(sizes.Width), Whole(sizes.Depth));
        var keys = isGradient ? GradientKeys * Ceiling(Tiles(sizes), Parts(sizes)) : Whole(Keys);
        var (queries, tile) = isGradient ? (Whole(GradientQueries), Whole(GradientKeys)) : (QueryGroup, Whole(Keys));
        var perKey = isGradient ? 3 * (width + depth) + width : Panels * (width + depth);
        var perQuery = isGradient ? 2 * Panels * (width + depth) + 2 * width + 5 * depth + 6 * tile : 2 * (width + depth) + 3 * tile + 8;
        return (keys * perKey + queries * perQuery + tile * (width + depth) + Slack) * element;
    }

    /// <summary>Forward, so many queries pass over a tile of keys while it is packed.</summary>
    public const int QueryGroup = 128;

    /// <summary>Widths are rounded up to so many.</summary>
    public const int PanelRows = 32;

    // What panels of any processor take beside the numbers in them: at most every third lane is empty; and the gaps between them.
    const int Panels = 2, Slack = 16384;

    static long Whole(long size) => (size + PanelRows - 1) / PanelRows * PanelRows;

    /// <summary>Reads <see cref="Text"/>.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static AttentionTiles Parse(string text)
    {
        var words = text.Split(' ', '=', '/');
        if (words.Length != 6) throw new FormatException($"'{text}' says of no attention how it is cut");
        int At(int i) => int.Parse(words[i], NumberStyles.None, CultureInfo.InvariantCulture);
        var tiles = new AttentionTiles(At(1), At(3), At(4), At(5));
        return tiles.Text == text ? tiles : throw new FormatException($"'{text}' says of no attention how it is cut");
    }
}

/// <summary>The sizes of an attention.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="Heads">Heads of the query.</param>
/// <param name="KeyHeads">Heads of keys and values, of which <paramref name="Heads"/> is a multiple.</param>
/// <param name="Queries">Length of the query.</param>
/// <param name="Keys">Length of keys and values.</param>
/// <param name="Width">Numbers of a query and of a key.</param>
/// <param name="Depth">Numbers of a value.</param>
public readonly record struct AttentionSizes(long Batch, long Heads, long KeyHeads, long Queries, long Keys, long Width, long Depth);
