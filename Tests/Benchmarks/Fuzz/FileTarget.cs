using System;
using System.IO;

namespace Graph.Benchmarks.Fuzz;

/// <summary>Files: a sound one is damaged, written to memory where there is a disk in memory, and read by the public API.</summary>
abstract class FileTarget : IFuzzTarget
{
    // What reading may allocate: buffers, and a few times the file.
    const long FixedBytes = 1 << 20;
    const int TimesTheFile = 64;

    readonly string folder;

    protected FileTarget()
    {
        folder = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "graph-fuzz-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        File = Path.Combine(folder, "file");
    }

    /// <summary>The file that is written again and again.</summary>
    protected string File { get; }

    public TimeSpan MostTime => TimeSpan.FromSeconds(20);

    public string Try(Random random)
    {
        var bytes = Make(random, out var unpacked);
        System.IO.File.WriteAllBytes(File, bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        string? refused = null;
        try
        {
            Read(random);
        }
        catch (Exception e) when (IsDocumented(e))
        {
            refused = e.Message.Replace(File + ": ", "").Replace(File, "");
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var most = FixedBytes + TimesTheFile * Math.Max(bytes.Length, unpacked);
        if (allocated > most) throw new FuzzFailure($"{allocated} bytes were allocated for a file of {bytes.Length}, expected at most {most}: {refused ?? "read"}");
        if (refused is not null)
        {
            CheckRefused();
            return refused;
        }
        CheckRead(bytes);
        return "read";
    }

    /// <summary>A damaged file.</summary>
    /// <param name="unpacked">The bytes that may come out of it, for the bound of memory.</param>
    protected abstract byte[] Make(Random random, out long unpacked);

    /// <summary>Reads <see cref="File"/> and keeps what came.</summary>
    protected abstract void Read(Random random);

    protected abstract bool IsDocumented(Exception exception);

    /// <summary>Throws a <see cref="FuzzFailure"/> when what was read is not what stands in the file.</summary>
    protected abstract void CheckRead(byte[] bytes);

    /// <summary>Throws a <see cref="FuzzFailure"/> when a refusal changed anything.</summary>
    protected virtual void CheckRefused()
    {
    }

    public virtual void Dispose() => Directory.Delete(folder, recursive: true);
}
