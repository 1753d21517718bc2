using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
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
        .Curves("Loss", new("training", [.. Enumerable.Range(1, 50).Select(i => ((double)i, 2.6 / i))], IsNoisy: true), new("held out", [(10, 1.0), (50, double.NaN), (50, 0.2)]))
        .Curves("accuracy", new Curve("accuracy", [(10, 0.5), (50, 0.986)], "0.00 %"))
        .Curves("nothing", new Curve("empty", []))
        .Facts("This run", ("seed", "42"), ("device", "a <processor>"))
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

    static XDocument[] Drawings(string text) => [.. text.Split("<svg").Skip(1).Select(part => XDocument.Parse("<svg" + part[..(part.IndexOf("</svg>", StringComparison.Ordinal) + 6)]))];

    static string[] Ticks(XDocument drawing) => [.. drawing.Root!.Elements("text").Select(t => t.Value)];

    [Fact]
    public void Its_drawings_are_well_formed_and_hold_every_number_for_wide_and_narrow_screens()
    {
        var drawings = Drawings(Page().ToString());
        Assert.Equal(["wide", "narrow", "wide", "narrow", "wide", "narrow"], drawings.Select(d => d.Root!.Attribute("class")!.Value));
        foreach (var matrix in drawings[4..])
            foreach (var count in new[] { "30", "28", "33" }) Assert.Contains(count, matrix.Descendants("text").Select(t => t.Value));
        Assert.All(drawings.SelectMany(d => d.Descendants("path")), p => Assert.DoesNotContain("NaN", p.Attribute("d")!.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void A_picture_of_memory_is_well_formed_and_says_where_the_peak_is()
    {
        var memory = Graph.Examples.Digits.DigitReader.Memory(B: 64)["train_step"];
        var text = new ReportPage("Memory", "").Memory("Memory of a step", memory).ToString();
        var drawings = Drawings(text);
        Assert.Equal(["wide", "narrow"], drawings.Select(d => d.Root!.Attribute("class")!.Value));
        Assert.All(drawings, d => Assert.Single(d.Descendants("text"), t => t.Value.EndsWith(" · the peak", StringComparison.Ordinal) && t.Value.Contains(memory.Peak!.Source, StringComparison.Ordinal)));
        Assert.All(drawings.SelectMany(d => d.Descendants("path")), p => Assert.DoesNotContain("NaN", p.Attribute("d")!.Value, StringComparison.Ordinal));
        Assert.Equal(memory.Timeline.Length, drawings[0].Descendants("rect").Count()); // as many columns as operations, where there is room
        Assert.DoesNotContain("<script", text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Axes_fit_the_data_and_have_round_ticks()
    {
        var drawings = Drawings(Page().ToString());
        Assert.Equal(["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50", "step"], Ticks(drawings[0]));
        Assert.Equal(["50 %", "60 %", "70 %", "80 %", "90 %", "100 %"], Ticks(drawings[2])[..6]);
    }

    [Theory]
    [InlineData(0.1, 2.6, "0.0 0.5 1.0 1.5 2.0 2.5 3.0")]
    [InlineData(3, 3, "2.6 2.8 3.0 3.2 3.4")]
    [InlineData(0, 0, "-1.0 -0.5 0.0 0.5 1.0")]
    [InlineData(-7, 1e6, "-200,000 0 200,000 400,000 600,000 800,000 1,000,000")]
    [InlineData(0.00012, 0.00014, "1.2e-4 1.25e-4 1.3e-4 1.35e-4 1.4e-4")]
    [InlineData(1e-9, 3e-9, "1e-9 1.5e-9 2e-9 2.5e-9 3e-9")]
    [InlineData(0, 3e12, "0 1e12 2e12 3e12")]
    public void Ticks_are_round_for_any_range(double least, double most, string expected)
    {
        var ticks = Ticks(Drawings(new ReportPage("t", "s").Curves("c", new Curve("c", [(1, least), (2, most)])).ToString())[0]);
        Assert.Equal(expected.Split(' '), ticks[..expected.Split(' ').Length]);
        Assert.Equal(["0", "1", "2", "step"], ticks[expected.Split(' ').Length..]);
    }

    [Fact]
    public void Moving_over_a_chart_shows_the_values_there()
    {
        var chart = Drawings(Page().ToString())[0];
        var texts = chart.Descendants("g").Where(g => g.Attribute("class")?.Value == "at").Select(g => g.Element("text")!.Value).ToArray();
        Assert.Equal(50, texts.Length);
        Assert.Equal("step 1 · training 2.6000", texts[0]);
        Assert.StartsWith("step 10 · training ", texts[9], StringComparison.Ordinal);
        Assert.EndsWith(" · held out 1.0000", texts[9], StringComparison.Ordinal);
    }

    [Fact]
    public void A_legend_has_a_swatch_and_the_last_value_of_each_curve()
    {
        var text = Page().ToString();
        Assert.Contains("<i style=\"background: var(--b)\"></i>held out <b>0.2000</b>", text, StringComparison.Ordinal);
        Assert.Contains("<b>98.60 %</b>", text, StringComparison.Ordinal);
        Assert.Contains("<dt>device</dt><dd>a &lt;processor&gt;</dd>", text, StringComparison.Ordinal);
        Assert.DoesNotContain("nothing", text, StringComparison.Ordinal);
    }

    static Task<FitResult> Fit(LineModel model, TrainingDisplay display, FitOptions options)
    {
        var data = new BatchLoader(new LineData(64), 16, new() { Prefetch = 0 });
        return display.RunAsync(progress => model.FitAsync(data, options with { Validation = data, Metrics = [new("root mean square error", () => 22.783, "0.00 units"), new("accuracy", () => 0.9861, "0.00 %")] }, progress));
    }

    [Fact]
    public async Task Redirected_output_gets_plain_lines_at_evaluations()
    {
        var writer = new StringWriter(CultureInfo.InvariantCulture);
        var console = AnsiConsole.Create(new() { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(writer) });
        using var model = LineModel.Create(threads: 1);
        var result = await Fit(model, new("rows", console: console), new() { Epochs = 3 });
        var lines = writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length); // the first step and three evaluations
        Assert.StartsWith("step 1/12  loss", lines[0], StringComparison.Ordinal);
        Assert.All(lines.Skip(1), l => Assert.Contains("held out", l, StringComparison.Ordinal));
        Assert.All(lines.Skip(1), l => Assert.Contains("root mean square error 22.78 units  accuracy 98.61 %", l, StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', writer.ToString());
        var page = new ReportPage("t", "s").History(result.History).ToString();
        Assert.Equal(3, page.Split("<h2>").Length - 1); // the loss and two metrics
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(120)]
    public async Task A_terminal_of_any_width_gets_a_bar_and_every_figure(int width)
    {
        var terminal = new Terminal(width);
        var console = AnsiConsole.Create(new() { Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, ColorSystem = ColorSystemSupport.NoColors, Out = terminal });
        console.Profile.Capabilities.Unicode = true;
        using var model = LineModel.Create(threads: 1);
        await Fit(model, new("rows", console: console), new() { Epochs = 3 });
        var lines = Regex.Replace(terminal.Writer.ToString()!, "\u001b\\[[0-9;?]*[A-Za-z]", "").Split('\n', '\r').Where(l => l.Length > 0).ToArray();
        Assert.All(lines, l => Assert.InRange(l.TrimEnd().Length, 0, width - 1));
        Assert.Contains(lines, l => l.StartsWith("━━━━━━━━━━", StringComparison.Ordinal) && l.Contains("100 %", StringComparison.Ordinal));
        foreach (var figure in new[] { "step 12/12", "loss 0", "held out 0", "root mean square error 22.78 units", "accuracy 98.61 %", "rows/s" }) Assert.Contains(lines, l => l.Contains(figure, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 3)]
    [InlineData(true, 40)]
    [InlineData(false, 0)]
    public async Task A_terminal_that_is_closed_costs_no_training(bool interactive, int writes)
    {
        var console = AnsiConsole.Create(new()
        {
            Ansi = AnsiSupport.Yes, Interactive = interactive ? InteractionSupport.Yes : InteractionSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new Terminal(80, new ClosedWriter(writes)),
        });
        using var model = LineModel.Create(threads: 1);
        Assert.Equal(12, (await Fit(model, new("rows", console: console), new() { Epochs = 3 })).Steps);
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => new TrainingDisplay(console: console).RunAsync(_ => throw new InvalidTimeZoneException()));
    }

    // A terminal that is gone after some writes.
    sealed class ClosedWriter(int writes) : StringWriter(CultureInfo.InvariantCulture)
    {
        int left = writes;

        public override void Write(char value) => Check();

        public override void Write(string? value) => Check();

        public override void Flush()
        {
        }

        void Check()
        {
            if (left-- <= 0) throw new IOException("Input/output error");
        }
    }

    sealed class Terminal(int width, TextWriter? writer = null) : IAnsiConsoleOutput
    {
        public TextWriter Writer { get; } = writer ?? new StringWriter(CultureInfo.InvariantCulture);

        public bool IsTerminal => true;

        public int Width => width;

        public int Height => 24;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
