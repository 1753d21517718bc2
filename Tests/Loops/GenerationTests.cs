using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Tests.Language;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary>A sequence that a model makes itself: one call runs as many steps as it needs, over a cache that belongs to the session.</summary>
public sealed class GenerationTests
{
    const int Most = 12, Tokens = 9, End = 3;

    const string Source = """
        [Model] public partial class M
        {
            readonly Embedding table = new(9, 6);
            readonly Linear query = new(6, 6), key = new(6, 6), head = new(6, 9);
            readonly State keys = new([12, 6], Init.Zeros, lifetime: StateLifetime.Session), length = new([], Init.Zeros, lifetime: StateLifetime.Session);

            // The next token's scores, over all that came before.
            Tensor Scores(Tensor token)
            {
                var x = table.Forward(token.Reshape(1));
                keys.AssignAt(key.Forward(x), length.Cast(ElementType.I32));
                length.Assign(length + 1);
                var weights = query.Forward(x).MatMul(keys.T) + Tensor.Where(Tensor.Arange(12) < length, 0f, -1e9f);
                return head.Forward(weights.Softmax(1).MatMul(keys) + x).Reshape(9);
            }

            [Entry] public Tensor Next([Shape] Tensor<int> token) => Scores(token);

            // Greedy, until the end token or twelve steps.
            [Entry] public (Tensor Text, Tensor Count) Generate([Shape] Tensor<int> first)
            {
                var (text, _, count) = Tensor.While((Tensor.Zeros(12), first.Cast(ElementType.I64), Tensor.Zeros(1)), s => !s.Item2.EqualTo(3), s =>
                {
                    var next = Scores(s.Item2).ArgMax(0);
                    return (Tensor.Where(Tensor.Arange(12).EqualTo(s.Item3), next.Cast(ElementType.F32), s.Item1), next, s.Item3 + 1);
                }, most: 12);
                return (text, count);
            }

            // By the scores' probabilities: the largest of scores and Gumbel noise.
            [Entry] public Tensor Sample([Shape] Tensor<int> first)
            {
                var (text, _, _) = Tensor.While((Tensor.Zeros(12), first.Cast(ElementType.I64), Tensor.Zeros(1)), s => s.Item3.Sum() < 12, s =>
                {
                    var noise = -(-(Tensor.Uniform([9]) + 1e-9f).Log()).Log();
                    var next = (Scores(s.Item2) + noise).ArgMax(0);
                    return (Tensor.Where(Tensor.Arange(12).EqualTo(s.Item3), next.Cast(ElementType.F32), s.Item1), next, s.Item3 + 1);
                }, most: 12);
                return text;
            }
        }
        """;

    // Step by step from outside.
    static List<int> Greedy(RunningModel session, int first)
    {
        var text = new List<int>();
        for (var token = first; token != End && text.Count < Most; text.Add(token))
        {
            var scores = session.Call("next", Tokens, new[] { token });
            token = Array.IndexOf(scores, scores.Max());
        }
        return text;
    }

    [Fact]
    public void A_loop_generates_until_the_end_over_the_sessions_cache()
    {
        using var model = RunningModel.Of(Source, seed: 11);
        var lengths = new HashSet<int>();
        for (var first = 0; first < Tokens; first++)
        {
            using RunningModel alone = model.NewSession(), session = model.NewSession();
            var expected = Greedy(alone, first);
            var made = session.Call("generate", [Most, 1], new[] { first });
            Assert.Equal(expected.Count, made[1][0]);
            Assert.Equal(expected.Select(t => (float)t).Concat(Enumerable.Repeat(0f, Most - expected.Count)), made[0]);
            Assert.Equal(expected.Count, session["length"][0]);
            Assert.Equal(alone["keys"].ToArray(), session["keys"].ToArray());
            lengths.Add(expected.Count);
        }
        Assert.True(lengths.Count > 1, string.Join(",", lengths)); // some end before the others
        Assert.Contains(0, lengths); // one that begins with the end takes no step
    }

    [Fact]
    public void Every_step_samples_anew_and_every_session_too()
    {
        using var model = RunningModel.Of(Source, seed: 11);
        var texts = new List<float[]>();
        for (var i = 0; i < 6; i++)
        {
            using var session = model.NewSession();
            texts.Add(session.Call("sample", Most, new[] { 1 }));
        }
        Assert.True(texts.Select(t => string.Join(",", t)).Distinct().Count() > 3);
        Assert.All(texts, t => Assert.True(t.Distinct().Count() > 2));
    }
}
