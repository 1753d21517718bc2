using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;

namespace Graph.Ui;

/// <summary>One curve of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Points">Its points, by step; those that are not finite are left out.</param>
/// <param name="Format">The .NET number format of its values.</param>
/// <param name="IsNoisy">Draws it faint, and its running mean above it.</param>
public sealed record Curve(string Name, IReadOnlyList<(double Step, double Value)> Points, string Format = "0.0000", bool IsNoisy = false);

/// <summary>Draws curves over the steps of a training run as SVG. Moving over the plot shows the values there, without any script.</summary>
sealed class Chart
{
    const double Left = 12, Right = 14, Top = 30, Bottom = 44, Character = 7.2, TickLength = 4;
    const int MostDots = 40, WindowShare = 60;

    /// <summary>The colours of curves, as the page's style names them.</summary>
    public static readonly string[] Colors = ["var(--a)", "var(--b)", "var(--c)", "var(--d)"];

    readonly ImmutableArray<Curve> curves;
    readonly bool asShare;

    public Chart(IEnumerable<Curve> curves)
    {
        this.curves = [.. curves.Select(c => c with { Points = [.. c.Points.Where(p => double.IsFinite(p.Value)).OrderBy(p => p.Step)] }).Where(c => c.Points.Count > 0)];
        asShare = this.curves.Any(c => c.Format.Contains('%', StringComparison.Ordinal));
    }

    /// <summary>There is nothing to draw.</summary>
    public bool IsEmpty => curves.IsEmpty;

    /// <summary>Names beside their colours, with the last values.</summary>
    public string Legend() => "<div class=\"legend\">" + string.Concat(curves.Select((c, i) =>
        $"<span><i style=\"background: {Colors[i % Colors.Length]}\"></i>{Escape(c.Name)} <b>{Value(c, Shown(c)[^1].Value)}</b></span>")) + "</div>\n";

    static string Escape(string text) => WebUtility.HtmlEncode(text);

    static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    static string Value(Curve curve, double value) => Escape(value.ToString(curve.Format, CultureInfo.InvariantCulture));

    // What a reader follows: of a noisy curve its running mean.
    static IReadOnlyList<(double Step, double Value)> Shown(Curve curve) => curve.IsNoisy ? RunningMean(curve.Points) : curve.Points;

    // The mean over as many points before as behind, so that it does not lag where the curve falls.
    static (double Step, double Value)[] RunningMean(IReadOnlyList<(double Step, double Value)> points)
    {
        var sums = new double[points.Count + 1];
        for (var i = 0; i < points.Count; i++) sums[i + 1] = sums[i] + points[i].Value;
        var result = new (double, double)[points.Count];
        for (var i = 0; i < result.Length; i++)
        {
            var reach = Math.Min(points.Count / WindowShare, Math.Min(i, points.Count - 1 - i));
            result[i] = (points[i].Step, (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1));
        }
        return result;
    }

    /// <summary>The drawing, <paramref name="width"/> by <paramref name="height"/> pixels.</summary>
    public string Draw(double width, double height, string label, string cssClass, bool isHidden)
    {
        var all = curves.SelectMany(c => c.Points).ToList();
        var y = Axis.Around(all.Min(p => p.Value), all.Max(p => p.Value), Math.Max(3, (int)(height / 60)));
        var left = Left + Character * y.Ticks.Max(t => y.Label(t, asShare).Length);
        var x = Axis.Counting(all.Min(p => p.Step), all.Max(p => p.Step), Math.Max(3, (int)(width / 80)));
        double X(double step) => left + (step - x.From) / (x.To - x.From) * (width - left - Right);
        double Y(double value) => height - Bottom - (value - y.From) / (y.To - y.From) * (height - Top - Bottom);
        string Path(IReadOnlyList<(double Step, double Value)> points) => string.Join(" ", points.Select((p, i) => (i == 0 ? "M" : "L") + Number(X(p.Step)) + " " + Number(Y(p.Value))));

        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"{cssClass}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{Escape(label)}\"{(isHidden ? " aria-hidden=\"true\"" : "")}>\n");
        foreach (var tick in y.Ticks)
            svg.Append($"<line x1=\"{Number(left)}\" x2=\"{Number(width - Right)}\" y1=\"{Number(Y(tick))}\" y2=\"{Number(Y(tick))}\" stroke=\"var(--line)\"/><text x=\"{Number(left - 6)}\" y=\"{Number(Y(tick) + 4)}\" text-anchor=\"end\">{y.Label(tick, asShare)}</text>\n");
        foreach (var tick in x.Ticks)
        {
            var name = x.Label(tick, asShare: false);
            var anchor = X(tick) + Character * name.Length / 2 > width ? "end" : "middle";
            svg.Append($"<line x1=\"{Number(X(tick))}\" x2=\"{Number(X(tick))}\" y1=\"{Number(height - Bottom)}\" y2=\"{Number(height - Bottom + TickLength)}\" stroke=\"var(--dim)\"/><text x=\"{Number(X(tick))}\" y=\"{Number(height - Bottom + 18)}\" text-anchor=\"{anchor}\">{name}</text>\n");
        }
        svg.Append($"<text x=\"{Number((left + width - Right) / 2)}\" y=\"{Number(height - 6)}\" text-anchor=\"middle\">step</text>\n");
        for (var i = 0; i < curves.Length; i++)
        {
            var (curve, color) = (curves[i], Colors[i % Colors.Length]);
            var most = (int)(2 * width);
            if (curve.IsNoisy) svg.Append($"<path d=\"{Path(Thinned(curve.Points, most))}\" fill=\"none\" stroke=\"{color}\" stroke-opacity=\"0.28\"/>\n");
            svg.Append($"<path d=\"{Path(Thinned(Shown(curve), most))}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>\n");
            if (!curve.IsNoisy && curve.Points.Count <= MostDots)
                foreach (var (step, value) in curve.Points) svg.Append($"<circle cx=\"{Number(X(step))}\" cy=\"{Number(Y(value))}\" r=\"3\" fill=\"{color}\"/>");
        }
        Hover(svg, (int)Math.Clamp(width / 8, 20, 100), width, height, left, X, Y);
        return svg.Append("\n</svg>\n").ToString();
    }

    // More points than the picture can show make only a larger page.
    static IReadOnlyList<(double Step, double Value)> Thinned(IReadOnlyList<(double Step, double Value)> points, int most) =>
        points.Count <= most ? points : [.. Enumerable.Range(0, most).Select(i => points[(int)((long)i * (points.Count - 1) / (most - 1))])];

    // Columns over the plot; the one under the pointer shows its line, its dots and its values.
    void Hover(StringBuilder svg, int most, double width, double height, double left, Func<double, double> X, Func<double, double> Y)
    {
        var shown = curves.Select(Shown).ToArray();
        var steps = Thinned(shown.MaxBy(s => s.Count)!, most).Select(p => p.Step).Distinct().ToArray();
        for (var i = 0; i < steps.Length; i++)
        {
            var from = i == 0 ? left : X((steps[i - 1] + steps[i]) / 2);
            var to = i == steps.Length - 1 ? width - Right : X((steps[i] + steps[i + 1]) / 2);
            var text = new StringBuilder($"step {steps[i].ToString("N0", CultureInfo.InvariantCulture)}");
            svg.Append($"<g class=\"at\"><rect x=\"{Number(from)}\" y=\"{Number(Top)}\" width=\"{Number(Math.Max(0.1, to - from))}\" height=\"{Number(height - Top - Bottom)}\"/>");
            svg.Append($"<line x1=\"{Number(X(steps[i]))}\" x2=\"{Number(X(steps[i]))}\" y1=\"{Number(Top)}\" y2=\"{Number(height - Bottom)}\"/>");
            for (var c = 0; c < curves.Length; c++)
            {
                if (steps[i] < shown[c][0].Step) continue;
                var (step, value) = shown[c][Latest(shown[c], steps[i])];
                svg.Append($"<circle cx=\"{Number(X(step))}\" cy=\"{Number(Y(value))}\" r=\"4\" fill=\"{Colors[c % Colors.Length]}\"/>");
                text.Append($" · {Escape(curves[c].Name)} {Value(curves[c], value)}");
            }
            svg.Append($"<text x=\"{Number(left)}\" y=\"16\">{text}</text></g>\n");
        }
    }

    // The last point that is not after the step.
    static int Latest(IReadOnlyList<(double Step, double Value)> points, double step)
    {
        var (low, high) = (0, points.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (points[middle].Step <= step) low = middle;
            else high = middle - 1;
        }
        return low;
    }
}
