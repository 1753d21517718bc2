using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;

namespace Graph.Ui;

/// <summary>Draws a confusion matrix as SVG: rows are true classes, columns what they were taken for.</summary>
static class ConfusionDrawing
{
    const int Small = 10, Digits3 = 1000;

    static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <param name="cell">Pixels of a cell.</param>
    /// <param name="margin">Pixels left of and above the cells.</param>
    public static string Draw(string label, IReadOnlyList<string> classes, int[,] counts, int cell, int margin, string cssClass, bool isHidden)
    {
        var n = classes.Count;
        var size = margin + n * cell + 8;
        var names = classes.Select(WebUtility.HtmlEncode).ToArray();
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"{cssClass}\" viewBox=\"0 0 {size} {size}\" style=\"max-width: {size}px\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(label)}\"{(isHidden ? " aria-hidden=\"true\"" : "")}>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{margin + n * cell / 2}\" y=\"12\" text-anchor=\"middle\">predicted</text><text transform=\"translate(12 {margin + n * cell / 2}) rotate(-90)\" text-anchor=\"middle\">true</text>\n");
        for (var row = 0; row < n; row++)
        {
            var middle = margin + row * cell + cell / 2;
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{middle}\" y=\"{margin - 8}\" text-anchor=\"middle\">{names[row]}</text><text x=\"{margin - 8}\" y=\"{middle + 4}\" text-anchor=\"end\">{names[row]}</text>\n");
            var total = Enumerable.Range(0, n).Sum(c => counts[row, c]);
            for (var column = 0; column < n; column++)
            {
                var (x, y, count) = (margin + column * cell, margin + row * cell, counts[row, column]);
                var share = (double)count / Math.Max(1, total);
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x + 1}\" y=\"{y + 1}\" width=\"{cell - 2}\" height=\"{cell - 2}\" rx=\"4\" fill=\"var(--card)\" stroke=\"var(--line)\"/>");
                if (count == 0) continue;
                var color = row == column ? "var(--a)" : "var(--b)";
                // A single mistake is still to be seen.
                var opacity = row == column ? 0.15 + 0.85 * share : Math.Min(1, 0.35 + share);
                svg.Append(CultureInfo.InvariantCulture, $"<g><title>{names[row]} taken for {names[column]}: {count} of {total} ({share.ToString("0.0 %", CultureInfo.InvariantCulture)})</title>");
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x + 1}\" y=\"{y + 1}\" width=\"{cell - 2}\" height=\"{cell - 2}\" rx=\"4\" fill=\"{color}\" fill-opacity=\"{Number(opacity)}\"/>");
                var font = cell < 40 && count >= Digits3 ? $"; font-size: {Small}px" : "";
                svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + cell / 2}\" y=\"{y + cell / 2 + 4}\" text-anchor=\"middle\" style=\"fill: {(opacity > 0.6 ? "var(--paper)" : "var(--ink)")}{font}\">{count}</text></g>\n");
            }
        }
        return svg.Append("</svg>\n").ToString();
    }
}
