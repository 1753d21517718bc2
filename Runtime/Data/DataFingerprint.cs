using System;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Graph.Data;

/// <summary>A short name for a long row of numbers, by which a resumed run sees whether its data are still the same.</summary>
static class DataFingerprint
{
    /// <summary>64 bits of SHA-256, as hexadecimal digits.</summary>
    public static string Of<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, values);
        return Text(hash);
    }

    public static void Append<T>(IncrementalHash hash, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        // A span of bytes holds two gigabytes at most; one of numbers holds more.
        const int most = 1 << 24;
        for (; values.Length > most; values = values[most..]) hash.AppendData(MemoryMarshal.AsBytes(values[..most]));
        hash.AppendData(MemoryMarshal.AsBytes(values));
    }

    public static string Text(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));

    public static string Names(ImmutableArray<DataColumn> columns) => string.Join(", ", columns);
}
