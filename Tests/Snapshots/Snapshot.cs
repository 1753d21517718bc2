using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Tasks;
using DiffEngine;
using DiffPlex;

namespace Graph.Tests.Snapshots;

/// <summary>
/// Compares a text with the one that was accepted before. Names, places and behaviour are Verify's
/// (<c>Class.Method_arguments.verified.txt</c> beside the test, <c>.received.txt</c> on a mismatch), so that the real package can take this one's place.
/// </summary>
/// <remarks>
/// Files are UTF-8 without a byte order mark (Verify's <c>UseUtf8NoBom</c>), lines end with LF, and the text is stored as it is: nothing is appended or trimmed.
/// Set <c>GRAPH_ACCEPT_SNAPSHOTS=1</c> to accept what a run receives.
/// </remarks>
public static class Snapshot
{
    const int Context = 3;
    const int LongestDiff = 80;
    static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Checks <paramref name="text"/> against the snapshot of the calling test.</summary>
    /// <param name="text">What the test produced.</param>
    /// <param name="args">Tells the snapshots of one method apart, by Verify's habit as <c>name=value_name=value</c>.</param>
    /// <param name="extension">The file's extension, for texts that an editor should colour (<c>cs</c>).</param>
    /// <param name="file">The test's source file: its name is the class's name and its folder holds the snapshots.</param>
    /// <param name="member">The test method.</param>
    /// <exception cref="SnapshotException">The text differs from the accepted one, or none was accepted yet.</exception>
    public static Task Verify(
        string text, string? args = null, string extension = "txt", [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        var received = Compare(text, Stem(file, member, args), extension, accept: Environment.GetEnvironmentVariable("GRAPH_ACCEPT_SNAPSHOTS") == "1");
        return received is null ? Task.CompletedTask : Fail(received);
    }

    /// <summary>Returns null when <paramref name="text"/> equals the verified file, otherwise the mismatch, whose received file has been written.</summary>
    internal static Mismatch? Compare(string text, string stem, string extension, bool accept)
    {
        text = text.ReplaceLineEndings("\n");
        var verified = $"{stem}.verified.{extension}";
        var received = $"{stem}.received.{extension}";
        var accepted = File.Exists(verified) ? File.ReadAllText(verified).ReplaceLineEndings("\n") : null;
        if (accepted == text || accept)
        {
            if (accepted != text)
                File.WriteAllText(verified, text, Utf8);
            File.Delete(received);
            return null;
        }
        File.WriteAllText(received, text, Utf8);
        return new Mismatch(received, verified, Describe(Path.GetFileName(verified), accepted, text));
    }

    /// <summary>The path of a snapshot without <c>.verified.txt</c>.</summary>
    internal static string Stem(string file, string member, string? args)
    {
        var name = $"{Path.GetFileNameWithoutExtension(file)}.{member}{(string.IsNullOrEmpty(args) ? "" : "_" + args)}";
        return Path.Combine(Path.GetDirectoryName(Repository.Resolve(file))!, string.Concat(name.Select(c => Illegal.Contains(c) ? '-' : c)));
    }

    // What no file name may hold on any system, so that a snapshot has one name everywhere.
    const string Illegal = "\"<>|:*?\\/\t\r\n";

    static async Task Fail(Mismatch mismatch)
    {
        // Opens a diff tool where a developer sits; does nothing on a build server or where none is installed.
        if (!DiffRunner.Disabled && !BuildServerDetector.Detected)
            await DiffRunner.LaunchAsync(mismatch.Received, mismatch.Verified);
        throw new SnapshotException(mismatch.Description);
    }

    static string Describe(string name, string? accepted, string text)
    {
        var how = "Set GRAPH_ACCEPT_SNAPSHOTS=1 and run the test again to accept it.";
        if (accepted is null)
            return $"No snapshot {name} has been accepted yet. Received:\n{Shorten(text.Split('\n'))}\n{how}";
        var shown = Difference(accepted, text);
        return $"{name} differs (- accepted, + received):\n{Shorten(shown)}\n{how}";
    }

    // The changed lines, each run of them with a few unchanged lines around it.
    static string[] Difference(string accepted, string text)
    {
        var diff = new Differ().CreateLineDiffs(accepted, text, ignoreWhitespace: false);
        var lines = new List<string>();
        var shownTo = 0;
        void Same(int from, int to)
        {
            from = Math.Max(from, shownTo);
            if (from > shownTo)
                lines.Add("  ...");
            for (shownTo = Math.Max(shownTo, to); from < to; from++)
                lines.Add("  " + diff.PiecesOld[from]);
        }
        foreach (var block in diff.DiffBlocks)
        {
            Same(block.DeleteStartA - Context, block.DeleteStartA);
            lines.AddRange(diff.PiecesOld.Skip(block.DeleteStartA).Take(block.DeleteCountA).Select(line => "- " + line));
            lines.AddRange(diff.PiecesNew.Skip(block.InsertStartB).Take(block.InsertCountB).Select(line => "+ " + line));
            shownTo = block.DeleteStartA + block.DeleteCountA;
            var next = diff.DiffBlocks.SkipWhile(other => other != block).Skip(1).FirstOrDefault()?.DeleteStartA ?? diff.PiecesOld.Length;
            Same(shownTo, Math.Min(next, shownTo + Context));
        }
        if (lines.Count > 0 && shownTo < diff.PiecesOld.Length)
            lines.Add("  ...");
        return lines.Count > 0 ? [.. lines] : ["  only the end of the text differs"];
    }

    static string Shorten(string[] lines)
        => lines.Length <= LongestDiff ? string.Join('\n', lines) : $"{string.Join('\n', lines.Take(LongestDiff))}\n  ... and {lines.Length - LongestDiff} lines more";

    internal sealed record Mismatch(string Received, string Verified, string Description);
}

/// <summary>A text is not the one that was accepted; the message holds the difference.</summary>
public sealed class SnapshotException(string message) : Exception(message);
