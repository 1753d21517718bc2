using System;
using System.Globalization;

namespace Graph.Compiler.Planning;

/// <summary>Numbers of bytes as people write them.</summary>
public static class ByteSize
{
    static readonly (string Unit, double Bytes)[] units = [("KIB", 1024), ("MIB", 1048576), ("GIB", 1073741824), ("TIB", 1099511627776), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1), ("", 1)];

    /// <summary>Reads <c>4GB</c>, <c>1.5 GiB</c> or <c>65536</c>: KB, MB, GB and TB are powers of 1000, KiB and its like of 1024, in any case. Null when the text is no such size above 0.</summary>
    public static long? Parse(string text)
    {
        var trimmed = text.Trim().ToUpperInvariant();
        foreach (var (unit, bytes) in units)
            if (trimmed.EndsWith(unit, StringComparison.Ordinal))
                return double.TryParse(trimmed.Substring(0, trimmed.Length - unit.Length).TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * bytes is >= 1 and < 9e18
                    ? (long)(number * bytes) : null;
        return null;
    }
}
