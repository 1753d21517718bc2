using System;
using System.Globalization;

namespace Graph;

/// <summary>The learning rate as a function of how many steps were made.</summary>
public abstract record Schedule
{
    private Schedule()
    {
    }

    /// <summary>The rate of a step.</summary>
    /// <param name="step">The number of steps before it: 0 for the first.</param>
    /// <param name="total">The steps of the whole run, for a schedule that is as long as the run.</param>
    public abstract float Rate(long step, long total = long.MaxValue);

    /// <summary>The schedule in words, by which a resumed run is compared. Two schedules of one text are one schedule.</summary>
    internal abstract string Text { get; }

    /// <summary>Always the same.</summary>
    public static Schedule Constant(float rate) => new ConstantSchedule(rate);

    /// <summary>
    /// Rises in a line to <paramref name="peak"/> over <paramref name="warmup"/> steps (the first makes peak ÷ (warmup + 1)), then falls along half a cosine to <paramref name="floor"/>
    /// at step <paramref name="total"/>, and stays there: Loshchilov and Hutter, "SGDR", ICLR 2017, as nanoGPT has it.
    /// </summary>
    /// <param name="peak">The greatest rate.</param>
    /// <param name="warmup">Steps of the rise.</param>
    /// <param name="total">Where the floor is reached. When left out, at the end of the run: a run that is resumed with more steps then still has the same schedule. Of such a run the warm-up
    /// takes a tenth at most.</param>
    /// <param name="floor">The least rate.</param>
    /// <exception cref="ArgumentOutOfRangeException">The warm-up is longer than the whole, or a number is negative.</exception>
    public static Schedule WarmupCosine(float peak, long warmup, long? total = null, float floor = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(warmup);
        ArgumentOutOfRangeException.ThrowIfNegative(floor);
        if (total is { } steps) ArgumentOutOfRangeException.ThrowIfLessThan(steps, warmup, nameof(total));
        return new WarmupCosineSchedule(peak, warmup, total, floor);
    }

    sealed record ConstantSchedule(float Value) : Schedule
    {
        public override float Rate(long step, long total) => Value;

        internal override string Text => string.Create(CultureInfo.InvariantCulture, $"constant at {Value:R}");
    }

    sealed record WarmupCosineSchedule(float Peak, long Warmup, long? Total, float Floor) : Schedule
    {
        internal override string Text => string.Create(
            CultureInfo.InvariantCulture, $"{Warmup} steps up to {Peak:R}, then a cosine to {Floor:R} at {(Total is { } total ? $"step {total}" : "the end")}");

        public override float Rate(long step, long total)
        {
            var warmup = Total is null ? Math.Min(Warmup, total / 10) : Warmup;
            var end = Total ?? total;
            if (step < warmup) return (float)((double)Peak * (step + 1) / (warmup + 1));
            if (step >= end) return Floor;
            var way = (double)(step - warmup) / (end - warmup);
            return (float)(Floor + 0.5 * (1 + Math.Cos(Math.PI * way)) * ((double)Peak - Floor));
        }
    }
}
