using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;

namespace Graph.Ui;

/// <summary>Draws what lives in a function's arena at each of its operations as SVG: areas on one another, by kind, and the peak. Moving over the plot shows the operation, its source line and its bytes, without any script.</summary>
static class MemoryDrawing
{
    const double Left = 12, Right = 14, Top = 30, Bottom = 44, Character = 7.2, Megabyte = 1048576;

    static readonly (string Name, Func<MemoryMoment, long> Bytes)[] kinds = [("gradients", m => m.Gradients), ("activations", m => m.Activations), ("workspaces", m => m.Workspaces)];

    static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    static string Megabytes(double bytes) => (bytes / Megabyte).ToString(bytes >= 100 * Megabyte ? "N0" : "0.00", CultureInfo.InvariantCulture) + " MB";

    /// <summary>Kinds beside their colours, with what lives of them at the peak.</summary>
    public static string Legend(FunctionMemory memory)
    {
        var peak = memory.Timeline.MaxBy(m => m.Total)!;
        return "<div class=\"legend\">" + string.Concat(kinds.Select((kind, i) => $"<span><i style=\"background: {Chart.Colors[i]}\"></i>{kind.Name} <b>{Megabytes(kind.Bytes(peak))}</b></span>")) + "</div>\n";
    }

    /// <summary>The drawing, <paramref name="width"/> by <paramref name="height"/> pixels.</summary>
    public static string Draw(FunctionMemory memory, double width, double height, string label, string cssClass, bool isHidden)
    {
        var moments = memory.Timeline;
        var peak = moments.Select((moment, at) => (moment, at)).MaxBy(m => m.moment.Total).at;
        var y = Axis.Around(0, moments[peak].Total / Megabyte, Math.Max(3, (int)(height / 60)));
        var left = Left + Character * y.Ticks.Max(t => y.Label(t, asShare: false).Length);
        var step = (width - left - Right) / moments.Length;
        double X(double launch) => left + launch * step;
        double Y(double bytes) => height - Bottom - bytes / Megabyte / y.To * (height - Top - Bottom);

        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"{cssClass}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(label)}\"{(isHidden ? " aria-hidden=\"true\"" : "")}>\n");
        foreach (var tick in y.Ticks)
            svg.Append($"<line x1=\"{Number(left)}\" x2=\"{Number(width - Right)}\" y1=\"{Number(Y(tick * Megabyte))}\" y2=\"{Number(Y(tick * Megabyte))}\" stroke=\"var(--line)\"/><text x=\"{Number(left - 6)}\" y=\"{Number(Y(tick * Megabyte) + 4)}\" text-anchor=\"end\">{y.Label(tick, asShare: false)}</text>\n");
        svg.Append($"<text x=\"{Number(left)}\" y=\"{Number(height - 6)}\">operations in the order of execution; megabytes</text>\n");
        var below = new double[moments.Length];
        for (var k = 0; k < kinds.Length; k++)
        {
            var above = moments.Select((m, i) => below[i] + kinds[k].Bytes(m)).ToArray();
            svg.Append($"<path d=\"{Area(below, above, X, Y)}\" fill=\"{Chart.Colors[k]}\" fill-opacity=\"0.75\"/>\n");
            below = above;
        }
        svg.Append($"<line x1=\"{Number(X(peak + 0.5))}\" x2=\"{Number(X(peak + 0.5))}\" y1=\"{Number(Top)}\" y2=\"{Number(height - Bottom)}\" stroke=\"var(--ink)\" stroke-dasharray=\"2 3\"/>\n");
        foreach (var (from, to) in Columns(moments.Length, peak, (int)Math.Clamp(width / 6, 20, 140)))
        {
            var at = Enumerable.Range(from, to - from).MaxBy(i => moments[i].Total);
            var text = $"#{at} {moments[at].Operation}{(moments[at].Source.Length > 0 ? " (" + moments[at].Source + ")" : "")} · {Megabytes(moments[at].Total)}{(at == peak ? " · the peak" : "")}";
            svg.Append($"<g class=\"at\"><rect x=\"{Number(X(from))}\" y=\"{Number(Top)}\" width=\"{Number(Math.Max(0.1, X(to) - X(from)))}\" height=\"{Number(height - Top - Bottom)}\"/>");
            svg.Append($"<line x1=\"{Number(X(at + 0.5))}\" x2=\"{Number(X(at + 0.5))}\" y1=\"{Number(Top)}\" y2=\"{Number(height - Bottom)}\"/><text x=\"{Number(left)}\" y=\"16\">{WebUtility.HtmlEncode(text)}</text></g>\n");
        }
        return svg.Append("</svg>\n").ToString();
    }

    // Steps, for nothing lives a part of an operation; one corner where the height changes.
    static string Area(double[] below, double[] above, Func<double, double> x, Func<double, double> y)
    {
        var path = new StringBuilder($"M{Number(x(0))} {Number(y(above[0]))}");
        for (var i = 1; i < above.Length; i++)
            if (above[i] != above[i - 1]) path.Append($" H{Number(x(i))} V{Number(y(above[i]))}");
        path.Append($" H{Number(x(above.Length))} V{Number(y(below[^1]))}");
        for (var i = below.Length - 1; i > 0; i--)
            if (below[i - 1] != below[i]) path.Append($" H{Number(x(i))} V{Number(y(below[i - 1]))}");
        return path.Append($" H{Number(x(0))} Z").ToString();
    }

    // What the pointer can be over: so many columns of operations at most, and the peak in one of its own.
    static IEnumerable<(int From, int To)> Columns(int count, int peak, int most)
    {
        var width = Math.Max(1, (count + most - 1) / most);
        for (var from = 0; from < count;)
        {
            var to = from == peak ? from + 1 : Math.Min(count, from + width);
            if (from < peak && peak < to) to = peak;
            yield return (from, to);
            from = to;
        }
    }
}
