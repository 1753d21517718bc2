using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Text;
using Graph.Runtime.Checkpoints;

namespace Graph.Ui;

/// <summary>A page about one training run: figures, curves, a confusion matrix, text. One HTML file without scripts or outside references, for light and dark screens.</summary>
public sealed class ReportPage(string title, string subtitle)
{
    readonly StringBuilder body = new();

    const string Style = """
        :root { color-scheme: light dark; --ink: light-dark(#1b1f24, #e6e8eb); --dim: light-dark(#6a737d, #98a1ab); --line: light-dark(#e3e6ea, #30363d); --paper: light-dark(#ffffff, #14171b);
          --card: light-dark(#f7f8fa, #1c2025); --a: light-dark(#2463d1, #6ea8ff); --b: light-dark(#c2410c, #ff9d66); }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
        main { max-width: 860px; margin: 0 auto; padding: 40px 24px 64px; }
        h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 36px 0 12px; } p { color: var(--dim); margin: 4px 0 24px; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
        .figures div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
        .figures b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; } .figures span { color: var(--dim); font-size: 13px; }
        svg { width: 100%; height: auto; display: block; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
        pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; }
        """;

    static string Escape(string text) => WebUtility.HtmlEncode(text);

    static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>A row of named figures.</summary>
    public ReportPage Figures(params (string Name, string Value)[] figures)
    {
        body.Append("<div class=\"figures\">");
        foreach (var (name, value) in figures) body.Append($"<div><b>{Escape(value)}</b><span>{Escape(name)}</span></div>");
        body.Append("</div>\n");
        return this;
    }

    /// <summary>Up to two curves over the training steps; the first is drawn faint with its running mean above it.</summary>
    public ReportPage Curves(string heading, (string Name, IReadOnlyList<(double Step, double Value)> Points) first, (string Name, IReadOnlyList<(double Step, double Value)> Points) second)
    {
        const double width = 820, height = 320, left = 52, right = 12, top = 12, bottom = 34;
        var all = first.Points.Concat(second.Points).Where(p => double.IsFinite(p.Value)).ToList();
        if (all.Count < 2) return this;
        var (x0, x1) = (all.Min(p => p.Step), all.Max(p => p.Step));
        var (y0, y1) = (0.0, Nice(all.Max(p => p.Value)));
        double X(double step) => left + (step - x0) / Math.Max(1e-9, x1 - x0) * (width - left - right);
        double Y(double value) => height - bottom - (Math.Min(value, y1) - y0) / (y1 - y0) * (height - top - bottom);
        string Path(IEnumerable<(double Step, double Value)> points) => string.Join(" ", points.Select((p, i) => (i == 0 ? "M" : "L") + Number(X(p.Step)) + " " + Number(Y(p.Value))));

        body.Append($"<h2>{Escape(heading)}</h2>\n<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{Escape(heading)}\">\n");
        for (var i = 0; i <= 4; i++)
        {
            var value = y0 + (y1 - y0) * i / 4;
            body.Append($"<line x1=\"{left}\" x2=\"{width - right}\" y1=\"{Number(Y(value))}\" y2=\"{Number(Y(value))}\" stroke=\"var(--line)\"/><text x=\"{left - 8}\" y=\"{Number(Y(value) + 4)}\" text-anchor=\"end\">{Number(value)}</text>\n");
            var step = x0 + (x1 - x0) * i / 4;
            body.Append($"<text x=\"{Number(X(step))}\" y=\"{height - 12}\" text-anchor=\"{(i == 0 ? "start" : i == 4 ? "end" : "middle")}\">{Math.Round(step).ToString("N0", CultureInfo.InvariantCulture)}</text>\n");
        }
        body.Append($"<path d=\"{Path(first.Points)}\" fill=\"none\" stroke=\"var(--a)\" stroke-opacity=\"0.25\"/>\n");
        body.Append($"<path d=\"{Path(Smooth(first.Points))}\" fill=\"none\" stroke=\"var(--a)\" stroke-width=\"2\"/>\n");
        if (second.Points.Count > 0) body.Append($"<path d=\"{Path(second.Points)}\" fill=\"none\" stroke=\"var(--b)\" stroke-width=\"2\"/>\n");
        body.Append($"<text x=\"{width - right - 8}\" y=\"{top + 14}\" text-anchor=\"end\" style=\"fill: var(--a)\">{Escape(first.Name)}</text>");
        if (second.Points.Count > 0) body.Append($"<text x=\"{width - right - 8}\" y=\"{top + 32}\" text-anchor=\"end\" style=\"fill: var(--b)\">{Escape(second.Name)}</text>");
        body.Append("\n</svg>\n");
        return this;
    }

    static IEnumerable<(double, double)> Smooth(IReadOnlyList<(double Step, double Value)> points)
    {
        var mean = double.NaN;
        var keep = Math.Exp(-120.0 / Math.Max(120, points.Count));
        foreach (var (step, value) in points)
        {
            mean = double.IsNaN(mean) ? value : keep * mean + (1 - keep) * value;
            yield return (step, mean);
        }
    }

    // The next of 1, 2, 2.5, 5 times a power of ten.
    static double Nice(double value)
    {
        if (!(value > 0)) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return new[] { 1, 2, 2.5, 5, 10 }.First(m => m * power >= value * 0.999) * power;
    }

    /// <summary>How often each class (row) was taken for each class (column).</summary>
    public ReportPage ConfusionMatrix(string heading, IReadOnlyList<string> classes, int[,] counts)
    {
        const int cell = 44, margin = 58;
        var n = classes.Count;
        var size = margin + n * cell + 8;
        body.Append($"<h2>{Escape(heading)}</h2>\n<svg viewBox=\"0 0 {size} {size}\" style=\"max-width: {size}px\" role=\"img\" aria-label=\"{Escape(heading)}\">\n");
        body.Append($"<text x=\"{margin + n * cell / 2}\" y=\"14\" text-anchor=\"middle\">predicted</text><text transform=\"translate(14 {margin + n * cell / 2}) rotate(-90)\" text-anchor=\"middle\">true</text>\n");
        for (var row = 0; row < n; row++)
        {
            body.Append($"<text x=\"{margin + row * cell + cell / 2}\" y=\"{margin - 10}\" text-anchor=\"middle\">{Escape(classes[row])}</text><text x=\"{margin - 12}\" y=\"{margin + row * cell + cell / 2 + 4}\" text-anchor=\"end\">{Escape(classes[row])}</text>\n");
            var total = Math.Max(1, Enumerable.Range(0, n).Sum(c => counts[row, c]));
            for (var column = 0; column < n; column++)
            {
                var share = (double)counts[row, column] / total;
                var color = row == column ? "var(--a)" : "var(--b)";
                // A single mistake is still to be seen.
                var opacity = counts[row, column] == 0 ? 0 : row == column ? 0.15 + 0.85 * share : Math.Min(1, 0.35 + share);
                body.Append($"<rect x=\"{margin + column * cell + 1}\" y=\"{margin + row * cell + 1}\" width=\"{cell - 2}\" height=\"{cell - 2}\" rx=\"5\" fill=\"var(--card)\" stroke=\"var(--line)\"/>");
                if (counts[row, column] == 0) continue;
                body.Append($"<rect x=\"{margin + column * cell + 1}\" y=\"{margin + row * cell + 1}\" width=\"{cell - 2}\" height=\"{cell - 2}\" rx=\"5\" fill=\"{color}\" fill-opacity=\"{Number(opacity)}\"/>");
                body.Append($"<text x=\"{margin + column * cell + cell / 2}\" y=\"{margin + row * cell + cell / 2 + 4}\" text-anchor=\"middle\" style=\"fill: {(opacity > 0.6 ? "var(--paper)" : "var(--ink)")}\">{counts[row, column]}</text>\n");
            }
        }
        body.Append("</svg>\n");
        return this;
    }

    /// <summary>Text as it stands.</summary>
    public ReportPage Text(string heading, string text)
    {
        body.Append($"<h2>{Escape(heading)}</h2>\n<pre>{Escape(text)}</pre>\n");
        return this;
    }

    /// <summary>The page.</summary>
    public override string ToString() =>
        $"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{Escape(title)}</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n<main>\n<h1>{Escape(title)}</h1>\n<p>{Escape(subtitle)}</p>\n{body}</main>\n</body>\n</html>\n";

    /// <summary>Writes the page; the folder is made if need be.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, ToString());
}
