using System;
using System.IO;
using System.Linq;
using Graph.Examples.Gpt;
using Xunit;

namespace Graph.Tests.Examples;

/// <summary>The language model's example writes from what it keeps of a text, and nothing is different but the time it takes.</summary>
public sealed class WritingTests
{
    static readonly int[] text = [.. Enumerable.Range(0, 64).Select(i => i * 37 % 101)];

    /// <summary>Whatever is read at once: the beginning, single characters, more than the kernel of few queries takes; and from the front again, over what was kept before.</summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void What_is_kept_gives_the_bits_of_the_whole_text(Precision precision)
    {
        using var model = CharacterGpt.Create(precision, seed: 3, threads: 2);
        using var session = model.NewSession();
        float[] whole = new float[64 * 256], next = new float[256];
        foreach (var taken in (int[][])[[7, 1, 1, 3, 1, 20, 1, 30], [33, 1, 1]])
        {
            // Of each its own, so that nothing of a longer text before helps.
            var shown = text.Select(c => (c + taken.Length) % 101).ToArray();
            model.Predict(shown, whole);
            var at = 0;
            foreach (var count in taken)
            {
                session.Next(shown.AsSpan(at, count), [at], next);
                at += count;
                Assert.Equal(whole[((at - 1) * 256)..(at * 256)], next);
            }
        }
    }

    [Fact]
    public void A_text_longer_than_the_context_holds_does_not_fit()
    {
        using var model = CharacterGpt.Create(seed: 3, threads: 1);
        using var session = model.NewSession();
        var next = new float[256];
        session.Next(text, [0], next);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Next(text.AsSpan(0, 1), [64], next));
        Assert.Throws<InvalidOperationException>(() => model.Next(text.AsSpan(0, 1), [0], next)); // a text is a session's
    }

    [Fact]
    public void The_example_writes_the_same_text_with_and_without_what_it_keeps()
    {
        var folder = Directory.CreateTempSubdirectory("graph");
        try
        {
            var data = Path.Combine(folder.FullName, "text");
            File.WriteAllText(data, string.Concat(Enumerable.Repeat("all the world's a stage ", 500)));
            string Written(string name, params string[] more)
            {
                var place = Path.Combine(folder.FullName, name);
                // Beyond the context more than once.
                string[] args = ["--data", data, "--out", place, "--steps", "1", "--threads", "1", "--sample", "140", .. more];
                Assert.Equal(0, (int)typeof(CharacterGpt).Assembly.EntryPoint!.Invoke(null, [args])!);
                var page = File.ReadAllText(Path.Combine(place, "report.html"));
                var begin = page.IndexOf("What it writes", StringComparison.Ordinal);
                return page[begin..page.IndexOf("This run", begin, StringComparison.Ordinal)];
            }
            var kept = Written("kept");
            Assert.True(kept.Length > 140);
            Assert.Equal(Written("again", "--read-again"), kept);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
