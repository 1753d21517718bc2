using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Graph.Runtime.Checkpoints;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class AtomicFileTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-atomic-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string In(string name) => Path.Combine(folder, name);

    [Fact]
    public void A_replaced_file_keeps_its_mode()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(In("a"), "old");
        foreach (var mode in new[] { UnixFileMode.UserRead | UnixFileMode.UserWrite, (UnixFileMode)0b110_110_110, (UnixFileMode)0b111_101_000 })
        {
            File.SetUnixFileMode(In("a"), mode);
            AtomicFile.Write(In("a"), "new");
            Assert.Equal(mode, File.GetUnixFileMode(In("a")));
        }
    }

    [Fact]
    public void A_read_only_file_is_not_replaced()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(In("a"), "kept");
        File.SetUnixFileMode(In("a"), UnixFileMode.UserRead);
        Assert.Contains("read-only", Assert.Throws<UnauthorizedAccessException>(() => AtomicFile.Write(In("a"), "new")).Message, StringComparison.Ordinal);
        Assert.Equal("kept", File.ReadAllText(In("a")));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void A_link_stays_a_link_and_what_it_points_to_is_replaced()
    {
        Directory.CreateDirectory(In("far"));
        File.WriteAllText(In("far/target"), "old");
        File.CreateSymbolicLink(In("second"), "far/target");
        File.CreateSymbolicLink(In("first"), "second");
        AtomicFile.Write(In("first"), "new");
        Assert.Equal("new", File.ReadAllText(In("far/target")));
        Assert.Equal("second", new FileInfo(In("first")).LinkTarget);
        Assert.Equal("far/target", new FileInfo(In("second")).LinkTarget);
        Assert.Equal([In("far/target")], Directory.GetFiles(In("far")));

        File.CreateSymbolicLink(In("dangling"), "far/new");
        AtomicFile.Write(In("dangling"), "made");
        Assert.Equal("made", File.ReadAllText(In("far/new")));
        Assert.Equal("far/new", new FileInfo(In("dangling")).LinkTarget);
    }

    [Fact]
    public void What_is_no_file_is_not_replaced()
    {
        Directory.CreateDirectory(In("folder"));
        File.CreateSymbolicLink(In("link"), "folder");
        Assert.Contains("a folder is there", Assert.Throws<IOException>(() => AtomicFile.Write(In("folder"), "x")).Message, StringComparison.Ordinal);
        Assert.Contains("a folder is there", Assert.Throws<IOException>(() => AtomicFile.Write(In("link"), "x")).Message, StringComparison.Ordinal);
        Assert.Contains("a folder is there", Assert.Throws<IOException>(() => AtomicFile.Write(In("new") + "/", "x")).Message, StringComparison.Ordinal);
        if (!OperatingSystem.IsLinux()) return;
        Assert.Equal(0, MakePipe(In("pipe"), 0b110_110_110));
        Assert.Contains("a pipe or a device", Assert.Throws<IOException>(() => AtomicFile.Write(In("pipe"), "x")).Message, StringComparison.Ordinal);
        Assert.Contains("a pipe or a device", Assert.Throws<IOException>(() => AtomicFile.Write("/dev/null", "x")).Message, StringComparison.Ordinal);
        Assert.True(File.Exists("/dev/null"));
    }

    [DllImport("libc", EntryPoint = "mkfifo")]
    static extern int MakePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [Fact]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        AtomicFile.Write(In("new/a"), "old");
        Assert.Throws<InvalidTimeZoneException>(() => AtomicFile.Write(In("new/a"), stream =>
        {
            stream.WriteByte(1);
            throw new InvalidTimeZoneException();
        }));
        Assert.Equal("old", File.ReadAllText(In("new/a")));
        Assert.Single(Directory.GetFiles(In("new")));
    }

    [Fact]
    public void What_a_killed_writer_left_is_removed_and_nothing_else_is()
    {
        var left = In($".a.{Guid.NewGuid():N}.tmp");
        string[] others = [In(".a.tmp"), In(".a..tmp"), In(".a.b.tmp"), In($".b.{Guid.NewGuid():N}.tmp"), In("a.tmp")];
        foreach (var file in others.Append(left)) File.WriteAllText(file, "");
        AtomicFile.Write(In("a"), "new");
        Assert.Equal(others.Append(In("a")).Order(), Directory.GetFiles(folder).Order());
    }

    [Fact]
    public async Task Writers_readers_and_cleaners_of_one_file_never_meet()
    {
        AtomicFile.Write(In("a"), new string('0', 5000));
        using var done = new CancellationTokenSource();
        var cleaning = Task.Run(() =>
        {
            while (!done.IsCancellationRequested) AtomicFile.DeleteLeftovers(In("a"));
        });
        var reading = Task.Run(() =>
        {
            do
            {
                var text = File.ReadAllText(In("a"));
                Assert.True(text.Length == 5000 && text.All(c => c == text[0]));
            }
            while (!done.IsCancellationRequested);
        });
        await Task.WhenAll(Enumerable.Range(1, 3).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 60; i++) AtomicFile.Write(In("a"), new string((char)('0' + writer), 5000));
        })));
        await done.CancelAsync();
        await cleaning;
        await reading;
        Assert.Equal([In("a")], Directory.GetFiles(folder));
    }
}
