using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Graph.Runtime.Checkpoints;

/// <summary>
/// Writes a file so that whoever opens it, at whatever moment, finds the old one or the new one, also after a loss of power. A file that is replaced keeps its mode and, where the process may
/// give it away, its owner; a link stays a link, and what it points to is replaced.
/// </summary>
public static class AtomicFile
{
    const string Extension = ".tmp";
    const int MostTries = 8;
    const UnixFileMode AnyWrite = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Writes a text as UTF-8; the folder is made if need be.</summary>
    /// <exception cref="IOException">The file cannot be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written, or the old file is read-only.</exception>
    public static void Write(string path, string text) => Write(path, stream => stream.Write(new UTF8Encoding(false).GetBytes(text)));

    /// <summary>Writes to a file beside it, makes sure that the bytes are on the disk, renames, and makes sure that the name is; the folder is made if need be.</summary>
    /// <exception cref="IOException">The file cannot be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written, or the old file is read-only.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        var target = Target(path);
        var folder = Path.GetDirectoryName(target)!;
        CreateFolder(folder);
        DeleteLeftovers(target);
        // Shared for reading, and open until it has its name: this lock is what keeps DeleteLeftovers of other processes away, and it lets readers in that open the file right after the rename.
        using var stream = Create(target, File.Exists(target) && !OperatingSystem.IsWindows() ? File.GetUnixFileMode(target) : null);
        try
        {
            write(stream);
            stream.Flush(flushToDisk: true);
            File.Move(stream.Name, target, overwrite: true);
        }
        catch
        {
            Delete(stream.Name);
            throw;
        }
        UnixFile.SyncFolder(folder);
    }

    // The file behind all links, whether it exists or not.
    static string Resolve(string path)
    {
        var full = Path.GetFullPath(path);
        return new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
    }

    /// <summary>The file that <see cref="Write(string, Action{FileStream})"/> would replace: the one behind all links, whether it exists or not.</summary>
    /// <exception cref="IOException">A folder, a pipe or a device is in its place.</exception>
    /// <exception cref="UnauthorizedAccessException">The file is read-only.</exception>
    public static string Target(string path)
    {
        var target = Resolve(path);
        if (Directory.Exists(target) || Path.EndsInDirectorySeparator(target)) throw new IOException($"{path}: a folder is there, so no file can be written.");
        if (UnixFile.IsSpecial(target)) throw new IOException($"{path} is a pipe or a device, which no file can replace.");
        if (!OperatingSystem.IsWindows() && File.Exists(target) && (File.GetUnixFileMode(target) & AnyWrite) == 0) throw new UnauthorizedAccessException($"{path} is read-only.");
        return target;
    }

    static void CreateFolder(string folder)
    {
        var parents = new Stack<string>();
        for (var missing = folder; !Directory.Exists(missing) && Path.GetDirectoryName(missing) is { } parent; missing = parent) parents.Push(parent);
        Directory.CreateDirectory(folder);
        foreach (var parent in parents) UnixFile.SyncFolder(parent);
    }

    static FileStream Create(string target, UnixFileMode? mode)
    {
        for (var attempt = 1; ; attempt++)
        {
            var temporary = Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}{Extension}");
            FileStream stream;
            try
            {
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read | FileShare.Delete, BufferSize = 1 << 16 };
                if (mode is { } kept && !OperatingSystem.IsWindows()) options.UnixCreateMode = kept;
                stream = new FileStream(temporary, options);
            }
            catch (IOException) when (attempt < MostTries)
            {
                continue; // DeleteLeftovers of another process may have taken it between its making and its locking
            }
            if (File.Exists(temporary) || attempt == MostTries)
            {
                if (mode is not { } old || OperatingSystem.IsWindows()) return stream;
                UnixFile.CopyOwner(target, stream);
                File.SetUnixFileMode(stream.SafeFileHandle, old); // the process's mask took away some
                return stream;
            }
            stream.Dispose(); // the same, but it was deleted already
        }
    }

    static void Delete(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only untidy, and no reason to hide why the file could not be written.
        }
    }

    /// <summary>Deletes what processes that died while they wrote the file left beside it. What is being written, by whomever, stays: its writer holds a lock on it until it has its name.</summary>
    public static void DeleteLeftovers(string path)
    {
        var full = Resolve(path);
        var folder = new DirectoryInfo(Path.GetDirectoryName(full)!);
        if (!folder.Exists) return;
        var prefix = $".{Path.GetFileName(full)}.";
        // The name begins with a dot, which hides files on Unix.
        foreach (var file in folder.EnumerateFiles("*" + Extension, new EnumerationOptions { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = true }))
        {
            if (file.Name.Length <= prefix.Length + Extension.Length || !file.Name.StartsWith(prefix, StringComparison.Ordinal)) continue;
            if (!Guid.TryParseExact(file.Name.AsSpan(prefix.Length, file.Name.Length - prefix.Length - Extension.Length), "N", out _)) continue;
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
