using System;
using System.Globalization;
using System.Threading;

namespace Graph;

/// <summary>A figure beside the loss that training measures at every evaluation, such as an accuracy.</summary>
/// <example><code>Metrics = [new("accuracy", cancel => Accuracy(model, heldOut, cancel), "0.00 %")]</code></example>
public sealed class Metric
{
    readonly Func<CancellationToken, double> measure;

    /// <summary>A metric that takes no time worth interrupting.</summary>
    /// <inheritdoc cref="Metric(string, Func{CancellationToken, double}, string)"/>
    public Metric(string name, Func<double> measure, string format = DefaultFormat)
        : this(name, Ignoring(measure), format)
    {
    }

    /// <summary>A metric that stops when training is cancelled.</summary>
    /// <param name="name">What it is called on the display, in reports and in checkpoints.</param>
    /// <param name="measure">Gives the figure. It is called between two steps, so it may call the model; the token is that of <c>FitAsync</c>, and throwing when it is cancelled loses nothing.</param>
    /// <param name="format">How it is written: a .NET number format such as <c>0.000</c>, or <c>0.00 %</c> for a share of one.</param>
    /// <exception cref="ArgumentException">The name is empty, or the format is none.</exception>
    public Metric(string name, Func<CancellationToken, double> measure, string format = DefaultFormat)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(measure);
        ArgumentException.ThrowIfNullOrWhiteSpace(format);
        try
        {
            _ = 0.5.ToString(format, CultureInfo.InvariantCulture);
        }
        catch (FormatException e)
        {
            throw new ArgumentException($"The format of the metric {name} is \"{format}\", expected a .NET number format such as 0.000 or 0.00 %.", nameof(format), e);
        }
        Name = name;
        Format = format;
        this.measure = measure;
    }

    internal const string DefaultFormat = "0.0000";

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>How it is written.</summary>
    public string Format { get; }

    internal MetricValue Measure(CancellationToken cancel) => new(Name, measure(cancel), Format);

    static Func<CancellationToken, double> Ignoring(Func<double> measure)
    {
        ArgumentNullException.ThrowIfNull(measure);
        return _ => measure();
    }
}

/// <summary>What a metric was at an evaluation.</summary>
/// <param name="Name">The metric's name.</param>
/// <param name="Value">The figure.</param>
/// <param name="Format">The .NET number format that it is written with.</param>
public readonly record struct MetricValue(string Name, double Value, string Format)
{
    /// <summary>The figure as it is written, culture-invariantly: <c>98.61 %</c>.</summary>
    public string Text => Value.ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>Name and figure: <c>accuracy 98.61 %</c>.</summary>
    public override string ToString() => $"{Name} {Text}";
}
