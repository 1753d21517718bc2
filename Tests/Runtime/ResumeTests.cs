using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Data;
using Graph.Runtime.Checkpoints;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>A run that is resumed is the run that its checkpoint is of, or says in what it is not.</summary>
public sealed class ResumeTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-resume-").FullName;

    string Checkpoint => Path.Combine(folder, "line");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static TableDataset Rows(int rows = 96, float first = 0)
    {
        var (x, y) = SessionTests.Batch(rows, 1);
        x[0] += first;
        return new TableDataset().With("x", x, LineModel.Inputs).With("y", y);
    }

    static BatchLoader Data(int rows = 96, int batch = 16, ulong seed = 5, float first = 0) => new(Rows(rows, first), batch, new() { Seed = seed });

    static readonly Schedule schedule = Schedule.WarmupCosine(0.1f, 5);

    FitOptions Options => new() { Steps = 8, CheckpointPath = Checkpoint, Schedule = schedule, Facts = new Dictionary<string, string> { ["vocabulary"] = "abc", ["version"] = "1" } };

    async Task<FitResult> Begin()
    {
        using var model = LineModel.Create(seed: 3);
        return await model.FitAsync(Data(), Options);
    }

    async Task<FitResult> GoOn(IBatchSource? data = null, Func<FitOptions, FitOptions>? change = null, ulong seed = 3, RunChanges accept = RunChanges.None)
    {
        using var model = LineModel.Create(seed);
        var result = await model.FitAsync(data ?? Data(), (change ?? (o => o))(Options with { Steps = 20, Resume = ResumeMode.Always, AcceptChanges = accept }));
        Assert.Equal(20, model.Step);
        Assert.Equal(seed, model.Parameters.Seed); // what this run says holds
        return result;
    }

    [Fact]
    public async Task More_steps_are_the_same_run()
    {
        await Begin();
        await GoOn();
        await GoOn(change: o => o with { Epochs = 9, EvalEvery = 2, ReportEvery = 3, CheckpointEvery = 4, Validation = Data(), Metrics = [new("m", () => 1)] });
    }

    [Theory]
    [InlineData("seed", "seed: was 3, is 4", RunChanges.Seed)]
    [InlineData("batch size", "rows of a batch: was 16, is 24\n  batches of an epoch: was 6, is 4", RunChanges.Batches)]
    [InlineData("a number", "data: was shuffled by seed 5: 96 rows of x: f32[4], y: f32[], ", RunChanges.Data)]
    [InlineData("order", ", is shuffled by seed 6: 96 rows of ", RunChanges.Data)]
    [InlineData("no fingerprint", ", is without a fingerprint", RunChanges.Data)]
    [InlineData("no dataset's", ", is shuffled by seed 5: 96 rows of x: f32[4], y: f32[]", RunChanges.Data)]
    [InlineData("schedule", "schedule: was 5 steps up to 0.1, then a cosine to 0 at the end, is constant at 0.05", RunChanges.Schedule)]
    [InlineData("no schedule", "is the model's own rate", RunChanges.Schedule)]
    [InlineData("facts", "version: was \"1\", is not given\n  vocabulary: was \"abc\", is \"abd\"", RunChanges.Facts)]
    public async Task Another_run_is_refused_or_accepted_by_name(string what, string told, RunChanges change)
    {
        await Begin();
        Task<FitResult> Changed(RunChanges accept) => what switch
        {
            "seed" => GoOn(seed: 4, accept: accept),
            "batch size" => GoOn(Data(batch: 24), accept: accept),
            "a number" => GoOn(Data(first: 1e-3f), accept: accept),
            "order" => GoOn(Data(seed: 6), accept: accept),
            "no fingerprint" => GoOn(new Nameless(Data()), accept: accept),
            "no dataset's" => GoOn(new BatchLoader(new LineData(96), 16, new() { Seed = 5 }), accept: accept),
            "schedule" => GoOn(change: o => o with { Schedule = Schedule.Constant(0.05f) }, accept: accept),
            "no schedule" => GoOn(change: o => o with { Schedule = null }, accept: accept),
            _ => GoOn(change: o => o with { Facts = new Dictionary<string, string> { ["vocabulary"] = "abd" } }, accept: accept),
        };
        var error = await Assert.ThrowsAsync<CheckpointException>(() => Changed(RunChanges.All & ~change & ~(change == RunChanges.Batches ? RunChanges.Data : 0)));
        Assert.StartsWith($"{Checkpoint} is of another run:\n  ", error.Message, StringComparison.Ordinal);
        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.Contains($"AcceptChanges = RunChanges.{change}.", error.Message, StringComparison.Ordinal);
        Assert.Equal(change, error.Changes);
        Assert.Equal([Checkpoint], Directory.GetFiles(folder)); // the lock was given back
        await Changed(change);
        await Changed(RunChanges.None); // and now this is the run
    }

    // A source of a user's own that cannot say what it gives.
    sealed class Nameless(IBatchSource source) : IBatchSource
    {
        public ImmutableArray<DataColumn> Columns => source.Columns;
        public int BatchSize => source.BatchSize;
        public int Batches => source.Batches;
        public IBatchReader Open(int epoch, int firstBatch = 0) => source.Open(epoch, firstBatch);
    }

    [Fact]
    public async Task All_differences_are_listed_and_the_model_is_as_before()
    {
        await Begin();
        using var model = LineModel.Create(seed: 9);
        var before = model.Parameters["weight"].Read<float>().ToArray();
        var error = await Assert.ThrowsAsync<CheckpointException>(() => model.FitAsync(Data(first: 1, batch: 8), Options with { Resume = ResumeMode.IfPresent, Schedule = null }));
        Assert.Equal(["seed", "rows of a batch", "batches of an epoch", "schedule", "data"], error.Problems.Select(p => p.Split(':')[0]));
        Assert.Equal(before, model.Parameters["weight"].Read<float>().ToArray());
        Assert.Equal(0, model.Step);
    }

    [Fact]
    public async Task Other_data_begin_at_an_epoch()
    {
        await Begin(); // 8 steps: two into the second epoch of six
        var epochs = new List<double>();
        using var model = LineModel.Create(seed: 3);
        await model.FitAsync(
            Data(batch: 24), Options with { Steps = 12, Resume = ResumeMode.Always, AcceptChanges = RunChanges.Batches }, new Reports(p => epochs.Add(p.Epoch)));
        Assert.Equal([2.25, 2.5, 2.75, 3], epochs);
    }

    sealed class Reports(Action<FitProgress> then) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => then(value);
    }

    [Fact]
    public async Task A_finished_run_that_is_resumed_says_what_it_came_to()
    {
        var first = await Begin();
        using var model = LineModel.Create(seed: 3);
        var again = await model.FitAsync(Data(), Options with { Resume = ResumeMode.Always, Metrics = [new("m", () => 0.5)] });
        Assert.Equal((first.Steps, first.Loss), (again.Steps, again.Loss));
        Assert.NotEqual(0, again.Loss);
        Assert.Equal(first.History.Losses, again.History.Losses);
        Assert.Equal(0.5, again.Metrics.Single().Value);
    }

    [Fact]
    public async Task To_resume_without_a_checkpoint_is_an_error_or_a_beginning()
    {
        using var model = LineModel.Create(seed: 3);
        var error = await Assert.ThrowsAsync<FileNotFoundException>(() => model.FitAsync(Data(), Options with { Resume = ResumeMode.Always }));
        Assert.Equal($"{Checkpoint}: there is no checkpoint to go on from.", error.Message);
        Assert.Equal(8, (await model.FitAsync(Data(), Options with { Resume = ResumeMode.IfPresent })).Steps);
    }

    [Fact]
    public async Task What_no_fit_wrote_is_told_apart()
    {
        using (var model = LineModel.Create(seed: 3))
        {
            await model.FitAsync(Data(), Options with { CheckpointPath = null, CheckpointEvery = null });
            model.Save(Checkpoint);
        }
        Assert.Contains("does not say where in its data training stood", (await Assert.ThrowsAsync<CheckpointException>(() => GoOn())).Message, StringComparison.Ordinal);
        using (var model = LineModel.Create(seed: 3)) model.Save(Checkpoint, weightsOnly: true);
        Assert.Contains("holds weights alone", (await Assert.ThrowsAsync<CheckpointException>(() => GoOn())).Message, StringComparison.Ordinal);
        Assert.Null(RunDescription.Read(Checkpoint));
    }

    [Fact]
    public async Task A_run_can_be_read_without_its_model()
    {
        await Begin();
        var run = RunDescription.Read(Checkpoint)!;
        Assert.Equal(("Line", 3ul, 16, 6, "abc"), (run.Model, run.Seed, run.BatchSize, run.Batches, run.Facts["vocabulary"]));
        Assert.Equal(LineModel.Compiled.PlanFingerprint, run.Plan);
        Assert.Throws<FileNotFoundException>(() => RunDescription.Read(Checkpoint + "2"));
    }

    [Fact]
    public async Task A_fact_that_no_file_can_hold_is_refused_before_training()
    {
        using var model = LineModel.Create();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(Data(), Options with { Facts = new Dictionary<string, string> { ["half"] = "a\uD83D" } }));
        Assert.StartsWith("The fact half holds half of a surrogate pair.", error.Message, StringComparison.Ordinal);
        error = await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(Data(), Options with { Facts = new Dictionary<string, string> { ["long"] = new('x', 1 << 20) } }));
        Assert.StartsWith("The fact long has 1048576 characters, expected less than 1048576.", error.Message, StringComparison.Ordinal);
        await model.FitAsync(Data(), Options with { Facts = new Dictionary<string, string> { ["whole"] = "a\uD83D\uDE00\0\"" } });
        Assert.Equal("a\uD83D\uDE00\0\"", RunDescription.Read(Checkpoint)!.Facts["whole"]);
    }

    [Theory]
    [InlineData("step", "8", "-8", "The step is -8, expected a whole number from 0 to 9007199254740992.")]
    [InlineData("step", "8", "9223372036854775807", "The step is 9223372036854775807, expected")]
    [InlineData("epoch", "1", "2147483647", "The epoch is 2147483647, expected a whole number from 0 to 2147483646.")]
    [InlineData("batch", "2", "-1", "The batch is -1, expected")]
    [InlineData("batch", "2", "9", "was written after 9 batches of an epoch, but its data has 6")]
    [InlineData("learning_rate", "0", "NaN//", "has damaged metadata")]
    [InlineData("run.steps", "8", "9", "was written after 9 steps with its data, but its model has seen 8")]
    [InlineData("run.loss", "", "NaN", "has damaged metadata")]
    [InlineData("run", "\"batches\":6", "\"batches\":0", "has damaged metadata (The run has 0 batches of 16 rows.)")]
    [InlineData("run", "\"model\"", "\"nodel\"", "has damaged metadata")]
    [InlineData("run", "{", "", "has damaged metadata")]
    [InlineData("run.history", "\"stride\":1", "\"stride\":0", "has damaged metadata")]
    public async Task Numbers_that_training_would_stumble_over_later_are_damage(string key, string from, string to, string told)
    {
        await Begin();
        SafetensorsHeader header;
        using (var stream = File.OpenRead(Checkpoint)) header = SafetensorsHeader.Read(stream, Checkpoint);
        var text = header.Metadata[key];
        text = from.Length == 0 ? to : text[..text.IndexOf(from, StringComparison.Ordinal)] + to + text[(text.IndexOf(from, StringComparison.Ordinal) + from.Length)..];
        byte[] damaged = [.. new SafetensorsHeader { Entries = header.Entries, Metadata = header.Metadata.SetItem(key, text) }.Write(), .. File.ReadAllBytes(Checkpoint).AsSpan((int)header.DataStart)];
        File.WriteAllBytes(Checkpoint, damaged);
        var error = await Assert.ThrowsAsync<CheckpointException>(() => GoOn());
        Assert.Contains(told, error.Message, StringComparison.Ordinal);
    }
}
