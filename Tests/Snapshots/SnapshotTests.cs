using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Snapshots;

public sealed class SnapshotTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-snapshot-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string In(string name) => Path.Combine(folder, name);

    [Fact]
    public Task A_text_equals_its_accepted_snapshot() => Verify("program Digits.Loss\ndim   B ≤ 256 ~ 64");

    [Theory]
    [InlineData("graph")]
    [InlineData("fused")]
    public Task Arguments_tell_snapshots_apart(string stage) => Verify($"the stage {stage}", $"stage={stage}");

    [Fact]
    public void Names_follow_Verify()
        => Assert.Equal(In("PassTests.Fuses_stage=fused"), Stem(In("PassTests.cs"), "Fuses", "stage=fused"));

    [Fact]
    public void Characters_that_no_file_name_may_hold_become_dashes()
        => Assert.Equal(In("PassTests.Fuses_path=a-b-c"), Stem(In("PassTests.cs"), "Fuses", "path=a/b:c"));

    [Fact]
    public void A_text_without_snapshot_is_written_as_received_and_fails()
    {
        var mismatch = Compare("one\r\ntwo", In("A.B"), "txt", accept: false);
        Assert.Contains("No snapshot A.B.verified.txt", mismatch!.Description, StringComparison.Ordinal);
        Assert.Equal("one\ntwo", File.ReadAllText(In("A.B.received.txt")));
        Assert.False(File.Exists(In("A.B.verified.txt")));
    }

    [Fact]
    public void A_difference_is_shown_with_the_lines_around_it()
    {
        var lines = Enumerable.Range(0, 20).Select(i => $"line {i}").ToArray();
        File.WriteAllText(In("A.B.verified.txt"), string.Join('\n', lines));
        lines[10] = "changed";
        var mismatch = Compare(string.Join('\n', lines), In("A.B"), "txt", accept: false);
        Assert.Contains("- line 10\n+ changed\n", mismatch!.Description, StringComparison.Ordinal);
        Assert.Contains("  line 7\n", mismatch.Description, StringComparison.Ordinal);
        Assert.DoesNotContain("line 6\n", mismatch.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_last_line_end_is_a_difference()
    {
        File.WriteAllText(In("A.B.verified.txt"), "one\n");
        Assert.NotNull(Compare("one", In("A.B"), "txt", accept: false));
    }

    [Fact]
    public void A_match_removes_what_was_received_before()
    {
        Compare("one", In("A.B"), "txt", accept: false);
        File.WriteAllText(In("A.B.verified.txt"), "one\r\n");
        Assert.Null(Compare("one\n", In("A.B"), "txt", accept: false));
        Assert.False(File.Exists(In("A.B.received.txt")));
    }

    [Fact]
    public void Accepting_writes_the_verified_file_without_byte_order_mark()
    {
        Assert.Null(Compare("≤", In("A.B"), "txt", accept: true));
        Assert.Equal([0xE2, 0x89, 0xA4], File.ReadAllBytes(In("A.B.verified.txt")));
    }

    [Fact]
    public void Every_snapshot_in_the_repository_belongs_to_a_test()
    {
        var orphans = Directory.EnumerateFiles(Path.Combine(Repository.Root, "Tests"), "*.verified.*", SearchOption.AllDirectories)
            .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            .Where(path => !IsOwned(path));
        Assert.Empty(orphans);
    }

    static bool IsOwned(string snapshot)
    {
        var parts = Path.GetFileName(snapshot).Split('.', 3);
        var source = Path.Combine(Path.GetDirectoryName(snapshot)!, parts[0] + ".cs");
        if (!File.Exists(source))
            return false;
        // The arguments begin at some underscore, so one of the prefixes that end before one must be a member of the class.
        var text = File.ReadAllText(source);
        var words = parts[1].Split('_');
        return Enumerable.Range(1, words.Length).Any(n => text.Contains(string.Join('_', words.Take(n)) + "(", StringComparison.Ordinal));
    }
}
