using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using Graph.Data;

namespace Graph.Benchmarks.Fuzz;

/// <summary>IDX files, plain and compressed. What is read has the shape that the file states and every value of it; what came out of an archive is what was put into one.</summary>
sealed class IdxTarget : FileTarget
{
    static readonly byte[][] plain =
    [
        Idx(0x08, [3, 4, 5]), Idx(0x08, [9]), Idx(0x09, [2, 2]), Idx(0x0B, [6]), Idx(0x0C, [2, 3]), Idx(0x0D, [4, 2]), Idx(0x0E, [1, 1, 3]), Idx(0x08, [0, 28, 28]),
    ];

    static readonly byte[][] packed = [.. plain.Select(Gzip)];

    IdxFile? read;

    static byte[] Idx(byte type, int[] shape)
    {
        var random = new Random(type + shape.Length);
        var size = type switch { 0x08 or 0x09 => 1, 0x0B => 2, 0x0C or 0x0D => 4, _ => 8 };
        var values = new byte[shape.Aggregate(size, (product, n) => product * n)];
        random.NextBytes(values);
        return [0, 0, type, (byte)shape.Length, .. shape.SelectMany(n => new byte[] { (byte)(n >> 24), (byte)(n >> 16), (byte)(n >> 8), (byte)n }), .. values];
    }

    internal static byte[] Gzip(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal)) gzip.Write(bytes);
        return memory.ToArray();
    }

    protected override byte[] Make(Random random, out long unpacked)
    {
        var seeds = random.Next(2) == 0 ? plain : packed;
        var bytes = seeds[random.Next(seeds.Length)];
        // Half of the changes hit the head, where they do most.
        var to = random.Next(2) == 0 ? Math.Min(bytes.Length, 20) : bytes.Length;
        bytes = ByteMutations.Mutate(bytes, seeds[random.Next(seeds.Length)], 0, to, random);
        unpacked = seeds == plain ? 0 : 1032L * bytes.Length; // the most that deflate makes of a byte
        return bytes;
    }

    protected override void Read(Random random)
    {
        read = null;
        read = IdxFile.Read(File);
        _ = random.Next(2) == 0 ? read.ToFloats(1 / 255f).Length : read.ToInts().Length;
    }

    protected override bool IsDocumented(Exception exception) => exception is DataFormatException;

    protected override void CheckRead(byte[] bytes)
    {
        if (bytes is [0x1F, 0x8B, ..])
        {
            // The sums of an archive leave nothing but what was packed.
            if (!plain.Any(p => p.Length - 4 - 4 * p[3] == Bytes(p[2], read!.Count) && Shape(p).SequenceEqual(read.Shape))) throw new FuzzFailure("a damaged archive was read as something that was never packed");
            return;
        }
        var shape = Shape(bytes);
        if (!shape.SequenceEqual(read!.Shape)) throw new FuzzFailure($"the shape {string.Join(",", read.Shape)} was read, but {string.Join(",", shape)} stands there");
        if (bytes.Length != 4 + 4 * bytes[3] + Bytes(bytes[2], read.Count) || read.Count != shape.Aggregate(1L, (product, n) => product * n)) throw new FuzzFailure($"{read.Count} values were read from {bytes.Length} bytes");
    }

    static int[] Shape(byte[] bytes) => [.. Enumerable.Range(0, bytes[3]).Select(i => (bytes[4 + 4 * i] << 24) | (bytes[5 + 4 * i] << 16) | (bytes[6 + 4 * i] << 8) | bytes[7 + 4 * i])];

    static int Bytes(byte type, int count) => count * (type switch { 0x08 or 0x09 => 1, 0x0B => 2, 0x0C or 0x0D => 4, _ => 8 });
}
