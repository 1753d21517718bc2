using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using System.Xml.Linq;
using Graph.Data;
using Graph.Ui;
using Spectre.Console;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class UiTests
{
    static ReportPage Page() => new ReportPage("Digits <1>", "a & b")
        .Figures(("accuracy", "98.6 %"), ("steps", "440"))
        .Curves("Loss", ("training", [.. Enumerable.Range(1, 50).Select(i => ((double)i, 2.3 / i))]), ("held out", [(10, 1.0), (50, 0.2)]))
        .ConfusionMatrix("Confusion", ["0", "1", "2"], new[,] { { 30, 1, 0 }, { 0, 28, 2 }, { 0, 0, 33 } })
        .Text("Sample", "x < y && z");

    [Fact]
    public void A_report_is_one_page_without_scripts_or_outside_references()
    {
        var text = Page().ToString();
        foreach (var word in new[] { "<script", "http://", "https://", "src=", "@import", "url(" }) Assert.DoesNotContain(word, text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("light-dark(", text, StringComparison.Ordinal);
        Assert.Contains("Digits &lt;1&gt;", text, StringComparison.Ordinal);
        Assert.Contains("x &lt; y &amp;&amp; z", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_drawings_are_well_formed_and_hold_every_number()
    {
        var text = Page().ToString();
        var drawings = text.Split("<svg").Skip(1).Select(part => XDocument.Parse("<svg" + part[..(part.IndexOf("</svg>", StringComparison.Ordinal) + 6)])).ToArray();
        Assert.Equal(2, drawings.Length);
        var words = drawings[1].Descendants("text").Select(t => t.Value).ToArray();
        foreach (var count in new[] { "30", "28", "33" }) Assert.Contains(count, words);
        Assert.All(drawings[0].Descendants("path"), p => Assert.DoesNotContain("NaN", p.Attribute("d")!.Value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Redirected_output_gets_plain_lines_at_evaluations()
    {
        var writer = new StringWriter(CultureInfo.InvariantCulture);
        var console = AnsiConsole.Create(new() { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(writer) });
        using var model = LineModel.Create(threads: 1);
        var display = new TrainingDisplay("rows", console: console);
        var data = new BatchLoader(new LineData(64), 16, new() { Prefetch = 0 });
        var result = await display.RunAsync(progress => model.FitAsync(data, new() { Epochs = 3, Validation = data }, progress));
        var lines = writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length); // the first step and three evaluations
        Assert.StartsWith("step 1/12  loss", lines[0], StringComparison.Ordinal);
        Assert.All(lines.Skip(1), l => Assert.Contains("held out", l, StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', writer.ToString());
        Assert.Equal(3, display.Validation.Count);
        Assert.Equal(12, display.Loss.Count);
        Assert.Equal(result.ValidationLoss, display.Validation[^1].Value);
    }
}
