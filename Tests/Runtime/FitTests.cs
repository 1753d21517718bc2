using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Data;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class FitTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-fit-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static IBatchSource Data(int rows = 100, int batch = 16) => new BatchLoader(new LineData(rows), batch, new() { Seed = 5 });

    sealed class Reports : List<FitProgress>, IProgress<FitProgress>
    {
        public Action<FitProgress>? Then { get; init; }

        public void Report(FitProgress value)
        {
            Add(value);
            Then?.Invoke(value);
        }
    }

    static int[] Bits(LineModel model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray()).Select(BitConverter.SingleToInt32Bits)];

    [Fact]
    public async Task Fitting_goes_through_every_epoch_and_reports()
    {
        using var model = LineModel.Create(seed: 1);
        var reports = new Reports();
        var result = await model.FitAsync(Data(), new() { Epochs = 20, Validation = Data(64, 10), Schedule = Schedule.Constant(0.1f) }, reports);
        Assert.Equal(20 * 7, result.Steps);
        Assert.Equal(140, model.Step);
        Assert.True(result.ValidationLoss < 0.01, $"{result.ValidationLoss}");
        Assert.Equal(Enumerable.Range(1, 140).Select(i => (long)i), reports.Select(r => r.Step));
        Assert.Equal(20, reports.Count(r => r.ValidationLoss is not null));
        Assert.All(reports, r => Assert.Equal(140, r.TotalSteps));
        Assert.Equal(20, reports[^1].Epoch);
        Assert.Equal(0.1f, reports[^1].LearningRate);
        Assert.True(reports[^1].SamplesPerSecond > 0);
    }

    [Fact]
    public async Task Steps_and_intervals_are_kept()
    {
        using var model = LineModel.Create(seed: 1);
        var reports = new Reports();
        var calls = 0;
        var result = await model.FitAsync(Data(), new() { Steps = 25, EvalEvery = 10, ReportEvery = 4, Metrics = [new("calls", () => ++calls, "0 times")] }, reports);
        Assert.Equal(25, result.Steps);
        Assert.Equal([4, 8, 10, 12, 16, 20, 24, 25], reports.Select(r => r.Step));
        Assert.Equal(["", "", "calls 1 times", "", "", "calls 2 times", "", "calls 3 times"], reports.Select(r => string.Join(", ", r.Metrics)));
        Assert.Equal(3, result.Metrics.Single().Value);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(14)]
    public async Task Training_that_is_cancelled_and_resumed_gives_the_same_bits(int stopAfter)
    {
        var path = Path.Combine(folder, "line.safetensors");
        FitOptions options = new() { Epochs = 4, CheckpointPath = path, Resume = ResumeMode.IfPresent, Schedule = Schedule.WarmupCosine(0.1f, 5, 28, 0.01f) };

        using var straight = LineModel.Create(seed: 3);
        var whole = await straight.FitAsync(Data(), options with { CheckpointPath = null, Resume = ResumeMode.Never });

        using (var model = LineModel.Create(seed: 3))
        {
            using var cancel = new CancellationTokenSource();
            var stopper = new Reports { Then = r => { if (r.Step == stopAfter) cancel.Cancel(); } };
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.FitAsync(Data(), options, stopper, cancel.Token));
            Assert.Equal(stopAfter, model.Step);
        }

        using var resumed = LineModel.Create(seed: 3, threads: 1);
        var reports = new Reports();
        var rest = await resumed.FitAsync(Data(), options, reports);
        Assert.Equal(stopAfter + 1, reports[0].Step);
        Assert.Equal(Bits(straight), Bits(resumed));
        Assert.Equal(whole.Loss, rest.Loss);
        Assert.Equal(28, rest.Steps);
        Assert.Equal(3ul, resumed.Parameters.Seed);
    }

    [Fact]
    public async Task Training_that_fails_goes_on_with_the_same_bits()
    {
        var path = Path.Combine(folder, "line.safetensors");
        FitOptions options = new() { Steps = 30, CheckpointPath = path, CheckpointEvery = 6, Resume = ResumeMode.IfPresent };
        using var straight = LineModel.Create(seed: 3);
        await straight.FitAsync(Data(), options with { CheckpointPath = Path.Combine(folder, "other") });

        using (var model = LineModel.Create(seed: 3))
        {
            var failing = new Reports { Then = r => { if (r.Step == 16) throw new InvalidOperationException("failed"); } };
            await Assert.ThrowsAsync<InvalidOperationException>(() => model.FitAsync(Data(), options, failing));
        }
        using var resumed = LineModel.Create(seed: 3);
        var reports = new Reports();
        await resumed.FitAsync(Data(), options, reports);
        Assert.Equal(17, reports[0].Step);
        Assert.Equal(Bits(straight), Bits(resumed));
    }

    [Fact]
    public async Task What_killed_runs_left_half_written_is_removed_and_nothing_else()
    {
        var path = Path.Combine(folder, "line");
        string Temporary(string name) => Path.Combine(folder, $".{name}.{Guid.NewGuid():N}.tmp");
        var left = Temporary("line");
        string[] others = [Temporary("line.safetensors"), Temporary("other"), Path.Combine(folder, ".line.mine.tmp"), Path.Combine(folder, "line.tmp")];
        foreach (var file in others.Append(left)) File.WriteAllText(file, "half a checkp");
        var written = Temporary("line"); // by another process, at this moment

        using var model = LineModel.Create();
        using (new FileStream(written, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            await model.FitAsync(Data(), new() { Steps = 2, CheckpointPath = path, Resume = ResumeMode.IfPresent });
        Assert.Equal(2, model.Step); // from the beginning: none of them is a checkpoint
        Assert.Equal(others.Append(path).Append(written).Order(), Directory.GetFiles(folder).Order());
    }

    [Fact]
    public async Task A_rate_set_by_hand_survives_a_checkpoint()
    {
        var path = Path.Combine(folder, "line.safetensors");
        using var model = LineModel.Create();
        model.LearningRate = 0.0123f;
        await model.FitAsync(Data(), new() { Steps = 3, CheckpointPath = path });
        using var other = LineModel.Create();
        var info = other.Load(path);
        Assert.Equal(0.0123f, other.LearningRate);
        Assert.True(info.IsTraining && info.SamePlan);
        Assert.Equal(new TrainingPosition(0, 3), info.Position);
    }

    [Fact]
    public async Task Diverging_stops_training_before_the_step_that_would_lose_the_model()
    {
        using var model = LineModel.Create();
        var reports = new Reports();
        var error = await Assert.ThrowsAsync<ArithmeticException>(() => model.FitAsync(Data(), new() { Epochs = 100, Schedule = Schedule.Constant(1e8f) }, reports));
        var made = reports[^1].Step;
        Assert.StartsWith($"Step {made + 1} was not made: its loss is Infinity and the norm of its gradients ", error.Message, StringComparison.Ordinal);
        Assert.Contains(", with the learning rate 100000000. ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"Parameters, running statistics and optimizer states are those of step {made}.", error.Message, StringComparison.Ordinal);
        Assert.Equal(made, model.Step);
        Assert.All(model.Parameters.SelectMany(t => t.Read<float>().ToArray()), v => Assert.True(float.IsFinite(v)));
    }

    sealed class Spoilt(int row) : Dataset
    {
        readonly LineData data = new(100);

        public override int Count => data.Count;
        public override System.Collections.Immutable.ImmutableArray<DataColumn> Columns => data.Columns;

        public override void CopyRow(int index, int column, Span<byte> destination)
        {
            data.CopyRow(index, column, destination);
            if (index == row && column == 1) BitConverter.TryWriteBytes(destination, float.NaN);
        }
    }

    [Fact]
    public async Task A_batch_that_holds_a_NaN_costs_neither_the_model_nor_the_checkpoint()
    {
        var path = Path.Combine(folder, "line.safetensors");
        FitOptions options = new() { Epochs = 1, CheckpointPath = path, CheckpointEvery = 2 };
        BatchLoader Batches(Dataset data) => new(data, 16, new() { Seed = 5, Order = BatchOrder.Sequential });
        using var model = LineModel.Create(seed: 3);
        var error = await Assert.ThrowsAsync<ArithmeticException>(() => model.FitAsync(Batches(new Spoilt(row: 60)), options)); // in the fourth batch
        Assert.Contains("Step 4 was not made: its loss is NaN and the norm of its gradients NaN, with the learning rate 0.05.", error.Message, StringComparison.Ordinal);
        var beside = Path.Combine(folder, "line.stopped.safetensors");
        Assert.EndsWith($"are those of step 3. The checkpoint {path} is of step 2; {beside} is of this one.", error.Message, StringComparison.Ordinal);

        using var healthy = LineModel.Create(seed: 3);
        await healthy.FitAsync(Batches(new LineData(100)), options with { Epochs = null, Steps = 3, CheckpointPath = null, CheckpointEvery = null });
        Assert.Equal(Bits(healthy), Bits(model));
        Assert.Equal(3, model.Step);

        // It goes on from memory, with the random numbers of a fifth attempt.
        healthy.TrainStep(Enumerable.Repeat(float.NaN, LineModel.Inputs).ToArray(), [0f]);
        await healthy.FitAsync(Batches(new LineData(100)), new() { Steps = 2 });
        await model.FitAsync(Batches(new LineData(100)), new() { Steps = 2 });
        Assert.Equal(Bits(healthy), Bits(model));
        foreach (var (file, step) in new[] { (path, 2), (beside, 3) })
        {
            using var resumed = LineModel.Create(seed: 3);
            Assert.Equal(step, resumed.Load(file).Step);
            await resumed.FitAsync(Batches(new LineData(100)), options with { Epochs = null, Steps = 3, Resume = ResumeMode.Always, CheckpointPath = file });
            Assert.Equal(3, resumed.Step);
        }
    }

    [Fact]
    public async Task A_run_that_stops_before_its_first_checkpoint_has_one()
    {
        var path = Path.Combine(folder, "line.safetensors");
        using var model = LineModel.Create(seed: 3);
        var error = await Assert.ThrowsAsync<ArithmeticException>(
            () => model.FitAsync(new BatchLoader(new Spoilt(row: 60), 16, new() { Order = BatchOrder.Sequential }), new() { Epochs = 1, CheckpointPath = path }));
        Assert.EndsWith($"are those of step 3. The checkpoint {path} is of this step.", error.Message, StringComparison.Ordinal);
        using var other = LineModel.Create();
        Assert.Equal(3, other.Load(path).Step);
    }

    [Fact]
    public async Task A_learning_rate_that_is_not_finite_is_refused()
    {
        using var model = LineModel.Create();
        Assert.Equal(("LearningRate", double.NaN), Assert.Throws<ArgumentOutOfRangeException>(() => model.LearningRate = float.NaN) is var e ? (e.ParamName, (double)e.ActualValue!) : default);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => model.FitAsync(Data(), new() { Schedule = Schedule.Constant(float.PositiveInfinity) }));
        Assert.Equal(0.05f, model.LearningRate);
        Assert.Equal(0, model.Step);
    }

    sealed class Other(string name, DType type, params int[] row) : Dataset
    {
        public override int Count => 10;
        public override System.Collections.Immutable.ImmutableArray<DataColumn> Columns => [new("x", DType.F32, [LineModel.Inputs]), new(name, type, [.. row])];
        public override void CopyRow(int row, int column, Span<byte> destination) => destination.Clear();
    }

    [Fact]
    public async Task Data_that_does_not_fit_the_loss_is_named()
    {
        using var model = LineModel.Create();
        async Task<string> Error(Dataset data) => (await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(new BatchLoader(data, 5)))).Message;
        Assert.Contains("no column is called y; is label meant for it?", await Error(new Other("label", DType.F32)), StringComparison.Ordinal);
        Assert.Contains("y is f32[B], but its column has rows of f32[2]", await Error(new Other("y", DType.F32, 2)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_out_of_range_are_named()
    {
        using var model = LineModel.Create();
        Assert.Equal("EvalEvery", (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => model.FitAsync(Data(), new() { EvalEvery = 0 }))).ParamName);
        Assert.Equal("CheckpointPath", (await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(Data(), new() { Resume = ResumeMode.Always }))).ParamName);
    }

    [Fact]
    public void A_schedule_warms_up_and_falls_along_a_cosine()
    {
        var schedule = Schedule.WarmupCosine(1e-3f, 100, 2000, 1e-4f);
        Assert.Equal(1e-3f / 101, schedule.Rate(0), 1e-9f);
        Assert.Equal(1e-3f * 100 / 101, schedule.Rate(99), 1e-9f);
        Assert.Equal(1e-3f, schedule.Rate(100), 1e-9f);
        Assert.Equal(5.5e-4f, schedule.Rate(1050), 1e-9f);
        Assert.Equal(1e-4f, schedule.Rate(2000), 1e-9f);
        Assert.Equal(1e-4f, schedule.Rate(1_000_000), 1e-9f);
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule.WarmupCosine(1, 10, 5));
    }

    [Fact]
    public async Task A_step_of_fitting_allocates_nothing()
    {
        using var model = LineModel.Create(threads: 1);
        var bytes = new List<long>(200);
        var watcher = new Reports { Capacity = 400, Then = _ => bytes.Add(GC.GetAllocatedBytesForCurrentThread()) };
        await model.FitAsync(Data(1600), new() { Steps = 90 }, watcher); // one epoch has 100
        Assert.Contains(Enumerable.Range(40, 40), i => bytes[i] == bytes[i + 5]); // five steps in a row, as in Allocations
    }
}
