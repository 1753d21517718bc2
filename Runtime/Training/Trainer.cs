using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Graph.Data;
using Graph.Runtime.Execution;

namespace Graph.Runtime.Training;

/// <summary>The training loop: batches, learning rates, evaluations, checkpoints. Where it stands is (steps, epoch, batch); with the parameter store that is all it needs to go on bit for bit.</summary>
sealed class Trainer : IDisposable
{
    static readonly IReadOnlyList<MetricValue> NoMetrics = [];

    // So many skipped steps in a row halve a scale of 65536 to 2⁻¹⁶: then it was not the scale.
    const int MostSkipped = 32;

    // Steps that a device makes by itself are read when so many were started: the older half of them, which is done by then or soon.
    const int MostUnread = 16;

    readonly ModelInstance model;
    readonly CompiledTraining training;
    readonly IBatchSource data;
    readonly FitOptions options;
    readonly IProgress<FitProgress>? progress;
    readonly BatchFeed feed;
    readonly BatchFeed? validation;
    readonly RunDescription run;
    readonly RunCheckpoint? checkpoint;
    readonly Stopwatch clock = Stopwatch.StartNew();
    readonly FitHistory history = new();
    readonly TimeSpan elapsedBefore;
    readonly long startedAt, totalSteps;
    long steps;
    int epoch, batch, skipped;
    // Started on a device, and not read yet; what those before them have said.
    readonly Queue<(long Number, StepResult Result)> unread = new();
    StepResult last;
    double lossScale;
    long skippedInAll;
    bool isNews; // since the last report
    FitEvaluation? evaluation;
    bool saveFailed, diverged;
    long reportedAt = -1, reportedEvaluation = -1;

    // The moments over which the rate is taken: half a second or the time between two reports, whichever is longer.
    long windowRows;
    TimeSpan windowStart;
    double samplesPerSecond;

    /// <summary>Checks all that can be checked before training, and reads the checkpoint.</summary>
    public Trainer(ModelInstance model, IBatchSource data, FitOptions options, IProgress<FitProgress>? progress)
    {
        options.Check();
        this.model = model;
        training = model.Model.TrainingOf(options.Program); // says what a model without [Train] lacks
        this.data = data;
        this.options = options;
        this.progress = progress;
        CheckBatches(data, "training data", nameof(data));
        feed = new(model, training, data, "training data", nameof(data));
        if (training.Program.MicroBatches is var parts && data.BatchSize % parts != 0)
            throw new ArgumentException($"The training data come in batches of {data.BatchSize} rows, of which {parts} micro-batches cannot each have as many: expected a multiple of {parts}.", nameof(data));
        if (options.Validation is { } held)
        {
            CheckBatches(held, "validation data", nameof(options.Validation));
            validation = new(model, training, held, "validation data", nameof(options.Validation));
        }
        run = new()
        {
            Model = training.Name.Length == 0 ? model.Model.Name : model.Model.Name + "." + training.Name, Plan = model.Model.PlanFingerprint, Seed = model.Store.Seed, BatchSize = data.BatchSize, Batches = data.Batches, Schedule = options.Schedule?.Text,
            Data = options.CheckpointPath is null ? null : data.Fingerprint, Facts = options.Facts.ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
        if (options.CheckpointPath is { } path)
        {
            checkpoint = new(model, path);
            try
            {
                if (options.Resume != ResumeMode.Never && checkpoint.Exists)
                {
                    (var position, var stored) = checkpoint.Resume(run, options.AcceptChanges);
                    (steps, epoch, batch) = position;
                    if (stored is not null)
                    {
                        history = stored.History;
                        last = new(model.Store.AppliedSteps(training.AppliedSteps), stored.Loss, stored.GradientNorm, model.Rate(training));
                    }
                }
                else if (options.Resume == ResumeMode.Always)
                {
                    throw new FileNotFoundException($"{path}: there is no checkpoint to go on from.", path);
                }
            }
            catch
            {
                checkpoint.Dispose();
                throw;
            }
        }
        startedAt = steps;
        skippedInAll = training.SkippedSteps is { } counter ? model.Store.Counted(counter) : 0;
        elapsedBefore = history.Elapsed;
        var byEpochs = options.Epochs is null && options.Steps is not null ? long.MaxValue : steps + ((long)(options.Epochs ?? 1) - epoch) * data.Batches - batch;
        totalSteps = Math.Max(steps, Math.Min(byEpochs, options.Steps ?? long.MaxValue));
    }

    static void CheckBatches(IBatchSource source, string name, string parameter)
    {
        if (source.Batches < 1) throw new ArgumentException($"The {name} has {source.Batches} batches an epoch, expected at least 1.", parameter);
    }

    TimeSpan Elapsed => elapsedBefore + clock.Elapsed;

    bool EndOfEpoch => batch == data.Batches;

    bool Evaluated => evaluation?.Step == steps;

    /// <summary>Trains to the end. However that comes, what was reached is in the checkpoint, if the model is sound.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; what was reached is in the model and, with a path, in a checkpoint.</exception>
    /// <exception cref="ArithmeticException">Loss or gradients are not finite; the model is as after the step before.</exception>
    public FitResult Run(CancellationToken cancel)
    {
        try
        {
            return Train(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            SaveReached(); // that this fails is what the caller has to know then
            throw;
        }
        catch (Exception failure) when (!diverged && !saveFailed)
        {
            try
            {
                SaveReached();
            }
            catch (Exception second)
            {
                failure.Data[FitFailure.Key] = second;
            }
            throw;
        }
    }

    /// <summary>Gives the checkpoint's file back.</summary>
    public void Dispose() => checkpoint?.Dispose();

    FitResult Train(CancellationToken cancel)
    {
        windowStart = clock.Elapsed;
        // A run that stopped in the middle of an evaluation makes it now.
        if (steps > 0 && steps < totalSteps && (options.EvalEvery is { } every ? steps % every == 0 : batch == 0) && history.At(steps) is null) Evaluate(cancel);
        while (steps < totalSteps)
        {
            cancel.ThrowIfCancellationRequested();
            if (EndOfEpoch) (epoch, batch) = (epoch + 1, 0);
            using var reader = data.Open(epoch, batch);
            while (steps < totalSteps && !EndOfEpoch)
            {
                cancel.ThrowIfCancellationRequested();
                if (!reader.Next(cancel)) throw new InvalidOperationException($"The data ended after {batch} batches of epoch {epoch}, but it said that there are {data.Batches}.");
                Step(reader);
                AfterStep(cancel);
            }
        }
        Read();
        Evaluate(cancel);
        Report();
        Save();
        return new(steps, last.Loss, evaluation?.ValidationLoss, evaluation?.Metrics ?? [], clock.Elapsed, history);
    }

    void Step(IBatch rows)
    {
        if (options.Schedule is { } schedule) model.SetRate(training, schedule.Rate(steps, totalSteps));
        var result = feed.Train(rows);
        if (!result.IsPending) Take(steps + 1, result);
        steps++;
        batch++;
        windowRows += rows.Count;
        if (!result.IsPending) return;
        unread.Enqueue((steps, result));
        if (unread.Count == MostUnread) Read(MostUnread / 2);
    }

    // What steps gave that were started and that nobody has read, but for the last ones. Which of them are read when follows from their numbers, so a run on a device is the same one every time.
    void Read(int leave = 0)
    {
        while (unread.Count > leave)
        {
            var (number, result) = unread.Dequeue();
            Take(number, result);
        }
    }

    void Take(long number, StepResult result)
    {
        // A scale that was too large is halved by the step itself, and training goes on with the next batch.
        skipped = result.IsFinite ? 0 : skipped + 1;
        if (skipped > 0 && (!training.Program.ScalesDynamically || skipped > MostSkipped)) throw NotMade(number, result);
        last = skipped > 0 ? last : result;
        (lossScale, isNews) = (result.LossScale, true);
        if (skipped > 0) skippedInAll++;
        else history.Add(result.Loss, Elapsed);
    }

    ArithmeticException NotMade(long number, StepResult step)
    {
        diverged = true;
        // What was started behind it is told of as well.
        foreach (var (_, later) in unread)
            if (later.IsFinite) history.Add(later.Loss, Elapsed);
        unread.Clear();
        var message = FormattableString.Invariant(
            $"Step {number} was not made: its loss is {(float)step.Loss} and the norm of its gradients {(float)step.GradientNorm}, with the learning rate {(float)step.LearningRate}. ")
            + (skipped > 1 ? FormattableString.Invariant($"Nor were the {skipped - 1} before it, although the loss was scaled by no more than {(float)step.LossScale} in the end. ") : "")
            + FormattableString.Invariant($"Either training has diverged or the batch holds numbers that are not finite. Parameters, running statistics and optimizer states are those of step {steps}{(steps < number ? "" : ", which the device had begun when it was noticed")}.");
        if (checkpoint is null || steps == startedAt || !model.Store.IsSound) return new(message);
        try
        {
            var before = checkpoint.SavedStep;
            var place = checkpoint.SaveApart(Position, Metadata);
            message += place == options.CheckpointPath
                ? FormattableString.Invariant($" The checkpoint {place} is of this step.")
                : FormattableString.Invariant($" The checkpoint {options.CheckpointPath} is of step {before}; {place} is of this one.");
            return new(message);
        }
        catch (Exception second)
        {
            return new(message) { Data = { [FitFailure.Key] = second } };
        }
    }

    void AfterStep(CancellationToken cancel)
    {
        if (options.EvalEvery is { } every ? steps % every == 0 : EndOfEpoch) Evaluate(cancel);
        if (Evaluated || (options.ReportEvery is { } each ? steps % each == 0 : isNews)) Report();
        if (options.CheckpointEvery is { } period ? steps % period == 0 : EndOfEpoch) Save();
    }

    void Evaluate(CancellationToken cancel)
    {
        if (Evaluated || (validation is null && options.Metrics.Count == 0)) return;
        Read();
        MeasureRate(force: true);
        double? loss = validation is null ? null : ValidationLoss(validation, cancel);
        var metrics = ImmutableArray.CreateBuilder<MetricValue>();
        foreach (var metric in options.Metrics)
        {
            metrics.Add(metric.Measure(cancel));
            cancel.ThrowIfCancellationRequested(); // a metric that was told to stop may have measured half of it
        }
        evaluation = new(steps, loss, metrics.ToImmutable());
        history.Add(evaluation, Elapsed);
        windowStart = clock.Elapsed; // evaluation is not training
    }

    double ValidationLoss(BatchFeed feed, CancellationToken cancel)
    {
        double sum = 0;
        long rows = 0;
        using var reader = options.Validation!.Open(0);
        for (var number = 0L; reader.Next(cancel); number++)
        {
            cancel.ThrowIfCancellationRequested();
            sum += (double)feed.Loss(reader, number) * reader.Count;
            rows += reader.Count;
        }
        return sum / rows;
    }

    void MeasureRate(bool force)
    {
        var now = clock.Elapsed;
        var seconds = (now - windowStart).TotalSeconds;
        if (windowRows == 0 || (seconds < 0.5 && samplesPerSecond > 0 && !force)) return;
        samplesPerSecond = windowRows / Math.Max(seconds, 1e-9);
        windowRows = 0;
        windowStart = now;
    }

    void Report()
    {
        var evaluated = Evaluated;
        if (progress is null || (reportedAt == steps && (!evaluated || reportedEvaluation == steps))) return;
        if (options.ReportEvery is not null) Read();
        MeasureRate(force: false);
        (reportedAt, isNews) = (steps, false);
        if (evaluated) reportedEvaluation = steps;
        progress.Report(new()
        {
            Step = steps, TotalSteps = totalSteps, Epoch = epoch + (double)batch / data.Batches, Loss = last.Loss, LearningRate = last.LearningRate, GradientNorm = last.GradientNorm,
            LossScale = unread.Count > 0 ? lossScale : model.Store.LossScale(training), SkippedSteps = skippedInAll,
            SamplesPerSecond = samplesPerSecond, Elapsed = clock.Elapsed, ValidationLoss = evaluated ? evaluation!.ValidationLoss : null, Metrics = evaluated ? evaluation!.Metrics : NoMetrics,
            History = history,
        });
    }

    RunPosition Position => EndOfEpoch ? new(steps, epoch + 1, 0) : new(steps, epoch, batch);

    RunMetadata Metadata => new(run, steps, last.Loss, last.GradientNorm, history);

    void Save()
    {
        if (checkpoint is null) return;
        Read();
        try
        {
            checkpoint.Save(Position, Metadata);
        }
        catch
        {
            saveFailed = true; // trying it again would fail again
            throw;
        }
    }

    // A run that has made no step has nothing to lose, and may stand before an earlier one's checkpoint.
    void SaveReached()
    {
        if (checkpoint is not null && model.Store.IsSound && steps > startedAt) Save();
    }
}
