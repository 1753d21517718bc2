using System;
using System.Collections.Generic;

namespace Graph;

/// <summary>How far training is.</summary>
public readonly record struct FitProgress
{
    /// <summary>Steps made, those before a resumed checkpoint included; on a card, begun: what the last ones gave may not be known yet where <see cref="FitOptions.ReportEvery"/> was left out.</summary>
    public long Step { get; init; }

    /// <summary>The steps that it will be in all.</summary>
    public long TotalSteps { get; init; }

    /// <summary>Epochs gone through, with the fraction of the current one.</summary>
    public double Epoch { get; init; }

    /// <summary>The loss of the last step's batch: of the last one that is known.</summary>
    public double Loss { get; init; }

    /// <summary>The learning rate of the last step.</summary>
    public double LearningRate { get; init; }

    /// <summary>The norm of the last step's gradients, before clipping.</summary>
    public double GradientNorm { get; init; }

    /// <summary>What the loss of the next step is multiplied with before its backward pass; 1 but in 16 bits.</summary>
    public double LossScale { get; init; }

    /// <summary>The steps that were skipped because their gradients were not finite, those before a resumed checkpoint included.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Rows trained on a second, over the last moments.</summary>
    public double SamplesPerSecond { get; init; }

    /// <summary>Time since training began or was resumed.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The mean loss on the validation data; null but at an evaluation.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>What <see cref="FitOptions.Metrics"/> gave, in their order; empty but at an evaluation.</summary>
    public IReadOnlyList<MetricValue> Metrics
    {
        get => field ?? [];
        init;
    }

    /// <summary>How training went until now, the steps before a resumed checkpoint included. It grows with training.</summary>
    public FitHistory History
    {
        get => field ?? new();
        init;
    }
}

/// <summary>What training came to.</summary>
/// <param name="Steps">Steps made, those before a resumed checkpoint included.</param>
/// <param name="Loss">The loss of the last step's batch.</param>
/// <param name="ValidationLoss">The last evaluation's; null without validation data.</param>
/// <param name="Metrics">The last evaluation's figures, in the order of <see cref="FitOptions.Metrics"/>.</param>
/// <param name="Elapsed">Time since training began or was resumed; <see cref="FitHistory.Elapsed"/> has all of it.</param>
/// <param name="History">How it went, from the first step on.</param>
public sealed record FitResult(long Steps, double Loss, double? ValidationLoss, IReadOnlyList<MetricValue> Metrics, TimeSpan Elapsed, FitHistory History);
