using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>What a machine does at most: floating-point operations and bytes of memory a second.</summary>
public sealed record MachineFigures(double FlopsPerSecond, double BytesPerSecond);

/// <summary>Writes a plan as the answer to "where does my memory go?": a heading with arena, bound and peak, what lives there and who made it, and a line for each launch.</summary>
public static class PlanPrinter
{
    /// <summary>The table of one plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="model">The model's name.</param>
    /// <param name="states">The states of its program, which tell the gradients of parameters from other intermediates.</param>
    /// <param name="machine">When given, each launch's floor in time is printed: the slower of its operations and its bytes.</param>
    public static string Print(MemoryPlan plan, string model, ImmutableArray<StateDecl> states, MachineFigures? machine = null)
    {
        var timeline = new MemoryTimeline(plan, states);
        var text = new StringBuilder();
        text.Append("plan ").Append(model).Append('.').Append(plan.Function.Name);
        if (plan.Binding.Values.Any()) text.Append("  ").Append(plan.Binding);
        text.Append('\n');
        text.Append("state ").Append(Count(plan.StateBytes)).Append(" B   arena ").Append(Count(plan.ArenaBytes)).Append(" B = bound × ").Append(plan.Ratio.ToString("0.000", CultureInfo.InvariantCulture));
        if (plan.NaturalPeak is { } natural) text.Append("   natural order ").Append(Count(natural)).Append(" B");
        if (plan.ThreadBytes > 0) text.Append("   a thread ").Append(Count(plan.ThreadBytes)).Append(" B");
        text.Append("   peak at ").Append(plan.PeakDescription).Append('\n');
        text.Append("flops ").Append(Short(plan.Flops)).Append("   moved ").Append(Count(plan.Traffic)).Append(" B   placed by ").Append(plan.Method).Append('\n');
        Repeats(plan, text);
        Peak(timeline, text);

        var rows = new List<string[]> { machine is null ? ["#", "kernel", "reads", "writes", "bytes", "flops", "live"] : ["#", "kernel", "reads", "writes", "bytes", "flops", "live", "floor"] };
        var isAgain = Again(plan);
        for (var i = 0; i < plan.Function.Launches.Length; i++)
        {
            var launch = plan.Function.Launches[i];
            var flops = launch.Flops.Evaluate(plan.Binding);
            var bytes = launch.Traffic.Evaluate(plan.Binding);
            var row = new List<string>
            {
                i.ToString(CultureInfo.InvariantCulture), launch.Title + (isAgain(i) ? " again" : ""), Operands(plan, launch, i, written: false), Operands(plan, launch, i, written: true), Count(bytes), Short(flops), Count(timeline.Moments[i].Total),
            };
            if (machine is not null) row.Add((Math.Max(flops / machine.FlopsPerSecond, bytes / machine.BytesPerSecond) * 1000).ToString("0.000", CultureInfo.InvariantCulture) + " ms");
            rows.Add([.. row]);
        }
        Table(rows, text);
        return text.ToString();
    }

    static Func<int, bool> Again(MemoryPlan plan)
    {
        if (plan.Order.IsEmpty) return _ => false;
        var seen = new HashSet<int>();
        var again = plan.Order.Select(launch => !seen.Add(launch)).ToArray();
        return i => again[i];
    }

    static void Repeats(MemoryPlan plan, StringBuilder text)
    {
        if (plan.Budget is not { } budget) return;
        long flops = 0, traffic = 0;
        foreach (var launch in plan.Source.Launches)
        {
            flops += launch.Flops.Evaluate(plan.Binding);
            traffic += launch.Traffic.Evaluate(plan.Binding);
        }
        text.Append("budget ").Append(Count(budget)).Append(" B   ").Append(Count(plan.Repeated)).Append(" launches run again: ").Append(Short(plan.Flops - flops)).Append(" flops and ").Append(Count(plan.Traffic - traffic)).Append(" B more\n");
    }

    // The rest is small, or there is much of a kind.
    const int MostLines = 8;

    static void Peak(MemoryTimeline timeline, StringBuilder text)
    {
        var (peak, function) = (timeline.Peak, timeline.Plan.Function);
        if (peak.Total == 0) return;
        text.Append("at the peak ").Append(string.Join(" + ", new[] { ("activations", peak.Activations), ("gradients", peak.Gradients), ("workspaces", peak.Workspaces), ("arguments", peak.Arguments) }
            .Where(kind => kind.Item2 > 0).Select(kind => kind.Item1 + " " + Count(kind.Item2) + " B"))).Append('\n');
        var rows = new List<string[]>();
        foreach (var live in timeline.AtPeak.Take(MostLines))
        {
            var launch = live.MadeBy < 0 ? null : function.Launches[live.MadeBy];
            rows.Add([Count(live.Bytes), live.Buffer.ToString(), live.Kind.ToString().ToLowerInvariant(), launch is null ? "given" : "#" + live.MadeBy.ToString(CultureInfo.InvariantCulture) + " " + launch.Title + (launch.Origins.IsEmpty ? "" : " (" + launch.Origins[0] + ")")]);
        }
        if (timeline.AtPeak.Length > MostLines) rows.Add([Count(timeline.AtPeak.Skip(MostLines).Sum(b => b.Bytes)), "+" + (timeline.AtPeak.Length - MostLines).ToString(CultureInfo.InvariantCulture), "more", ""]);
        Table(rows, text);
    }

    // The optimizer touches every parameter: a few operands name the rest.
    const int MostOperands = 6;

    static string Operands(MemoryPlan plan, Launch launch, int index, bool written)
    {
        var names = launch.Operands.Where(o => o.IsWritten == written).Select(o => Name(plan, o, index)).Distinct(StringComparer.Ordinal).ToList();
        if (names.Count == 0) return "-";
        return names.Count <= MostOperands ? string.Join(" ", names)
            : string.Join(" ", names.Take(MostOperands - 1)) + " +" + (names.Count - MostOperands + 1).ToString(CultureInfo.InvariantCulture);
    }

    static string Name(MemoryPlan plan, Operand operand, int index)
    {
        var buffer = operand.Buffer;
        if (!plan.Function.IsPlanned(buffer)) return buffer.ToString();
        if (buffer.Kind == BufferKind.Argument && plan.Function.HasStableAddresses) return buffer + "@" + plan.Offsets[buffer.Id].ToString(CultureInfo.InvariantCulture);
        if (!operand.IsWritten || plan.Lives[buffer.Id].First != index) return buffer.ToString();
        // Where a buffer is born its place is shown, with = when it continues another one's memory.
        var place = "@" + plan.Offsets[buffer.Id].ToString(CultureInfo.InvariantCulture);
        return buffer + (plan.TakesOver[buffer.Id] >= 0 ? "=a" + plan.TakesOver[buffer.Id].ToString(CultureInfo.InvariantCulture) : "") + place;
    }

    static void Table(List<string[]> rows, StringBuilder text)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(r => r[c].Length)).ToArray();
        foreach (var row in rows)
        {
            var line = new StringBuilder();
            for (var c = 0; c < row.Length; c++)
            {
                var left = c is >= 1 and <= 3;
                line.Append("  ").Append(left ? row[c].PadRight(widths[c]) : row[c].PadLeft(widths[c]));
            }
            text.Append(line.ToString().TrimEnd()).Append('\n');
        }
    }

    static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    static string Short(long value) => value switch
    {
        >= 1_000_000_000 => (value / 1e9).ToString("0.0", CultureInfo.InvariantCulture) + " G",
        >= 1_000_000 => (value / 1e6).ToString("0.0", CultureInfo.InvariantCulture) + " M",
        >= 1_000 => (value / 1e3).ToString("0.0", CultureInfo.InvariantCulture) + " k",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };
}
