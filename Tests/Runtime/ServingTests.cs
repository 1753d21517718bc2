using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Runtime.Execution;
using Graph.Tests.Goldens;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>One model, called from many threads.</summary>
public sealed class ServingTests
{
    static Task Thread(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // Calls from 16 threads at once; call i has its own input, and its answer is compared with that of a single thread.
    static async Task Serve(int calls, Func<int, float[]> call)
    {
        var expected = Enumerable.Range(0, 50).Select(call).ToArray();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Thread(() =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < calls;) Assert.Equal(expected[i % 50], call(i % 50));
        })));
    }

    [Fact]
    public async Task Two_thousand_concurrent_calls_are_answered_as_one_thread_would()
    {
        using var model = Mlp.Create(seed: 3, threads: 2);
        var images = Enumerable.Range(0, 50).Select(i => Array.ConvertAll(GoldenValues.Reals($"serving{i}", (1 + i % 3) * 784, 2, 0), v => (float)v)).ToArray();
        await Serve(2000, i =>
        {
            var result = new float[(1 + i % 3) * 10];
            model.Logits(images[i], result);
            return result;
        });
        Assert.InRange(((IModel)model).Instance.SessionCount, 1, Environment.ProcessorCount);
        Assert.Equal(Environment.ProcessorCount, model.MaxConcurrentCalls);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Calls_beyond_the_bound_wait(int bound)
    {
        using var model = LineModel.Create(seed: 3, threads: 2);
        model.MaxConcurrentCalls = bound;
        await Serve(2000, i =>
        {
            var result = new float[1 + i];
            model.Predict(SessionTests.Batch(1 + i, i).X, result);
            return result;
        });
        Assert.InRange(model.Instance.SessionCount, 1, bound);
        Assert.Contains("at least 1", Assert.Throws<ArgumentOutOfRangeException>(() => model.MaxConcurrentCalls = 0).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_for_a_session_gets_one_that_comes_free_or_may_be_made()
    {
        using var model = LineModel.Create(threads: 1);
        using var pool = new SessionPool(() => new(LineModel.Compiled, model.Parameters, new CpuExecutor(LineModel.Compiled, new(1)), new(null)), bound: 1);
        var first = pool.Rent();
        var waiting = Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(pool.Rent, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        pool.Bound = 2;
        var second = await await Task.WhenAny(waiting);
        Assert.NotSame(first, second);
        pool.Return(first);
        pool.Return(second);
        var all = await Task.WhenAll(waiting);
        Assert.Equal(2, pool.Count);
        Assert.Equal([first, second], all.Distinct().OrderBy(s => s == second));
    }

    [Fact]
    public async Task Where_no_session_can_be_made_a_call_waits_for_one_that_is_there()
    {
        using var model = LineModel.Create(threads: 1);
        var made = 0;
        using var pool = new SessionPool(() => made++ == 0 ? new(LineModel.Compiled, model.Parameters, new CpuExecutor(LineModel.Compiled, new(1)), new(null)) : throw new OutOfMemoryException(), bound: 4);
        var only = pool.Rent();
        var waiting = Task.Factory.StartNew(pool.Rent, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        pool.Return(only);
        Assert.Same(only, await waiting);
        Assert.Equal(1, pool.Count);
    }

    [Fact]
    public async Task Calls_that_met_allocate_nothing_afterwards()
    {
        using var model = LineModel.Create(threads: 1);
        model.MaxConcurrentCalls = 2;
        var (x, _) = SessionTests.Batch(64);
        await Serve(200, _ =>
        {
            var result = new float[64];
            model.Predict(x, result);
            return result;
        });
        var result = new float[64];
        Allocations.AssertNone(() => model.Predict(x, result));
    }

    [Fact]
    public async Task Dispose_awaits_the_calls_that_run_and_refuses_new_ones()
    {
        for (var round = 0; round < 10; round++)
        {
            var model = LineModel.Create(seed: 3, threads: 2);
            var (x, _) = SessionTests.Batch(64);
            var expected = new float[64];
            model.Predict(x, expected);
            int answered = 0, refused = 0;
            var callers = Enumerable.Range(0, 4).Select(_ => Thread(() =>
            {
                var result = new float[64];
                try
                {
                    while (true)
                    {
                        model.Predict(x, result);
                        Assert.Equal(expected, result);
                        Interlocked.Increment(ref answered);
                    }
                }
                catch (ObjectDisposedException e)
                {
                    Assert.Contains("Line", e.ObjectName, StringComparison.Ordinal);
                    Interlocked.Increment(ref refused);
                }
            })).ToArray();
            SpinWait.SpinUntil(() => Volatile.Read(ref answered) > 20);
            model.Dispose();
            await Task.WhenAll(callers);
            Assert.Equal(4, refused);
        }
    }

    [Fact]
    public void A_session_of_a_disposed_model_says_which()
    {
        var model = LineModel.Create();
        using var session = model.NewSession();
        model.Dispose();
        Assert.Equal("Line", Assert.Throws<ObjectDisposedException>(() => session.Predict(new float[4], new float[1])).ObjectName);
        Assert.Equal("Line", Assert.Throws<ObjectDisposedException>(() => session.NewSession()).ObjectName);
        Assert.Equal("Line", Assert.Throws<ObjectDisposedException>(() => session.Save("nowhere.safetensors")).ObjectName);
    }

    [Fact]
    public async Task A_model_serves_while_it_is_trained()
    {
        using var model = LineModel.Create(seed: 3, threads: 2);
        var (x, _) = SessionTests.Batch(8);
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 3).Select(_ => Thread(() =>
        {
            var result = new float[8];
            while (!stop.IsCancellationRequested)
            {
                model.Predict(x, result);
                Assert.All(result, v => Assert.True(float.IsFinite(v)));
            }
        })).ToArray();
        await model.FitAsync(new Graph.Data.BatchLoader(new LineData(100), 16, new() { Seed = 5 }), new() { Epochs = 30 });
        stop.Cancel();
        await Task.WhenAll(callers);
        Assert.Equal(30 * 7, model.Step);
    }

    [Fact]
    public async Task A_model_that_is_disposed_ends_its_training()
    {
        var model = LineModel.Create(seed: 3);
        var begun = new TaskCompletionSource();
        var training = model.FitAsync(
            new Graph.Data.BatchLoader(new LineData(100), 16, new() { Seed = 5 }), new() { Steps = long.MaxValue, Metrics = [new("begun", () => { begun.TrySetResult(); return 0; })], EvalEvery = 10 });
        await begun.Task;
        model.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => training);
    }
}
