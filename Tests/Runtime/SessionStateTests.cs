using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>States that entries assign belong to the session that they run in.</summary>
public sealed class SessionStateTests
{
    static readonly float[] Rows = [.. Enumerable.Range(0, 12)], Pair = [1, 2, 3, 4, 5, 6, 7, 9];

    static float Seen(CacheModel model) => model.Parameters["seen"].Read<float>()[0];

    static float[][] Talk(CacheModel session, int seed, int tokens = 6) => [.. Enumerable.Range(0, tokens).Select(i => Say(session, seed, i))];

    static float[] Say(CacheModel session, int seed, int token)
    {
        var result = new float[4];
        session.Next([.. Enumerable.Range(0, 4).Select(j => (float)Math.Sin(seed + 10 * token + j))], result);
        return result;
    }

    [Fact]
    public void The_model_itself_says_that_it_takes_a_session()
    {
        using var model = CacheModel.Create();
        var error = Assert.Throws<InvalidOperationException>(() => model.Next(new float[4], new float[4]));
        Assert.Contains("next assigns cache, length", error.Message, StringComparison.Ordinal);
        Assert.Contains("using var session = model.NewSession();", error.Message, StringComparison.Ordinal);
        model.Read([1], new float[1]); // what only reads is anybody's
    }

    [Fact]
    public void Conversations_beside_each_other_do_not_meet()
    {
        using var model = CacheModel.Create(seed: 3);
        using CacheModel alone = model.NewSession(), first = model.NewSession(), second = model.NewSession();
        var expected = Talk(alone, seed: 1);
        for (var token = 0; token < 6; token++)
        {
            Assert.Equal(expected[token], Say(first, 1, token));
            Say(second, 2, token);
        }
        Assert.Equal([0], model.Parameters["length"].Read<float>().ToArray());
        Assert.Equal([6], first.Parameters["length"].Read<float>().ToArray());
    }

    [Fact]
    public async Task Many_conversations_at_once_are_each_as_if_alone()
    {
        using var model = CacheModel.Create(seed: 3, threads: 2);
        float[][] Conversation(int seed)
        {
            using var session = model.NewSession();
            return Talk(session, seed);
        }
        var expected = Enumerable.Range(0, 8).Select(Conversation).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() =>
        {
            for (var round = 0; round < 20; round++) Assert.Equal(expected[i], Conversation(i));
        })));
    }

    [Fact]
    public async Task Calls_of_one_session_take_turns()
    {
        using var model = CacheModel.Create();
        using var session = model.NewSession();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < 250; i++) session.Look(Rows);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Assert.Equal(3 * 1000, Seen(session)); // each call adds its 3 rows
        Assert.Equal(0, Seen(model));
        Assert.Contains("expected 1", Assert.Throws<ArgumentOutOfRangeException>(() => session.MaxConcurrentCalls = 2).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_is_the_models_whichever_session_it_runs_in()
    {
        using var model = CacheModel.Create();
        using var session = model.NewSession();
        session.Look(Rows);
        session.TrainStep(Pair);
        model.TrainStep(Pair);
        Assert.Equal(4, Seen(model)); // two rows a step
        Assert.Equal(3, Seen(session));
        Assert.Equal(2, session.Step);
        Assert.Equal(model.Parameters.Count, session.Parameters.Count); // optimizer states are everybody's
        using var later = model.NewSession();
        Assert.Equal(4, Seen(later)); // with the model's values at first
    }

    [Fact]
    public void A_checkpoint_holds_the_models_states()
    {
        var path = Path.GetTempFileName();
        try
        {
            using var model = CacheModel.Create();
            using var session = model.NewSession();
            session.Look(Rows);
            session.Save(path);
            using var other = CacheModel.Create();
            other.Load(path);
            Assert.Equal(0, Seen(other));
            session.Load(path);
            Assert.Equal(3, Seen(session)); // the conversation goes on
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_conversation_survives_whichever_allocation_fails()
    {
        float[][] expected;
        using (var model = CacheModel.Create(seed: 3))
        using (var session = model.NewSession())
            expected = Talk(session, 1);
        Assert.True(FaultyAllocator.FailEach(() =>
        {
            using var model = AllocationFaultTests.Again(() => CacheModel.Create(seed: 3));
            using var session = AllocationFaultTests.Again(() => model.NewSession());
            for (var token = 0; token < 6; token++) Assert.Equal(expected[token], AllocationFaultTests.Again(() => Say(session, 1, token)));
        }) >= 8);
    }
}
