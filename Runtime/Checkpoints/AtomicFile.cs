using System;
using System.IO;
using System.Text;

namespace Graph.Runtime.Checkpoints;

/// <summary>Writes a file so that whoever opens it, at whatever moment, finds the old one or the new one.</summary>
public static class AtomicFile
{
    const string Extension = ".tmp";

    /// <summary>Writes a text as UTF-8; the folder is made if need be.</summary>
    /// <exception cref="IOException">The file cannot be written; an old one is as it was.</exception>
    public static void Write(string path, string text) => Write(path, stream => stream.Write(new UTF8Encoding(false).GetBytes(text)));

    /// <summary>Writes to a file beside it, makes sure that the bytes are on the disk, and renames; the folder is made if need be.</summary>
    /// <exception cref="IOException">The file cannot be written; an old one is as it was.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full)!;
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}{Extension}");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Deletes what processes that died while they wrote the file left beside it. What is being written stays.</summary>
    public static void DeleteLeftovers(string path)
    {
        var full = Path.GetFullPath(path);
        var folder = new DirectoryInfo(Path.GetDirectoryName(full)!);
        if (!folder.Exists) return;
        // The name begins with a dot, which hides files on Unix.
        foreach (var file in folder.EnumerateFiles("*" + Extension, new EnumerationOptions { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = true }))
        {
            var prefix = $".{Path.GetFileName(full)}.";
            if (!file.Name.StartsWith(prefix, StringComparison.Ordinal) || !Guid.TryParseExact(file.Name.AsSpan(prefix.Length, file.Name.Length - prefix.Length - Extension.Length), "N", out _)) continue;
            try
            {
                // Whoever writes it has it open and locked: then this throws.
                new FileStream(file.FullName, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Only untidy: no such file is ever read.
            }
        }
    }
}
