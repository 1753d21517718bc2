using System;
using System.IO;
using System.IO.Compression;
using System.Text;

namespace Graph.Compiler.Targets;

/// <summary>Programs as they are embedded in generated code: deflated and in base 64, since string literals of an assembly end at 8 million characters.</summary>
public static class CompressedText
{
    public static string Pack(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        using var memory = new MemoryStream();
        using (var deflate = new DeflateStream(memory, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(bytes, 0, bytes.Length);
        return Convert.ToBase64String(memory.ToArray());
    }

    /// <exception cref="FormatException">The text was not made by <see cref="Pack"/>.</exception>
    public static string Unpack(string packed)
    {
        try
        {
            using var deflate = new DeflateStream(new MemoryStream(Convert.FromBase64String(packed)), CompressionMode.Decompress);
            using var reader = new StreamReader(deflate, Encoding.UTF8);
            return reader.ReadToEnd();
        }
        catch (InvalidDataException e)
        {
            throw new FormatException("The embedded program is damaged.", e);
        }
    }
}
