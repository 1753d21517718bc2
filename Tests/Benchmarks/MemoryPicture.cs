using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Benchmarks;

/// <summary>Draws time over memory as SVG, for light and dark pages: both as shares of a step without a budget.</summary>
static class MemoryPicture
{
    const double Width = 640, Height = 320, Left = 56, Right = 20, Top = 40, Bottom = 48;

    static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <param name="title">What is measured.</param>
    /// <param name="points">Bytes and milliseconds, that without a budget first.</param>
    public static string Draw(string title, IReadOnlyList<(long Bytes, double Milliseconds)> points)
    {
        var (bytes, time) = points[0];
        var most = Math.Max(1.3, Math.Ceiling(points.Max(p => p.Milliseconds / time) * 10) / 10);
        double X(double share) => Left + share * (Width - Left - Right);
        double Y(double ratio) => Height - Bottom - (ratio - 1) / (most - 1) * (Height - Top - Bottom);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" role=\"img\">\n");
        svg.Append("<style>text { font: 12px system-ui, sans-serif; fill: #666 } line { stroke: #8884 } @media (prefers-color-scheme: dark) { text { fill: #aaa } }</style>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left}\" y=\"20\">{title}: time of a step over the memory of its intermediates ({bytes / 1e6:0.0} MB, {time:0.0} ms without a budget)</text>\n");
        for (var share = 0.0; share <= 1.001; share += 0.2)
            svg.Append($"<line x1=\"{Number(X(share))}\" x2=\"{Number(X(share))}\" y1=\"{Number(Top)}\" y2=\"{Number(Height - Bottom)}\"/><text x=\"{Number(X(share))}\" y=\"{Number(Height - Bottom + 18)}\" text-anchor=\"middle\">{Number(100 * share)} %</text>\n");
        var step = most > 2 ? 0.5 : most > 1.5 ? 0.2 : 0.1;
        for (var ratio = 1.0; ratio <= most + 0.001; ratio += step)
            svg.Append($"<line x1=\"{Number(Left)}\" x2=\"{Number(Width - Right)}\" y1=\"{Number(Y(ratio))}\" y2=\"{Number(Y(ratio))}\"/><text x=\"{Number(Left - 8)}\" y=\"{Number(Y(ratio) + 4)}\" text-anchor=\"end\">× {Number(ratio)}</text>\n");
        var sorted = points.OrderBy(p => p.Bytes).ToList();
        svg.Append($"<path d=\"{string.Join(" ", sorted.Select((p, i) => (i == 0 ? "M" : "L") + Number(X((double)p.Bytes / bytes)) + " " + Number(Y(p.Milliseconds / time))))}\" fill=\"none\" stroke=\"#2463d1\" stroke-width=\"2\"/>\n");
        foreach (var point in sorted)
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{Number(X((double)point.Bytes / bytes))}\" cy=\"{Number(Y(point.Milliseconds / time))}\" r=\"3.5\" fill=\"#2463d1\"><title>{point.Bytes:N0} bytes, {point.Milliseconds:0.0} ms</title></circle>\n");
        svg.Append($"<text x=\"{Number((Left + Width - Right) / 2)}\" y=\"{Number(Height - 8)}\" text-anchor=\"middle\">memory</text>\n");
        return svg.Append("</svg>\n").ToString();
    }
}
