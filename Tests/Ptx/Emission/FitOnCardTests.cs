using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Data;
using Graph.PtxEmulator;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Mixed;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>The training loop on a card that is behind the processor: what steps gave is read when somebody asks, and not before.</summary>
public sealed class FitOnCardTests
{
    static readonly Program Classifier = Elaborate.Built(typeof(LinearClassifier)).Program;

    // Six batches of 16 rows; those of the fourth hold an infinity if they are asked to.
    static IBatchSource Data(bool isInfinite = false)
    {
        var random = new Random(9);
        float[] x = [.. Enumerable.Range(0, 96 * 8).Select(_ => 2 * random.NextSingle() - 1)];
        int[] label = [.. Enumerable.Range(0, 96).Select(i => (x[i * 8] > 0 ? 1 : 0) + (x[i * 8 + 1] > 0 ? 2 : 0))];
        if (isInfinite) x[3 * 16 * 8] = float.PositiveInfinity;
        return new BatchLoader(new TableDataset().With("x", x, 8).With("label", label), 16, new() { Order = BatchOrder.Sequential });
    }

    sealed class Collect(Action<FitProgress> each) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => each(value);
    }

    // Seven epochs: 42 steps.
    static async Task<(FitResult Result, List<(FitProgress Progress, int Waits)> Reports, EmulatedDriver Driver)> Fit(int behind, int? reportEvery, bool hasProgress = true)
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { Behind = behind };
        using var card = TrainingTests.OnCard(Classifier, driver, 7);
        var reports = new List<(FitProgress, int)>();
        var result = await card.FitAsync(Data(), new() { Epochs = 7, ReportEvery = reportEvery, Schedule = Schedule.Constant(1e-2f) }, hasProgress ? new Collect(p => reports.Add((p, driver.Waits))) : null, default);
        return (result, reports, driver);
    }

    /// <summary>The processor waits at reports that were asked for, and once at the end; between them, and where nobody said when to report, it does not. The history is the same in each case.</summary>
    [Fact]
    public async Task Between_reports_the_processor_does_not_wait()
    {
        var (expected, _, _) = await Fit(behind: 0, reportEvery: 1);
        Assert.Equal(42, expected.History.Steps);
        var (silent, _, silentDriver) = await Fit(behind: 1, reportEvery: null, hasProgress: false);
        var (left, seen, leftDriver) = await Fit(behind: 1, reportEvery: null);
        var (asked, reports, askedDriver) = await Fit(behind: 1, reportEvery: 10);
        foreach (var result in new[] { silent, left, asked })
        {
            Assert.Equal(expected.History.Losses, result.History.Losses);
            Assert.Equal((expected.Loss, expected.Steps), (result.Loss, result.Steps));
        }
        Assert.Equal(42, leftDriver.GraphLaunches);

        // With nobody who says when: each eight steps, of the step eight before, without waiting; then the end.
        Assert.Equal([16L, 24, 32, 40, 42], seen.Select(r => r.Progress.Step));
        Assert.Single(seen.Take(4).Select(r => r.Waits).Distinct());
        var losses = expected.History.Losses.ToDictionary(l => l.Step, l => l.Loss);
        Assert.Equal(losses[32], seen[3].Progress.Loss);
        Assert.Equal(losses[42], seen[4].Progress.Loss);

        // Of the step itself where somebody said so.
        Assert.Equal([10L, 20, 30, 40, 42], reports.Select(r => r.Progress.Step));
        Assert.All(reports, r => Assert.Equal(losses[r.Progress.Step], r.Progress.Loss));
        Assert.All(reports.Zip(reports.Skip(1)), pair => Assert.InRange(pair.Second.Waits - pair.First.Waits, 0, 3));
        Assert.True(silentDriver.Waits <= leftDriver.Waits && leftDriver.Waits < askedDriver.Waits && askedDriver.Waits < 42, $"{silentDriver.Waits}, {leftDriver.Waits}, {askedDriver.Waits}");
    }

    /// <summary>A step that was not made ends a run whose scale does not move, as on the processor; the message says that steps behind it were begun, and the model is sound.</summary>
    [Fact]
    public async Task A_step_that_is_not_finite_ends_the_run_when_it_is_read()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { Behind = 2 };
        using var card = TrainingTests.OnCard(MixedModel.In(Classifier, Precisions.BFloat16), driver, 7);
        var said = await Assert.ThrowsAsync<ArithmeticException>(() => card.FitAsync(Data(isInfinite: true), new() { Epochs = 9 }, null, default));
        Assert.StartsWith("Step 4 was not made", said.Message, StringComparison.Ordinal);
        Assert.Contains("are those of step 16, which the device had begun when it was noticed", said.Message, StringComparison.Ordinal);
        Assert.True(card.Store.IsSound);
        Assert.All(card.Store.All.Where(t => t.Type == DType.F32), t => Assert.All(t.Values.ToArray(), v => Assert.True(float.IsFinite(v))));
    }
}
