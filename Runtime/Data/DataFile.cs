using System;
using System.IO;
using System.Text;
using Graph.Runtime.Checkpoints;

namespace Graph.Data;

/// <summary>Opens data files, compressed by gzip or plain.</summary>
public static class DataFile
{
    // A string cannot be longer.
    const long MostCharacters = 0x3FFFFFDF;

    /// <summary>
    /// Opens a file for reading from its beginning to its end. Whether it is compressed is seen from its first two bytes (RFC 1952), not from its name. Reading throws a <see cref="DataFormatException"/>
    /// when the archive is damaged or cut off, and when there is more than the limit.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">How much may come, <see cref="DataLimits.Default"/> when left out.</param>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="DataFormatException">It is a pipe or a device, or too large.</exception>
    public static Stream Open(string path, DataLimits? limits = null)
    {
        if (Directory.Exists(path))
            throw new FileNotFoundException($"{path}: a file is needed, but this is a folder.", path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: there is no such file.", path);
        if (UnixFile.IsSpecial(path))
            throw NoFile(path);
        var most = (limits ?? DataLimits.Default).Bytes;
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            if (!file.CanSeek)
                throw NoFile(path);
            var compressed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            if (!compressed && file.Length > most)
                throw LimitedStream.TooLong(path, most);
            return new LimitedStream(compressed ? new GzipReader(file, path) : file, path, most);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    static DataFormatException NoFile(string path) => new(path, "a file", "a pipe or a device (write what it gives to a file first)");

    /// <summary>Reads a text in UTF-8, or in the encoding that its byte order mark names, compressed by gzip or plain.</summary>
    /// <inheritdoc cref="Open" path="/param"/>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    /// <exception cref="DataFormatException">It is damaged, too large, or not all of it is text.</exception>
    public static string ReadText(string path, DataLimits? limits = null)
    {
        limits ??= DataLimits.Default;
        using var reader = OpenText(path, limits with { Bytes = Math.Min(limits.Bytes, MostCharacters) });
        try
        {
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException exception)
        {
            throw NoText(path, exception);
        }
    }

    /// <summary>The characters of a file; a byte that stands for none throws <see cref="DecoderFallbackException"/>.</summary>
    internal static StreamReader OpenText(string path, DataLimits? limits) => new(Open(path, limits), new UTF8Encoding(false, throwOnInvalidBytes: true));

    internal static DataFormatException NoText(string path, DecoderFallbackException exception)
        => new(path, "a text in UTF-8", $"the bytes {Convert.ToHexString(exception.BytesUnknown ?? [])}, which stand for no character");

    /// <summary>The path of <paramref name="name"/> in <paramref name="folder"/>, as it stands or with <c>.gz</c> added.</summary>
    /// <exception cref="FileNotFoundException">The folder holds neither.</exception>
    public static string Find(string folder, string name)
    {
        foreach (var path in (ReadOnlySpan<string>)[Path.Combine(folder, name), Path.Combine(folder, name + ".gz")])
            if (File.Exists(path))
                return path;
        throw new FileNotFoundException(
            Directory.Exists(folder) ? $"{folder}: the folder holds neither {name} nor {name}.gz." : $"{folder}: there is no such folder.", Path.Combine(folder, name));
    }
}
