using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Data;
using Graph.Runtime.Training;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>What training remembers of itself, and metrics by name.</summary>
public sealed class FitHistoryTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-history-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static IBatchSource Data(int rows = 100) => new BatchLoader(new LineData(rows), 16, new() { Seed = 5 });

    // Without the time, which no two runs have in common.
    static string Told(FitHistory history) => System.Text.RegularExpressions.Regex.Replace(HistoryText.Write(history), "\"ticks\":\\d+,", "");

    [Fact]
    public async Task A_resumed_run_ends_with_the_history_of_one_that_never_stopped()
    {
        var path = Path.Combine(folder, "line");
        FitOptions options = new() { Steps = 30, EvalEvery = 7, Validation = Data(), Metrics = [new("rmse", () => 0.25, "0.00"), new("share", _ => 0.5, "0 %")] };
        using var straight = LineModel.Create(seed: 3);
        var whole = await straight.FitAsync(Data(), options);
        Assert.Equal(Enumerable.Range(1, 30).Select(i => (long)i), whole.History.Losses.Select(p => p.Step));
        Assert.Equal([7, 14, 21, 28, 30], whole.History.Evaluations.Select(e => e.Step));

        using var first = LineModel.Create(seed: 3);
        var begun = await first.FitAsync(Data(), options with { Steps = 14, CheckpointPath = path });
        using var second = LineModel.Create(seed: 3);
        var rest = await second.FitAsync(Data(), options with { CheckpointPath = path, Resume = ResumeMode.Always });
        Assert.Equal(Told(whole.History), Told(rest.History));
        Assert.True(rest.History.Elapsed > begun.History.Elapsed);
    }

    [Fact]
    public void A_long_curve_is_thinned_by_means_and_keeps_every_bit_on_the_disk()
    {
        var history = new FitHistory();
        for (var step = 1; step <= 10_001; step++) history.Add(step, TimeSpan.FromSeconds(step));
        var losses = history.Losses;
        Assert.InRange(losses.Count, FitHistory.MostPoints / 2, FitHistory.MostPoints);
        Assert.Equal(10_001, losses[^1].Step);
        Assert.Equal(10_001, history.Steps);
        var before = 0L;
        foreach (var (step, loss) in losses)
        {
            Assert.Equal((before + 1 + step) / 2.0, loss);
            before = step;
        }
        history.Add(new FitEvaluation(9, double.PositiveInfinity, [new("a \"b\"", double.NaN, "0.0"), new("c", -1e-300, "0 %")]), TimeSpan.Zero);
        var read = HistoryText.Read(HistoryText.Write(history));
        Assert.Equal(losses, read.Losses);
        Assert.Equal(HistoryText.Write(history), HistoryText.Write(read));
        read.Add(5, TimeSpan.Zero);
        Assert.Equal(10_002, read.Steps);
    }

    [Fact]
    public void Evaluations_at_every_step_do_not_outgrow_a_file()
    {
        var history = new FitHistory();
        for (var step = 1; step <= 20_000; step++) history.Add(new FitEvaluation(step, 1, []), TimeSpan.Zero);
        var steps = history.Evaluations.Select(e => e.Step).ToArray();
        Assert.Equal(FitHistory.MostPoints, steps.Length);
        Assert.Equal((1, 20_000), (steps[0], steps[^1]));
        Assert.All(steps.Zip(steps.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 1, 4 * 20_000 / FitHistory.MostPoints));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"stride":0,"losses":[],"pending":0,"sum":0,"ticks":0,"evaluations":[]}""")]
    [InlineData("""{"stride":1,"losses":[],"pending":1,"sum":0,"ticks":0,"evaluations":[]}""")]
    [InlineData("""{"stride":1,"losses":[{}],"pending":0,"sum":0,"ticks":0,"evaluations":[]}""")]
    [InlineData("""{"stride":1,"losses":[],"pending":0,"sum":0,"ticks":0,"evaluations":[{"step":1}]}""")]
    public void A_damaged_history_is_a_format_error(string text) => Assert.Throws<FormatException>(() => HistoryText.Read(text));

    [Fact]
    public void Metrics_are_written_in_their_format()
    {
        Assert.Equal("accuracy 98.61 %", new MetricValue("accuracy", 0.98612, "0.00 %").ToString());
        Assert.Equal("rmse 0.2278", new MetricValue("rmse", 0.22784, new Metric("rmse", () => 0).Format).ToString());
        Assert.Equal("format", Assert.Throws<ArgumentException>(() => new Metric("a", () => 0, "X9")).ParamName);
        Assert.Throws<ArgumentException>(() => new Metric(" ", () => 0));
    }

    [Fact]
    public async Task Two_metrics_of_one_name_are_refused()
    {
        using var model = LineModel.Create();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(Data(), new() { Metrics = [new("a", () => 0), new("a", () => 1)] }));
        Assert.StartsWith("Two metrics are called a.", error.Message, StringComparison.Ordinal);
    }
}
