using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Tests.Elaboration;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>States that live as long as a session: a cache that takes tokens at an offset, in no file and in no training.</summary>
public sealed class SessionLifetimeTests
{
    const string Source = """
        [Model] public partial class M
        {
            readonly Parameter weight = new([4], Init.Ones);
            readonly State cache = new([6, 4], Init.Constant(-1), lifetime: StateLifetime.Session), length = new([], Init.Zeros, lifetime: StateLifetime.Session);
            readonly State seen = new([], Init.Zeros);
            [Entry] public Tensor Next([Shape(1, 4)] Tensor token)
            {
                cache.AssignAt(token * weight, length.Cast(ElementType.I32));
                length.Assign(length + 1);
                return cache + 0;
            }
            [Entry] public Tensor Prompt([Shape(3, 4)] Tensor tokens, [Shape] Tensor<int> at)
            {
                cache.AssignAt(tokens, at);
                return cache + 0;
            }
            [Entry] public Tensor Columns([Shape(6, 2)] Tensor x, [Shape] Tensor<int> at)
            {
                cache.AssignAt(x, at, axis: 1);
                return cache + 0;
            }
            [Entry] public Tensor Read([Shape(1)] Tensor x) => cache + x;
            [Loss] public Tensor Loss([Shape(4)] Tensor x)
            {
                if (Mode.Training) seen.Assign(seen + 1);
                return (x * weight).Square().Mean();
            }
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
        }
        """;

    static float[] Token(float value) => [value, value + 0.25f, value + 0.5f, value + 0.75f];

    [Fact]
    public void A_cache_takes_tokens_at_an_offset()
    {
        using var model = RunningModel.Of(Source);
        using var session = model.NewSession();
        for (var t = 0; t < 8; t++)
        {
            var cache = session.Call("next", 24, Token(t));
            for (var row = 0; row < 6; row++) Assert.Equal(row <= t ? Token(row) : [-1, -1, -1, -1], cache[(4 * row)..(4 * row + 4)]); // what comes after the end is left out
        }
        Assert.Equal([8f], session["length"].ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(-2)]
    [InlineData(9)]
    public void Several_rows_or_columns_are_placed_at_once(int at)
    {
        using var model = RunningModel.Of(Source);
        using RunningModel rows = model.NewSession(), columns = model.NewSession();
        float[] x = [.. Enumerable.Range(0, 12).Select(i => (float)i)];
        var found = rows.Call("prompt", 24, x, (int[])[at]);
        for (var i = 0; i < 24; i++) Assert.Equal(i / 4 - at is >= 0 and < 3 and var row ? x[4 * row + i % 4] : -1, found[i]);
        found = columns.Call("columns", 24, x, (int[])[at]);
        for (var i = 0; i < 24; i++) Assert.Equal(i % 4 - at is >= 0 and < 2 and var column ? x[2 * (i / 4) + column] : -1, found[i]);
    }

    [Fact]
    public void Each_session_has_its_own_and_the_model_says_that_it_takes_one()
    {
        using var model = RunningModel.Of(Source);
        using RunningModel first = model.NewSession(), second = model.NewSession();
        first.Call("next", 24, Token(3));
        Assert.Equal(-1, second.Call("read", 24, new float[1])[0]);
        Assert.Equal(3, first.Call("read", 24, new float[1])[0]);
        Assert.Equal(-1, model.Call("read", 24, new float[1])[0]); // the model's is what a session begins with
        Assert.Contains("cache, length", Assert.Throws<InvalidOperationException>(() => model.Call("next", 24, Token(1))).Message, StringComparison.Ordinal);
        using var later = first.NewSession();
        Assert.Equal(-1, later.Call("read", 24, new float[1])[0]);
    }

    [Fact]
    public void No_file_has_it_and_loading_leaves_it_alone()
    {
        var path = Path.GetTempFileName();
        try
        {
            using var model = RunningModel.Of(Source);
            using var session = model.NewSession();
            session.Call("next", 24, Token(3));
            model.Step(Token(1));
            foreach (var weightsOnly in new[] { true, false })
            {
                session.Instance.SaveCheckpoint(path, null, ImmutableDictionary<string, string>.Empty, weightsOnly);
                Assert.DoesNotContain("cache", File.ReadAllText(path), StringComparison.Ordinal);
                Assert.Contains("seen", File.ReadAllText(path), StringComparison.Ordinal);
                session.Instance.LoadCheckpoint(path, new());
            }
            Assert.Equal(3, session.Call("read", 24, new float[1])[0]);
            Assert.Equal([1f], model["seen"].ToArray());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Training_assigns_none()
    {
        var error = Elaborate.Error("""
            [Model] public partial class M
            {
                readonly Parameter weight = new([4], Init.Ones);
                readonly State last = new([4], Init.Zeros, lifetime: StateLifetime.Session);
                [Loss] public Tensor Loss([Shape(4)] Tensor x) { last.Assign(x); return (x * weight).Sum(); }
                [Train] public static Sgd Optimizer() => new();
            }
            """);
        Assert.Equal("GR2064", error.Id);
        Assert.Contains("last", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GR2012", "cache.AssignAt(x, 0)")]
    [InlineData("GR2009", "cache.AssignAt(x.Expand(7, 4), 0)")]
    [InlineData("GR2008", "cache.AssignAt(x.Reshape(1, 4), 0.5f)")]
    [InlineData("GR2002", "cache.AssignAt(x.Reshape(1, 4), 0, axis: 2)")]
    public void What_does_not_fit_is_refused(string id, string call) =>
        Assert.Equal(id, Elaborate.Error($"[Model] public partial class M {{ readonly State cache = new([6, 4], Init.Zeros); [Entry] public Tensor F([Shape(4)] Tensor x) {{ {call}; return cache + 0; }} }}").Id);

    [Fact]
    public Task An_entry_that_writes_at_an_offset()
    {
        using var model = RunningModel.Of(Source);
        return Verify(string.Join("", model.Source.Stages.Final.States.Select(s => $"{s.Kind} {s.Path}\n")) + RunningModel.Stage(model.Source, "Graph", "next") + RunningModel.Stage(model.Source, "Scheduled", "next"));
    }
}
