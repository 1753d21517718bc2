using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Graph.Data;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Several threads at one model's parameters: training, saving, loading, calling.</summary>
public sealed class SharedStoreTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-store-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static Task Thread(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    static int[] Bits(LineModel model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray()).Select(BitConverter.SingleToInt32Bits)];

    static BatchLoader Data() => new(new LineData(100), 16, new() { Seed = 5 });

    [Fact]
    public async Task What_is_saved_while_another_thread_trains_is_of_one_step()
    {
        var (x, y) = SessionTests.Batch(16);
        var steps = new ConcurrentDictionary<long, int[]>();
        using (var undisturbed = LineModel.Create(seed: 1))
            for (var i = 1; i <= 3000; i++)
            {
                undisturbed.TrainStep(x, y);
                steps[i] = Bits(undisturbed);
            }
        using var model = LineModel.Create(seed: 1);
        model.TrainStep(x, y);
        var training = Thread(() =>
        {
            while (model.Step < 3000) model.TrainStep(x, y);
        });
        var saved = new HashSet<long>();
        for (var i = 0; i < 40; i++)
        {
            var path = Path.Combine(folder, $"{i % 2}.safetensors");
            model.Save(path);
            using var read = LineModel.Create();
            read.Load(path);
            Assert.Equal(steps[read.Step], Bits(read));
            saved.Add(read.Step);
        }
        await training;
        Assert.Equal(steps[3000], Bits(model));
        Assert.NotEmpty(saved);
    }

    [Fact]
    public async Task A_load_is_seen_whole_or_not_at_all()
    {
        using var model = LineModel.Create();
        var files = new string[2];
        for (var f = 0; f < 2; f++)
        {
            model.Parameters["weight"].Write<float>(w => w.Fill(f + 1));
            model.Parameters["bias"].Write<float>(b => b.Fill(f + 1));
            model.Save(files[f] = Path.Combine(folder, $"{f}.safetensors"));
        }
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 3).Select(_ => Thread(() =>
        {
            var result = new float[1];
            while (!stop.IsCancellationRequested)
            {
                model.Predict([1, 1, 1, 1], result);
                Assert.True(result[0] is 5 or 10, $"{result[0]} is of neither file");
            }
        })).ToArray();
        for (var i = 0; i < 200; i++) model.Load(files[i % 2]);
        stop.Cancel();
        await Task.WhenAll(callers);
    }

    [Fact]
    public async Task A_second_trainer_is_refused_and_the_fit_goes_on()
    {
        int[] expected;
        using (var alone = LineModel.Create(seed: 2))
        {
            await alone.FitAsync(Data(), new() { Epochs = 3 });
            expected = Bits(alone);
        }
        using var model = LineModel.Create(seed: 2);
        using var session = model.NewSession();
        var (x, y) = SessionTests.Batch(4);
        var refusals = 0;
        void Refused(Action train)
        {
            Assert.Contains("FitAsync is running", Assert.Throws<InvalidOperationException>(train).Message, StringComparison.Ordinal);
            refusals++;
        }
        var progress = new Then(_ =>
        {
            Refused(() => model.TrainStep(x, y));
            Refused(() => session.TrainStep(x, y));
            Refused(() => session.FitAsync(Data()).Wait());
            Thread(() => Refused(() => model.TrainStep(x, y))).GetAwaiter().GetResult();
        });
        await model.FitAsync(Data(), new() { Epochs = 3, ReportEvery = 5 }, progress);
        Assert.True(refusals >= 16);
        Assert.Equal(expected, Bits(model));
        Assert.Equal(22, session.TrainStep(x, y).Step); // and now it may
    }

    [Fact]
    public async Task Steps_of_several_threads_are_counted_or_refused()
    {
        using var model = LineModel.Create(seed: 2);
        var (x, y) = SessionTests.Batch(4);
        int made = 0, refused = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Thread(() =>
        {
            using var session = model.NewSession();
            for (var i = 0; i < 500; i++)
            {
                try
                {
                    session.TrainStep(x, y);
                    Interlocked.Increment(ref made);
                }
                catch (InvalidOperationException e)
                {
                    Assert.Contains("another thread is in TrainStep", e.Message, StringComparison.Ordinal);
                    Interlocked.Increment(ref refused);
                }
            }
        })));
        Assert.Equal(made, model.Step);
        Assert.Equal(2000, made + refused);
    }

    [Fact]
    public async Task Metric_and_progress_may_do_with_the_model_what_they_like()
    {
        using var model = LineModel.Create(seed: 2);
        var path = Path.Combine(folder, "between.safetensors");
        var result = new float[1];
        var seen = new List<float>();
        double Measure()
        {
            model.Predict([1, 1, 1, 1], result);
            model.Save(path);
            model.Load(path);
            using var session = model.NewSession();
            session.Predict([1, 1, 1, 1], result);
            seen.Add(model.Weight.ToArray()[0]);
            return result[0];
        }
        await model.FitAsync(Data(), new() { Epochs = 2, EvalEvery = 3, Metrics = [new("sum", Measure)] }, new Then(_ => Measure()));
        Assert.True(seen.Distinct().Count() > 4);
    }

    [Fact]
    public async Task A_fit_that_ended_badly_lets_others_train()
    {
        using var model = LineModel.Create(seed: 2);
        var (x, y) = SessionTests.Batch(4);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.FitAsync(Data(), cancel: cancelled.Token));
        Assert.Throws<ArgumentException>(() => { _ = model.FitAsync(Data(), new() { Resume = ResumeMode.Always }); });
        await Assert.ThrowsAsync<DivideByZeroException>(() => model.FitAsync(Data(), new() { Metrics = [new("none", (Func<double>)(() => throw new DivideByZeroException()))] }));
        model.TrainStep(x, y);
    }

    [Fact]
    public void A_reset_store_begins_anew()
    {
        var (x, y) = SessionTests.Batch(8);
        using var model = LineModel.Create(seed: 2);
        model.TrainStep(x, y);
        var once = Bits(model);
        model.TrainStep(x, y);
        model.Parameters.Reset(seed: 2);
        Assert.Equal(0, model.Step);
        model.TrainStep(x, y);
        Assert.Equal(once, Bits(model));
    }

    [Fact]
    public async Task A_write_is_seen_whole_or_not_at_all_and_raises_the_version()
    {
        using var model = LineModel.Create();
        Set(1);
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 3).Select(_ => Thread(() =>
        {
            var result = new float[1];
            while (!stop.IsCancellationRequested)
            {
                model.Predict([1, 1, 1, 1], result);
                Assert.True(result[0] is 4 or 8, $"{result[0]} is of no one write");
            }
        })).ToArray();
        var version = model.Parameters.Version;
        for (var i = 0; i < 400; i++) Set(i % 2 + 1);
        Assert.Equal(version + 400, model.Parameters.Version);
        stop.Cancel();
        await Task.WhenAll(callers);

        void Set(float value) => model.Parameters["weight"].Write<float>(weight =>
        {
            for (var i = 0; i < weight.Length; i++)
            {
                weight[i] = value;
                System.Threading.Thread.SpinWait(50);
            }
        });
    }

    [Fact]
    public void What_writes_does_not_call_the_model_and_is_told_so()
    {
        var model = LineModel.Create();
        var weight = model.Parameters["weight"];
        foreach (var call in new Action[] { () => model.Predict(new float[4], new float[1]), () => model.TrainStep(new float[4], new float[1]), () => model.Save(Path.Combine(folder, "x")), () => model.Dispose(), () => weight.Write<float>([1, 2, 3, 4]) })
        {
            var version = model.Parameters.Version;
            Assert.Contains("being changed on this thread", Assert.Throws<InvalidOperationException>(() => weight.Write<float>(_ => call())).Message, StringComparison.Ordinal);
            Assert.True(model.Parameters.Version > version); // it may have changed something before it threw
        }
        model.Predict(new float[4], new float[1]); // the gate is open again, and nothing was disposed
        weight.Write<float>([1, 2, 3, 4]);
        Assert.Equal([1f, 2, 3, 4], weight.Values.ToArray());
        Assert.Contains("weight : f32[4] has 4 elements, but got 3", Assert.Throws<ArgumentException>(() => weight.Write<float>([1, 2, 3])).Message, StringComparison.Ordinal);
        Assert.Contains("weight holds f32, not Int32", Assert.Throws<InvalidOperationException>(() => weight.Write<int>([1, 2, 3, 4])).Message, StringComparison.Ordinal);
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => weight.Write<float>([1, 2, 3, 4]));
    }

    [Fact]
    public void A_parameters_own_memory_takes_no_result()
    {
        using var model = LineModel.Create(seed: 2);
        var (x, y) = SessionTests.Batch(4);
        var before = Bits(model);
        var weight = model.Parameters["weight"];
        var error = Assert.Throws<ArgumentException>(() => model.Predict(x, MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(weight.Values), (int)weight.Length)));
        Assert.Equal("result", error.ParamName);
        Assert.Contains("result lies in the memory of weight, which the call reads", error.Message, StringComparison.Ordinal);
        Assert.Contains("x lies in the memory of weight, which the call changes", Assert.Throws<ArgumentException>(() => model.TrainStep(model.Parameters["weight"].Values, y.AsSpan(0, 1))).Message, StringComparison.Ordinal);
        Assert.Equal(before, Bits(model)[..before.Length]);
        model.Predict(model.Parameters["weight"].Values, new float[1]); // read twice is fine
    }

    [Fact]
    public async Task Sessions_are_made_on_several_threads_while_training_begins()
    {
        var (x, y) = SessionTests.Batch(8);
        for (var round = 0; round < 20; round++)
        {
            using var model = LineModel.Create(seed: 2);
            using var barrier = new Barrier(5);
            await Task.WhenAll(Enumerable.Range(0, 5).Select(i => Thread(() =>
            {
                barrier.SignalAndWait();
                using var session = model.NewSession();
                if (i == 0) session.TrainStep(x, y);
                session.Predict(x, new float[8]);
                Assert.True(session.Parameters.Sum(t => t.Length) is 6 or 11);
            })));
            Assert.Equal(5, model.Parameters.Count);
        }
    }

    sealed class Then(Action<FitProgress> act) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => act(value);
    }
}
