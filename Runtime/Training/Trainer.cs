using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Graph.Data;
using Graph.Runtime.Checkpoints;
using Graph.Runtime.Execution;

namespace Graph.Runtime.Training;

/// <summary>The training loop: batches, learning rates, evaluations, checkpoints. Where it stands is (epoch, batch); with the parameter store that is all it needs to go on bit for bit.</summary>
sealed class Trainer
{
    const string HistoryKey = "history";
    static readonly IReadOnlyList<MetricValue> NoMetrics = [];

    readonly ModelInstance model;
    readonly IBatchSource data;
    readonly FitOptions options;
    readonly IProgress<FitProgress>? progress;
    readonly BatchFeed feed;
    readonly BatchFeed? validation;
    readonly Stopwatch clock = Stopwatch.StartNew();
    readonly long totalSteps;
    int epoch, batch;
    StepResult last;
    FitHistory history = new();
    TimeSpan elapsedBefore;
    FitEvaluation? evaluation;
    long savedAt = -1, reportedAt = -1, reportedEvaluation = -1;

    // The moments over which the rate is taken: half a second or the time between two reports, whichever is longer.
    long windowRows;
    TimeSpan windowStart;
    double samplesPerSecond;

    public Trainer(ModelInstance model, IBatchSource data, FitOptions options, IProgress<FitProgress>? progress)
    {
        options.Check();
        this.model = model;
        this.data = data;
        this.options = options;
        this.progress = progress;
        feed = new(model, data, "training data", nameof(data));
        if (options.Validation is { } held) validation = new(model, held, "validation data", nameof(options.Validation));
        _ = model.Model["train_step"]; // says what a model without [Train] lacks
        var byEpochs = options.Epochs is { } epochs ? (long)epochs * data.Batches : options.Steps is null ? data.Batches : long.MaxValue;
        totalSteps = Math.Min(byEpochs, options.Steps ?? long.MaxValue);
        if (options.CheckpointPath is { } path) AtomicFile.DeleteLeftovers(path);
        if (options.Resume && File.Exists(options.CheckpointPath)) Resume(options.CheckpointPath);
    }

    TimeSpan TotalElapsed => elapsedBefore + clock.Elapsed;

    /// <summary>Steps that this data was trained on.</summary>
    long Done => (long)epoch * data.Batches + batch;

    void Resume(string path)
    {
        var info = model.LoadCheckpoint(path, weightsOnly: false);
        if (!info.IsTraining) throw new CheckpointException(path, "holds weights alone: training cannot go on from it. Load it and train without Resume.");
        if (info.Position is not { } position) return;
        if (position.Batch > data.Batches) throw new CheckpointException(path, $"was written after {position.Batch} batches of an epoch, but the data has {data.Batches}: it is other data, or other batches.");
        (epoch, batch) = (position.Epoch, position.Batch);
        if (!info.Metadata.TryGetValue(HistoryKey, out var text)) return;
        try
        {
            history = HistoryText.Read(text);
        }
        catch (FormatException e)
        {
            throw new CheckpointException(path, $"has damaged metadata ({e.Message})", e);
        }
        elapsedBefore = history.Elapsed;
    }

    /// <summary>Trains to the end.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; what was reached is in the model and, with a path, in a checkpoint.</exception>
    /// <exception cref="ArithmeticException">Loss or gradients are not finite; the model is as after the step before.</exception>
    public FitResult Run(CancellationToken cancel)
    {
        windowStart = clock.Elapsed;
        while (Done < totalSteps)
        {
            if (batch == data.Batches) (epoch, batch) = (epoch + 1, 0);
            using var reader = data.Open(epoch, batch);
            while (Done < totalSteps && batch < data.Batches)
            {
                if (cancel.IsCancellationRequested)
                {
                    Save();
                    cancel.ThrowIfCancellationRequested();
                }
                if (!reader.Next()) throw new InvalidOperationException($"The data ended after {batch} batches of epoch {epoch}, but it said that there are {data.Batches}.");
                Step(reader);
                AfterStep(cancel);
            }
        }
        Evaluate(cancel);
        Report();
        Save();
        return new(Done, last.Loss, evaluation?.ValidationLoss, evaluation?.Metrics ?? [], clock.Elapsed, history);
    }

    void Step(IBatch rows)
    {
        if (options.Schedule is { } schedule) model.LearningRate = schedule.Rate(Done);
        var result = feed.Train(rows);
        if (!result.IsFinite) throw NotMade(result);
        last = result;
        batch++;
        history.Add(result.Loss, TotalElapsed);
        windowRows += rows.Count;
    }

    ArithmeticException NotMade(StepResult step)
    {
        var saved = savedAt >= 0 ? FormattableString.Invariant($" The checkpoint {options.CheckpointPath} is of step {savedAt}.") : "";
        return new(FormattableString.Invariant(
            $"Step {Done + 1} was not made: its loss is {step.Loss} and the norm of its gradients {step.GradientNorm}, with the learning rate {step.LearningRate}. ")
            + FormattableString.Invariant($"Either training has diverged or the batch holds numbers that are not finite. Parameters, running statistics and optimizer states are those of step {Done}.{saved}"));
    }

    void AfterStep(CancellationToken cancel)
    {
        var endOfEpoch = batch == data.Batches;
        if (options.EvalEvery is { } every ? Done % every == 0 : endOfEpoch) Evaluate(cancel);
        if (Evaluated || Done % options.ReportEvery == 0) Report();
        if (options.CheckpointEvery is { } period ? Done % period == 0 : endOfEpoch) Save();
    }

    bool Evaluated => evaluation?.Step == Done;

    void Evaluate(CancellationToken cancel)
    {
        if (Evaluated || (validation is null && options.Metrics.Count == 0)) return;
        MeasureRate(force: true);
        double? loss = validation is null ? null : ValidationLoss(validation);
        evaluation = new(Done, loss, [.. options.Metrics.Select(m => m.Measure(cancel))]);
        history.Add(evaluation, TotalElapsed);
        windowStart = clock.Elapsed; // evaluation is not training
    }

    double ValidationLoss(BatchFeed feed)
    {
        double sum = 0;
        long rows = 0;
        using var reader = options.Validation!.Open(0);
        while (reader.Next())
        {
            sum += (double)feed.Loss(reader) * reader.Count;
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
        if (progress is null || (reportedAt == Done && (!evaluated || reportedEvaluation == Done))) return;
        MeasureRate(force: false);
        reportedAt = Done;
        if (evaluated) reportedEvaluation = Done;
        progress.Report(new()
        {
            Step = Done, TotalSteps = totalSteps, Epoch = (double)Done / data.Batches, Loss = last.Loss, LearningRate = last.LearningRate, GradientNorm = last.GradientNorm,
            SamplesPerSecond = samplesPerSecond, Elapsed = clock.Elapsed, ValidationLoss = evaluated ? evaluation!.ValidationLoss : null, Metrics = evaluated ? evaluation!.Metrics : NoMetrics,
            History = history,
        });
    }

    void Save()
    {
        if (options.CheckpointPath is not { } path || savedAt == Done) return;
        model.SaveCheckpoint(path, batch == data.Batches ? new(epoch + 1, 0) : new(epoch, batch), ImmutableDictionary<string, string>.Empty.Add(HistoryKey, HistoryText.Write(history)), weightsOnly: false);
        savedAt = Done;
    }
}
