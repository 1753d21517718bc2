using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Data;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>However a fit ends, what it reached is in its checkpoint, and its caller gets the reason as it is.</summary>
public sealed class FitEndTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-end-").FullName;

    string Checkpoint => Path.Combine(folder, "line");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static IBatchSource Data(int rows = 100) => new BatchLoader(new LineData(rows), 16, new() { Seed = 5 });

    sealed class Reports(Action<FitProgress> then) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => then(value);
    }

    sealed class Failure(string message) : Exception(message);

    long SavedStep()
    {
        using var model = LineModel.Create();
        return model.Load(Checkpoint).Step;
    }

    // Another source, whose n-th batch is preceded by something.
    sealed class Before(IBatchSource source, int batch, Action<CancellationToken> action) : IBatchSource
    {
        public ImmutableArray<DataColumn> Columns => source.Columns;
        public int BatchSize => source.BatchSize;
        public int Batches => source.Batches;
        public string? Fingerprint => source.Fingerprint;
        public IBatchReader Open(int epoch, int firstBatch = 0) => new Reader(source.Open(epoch, firstBatch), batch, action);

        sealed class Reader(IBatchReader reader, int batch, Action<CancellationToken> action) : IBatchReader
        {
            int next;

            public ImmutableArray<DataColumn> Columns => reader.Columns;
            public int Count => reader.Count;
            public ReadOnlySpan<byte> Column(int index) => reader.Column(index);
            public bool Next() => Next(CancellationToken.None);

            public bool Next(CancellationToken cancel)
            {
                if (++next == batch) action(cancel);
                return reader.Next(cancel);
            }

            public void Dispose() => reader.Dispose();
        }
    }

    [Theory]
    [InlineData("metric")]
    [InlineData("progress")]
    [InlineData("data")]
    [InlineData("data ends")]
    [InlineData("validation")]
    [InlineData("dispose")]
    public async Task A_failure_between_steps_costs_no_step(string where)
    {
        using var model = LineModel.Create(seed: 3);
        void Fail() => throw new Failure(where);
        FitOptions options = new() { Steps = 1000, CheckpointPath = Checkpoint, CheckpointEvery = 1000, EvalEvery = 5 };
        var data = Data();
        IProgress<FitProgress>? progress = null;
        switch (where)
        {
            case "metric": options = options with { Metrics = [new("fails", () => throw new Failure(where))] }; break;
            case "progress": progress = new Reports(p => { if (p.Step == 5) Fail(); }); break;
            case "data": data = new Before(data, 6, _ => Fail()); break;
            case "data ends": data = new Ending(data); break;
            case "validation": options = options with { Validation = new Before(Data(), 2, _ => Fail()) }; break;
            case "dispose": data = new Ending(data) { Then = Fail }; break;
        }
        var error = await Assert.ThrowsAnyAsync<Exception>(() => model.FitAsync(data, options, progress));
        Assert.Equal(where is "data ends" ? typeof(InvalidOperationException) : typeof(Failure), error.GetType());
        Assert.Null(error.CheckpointFailure);
        Assert.Equal(5, model.Step);
        Assert.Equal(5, SavedStep());
        Assert.Equal([Checkpoint], Directory.GetFiles(folder)); // the lock was given back

        using var straight = LineModel.Create(seed: 3);
        await straight.FitAsync(Data(), new() { Steps = 9 });
        using var resumed = LineModel.Create(seed: 3);
        await resumed.FitAsync(Data(), new() { Steps = 9, CheckpointPath = Checkpoint, Resume = ResumeMode.Always });
        Assert.Equal(straight.Parameters["weight"].Read<float>().ToArray(), resumed.Parameters["weight"].Read<float>().ToArray());
    }

    // Says seven batches, and has five.
    sealed class Ending(IBatchSource source) : IBatchSource
    {
        public Action? Then { get; init; }
        public ImmutableArray<DataColumn> Columns => source.Columns;
        public int BatchSize => source.BatchSize;
        public int Batches => source.Batches;
        public string? Fingerprint => source.Fingerprint;
        public IBatchReader Open(int epoch, int firstBatch = 0) => new Reader(source.Open(epoch, firstBatch), Then);

        sealed class Reader(IBatchReader reader, Action? then) : IBatchReader
        {
            int next;

            public ImmutableArray<DataColumn> Columns => reader.Columns;
            public int Count => reader.Count;
            public ReadOnlySpan<byte> Column(int index) => reader.Column(index);
            public bool Next() => ++next <= 5 && reader.Next();

            public void Dispose()
            {
                reader.Dispose();
                then?.Invoke();
            }
        }
    }

    [Theory]
    [InlineData("metric")]
    [InlineData("validation")]
    [InlineData("data")]
    [InlineData("step")]
    public async Task Cancelling_stops_what_waits_and_saves(string where)
    {
        using var model = LineModel.Create(seed: 3);
        using var cancel = new CancellationTokenSource();
        void Wait(CancellationToken token)
        {
            cancel.Cancel();
            token.WaitHandle.WaitOne(); // for ever, with the wrong token
            token.ThrowIfCancellationRequested();
        }
        FitOptions options = new() { Steps = 1000, CheckpointPath = Checkpoint, CheckpointEvery = 1000, EvalEvery = 5 };
        var data = Data();
        IProgress<FitProgress>? progress = null;
        switch (where)
        {
            case "metric":
                // It notices, and gives what it has: that is no evaluation.
                options = options with { Metrics = [new("half", token => { cancel.Cancel(); return token.IsCancellationRequested ? double.NaN : 1; })] };
                break;
            case "validation": options = options with { Validation = new Before(Data(), 2, Wait) }; break;
            case "data": data = new Before(data, 6, Wait); break;
            case "step": progress = new Reports(p => { if (p.Step == 5) cancel.Cancel(); }); break;
        }
        var task = model.FitAsync(data, options, progress, cancel.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        Assert.True(task.IsCanceled);
        Assert.Equal(5, SavedStep());

        using var resumed = LineModel.Create(seed: 3);
        var result = await resumed.FitAsync(Data(), new() { Steps = 6, EvalEvery = 5, Metrics = [new("half", () => 2)], CheckpointPath = Checkpoint, Resume = ResumeMode.Always });
        Assert.Equal([(5, 2), (6, 2)], result.History.Evaluations.Select(e => (e.Step, e.Metrics.Single().Value)));
    }

    [Fact]
    public async Task A_checkpoint_that_cannot_be_written_masks_no_failure_but_is_the_failure_of_a_cancelled_run()
    {
        var place = Directory.CreateDirectory(Path.Combine(folder, "place")).FullName;
        FitOptions options = new() { Steps = 1000, CheckpointPath = Path.Combine(place, "line"), CheckpointEvery = 1000 };
        using (var model = LineModel.Create(seed: 3))
        {
            var error = await Assert.ThrowsAsync<Failure>(() => model.FitAsync(Data(), options, new Reports(p =>
            {
                if (p.Step < 5) return;
                Directory.CreateDirectory(options.CheckpointPath);
                throw new Failure("first");
            })));
            Assert.Equal("first", error.Message);
            Assert.IsAssignableFrom<SystemException>(error.CheckpointFailure);
        }
        Directory.Delete(options.CheckpointPath);
        using var stopped = LineModel.Create(seed: 3);
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<SystemException>(async () =>
        {
            try
            {
                await stopped.FitAsync(Data(), options, new Reports(p =>
                {
                    if (p.Step < 5) return;
                    Directory.CreateDirectory(options.CheckpointPath);
                    cancel.Cancel();
                }), cancel.Token);
            }
            catch (OperationCanceledException)
            {
                // That would say that it was saved.
            }
        });
    }

    [Fact]
    public async Task A_run_without_a_step_leaves_what_an_earlier_one_wrote()
    {
        using (var model = LineModel.Create(seed: 3)) await model.FitAsync(Data(), new() { Steps = 5, CheckpointPath = Checkpoint });
        using var other = LineModel.Create(seed: 4);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => other.FitAsync(Data(), new() { Steps = 5, CheckpointPath = Checkpoint }, cancel: new(canceled: true)));
        await Assert.ThrowsAsync<Failure>(() => other.FitAsync(new Before(Data(), 1, _ => throw new Failure("first")), new() { Steps = 5, CheckpointPath = Checkpoint }));
        Assert.Equal(5, SavedStep());
        Assert.Equal([Checkpoint], Directory.GetFiles(folder));
    }

    [Fact]
    public async Task A_run_that_begins_anew_keeps_what_an_earlier_one_wrote()
    {
        FitOptions options = new() { Steps = 5, CheckpointPath = Checkpoint + ".safetensors", CheckpointEvery = 1 };
        using (var model = LineModel.Create(seed: 3)) await model.FitAsync(Data(), options);
        var before = File.ReadAllBytes(options.CheckpointPath!);
        using var other = LineModel.Create(seed: 4);
        await other.FitAsync(Data(), options with { Steps = 2 });
        Assert.Equal(before, File.ReadAllBytes(Checkpoint + ".previous.safetensors"));
        await other.FitAsync(Data(), options with { Steps = 3, Resume = ResumeMode.Always }); // goes on, and so replaces nothing of another's
        Assert.Equal(before, File.ReadAllBytes(Checkpoint + ".previous.safetensors"));
        Assert.Equal(2, Directory.GetFiles(folder).Length);
    }

    [Fact]
    public async Task A_model_that_is_not_sound_is_not_saved()
    {
        using var model = LineModel.Create(seed: 3);
        await Assert.ThrowsAsync<Failure>(() => model.FitAsync(Data(), new() { Steps = 50, CheckpointPath = Checkpoint }, new Reports(p =>
        {
            if (p.Step < 5) return;
            model.Parameters.IsSound = false; // as a step leaves it that fails in its middle
            throw new Failure("torn");
        })));
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public async Task A_source_without_batches_is_refused()
    {
        using var model = LineModel.Create();
        Assert.StartsWith("The training data has 0 batches an epoch, expected at least 1.", (await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(new None()))).Message, StringComparison.Ordinal);
        Assert.StartsWith("The validation data has 0", (await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(Data(), new() { Validation = new None() }))).Message, StringComparison.Ordinal);
    }

    sealed class None : IBatchSource
    {
        public ImmutableArray<DataColumn> Columns => Data().Columns;
        public int BatchSize => 16;
        public int Batches => 0;
        public IBatchReader Open(int epoch, int firstBatch = 0) => throw new NotSupportedException();
    }

    [Fact]
    public void A_wait_that_was_cancelled_can_be_tried_again()
    {
        using var reader = new BatchLoader(new LineData(64), 4, new() { Order = BatchOrder.Sequential, Prefetch = 1 }).Open(0);
        for (var i = 0; i < 8; i++) Assert.True(reader.Next());
        for (var i = 0; i < 5; i++) Assert.Throws<OperationCanceledException>(() => reader.Next(new CancellationToken(canceled: true)));
        for (var i = 0; i < 8; i++)
        {
            Assert.True(reader.Next());
            Assert.Equal(SessionTests.Batch(64, 1).Y.Skip((8 + i) * 4).Take(4), reader.Values<float>("y").ToArray());
        }
        Assert.False(reader.Next());
    }
}
