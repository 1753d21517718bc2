using System;
using System.Buffers.Binary;
using System.Linq;
using System.Text;

namespace Graph.Benchmarks.Fuzz;

/// <summary>Changes the bytes of a file as bad disks, broken downloads, careless tools and spiteful people do.</summary>
static class ByteMutations
{
    const int MostChanges = 4, MostInserted = 64;

    static readonly string[] numbers = ["0", "-1", "1", "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "1e999", "-1e999", "NaN", "Infinity", "1.5", "", "00", "0x10", "1e-400"];

    static readonly string[] words = ["\"", "\"\"", ",", ",,", "\n", "\r", "\r\n", "\0", "{", "}", "[", "]", ":", "\\", "\\u0000", "\\ud800", "\uFEFF", "null", "true", "{}", "[]", " ", "\t", "é", "\u001b[2J"];

    static readonly long[] extremes = [0, 1, -1, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue, 1L << 40, 100_000_000, 100_000_001];

    /// <summary>The bytes after one to four changes between <paramref name="from"/> and <paramref name="to"/>.</summary>
    /// <param name="other">Where parts of another file come from.</param>
    public static byte[] Mutate(byte[] bytes, byte[] other, int from, int to, Random random)
    {
        for (var changes = random.Next(1, MostChanges + 1); changes > 0 && to > from; changes--)
        {
            var changed = Change(bytes, other, from, to, random);
            to = Math.Max(from, to + changed.Length - bytes.Length);
            bytes = changed;
        }
        return bytes;
    }

    static byte[] Change(byte[] bytes, byte[] other, int from, int to, Random random)
    {
        var at = random.Next(from, to);
        var changed = (byte[])bytes.Clone();
        var length = random.Next(1, Math.Max(2, Math.Min(MostInserted, to - at)));
        switch (random.Next(11))
        {
            case 0 or 1: changed[at] ^= (byte)(1 << random.Next(8)); return changed;
            case 2: changed[at] = (byte)random.Next(256); return changed;
            case 3: return bytes[..at];
            case 4: return [.. bytes[..at], .. bytes[Math.Min(to, at + length)..]];
            case 5: return [.. bytes[..at], .. bytes[at..Math.Min(to, at + length)], .. bytes[at..]];
            case 6:
                var start = random.Next(other.Length);
                return [.. bytes[..at], .. other[start..Math.Min(other.Length, start + length)], .. bytes[Math.Min(bytes.Length, at + random.Next(2) * length)..]];
            case 7: return Number(bytes, from, to, random);
            case 8: return [.. bytes[..at], .. Encoding.UTF8.GetBytes(words[random.Next(words.Length)]), .. bytes[at..]];
            case 9: return Extreme(changed, at, random);
            default:
                var noise = new byte[length];
                random.NextBytes(noise);
                return [.. bytes, .. noise];
        }
    }

    // One of the numbers that stand in the text becomes another one.
    static byte[] Number(byte[] bytes, int from, int to, Random random)
    {
        var starts = Enumerable.Range(from, to - from).Where(i => char.IsAsciiDigit((char)bytes[i]) && (i == 0 || !char.IsAsciiDigit((char)bytes[i - 1]))).ToArray();
        if (starts.Length == 0) return bytes;
        var start = starts[random.Next(starts.Length)];
        var end = start;
        while (end < to && char.IsAsciiDigit((char)bytes[end])) end++;
        return [.. bytes[..start], .. Encoding.ASCII.GetBytes(numbers[random.Next(numbers.Length)]), .. bytes[end..]];
    }

    // A binary number becomes an extreme one.
    static byte[] Extreme(byte[] bytes, int at, Random random)
    {
        var value = extremes[random.Next(extremes.Length)];
        Span<byte> number = stackalloc byte[8];
        var size = 1 << random.Next(4);
        if (random.Next(2) == 0) BinaryPrimitives.WriteInt64LittleEndian(number, value);
        else
        {
            BinaryPrimitives.WriteInt64BigEndian(number, value);
            number[^size..].CopyTo(number);
        }
        number[..Math.Min(size, bytes.Length - at)].CopyTo(bytes.AsSpan(at));
        return bytes;
    }
}
