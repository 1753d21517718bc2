using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace Graph.Runtime.Checkpoints;

/// <summary>
/// Keeps a second run away from a file or folder. It is a lock of the operating system on a hidden file beside what it protects: it ends with its process, however that ends.
/// Taking it also shows that the folder can be written to.
/// </summary>
public sealed class RunLock : IDisposable
{
    const int MostTries = 100;

    readonly FileStream stream;
    readonly string path;

    RunLock(FileStream stream, string path)
    {
        this.stream = stream;
        this.path = path;
    }

    /// <summary>Takes the lock of a file that may not exist yet; its folder is made if need be.</summary>
    /// <exception cref="IOException">Another run has it, a folder, a pipe or a device is in the file's place, or nothing can be written beside it.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to, or the file is read-only.</exception>
    public static RunLock OfFile(string path)
    {
        var target = AtomicFile.Target(path); // a link and what it leads to are one file
        return Take(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.lock", path);
    }

    /// <summary>Takes the lock of a folder, which is made if need be. It has nothing to do with the locks of the files in it.</summary>
    /// <exception cref="IOException">Another run has it, a file is in the folder's place, or nothing can be written in it.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static RunLock OfFolder(string path) => Take(Path.GetFullPath(path), ".lock", path);

    static RunLock Take(string folder, string name, string what)
    {
        var path = Path.Combine(folder, name);
        try
        {
            Directory.CreateDirectory(folder);
            for (var tries = 1; ; tries++)
            {
                var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
                if (tries == MostTries || IsStillAt(stream.SafeFileHandle, path)) return new(stream, path);
                stream.Dispose();
            }
        }
        catch (IOException e) when (IsLocked(e))
        {
            throw new IOException($"{what}: another run is at work on it, which holds the lock {path}. Wait until it is done, or choose another place.", e);
        }
        catch (IOException e)
        {
            throw new IOException($"{what}: nothing can be written there: {e.Message}", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException($"{what}: nothing can be written there: {e.Message}", e);
        }
    }

    // Whoever had the lock before may have deleted the file between its opening and its locking here: then this is the lock of a file that is no more, and the next run would get a new one.
    // .NET shows no number of a file's, but its times: one that is set through the handle and seen by the path belongs to one file.
    static bool IsStillAt(SafeFileHandle handle, string path)
    {
        if (OperatingSystem.IsWindows()) return true; // an open file cannot be deleted there
        File.SetLastWriteTimeUtc(handle, DateTime.UtcNow.AddTicks(Random.Shared.NextInt64(TimeSpan.TicksPerSecond)));
        return File.GetLastWriteTimeUtc(path) == File.GetLastWriteTimeUtc(handle);
    }

    // .NET passes on the system's own number: sharing and lock violation on Windows, EAGAIN elsewhere.
    static bool IsLocked(IOException e) => OperatingSystem.IsWindows() ? (e.HResult & 0xFFFF) is 32 or 33 : e.HResult == (OperatingSystem.IsLinux() ? 11 : 35);

    /// <summary>Gives the lock back and deletes its file. May be called more than once.</summary>
    public void Dispose()
    {
        if (!stream.CanRead) return;
        try
        {
            // First, while it is still locked: nobody else may have it when it goes.
            if (!OperatingSystem.IsWindows()) File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only untidy: the lock is the system's and not the file's.
        }
        stream.Dispose();
    }
}
