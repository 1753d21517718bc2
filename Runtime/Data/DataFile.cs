using System;
using System.IO;
using System.IO.Compression;

namespace Graph.Data;

/// <summary>Opens data files, compressed by gzip or plain.</summary>
public static class DataFile
{
    /// <summary>Opens a file for reading. Whether it is compressed is seen from its first two bytes (RFC 1952), not from its name.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    public static Stream Open(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: there is no such file.", path);
        var file = File.OpenRead(path);
        var compressed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        return compressed ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

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
