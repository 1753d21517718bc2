using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Data;

namespace Graph.Killable;

/// <summary>The one training run that this project is about, whichever process it goes on in.</summary>
public static class Training
{
    const int Rows = 100, Columns = 8, BatchSize = 16;

    /// <summary>Trains to the given step, from the checkpoint when there is one.</summary>
    /// <param name="model">One of this project's.</param>
    /// <param name="steps">The last step.</param>
    /// <param name="checkpoint">The checkpoint's file; null trains in one go.</param>
    /// <param name="every">How many steps lie between two checkpoints.</param>
    /// <param name="options">What to measure; nothing when left out.</param>
    /// <param name="data">The batches, should they be other than <see cref="Batches"/>.</param>
    public static Task RunAsync(
        IModel model, long steps, string? checkpoint, int every, Action<FitProgress> progress, FitOptions? options = null, IBatchSource? data = null, CancellationToken cancel = default) => model.FitAsync(
        data ?? Batches(),
        (options ?? new()) with
        {
            Steps = steps,
            Schedule = Schedule.WarmupCosine(peak: 1e-2f, warmup: 10, total: 200, floor: 1e-3f),
            CheckpointPath = checkpoint,
            CheckpointEvery = checkpoint is null ? null : every,
            Resume = checkpoint is null ? ResumeMode.Never : ResumeMode.IfPresent,
        },
        new Reports(progress), cancel);

    /// <summary>Seven batches an epoch, the last of them a short one: a run stops in the middle of an epoch more often than not.</summary>
    /// <param name="loud">Some rows are so large that 16 bits do not hold their gradients until the scale of the loss is low enough.</param>
    public static IBatchSource Batches(bool loud = false)
    {
        var random = new Random(1);
        var x = Enumerable.Range(0, Rows * Columns).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray();
        var labels = Enumerable.Range(0, Rows).Select(row => (x[row * Columns] > 0 ? 2 : 0) + (x[row * Columns + 1] > 0 ? 1 : 0)).ToArray();
        if (loud) Array.Fill(x, 900f, 40 * Columns, Columns);
        return new BatchLoader(new TableDataset().With("x", x, Columns).With("label", labels), BatchSize, new() { Seed = 5 });
    }

    // Progress<T> would report on another thread, some time later.
    sealed class Reports(Action<FitProgress> action) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => action(value);
    }
}
