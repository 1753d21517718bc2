using System;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Graph.Data;

/// <summary>
/// A tensor in LeCun's IDX format, as MNIST comes: two zero bytes, a type, the number of dimensions, their sizes as big-endian 32-bit integers,
/// and row-major big-endian values. See "THE MNIST DATABASE", Y. LeCun, C. Cortes and C. Burges, 1998.
/// </summary>
public sealed class IdxFile
{
    const int MostDimensions = 8;
    readonly string path;
    readonly byte kind;
    readonly byte[] values;

    IdxFile(string path, byte kind, ImmutableArray<int> shape, byte[] values)
    {
        this.path = path;
        this.kind = kind;
        this.values = values;
        Shape = shape;
    }

    /// <summary>The sizes of the dimensions, the slowest first.</summary>
    public ImmutableArray<int> Shape { get; }

    /// <summary>How many values it holds.</summary>
    public int Count => values.Length / Size(kind);

    /// <summary>Reads a file, plain or compressed by gzip.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">How much may come, <see cref="DataLimits.Default"/> when left out.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="DataFormatException">It is no IDX file, it is damaged, ends early, goes on after its last value, or passes a limit.</exception>
    public static IdxFile Read(string path, DataLimits? limits = null)
    {
        using var stream = DataFile.Open(path, limits);
        return Read(stream, path);
    }

    static IdxFile Read(Stream stream, string path)
    {
        Span<byte> head = stackalloc byte[4];
        var got = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (got < head.Length)
            throw new DataFormatException(path, "an IDX header of 4 bytes", $"{got} bytes");
        if (head[0] != 0 || head[1] != 0 || Size(head[2]) == 0 || head[3] is 0 or > MostDimensions)
            throw new DataFormatException(path, "an IDX file (00 00, a type of 08 to 0E, the number of dimensions)", $"the bytes {Convert.ToHexString(head)}");

        var sizes = new byte[head[3] * 4];
        got = stream.ReadAtLeast(sizes, sizes.Length, throwOnEndOfStream: false);
        if (got < sizes.Length)
            throw new DataFormatException(path, $"the sizes of {head[3]} dimensions", "the end of the file");
        var shape = Enumerable.Range(0, head[3]).Select(i => BinaryPrimitives.ReadInt32BigEndian(sizes.AsSpan(i * 4))).ToImmutableArray();
        var product = shape.Aggregate((UInt128)1, (count, size) => size < 0 ? UInt128.MaxValue : count > uint.MaxValue ? count : count * (UInt128)size);
        var bytes = product > int.MaxValue ? UInt128.MaxValue : product * (UInt128)Size(head[2]);
        if (bytes > (UInt128)Array.MaxLength)
            throw new DataFormatException(path, "a tensor of at most 2 GB", $"the shape [{string.Join(", ", shape)}]");

        var values = ReadUpTo(stream, (int)bytes);
        if (values.Length < (int)bytes)
            throw new DataFormatException(path, $"{bytes} bytes for the shape [{string.Join(", ", shape)}]", $"{values.Length}: the file was cut off");
        if (stream.ReadByte() >= 0)
            throw new DataFormatException(path, $"{bytes} bytes for the shape [{string.Join(", ", shape)}]", "more");
        return new IdxFile(path, head[2], shape, values);
    }

    // Grows with what really comes, so that a header of nonsense in a short file does not take gigabytes.
    static byte[] ReadUpTo(Stream stream, int bytes)
    {
        var values = new byte[Math.Min(bytes, 1 << 16)];
        var filled = 0;
        while (true)
        {
            filled += stream.ReadAtLeast(values.AsSpan(filled), values.Length - filled, throwOnEndOfStream: false);
            if (filled < values.Length || filled == bytes)
                break;
            Array.Resize(ref values, (int)Math.Min(bytes, values.Length * 2L));
        }
        Array.Resize(ref values, filled);
        return values;
    }

    /// <summary>The values as they are: bytes without a sign, as images are stored. A <c>Tensor&lt;byte&gt;</c> takes them.</summary>
    /// <exception cref="DataFormatException">They are of another type.</exception>
    public byte[] ToBytes() => kind == 0x08 ? (byte[])values.Clone() : throw new DataFormatException(path, "bytes without a sign (type 0x08)", $"type 0x{kind:X2}");

    /// <summary>The values as floats, each times <paramref name="scale"/>: 1/255 takes bytes to [0, 1].</summary>
    /// <exception cref="DataFormatException">A value is not finite, or not after scaling.</exception>
    public float[] ToFloats(float scale = 1)
    {
        var floats = new float[Count];
        for (var i = 0; i < floats.Length; i++)
        {
            floats[i] = (float)Value(i) * scale;
            if (!float.IsFinite(floats[i]))
                throw new DataFormatException(path, $"a finite 32-bit number as value {i + 1} of {Count}", string.Create(CultureInfo.InvariantCulture, $"{Value(i)} times {scale}"));
        }
        return floats;
    }

    /// <summary>The values as integers.</summary>
    /// <exception cref="DataFormatException">They are floating point numbers.</exception>
    public int[] ToInts()
    {
        if (kind is 0x0D or 0x0E)
            throw new DataFormatException(path, "integers", "floating point numbers");
        var ints = new int[Count];
        for (var i = 0; i < ints.Length; i++)
            ints[i] = (int)Value(i);
        return ints;
    }

    double Value(int index)
    {
        var at = values.AsSpan(index * Size(kind));
        return kind switch
        {
            0x08 => at[0],
            0x09 => (sbyte)at[0],
            0x0B => BinaryPrimitives.ReadInt16BigEndian(at),
            0x0C => BinaryPrimitives.ReadInt32BigEndian(at),
            0x0D => BinaryPrimitives.ReadSingleBigEndian(at),
            _ => BinaryPrimitives.ReadDoubleBigEndian(at),
        };
    }

    // Bytes of one value; 0 for a type that the format does not have.
    static int Size(byte kind) => kind switch { 0x08 or 0x09 => 1, 0x0B => 2, 0x0C or 0x0D => 4, 0x0E => 8, _ => 0 };
}
