using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;

namespace Graph;

/// <summary>What was measured at an evaluation.</summary>
/// <param name="Step">Steps made before it.</param>
/// <param name="ValidationLoss">The mean loss on the validation data; null without any.</param>
/// <param name="Metrics">The figures of <see cref="FitOptions.Metrics"/>, in their order.</param>
public sealed record FitEvaluation(long Step, double? ValidationLoss, ImmutableArray<MetricValue> Metrics);

/// <summary>
/// How training went: the loss of its batches and its evaluations, from the first step on. Checkpoints hold it, so that a resumed run knows the steps before.
/// It grows while training goes on; reading it is safe from any thread.
/// </summary>
public sealed class FitHistory
{
    /// <summary>How many points the curve of losses has at most, and how many evaluations are kept. When the curve is full, every two points become one, their mean.</summary>
    internal const int MostPoints = 2048;

    readonly Lock gate = new();
    readonly double[] means = new double[MostPoints];
    readonly List<FitEvaluation> evaluations = [];
    TimeSpan elapsed;

    internal FitHistory()
    {
    }

    internal FitHistory(State state)
    {
        state.Means.CopyTo(means);
        (Count, Stride, Sum, Pending, elapsed) = (state.Means.Length, state.Stride, state.Sum, state.Pending, state.Elapsed);
        evaluations.AddRange(state.Evaluations);
    }

    // Each point is the mean of Stride steps; Sum is that of the Pending steps after the last point.
    int Count { get; set; }
    long Stride { get; set; } = 1;
    double Sum { get; set; }
    long Pending { get; set; }

    /// <summary>All that a history is.</summary>
    internal sealed record State(ImmutableArray<double> Means, long Stride, double Sum, long Pending, ImmutableArray<FitEvaluation> Evaluations, TimeSpan Elapsed);

    /// <summary>The steps that it tells of, from the first one.</summary>
    public long Steps
    {
        get
        {
            lock (gate) return Count * Stride + Pending;
        }
    }

    /// <summary>Time spent in training, that before a resumed checkpoint included.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            lock (gate) return elapsed;
        }
    }

    /// <summary>The loss of training batches: each point is the mean over the steps since the point before it, and <c>Step</c> the last of them. A copy of at most a few thousand points.</summary>
    public IReadOnlyList<(long Step, double Loss)> Losses
    {
        get
        {
            lock (gate)
            {
                var points = new List<(long, double)>(Count + 1);
                for (var i = 0; i < Count; i++) points.Add(((i + 1) * Stride, means[i]));
                if (Pending > 0) points.Add((Count * Stride + Pending, Sum / Pending));
                return points;
            }
        }
    }

    /// <summary>The evaluations, by step; of more than two thousand, those are left that lie as evenly as may be. A copy.</summary>
    public IReadOnlyList<FitEvaluation> Evaluations
    {
        get
        {
            lock (gate) return [.. evaluations];
        }
    }

    internal State Snapshot()
    {
        lock (gate) return new([.. means.AsSpan(0, Count)], Stride, Sum, Pending, [.. evaluations], elapsed);
    }

    /// <summary>Notes the loss of the next step. Allocates nothing.</summary>
    internal void Add(double loss, TimeSpan elapsed)
    {
        lock (gate)
        {
            this.elapsed = elapsed;
            Sum += loss;
            if (++Pending < Stride) return;
            means[Count++] = Sum / Stride;
            (Sum, Pending) = (0, 0);
            if (Count < MostPoints) return;
            for (var i = 0; i < MostPoints / 2; i++) means[i] = (means[2 * i] + means[2 * i + 1]) / 2;
            Count = MostPoints / 2;
            Stride *= 2;
        }
    }

    /// <summary>Notes an evaluation; one of the same step before it is forgotten.</summary>
    internal void Add(FitEvaluation evaluation, TimeSpan elapsed)
    {
        lock (gate)
        {
            this.elapsed = elapsed;
            evaluations.RemoveAll(e => e.Step >= evaluation.Step);
            // A run that evaluates at every step must not outgrow what a file's head can hold.
            if (evaluations.Count >= MostPoints) evaluations.RemoveAt(Densest());
            evaluations.Add(evaluation);
        }
    }

    // Where an evaluation is missed least: between the two nearest neighbours.
    int Densest()
    {
        var (best, gap) = (1, long.MaxValue);
        for (var i = 1; i + 1 < evaluations.Count; i++)
            if (evaluations[i + 1].Step - evaluations[i - 1].Step is var here && here < gap) (best, gap) = (i, here);
        return best;
    }

    /// <summary>The evaluation made after that many steps; null without one.</summary>
    internal FitEvaluation? At(long step)
    {
        lock (gate) return evaluations.LastOrDefault(e => e.Step == step);
    }
}
