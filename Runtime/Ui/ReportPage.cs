using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Text;
using Graph.Runtime.Checkpoints;

namespace Graph.Ui;

/// <summary>
/// A page about one training run: figures, curves, a confusion matrix, text. One HTML file without scripts or outside references, for light and dark screens and for wide and narrow ones.
/// </summary>
public sealed class ReportPage(string title, string subtitle)
{
    readonly StringBuilder body = new();

    const string Style = """
        :root { color-scheme: light dark; --ink: light-dark(#1b1f24, #e6e8eb); --dim: light-dark(#5d666f, #a3acb6); --line: light-dark(#e3e6ea, #30363d); --paper: light-dark(#ffffff, #14171b);
          --card: light-dark(#f7f8fa, #1c2025); --a: light-dark(#2463d1, #6ea8ff); --b: light-dark(#c2410c, #ff9d66); --c: light-dark(#15803d, #5fd38a); --d: light-dark(#7e22ce, #c99bff); }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
        main { max-width: 860px; margin: 0 auto; padding: 40px 24px 64px; }
        h1 { font-size: 26px; line-height: 1.25; margin: 0; } h2 { font-size: 17px; margin: 36px 0 8px; } h2::first-letter { text-transform: uppercase; } p { color: var(--dim); margin: 6px 0 24px; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; }
        .figures div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
        .figures b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; } .figures span { color: var(--dim); font-size: 13px; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--dim); font-size: 13px; } .legend b { color: var(--ink); font-variant-numeric: tabular-nums; }
        .legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
        svg { width: 100%; height: auto; display: block; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
        .at rect { fill: transparent; } .at line { stroke: var(--dim); stroke-dasharray: 3 3; } .at text { fill: var(--ink); }
        .at line, .at circle, .at text { visibility: hidden; pointer-events: none; } .at:hover line, .at:hover circle, .at:hover text { visibility: visible; }
        .narrow { display: none; }
        pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; }
        @media (max-width: 600px) { main { padding: 24px 16px 48px; } .wide { display: none; } .narrow { display: block; } dl { grid-template-columns: 1fr; } dd { margin-bottom: 8px; } }
        """;

    static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A row of named figures.</summary>
    public ReportPage Figures(params (string Name, string Value)[] figures)
    {
        body.Append("<div class=\"figures\">");
        foreach (var (name, value) in figures) body.Append($"<div><b>{Escape(value)}</b><span>{Escape(name)}</span></div>");
        body.Append("</div>\n");
        return this;
    }

    /// <summary>What made the run what it was: seed, configuration, device, date.</summary>
    public ReportPage Facts(string heading, params (string Name, string Value)[] facts)
    {
        body.Append($"<h2>{Escape(heading)}</h2>\n<dl>\n");
        foreach (var (name, value) in facts) body.Append($"<dt>{Escape(name)}</dt><dd>{Escape(value)}</dd>\n");
        body.Append("</dl>\n");
        return this;
    }

    /// <summary>A run from its first step on: the loss of training batches and of held-out data in one chart, and a chart for each metric.</summary>
    public ReportPage History(FitHistory history, string loss = "loss")
    {
        var evaluations = history.Evaluations;
        Curves(
            loss,
            new("training batches", [.. history.Losses.Select(p => ((double)p.Step, p.Loss))], IsNoisy: true),
            new("held out", [.. evaluations.Where(e => e.ValidationLoss is not null).Select(e => ((double)e.Step, e.ValidationLoss!.Value))]));
        foreach (var metric in evaluations.SelectMany(e => e.Metrics).GroupBy(m => m.Name))
        {
            var name = metric.Key;
            Curves(name, new Curve(
                name, [.. evaluations.SelectMany(e => e.Metrics.Where(m => m.Name == name).Select(m => ((double)e.Step, m.Value)))], metric.Last().Format));
        }
        return this;
    }

    /// <summary>Curves over the training steps; nothing when none has a point.</summary>
    public ReportPage Curves(string heading, params ReadOnlySpan<Curve> curves)
    {
        var chart = new Chart(curves.ToArray());
        if (chart.IsEmpty) return this;
        body.Append($"<h2>{Escape(heading)}</h2>\n").Append(chart.Legend());
        body.Append(chart.Draw(820, 320, heading, "wide", isHidden: false)).Append(chart.Draw(360, 260, heading, "narrow", isHidden: true));
        return this;
    }

    /// <summary>What lives in memory while a function runs, from its first operation to its last, with the peak; nothing for a function without intermediates.</summary>
    public ReportPage Memory(string heading, FunctionMemory memory)
    {
        if (memory.Peak is not { } peak) return this;
        body.Append($"<h2>{Escape(heading)}</h2>\n").Append(MemoryDrawing.Legend(memory));
        body.Append(MemoryDrawing.Draw(memory, 820, 320, heading, "wide", isHidden: false)).Append(MemoryDrawing.Draw(memory, 360, 260, heading, "narrow", isHidden: true));
        body.Append($"<p>The peak is at operation {peak.Launch}, {Escape(peak.Operation)}{(peak.Source.Length > 0 ? " (" + Escape(peak.Source) + ")" : "")}.</p>\n");
        return this;
    }

    /// <summary>How often each class (row) was taken for each class (column).</summary>
    /// <exception cref="ArgumentException">The counts are not as many rows and columns as there are classes.</exception>
    public ReportPage ConfusionMatrix(string heading, IReadOnlyList<string> classes, int[,] counts)
    {
        if (counts.GetLength(0) != classes.Count || counts.GetLength(1) != classes.Count)
            throw new ArgumentException($"The counts are {counts.GetLength(0)} by {counts.GetLength(1)}, but there are {classes.Count} classes.", nameof(counts));
        body.Append($"<h2>{Escape(heading)}</h2>\n");
        body.Append(ConfusionDrawing.Draw(heading, classes, counts, cell: 44, margin: 58, "wide", isHidden: false)).Append(ConfusionDrawing.Draw(heading, classes, counts, cell: 31, margin: 44, "narrow", isHidden: true));
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
        $"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{Escape(title)}</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n<main>\n<h1>{Escape(title)}</h1>\n<p>{Escape(subtitle)}</p>\n{body}</main>\n</body>\n</html>\n";

    /// <summary>Writes the page; the folder is made if need be.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, ToString());
}
