using System;
using System.IO;
using System.Threading.Tasks;
using Graph.Data;
using Graph.Runtime.Checkpoints;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Whether a run can keep what it reaches is known before it trains. That another process is kept away is shown in <see cref="SignalTests"/>.</summary>
public sealed class RunLockTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-lock-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string In(string name) => Path.Combine(folder, name);

    static async Task<Exception> Refused(string checkpoint)
    {
        using var model = LineModel.Create();
        var error = await Assert.ThrowsAnyAsync<Exception>(() => model.FitAsync(new BatchLoader(new LineData(32), 16), new() { CheckpointPath = checkpoint }));
        Assert.Equal(0, model.Step);
        return error;
    }

    [Fact]
    public async Task A_place_that_cannot_be_written_is_found_before_training()
    {
        Directory.CreateDirectory(In("folder"));
        foreach (var place in new[] { In("folder"), In("new") + Path.DirectorySeparatorChar })
            Assert.Equal($"{place}: a folder is there, so no file can be written.", Assert.IsType<IOException>(await Refused(place)).Message);
        if (!OperatingSystem.IsWindows())
        {
            File.WriteAllText(In("kept"), "");
            File.SetUnixFileMode(In("kept"), UnixFileMode.UserRead);
            Assert.Equal($"{In("kept")} is read-only.", Assert.IsType<UnauthorizedAccessException>(await Refused(In("kept"))).Message);
        }
        File.WriteAllText(In("file"), "");
        Assert.StartsWith($"{In("file/line")}: nothing can be written there: ", Assert.IsType<IOException>(await Refused(In("file/line"))).Message, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux()) Assert.Contains("nothing can be written there", (await Refused("/proc/line")).Message, StringComparison.Ordinal); // for root, too
    }

    [Fact]
    public void One_at_a_time_gets_a_lock()
    {
        using (RunLock.OfFile(In("line")))
        {
            Assert.StartsWith($"{In("line")}: another run is at work on it, which holds the lock {In(".line.lock")}.", Assert.Throws<IOException>(() => RunLock.OfFile(In("line"))).Message, StringComparison.Ordinal);
            if (!OperatingSystem.IsWindows())
            {
                // By another name.
                File.WriteAllText(In("line"), "");
                File.CreateSymbolicLink(In("link"), In("line"));
                Assert.Throws<IOException>(() => RunLock.OfFile(In("link")));
            }
            using (RunLock.OfFile(In("other")))
            using (RunLock.OfFolder(folder)) Assert.Throws<IOException>(() => RunLock.OfFolder(folder));
        }
        RunLock.OfFile(In("line")).Dispose();
        File.WriteAllText(In(".line.lock"), "12345 of a process that was killed");
        var held = RunLock.OfFile(In("line"));
        held.Dispose();
        held.Dispose();
        Assert.False(File.Exists(In(".line.lock")));
    }

    [Fact]
    public async Task Two_fits_of_one_process_do_not_share_a_checkpoint()
    {
        using var first = LineModel.Create(seed: 1);
        using var second = LineModel.Create(seed: 2);
        FitOptions options = new() { Steps = 3, CheckpointPath = In("line") };
        var refused = 0;
        await first.FitAsync(new BatchLoader(new LineData(32), 16), options, new Reports(() =>
        {
            Assert.Throws<IOException>(() => second.FitAsync(new BatchLoader(new LineData(32), 16), options).GetAwaiter().GetResult());
            refused++;
        }));
        Assert.Equal(3, refused);
        await second.FitAsync(new BatchLoader(new LineData(32), 16), options);
    }

    sealed class Reports(Action then) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => then();
    }

    // A lock whose file the one before deletes at the same moment would be a lock of nothing.
    [Fact]
    public async Task A_lock_that_changes_hands_quickly_has_one_owner()
    {
        var (owners, most, taken) = (0, 0, 0);
        var tasks = new Task[4];
        for (var i = 0; i < tasks.Length; i++)
            tasks[i] = Task.Factory.StartNew(
                () =>
                {
                    for (var n = 0; n < 300; n++)
                        try
                        {
                            using var held = RunLock.OfFile(In("line"));
                            var now = System.Threading.Interlocked.Increment(ref owners);
                            if (now > 1) most = now;
                            System.Threading.Interlocked.Increment(ref taken);
                            System.Threading.Interlocked.Decrement(ref owners);
                        }
                        catch (IOException)
                        {
                            // Another one has it.
                        }
                },
                System.Threading.Tasks.TaskCreationOptions.LongRunning);
        await Task.WhenAll(tasks);
        Assert.Equal(0, most);
        Assert.True(taken > 0);
    }
}
