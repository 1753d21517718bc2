using System;
using System.Collections.Generic;
using System.Globalization;

namespace Graph.Ui;

/// <summary>The range of a chart's axis and the round numbers on it.</summary>
/// <param name="From">Where it begins.</param>
/// <param name="To">Where it ends.</param>
/// <param name="Step">The distance of two ticks: 1, 2 or 5 times a power of ten.</param>
sealed record Axis(double From, double To, double Step)
{
    // What is this close to a tick lies on it.
    const double Slack = 1e-9;

    // A few more ticks than asked for are better than half as many.
    const double Tolerance = 0.95;

    /// <summary>From the tick below the data to the tick above it.</summary>
    /// <param name="ticks">How many ticks it has about.</param>
    public static Axis Around(double least, double most, int ticks)
    {
        if (!(most > least))
        {
            var room = least == 0 ? 1 : Math.Abs(least) * 0.1;
            (least, most) = (least - room, most + room);
        }
        var step = Round((most - least) / ticks);
        return new(Math.Floor(least / step + Slack) * step, Math.Ceiling(most / step - Slack) * step, step);
    }

    /// <summary>Of whole numbers that are counted, from 0 or, where most of it would be empty, from the first to the last: the ticks lie within.</summary>
    public static Axis Counting(double first, double last, int ticks)
    {
        var from = first <= 0.5 * last ? 0 : first;
        return new(from, Math.Max(last, from + 1), Math.Max(1, Round((Math.Max(last, from + 1) - from) / ticks)));
    }

    // The next of 1, 2, 5 times a power of ten.
    static double Round(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        foreach (var factor in (ReadOnlySpan<int>)[1, 2, 5])
            if (factor * power >= value * Tolerance) return factor * power;
        return 10 * power;
    }

    /// <summary>The numbers at the ticks.</summary>
    public IEnumerable<double> Ticks
    {
        get
        {
            for (var i = Math.Ceiling(From / Step - Slack); i * Step <= To + Slack * Step; i++) yield return i * Step + 0.0; // no minus before a zero
        }
    }

    /// <summary>A tick's number with as many places as its neighbours differ in.</summary>
    /// <param name="asShare">In percent.</param>
    public string Label(double tick, bool asShare)
    {
        var (value, step) = asShare ? (100 * tick, 100 * Step) : (tick, Step);
        var places = Math.Clamp((int)-Math.Floor(Math.Log10(step) + Slack), 0, 9);
        var large = Math.Max(Math.Abs(From), Math.Abs(To)) >= 1e7 || step < 1e-5;
        return value.ToString(large && value != 0 ? "0.##e0" : "N" + places.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) + (asShare ? " %" : "");
    }
}
