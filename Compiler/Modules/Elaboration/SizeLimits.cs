using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>How large tensors may be, asked before anything is computed from their sizes: products of larger ones would not fit into 64 bits, and no machine holds them.</summary>
public static class SizeLimits
{
    /// <summary>Elements of a tensor at the upper bounds of its named dimensions: 4 TiB in 32 bits. A product of matrices of this size still has its operations counted in 64 bits.</summary>
    public const double MostElements = 1L << 40;

    /// <summary>Axes of a tensor.</summary>
    public const int MostAxes = 64;

    /// <summary>Elements of a tensor that a caller sees: a span has no more.</summary>
    public const double MostInSpan = int.MaxValue;

    /// <summary>Bytes of all parameters and states, and of all states of the optimizer: each lies in one block, an array of 64-bit words.</summary>
    public const double MostStored = 2147483591d * 8 - 64;

    /// <summary>What is too large about a tensor; null when nothing is.</summary>
    /// <param name="subject">What it is, as the message's first words: <c>"x"</c>.</param>
    /// <param name="isSeen">Whether the caller sees it as a span.</param>
    public static string? Refuse(string subject, Shape shape, IReadOnlyDictionary<string, DimSymbol> dims, bool isSeen = false)
    {
        if (shape.Rank > MostAxes) return FormattableString.Invariant($"{subject} has {shape.Rank:N0} axes, but a tensor has at most {MostAxes}.");
        var elements = Elements(shape, dims);
        if (elements > MostElements) return $"{subject} {Of(shape, dims)} has {Number(elements)} elements, but a tensor has at most {Number(MostElements)}.{Advice(shape, dims)}";
        // A named dimension stays below its upper bound where the caller has no such span.
        if (isSeen && shape.IsConstant && elements > MostInSpan) return $"{subject} {Of(shape, dims)} has {Number(elements)} elements, but a span has at most {Number(MostInSpan)}.";
        return null;
    }

    /// <summary>Elements at the upper bounds of the named dimensions, counted without overflow.</summary>
    public static double Elements(Shape shape, IReadOnlyDictionary<string, DimSymbol> dims)
    {
        DimSymbol[] symbols = [.. dims.Values];
        return shape.Aggregate(1d, (product, d) => product * (d.Range(symbols).Max is var most && double.IsInfinity(most) ? 1 : Math.Max(0, most)));
    }

    /// <summary>Bytes in the largest unit that gives a number above 1.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        var unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++) bytes /= 1024;
        return bytes.ToString(unit == 0 ? "0" : "0.#", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    static string Number(double count) => count.ToString(count < 1e15 ? "N0" : "0.##E+0", CultureInfo.InvariantCulture);

    static string Of(Shape shape, IReadOnlyDictionary<string, DimSymbol> dims) =>
        Symbols(shape, dims) is { Length: > 0 } at ? $"of shape {shape} at {string.Join(", ", at.Select(d => FormattableString.Invariant($"{d.Name} = {d.Max}")))}" : $"of shape {shape}";

    static string Advice(Shape shape, IReadOnlyDictionary<string, DimSymbol> dims) =>
        Symbols(shape, dims) is { Length: > 0 } at ? $" Lower the upper bound of {string.Join(" or ", at.Select(d => d.Name))}: [Dim(\"{at[0].Name}\", Max = …)]." : "";

    static DimSymbol[] Symbols(Shape shape, IReadOnlyDictionary<string, DimSymbol> dims) =>
        [.. shape.SelectMany(d => d.Symbols).Distinct(StringComparer.Ordinal).Where(dims.ContainsKey).Select(name => dims[name])];
}
