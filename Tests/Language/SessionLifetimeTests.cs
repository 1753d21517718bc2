using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
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
        for (var t = 0; t < 6; t++)
        {
            var cache = session.Call("next", 24, Token(t));
            for (var row = 0; row < 6; row++) Assert.Equal(row <= t ? Token(row) : [-1, -1, -1, -1], cache[(4 * row)..(4 * row + 4)]);
        }
        // A place that the model computes is looked at before anything is written.
        var full = session.Call("read", 24, new float[1]);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => session.Call("next", 24, Token(6)));
        Assert.Contains("next: AssignAt's place", error.Message, StringComparison.Ordinal);
        Assert.Contains("6 lies outside of 0 to 5", error.Message, StringComparison.Ordinal);
        Assert.Equal(full, session.Call("read", 24, new float[1]));
        Assert.Equal([6f], session["length"].ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    public void Several_rows_or_columns_are_placed_at_once(int at)
    {
        using var model = RunningModel.Of(Source);
        using RunningModel rows = model.NewSession(), columns = model.NewSession();
        float[] x = [.. Enumerable.Range(0, 12).Select(i => (float)i)];
        var found = rows.Call("prompt", 24, x, (int[])[at]);
        for (var i = 0; i < 24; i++) Assert.Equal(i / 4 - at is >= 0 and < 3 and var row ? x[4 * row + i % 4] : -1, found[i]);
        found = columns.Call("columns", 24, x, (int[])[Math.Min(at, 2)]);
        for (var i = 0; i < 24; i++) Assert.Equal(i % 4 - Math.Min(at, 2) is >= 0 and < 2 and var column ? x[2 * (i / 4) + column] : -1, found[i]);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    [InlineData(9)]
    public void A_place_outside_is_refused_before_anything_runs(int at)
    {
        using var model = RunningModel.Of(Source);
        using var session = model.NewSession();
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => session.Call("prompt", 24, new float[12], (int[])[at]));
        Assert.Equal("at", error.ParamName);
        Assert.Contains($"prompt: at[0] is {at}, expected 0 to 3: AssignAt's place", error.Message, StringComparison.Ordinal);
        Assert.All(session.Call("read", 24, new float[1]), v => Assert.Equal(-1, v));
    }

    // Where a function writes a state, and whether it writes more than a part of it.
    static (int Writes, bool OnlyPart) Writing(RunningModel model, string function, string state)
    {
        var launches = model.Source.Lowered.Find(function)!.Launches.Where(l => l.Operands.Any(o => o.IsWritten && o.Buffer.Kind == BufferKind.State && o.Buffer.Name == state)).ToList();
        return (launches.Count, launches.All(l => l is LibraryLaunch { Operation: "placed" } placed && placed.Operands[0].Buffer == placed.Operands[3].Buffer));
    }

    [Fact]
    public void Only_the_part_is_written_however_long_the_cache_is()
    {
        using var model = RunningModel.Of("""
            [Model] public partial class M
            {
                readonly State keys = new([64, 4], Init.Zeros, lifetime: StateLifetime.Session), values = new([64, 4], Init.Zeros, lifetime: StateLifetime.Session);
                readonly State length = new([], Init.Zeros, lifetime: StateLifetime.Session);
                [Entry] public Tensor Next([Shape(1, 4)] Tensor x)
                {
                    var at = length.Cast(ElementType.I32);
                    keys.AssignAt(x * 2, at);
                    values.AssignAt(x * 3, at);
                    length.Assign(length + 1);
                    return (x.MatMul(keys.T).Softmax(-1)).MatMul(values);
                }
                [Entry] public Tensor Twice([Shape(1, 4)] Tensor x, [Shape] Tensor<int> first, [Shape] Tensor<int> second)
                {
                    keys.AssignAt(x, first);
                    keys.AssignAt(-x, second);
                    return keys.Sum(1);
                }
                [Entry] public Tensor Change([Shape(1, 4)] Tensor x, [Shape] Tensor<int> at)
                {
                    var before = keys.Sum(1);
                    keys.AssignAt(x, at);
                    return before;
                }
                [Entry] public Tensor Doubled([Shape(64, 2)] Tensor x, [Shape] Tensor<int> at)
                {
                    keys.AssignAt(keys.Slice(1, 0, 2) + x, at, axis: 1);
                    return keys + 0;
                }
            }
            """);
        Assert.Equal((1, true), Writing(model, "next", "keys"));
        Assert.Equal((1, true), Writing(model, "next", "values"));
        Assert.Equal((2, true), Writing(model, "twice", "keys"));
        Assert.Equal((1, true), Writing(model, "change", "keys")); // the reader of the old value comes before
        using var session = model.NewSession();
        session.Call("next", 4, Token(1));
        session.Call("next", 4, Token(2));
        Assert.Equal([.. Token(1).Select(v => 2 * v), .. Token(2).Select(v => 2 * v), 0f, 0, 0, 0], session["keys"][..12].ToArray());
        Assert.Equal([.. Token(1).Select(v => 3 * v), .. Token(2).Select(v => 3 * v), 0f, 0, 0, 0], session["values"][..12].ToArray());
        var sums = session.Call("twice", 64, Token(4), (int[])[1], (int[])[5]);
        Assert.Equal([2 * Token(1).Sum(), Token(4).Sum(), 0, 0, 0, -Token(4).Sum(), 0], sums[..7]);
        Assert.Equal(-Token(4).Sum(), session.Call("change", 64, Token(7), (int[])[5])[5]);
        var doubled = session.Call("doubled", 256, new float[128], (int[])[2]); // what is placed is computed from the old value
        Assert.Equal([4f, 4.25f, 4, 4.25f], doubled[4..8]);
    }

    [Fact]
    public void A_loop_appends_to_the_cache()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("T", Max = 16)] public partial class M
            {
                readonly State cache = new([16, 4], Init.Zeros, lifetime: StateLifetime.Session), length = new([], Init.Zeros, lifetime: StateLifetime.Session);
                [Entry] public Tensor Append([Shape("T", 4)] Tensor tokens)
                {
                    var (_, sums) = Tensor.Scan(length + 0, tokens, (n, token) =>
                    {
                        cache.AssignAt(token.Reshape(1, 4), n.Cast(ElementType.I32));
                        return (n + 1, cache.Sum());
                    });
                    length.Assign(length + tokens.Shape[0]);
                    return sums;
                }
                [Entry] public Tensor Generate([Shape(4)] Tensor first, [Shape] Tensor<float> limit)
                {
                    var (x, n) = Tensor.While((first, length + 0), s => s.Item1.Sum() < limit, s =>
                    {
                        cache.AssignAt(s.Item1.Reshape(1, 4), s.Item2.Cast(ElementType.I32));
                        return (s.Item1 * 2, s.Item2 + 1);
                    }, most: 10);
                    length.Assign(n);
                    return n;
                }
            }
            """);
        using var session = model.NewSession();
        float[] tokens = [.. Token(1), .. Token(2), .. Token(3)];
        Assert.Equal([Token(1).Sum(), Token(1).Sum() + Token(2).Sum(), tokens.Sum()], session.Call("append", 3, [tokens]));
        Assert.Equal([tokens.Sum() + Token(9).Sum()], session.Call("append", 1, Token(9)));
        Assert.Equal([.. tokens, .. Token(9), 0f], session["cache"][..17].ToArray());
        // In the body only a row is written; the loop works on memory of its own, because a place outside ends the call, which has then changed nothing.
        var body = model.Source.Lowered.Find("append")!.Launches.OfType<LibraryLaunch>().Single(l => l.Operation == "placed");
        Assert.Equal(body.Operands[0].Buffer, body.Operands[3].Buffer);
        Assert.Contains("16 lies outside of 0 to 15", Assert.Throws<ArgumentOutOfRangeException>(() => session.Call("append", 13, new float[52])).Message, StringComparison.Ordinal);
        Assert.Equal([.. tokens, .. Token(9), 0f], session["cache"][..17].ToArray());
        Assert.Equal([7f], session.Call("generate", 1, (float[])[1, 1, 1, 1], (float[])[30]));
        Assert.Equal([1f, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 0], session["cache"][16..29].ToArray());
    }

    [Fact]
    public void A_gradient_goes_through_what_is_placed_and_what_stays()
    {
        using var model = RunningModel.Of("""
            [Model] public partial class M
            {
                readonly State cache = new([5, 2], Init.Zeros);
                [Entry(Training = true)] public (Tensor, Tensor) Slopes([Shape(5, 2)] Tensor whole, [Shape(2, 2)] Tensor part, [Shape] Tensor<int> at, [Shape(5, 2)] Tensor weight)
                {
                    cache.Assign(whole);
                    cache.AssignAt(part, at);
                    var y = (cache * weight).Sum();
                    return (Tensor.Gradient(y, whole), Tensor.Gradient(y, part));
                }
            }
            """);
        float[] weight = [.. Enumerable.Range(1, 10).Select(i => (float)i)];
        var slopes = model.Call("slopes", [10, 4], new float[10], new float[4], (int[])[2], weight);
        Assert.Equal([1f, 2, 3, 4, 0, 0, 0, 0, 9, 10], slopes[0]);
        Assert.Equal([5f, 6, 7, 8], slopes[1]);
    }

    const string Sized = """
        [Model] [Dim("B", Max = 8)] [Dim("Context", Max = 32)] public partial class M
        {
            readonly Parameter weight = new([3], Init.Ones);
            readonly State cache = new(["B", "Context", 3], Init.Constant(0.5), lifetime: StateLifetime.Session), length = new([], Init.Zeros, lifetime: StateLifetime.Session);
            [Entry] public Tensor Next([Shape("B", 3)] Tensor x)
            {
                cache.AssignAt((x * weight).Unsqueeze(1), length.Cast(ElementType.I32), axis: 1);
                length.Assign(length + 1);
                return cache.Sum(1);
            }
            [Entry] public Tensor Prompt([Shape("B", 3)] Tensor x, [Shape("Context")] Tensor scale)
            {
                cache.Assign(x.Unsqueeze(1) * scale.Unsqueeze(1));
                return cache.Sum(1);
            }
            [Entry] public Tensor Total([Shape(1)] Tensor x) => cache.Sum() + x;
        }
        """;

    [Fact]
    public void A_session_says_how_large_its_states_are()
    {
        using var model = RunningModel.Of(Sized);
        using RunningModel two = model.NewSession(("B", 2), ("Context", 4)), three = model.NewSession(("Context", 7));
        Assert.Equal([2L, 4, 3], two.Instance.Store["cache"].Shape.ToArray());
        Assert.Equal([2 * 4 * 3 * 0.5f], two.Call("total", 1, new float[1])); // made with the session, with its first values
        Assert.False(three.Instance.Store.TryGet("cache", out _));             // its batch is not known yet
        Assert.Equal([1 + 1.5f, 2 + 1.5f, 3 + 1.5f, 4 + 1.5f, 5 + 1.5f, 6 + 1.5f], two.Call("next", 6, (float[])[1, 2, 3, 4, 5, 6]));
        Assert.Equal([10 + 3f, 10 + 3f, 10 + 3f], three.Call("next", 3, (float[])[10, 10, 10])); // its first call says it
        Assert.Equal([1L, 7, 3], three.Instance.Store["cache"].Shape.ToArray());
        Assert.Equal([10f, 10, 10, 0.5f], three["cache"][..4].ToArray());
        Assert.Equal([1f, 2, 3, 0.5f], two["cache"][..4].ToArray());
    }

    [Fact]
    public void A_session_keeps_its_sizes_and_says_what_does_not_fit()
    {
        using var model = RunningModel.Of(Sized);
        using RunningModel session = model.NewSession(("Context", 4)), open = model.NewSession();
        session.Call("next", 6, new float[6]);
        var error = Assert.Throws<ArgumentException>(() => session.Call("next", 9, new float[9]));
        Assert.Equal("x", error.ParamName);
        Assert.Contains("next: B is 3 by the length of x, but this session has B = 2: expected what the state cache [B, Context, 3] was made with", error.Message, StringComparison.Ordinal);
        Assert.Equal([1f], session["length"].ToArray());
        Assert.Contains("total: nothing says how large B of the state cache [B, Context, 3] is. Make the session with it: NewSession(sizes: [(\"B\", …)])", Assert.Throws<InvalidOperationException>(() => open.Call("total", 1, new float[1])).Message, StringComparison.Ordinal);
        Assert.Contains("reads states whose B, Context each session sets", Assert.Throws<InvalidOperationException>(() => model.Call("total", 1, new float[1])).Message, StringComparison.Ordinal);
        Assert.Contains("No state of M has the dimension T; those of its sessions have B, Context", Assert.Throws<ArgumentException>(() => model.NewSession(("T", 1))).Message, StringComparison.Ordinal);
        Assert.Contains("B of a session of M is expected to be 1 to 8", Assert.Throws<ArgumentOutOfRangeException>(() => model.NewSession(("B", 9))).Message, StringComparison.Ordinal);
        Assert.Contains("B is given twice", Assert.Throws<ArgumentException>(() => model.NewSession(("B", 1), ("B", 2))).Message, StringComparison.Ordinal);
        // A call that is refused settles nothing.
        Assert.Throws<ArgumentException>(() => open.Call("prompt", 12, new float[12], new float[33]));
        Assert.Throws<ArgumentException>(() => open.Call("prompt", 7, new float[3], new float[6]));
        Assert.Equal([10f, 10, 10, 20, 20, 20], open.Call("prompt", 6, (float[])[1, 1, 1, 2, 2, 2], (float[])[1, 2, 3, 4, 0]));
        Assert.Equal([2L, 5, 3], open.Instance.Store["cache"].Shape.ToArray());
    }

    [Theory]
    [InlineData("GR1011", "new([\"B\", 3], Init.Zeros, lifetime: StateLifetime.Model)", "return x + cache")]
    [InlineData("GR1014", "new([\"N\", 3], Init.Zeros)", "return x + 0")]
    [InlineData("GR2012", "new([\"B\", 3], Init.Zeros)", "cache.AssignAt(x.Reshape(x.Shape[0], 1, 3), 0); return x + 0")]
    public void A_named_dimension_that_does_not_fit_is_refused(string id, string state, string body) =>
        Assert.Equal(id, Elaborate.Error($"[Model] [Dim(\"B\", Max = 8)] public partial class M {{ readonly State cache = {state}; [Entry] public Tensor F([Shape(\"B\", 3)] Tensor x) {{ {body}; }} }}").Id);

    [Fact]
    public Task A_cache_with_a_named_dimension()
    {
        using var model = RunningModel.Of(Sized);
        return Verify(string.Join("", model.Source.Stages.Final.States.Select(s => $"{s.Kind} {s.Path} {s.Type}\n")) + RunningModel.Stage(model.Source, "Graph", "next") + RunningModel.Stage(model.Source, "Scheduled", "next"));
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
