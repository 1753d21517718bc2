using System;
using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Tests.Elaboration;
using Graph.Tests.Models;
using Graph.Tests.Passes;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary><c>Tensor.Scan</c> in models: against the same model with its loop unrolled, through training, and in eager code.</summary>
public sealed class ScanTests
{
    static string Model(string forward, string more = "", string sequence = "\"B\", \"T\", 4", string arguments = "") => $$"""
        [Model]
        [Dim("B", Max = 8, Typical = 3)]
        [Dim("T", Max = 12, Typical = 6)]
        public partial class M
        {
            readonly Linear input = new(4, 5);
            readonly Linear recurrent = new(5, 5);
            {{more}}

            public Tensor Forward(Tensor x{{(arguments.Length > 0 ? ", Tensor<int> lengths" : "")}})
            {
                var zeros = Tensor.Zeros(x.Shape[0], 5);
                {{forward}}
            }

            [Entry] public Tensor Predict([Shape({{sequence}})] Tensor x{{arguments}}) => Forward(x{{(arguments.Length > 0 ? ", lengths" : "")}});
            [Loss] public Tensor Loss([Shape({{sequence}})] Tensor x{{arguments}}) => Forward(x{{(arguments.Length > 0 ? ", lengths" : "")}}).Square().Mean();
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01f);
        }
        """;

    const string Step = "var next = (input.Forward(slice) + recurrent.Forward(h)).Tanh();";

    static string Scan(string more = "") => $"var (last, all) = Tensor.Scan(zeros, x, (h, slice) => {{ {Step} return (next, next * 2); }}, axis: 1{more}); return (all.Sum(1) + last);";

    static string Unrolled(int steps, bool reverse = false) =>
        $"Tensor h = zeros; var outputs = new List<Tensor>(); for (var i = 0; i < {steps}; i++) {{ var slice = x.Select(1, {(reverse ? $"{steps - 1} - i" : "i")}); {Step} h = next; outputs.Add(next * 2); }} "
        + "return Tensor.Stack([.. outputs], 1).Sum(1) + h;";

    static void Equal(string scan, string unrolled, int steps)
    {
        var (a, b) = (Elaborate.Model(scan), Elaborate.Model(unrolled));
        var binding = DimBinding.Empty.With("B", 3).With("T", steps);
        foreach (var seed in (int[])[1, 2])
            Running.Same(Run(b.Program), Run(a.Program), scan);

        InterpreterResult Run(Program program) =>
            new Interpreter(program, float64: true).Run("predict", Running.Arguments(program.Find("predict")!, binding, 1), Running.States(program, 1), binding);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_scan_is_its_steps_one_after_another(bool reverse) =>
        Equal(Model(Scan(reverse ? ", reverse: true" : "")), Model(Unrolled(6, reverse), sequence: "\"B\", 6, 4"), 6);

    [Theory]
    [InlineData("")]
    [InlineData(", reverse: true")]
    public void A_scan_trains_as_the_reference_does(string more) => Assert.InRange(SourceModel.Lower(Model(Scan(more))).Train(3), 0, 1e-4);

    [Fact]
    public void Several_carries_and_outputs_come_in_tuples() => Assert.InRange(SourceModel.Lower(Model("""
        var ((h, sum), (states, (squares, _))) = Tensor.Scan((zeros, Tensor.Zeros(5)), (x, x * 2), (carry, slices) =>
        {
            var (h, sum) = carry;
            var (slice, twice) = slices;
            var next = (input.Forward(slice) - input.Forward(twice) + recurrent.Forward(h)).Tanh();
            return ((next, sum + next.Mean(0)), (next, (next.Square(), h)));
        }, axis: 1);
        return states.Sum(1) * h + sum + squares.Mean(1);
        """)).Train(3), 0, 1e-4);

    [Fact]
    public void Scans_nest() => Assert.InRange(SourceModel.Lower(Model("""
        var (last, _) = Tensor.Scan(zeros, x, (h, slice) =>
        {
            var (row, rows) = Tensor.Scan(Tensor.Zeros(5), h, (sum, r) => ((sum + r + input.Forward(slice).Mean(0)).Tanh(), sum));
            return (rows + recurrent.Forward(h) + row, h);
        }, axis: 1);
        return last;
        """)).Train(3), 0, 1e-4);

    [Fact]
    public void Padding_keeps_the_carry_of_a_row()
    {
        const string Arguments = ", [Shape(\"B\")] Tensor<int> lengths";
        foreach (var reverse in (string[])["", ", reverse: true"])
        {
            var model = Elaborate.Model(Model(Scan(", lengths: lengths" + reverse), arguments: Arguments));
            var binding = DimBinding.Empty.With("B", 3).With("T", 6);
            var predict = model.Program.Find("predict")!;
            var arguments = Running.Arguments(predict, binding, 1);
            arguments[1] = new(DType.I32, [3], [6L, 2, 4]);
            var all = Run(model.Program, arguments, binding);
            // Each row alone, as long as it is.
            for (var row = 0; row < 3; row++)
            {
                var length = arguments[1].Int[row];
                var alone = new TensorData(DType.F64, [1, length, 4], arguments[0].Real[(row * 24)..(int)(row * 24 + length * 4)]);
                var one = Run(model.Program, [alone, new(DType.I32, [1], [length])], DimBinding.Empty.With("B", 1).With("T", length));
                for (var i = 0; i < 5; i++) Assert.Equal(one[i], all[row * 5 + i], 1e-12);
            }
        }

        static TensorData Run(Program program, System.Collections.Generic.List<TensorData> arguments, DimBinding binding) =>
            new Interpreter(program, float64: true).Run("predict", arguments, Running.States(program, 1), binding).Results[0];
    }

    [Fact]
    public void Lengths_train_as_the_reference_does() =>
        Assert.InRange(SourceModel.Lower(Model(Scan(", lengths: lengths"), arguments: ", [Shape(\"B\")] Tensor<int> lengths")).Train(3), 0, 1e-4);

    [Fact]
    public void A_state_that_a_step_assigns_goes_from_step_to_step()
    {
        var scan = Model("""
            var (last, _) = Tensor.Scan(zeros, x, (h, slice) =>
            {
                mean.Assign(mean * 0.9f + slice.Mean(0) * 0.1f);
                return (h + input.Forward(slice - mean), h);
            }, axis: 1);
            return last;
            """, "readonly State mean = new([4], Init.Zeros);");
        var unrolled = Model("""
            Tensor h = zeros;
            for (var t = 0; t < 6; t++)
            {
                var slice = x.Select(1, t);
                mean.Assign(mean * 0.9f + slice.Mean(0) * 0.1f);
                h = h + input.Forward(slice - mean);
            }
            return h;
            """, "readonly State mean = new([4], Init.Zeros);", sequence: "\"B\", 6, 4");
        Equal(scan, unrolled, 6);
        Assert.InRange(SourceModel.Lower(scan).Train(3), 0, 1e-4);
    }

    const string Lstm = """
        var x4 = x;
        var ((h, _), all) = Tensor.Scan((zeros, zeros), x4, (state, slice) =>
        {
            var (h, c) = state;
            var gates = wide.Forward(slice) + deep.Forward(h);
            c = gates.Slice(1, 5, 10).Sigmoid() * c + gates.Slice(1, 0, 5).Sigmoid() * gates.Slice(1, 10, 15).Tanh();
            h = gates.Slice(1, 15, 20).Sigmoid() * c.Tanh();
            return ((h, c), h);
        }, axis: 1);
        return all.Mean(1) + h;
        """;

    [Fact]
    public void The_length_of_the_axis_changes_neither_program_nor_launches()
    {
        SourceModel Lower(int time) => SourceModel.Lower(Model(Lstm, "readonly Linear wide = new(4, 20); readonly Linear deep = new(5, 20);", $"\"B\", {time}, 4"));
        var (small, large) = (Lower(10), Lower(200));
        Assert.Equal(ProgramPrinter.Print(small.Stages.Final).Split('\n').Length, ProgramPrinter.Print(large.Stages.Final).Split('\n').Length);
        for (var f = 0; f < small.Lowered.Functions.Length; f++)
            Assert.Equal(small.Lowered.Functions[f].Launches.Select(l => l.Title), large.Lowered.Functions[f].Launches.Select(l => l.Title));
        Assert.InRange(small.Lowered.Functions.Single(f => f.Name == "train_step").Launches.Length, 1, 40);
    }

    [Fact]
    public void Eager_code_scans_as_a_model_does()
    {
        var x = Tensor.From([.. Enumerable.Range(0, 24).Select(i => MathF.Sin(i))], 2, 3, 4);
        var lengths = Tensor.From([3, 1]);
        var (last, (all, firsts)) = Tensor.Scan(Tensor.Zeros(2, 4), x, (h, slice) => ((h + slice).Tanh() is var next ? next : h, (h, slice.Select(1, 0))), axis: 1, reverse: true, lengths: lengths);
        Assert.Equal([2, 3, 4], all.Shape);
        Assert.Equal([2, 3], firsts.Shape);
        // The second row has one step; of the others nothing is kept.
        Assert.Equal(x.Select(0, 1).Select(0, 0).Tanh().ToArray(), last.Select(0, 1).ToArray());
        Assert.Equal([MathF.Sin(12), 0, 0], firsts.Select(0, 1).ToArray());
        var h = Tensor.Zeros(4);
        for (var t = 2; t >= 0; t--) h = (h + x.Select(0, 0).Select(0, t)).Tanh();
        Assert.Equal(h.ToArray(), last.Select(0, 0).ToArray());
        Assert.Contains("carry", Assert.Throws<ArgumentException>(() => Tensor.Scan(Tensor.Zeros(2, 1), x, (h, slice) => (h + slice, h), axis: 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Tensor.Scan(Tensor.Zeros(1, 4), x, (h, s) => (h + s, s), axis: 1)", "GR2050", "h + s", "it begins as [1, 4], but the step makes [B, 4] of it. Begin with [B, 4]")]
    [InlineData("Tensor.Scan((zeros, Tensor.Zeros(4)), x, (h, s) => ((h.Item1, h.Item2 + s), s), axis: 1)", "GR2050", "h.Item2 + s", "it begins as [4], but the step makes [B, 4]")]
    [InlineData("Tensor.Scan(zeros.Cast(ElementType.I32), x, (h, s) => (h + recurrent.Forward(zeros), s), axis: 1)", "GR2051", "h + recurrent.Forward(zeros)", "it begins as i32, but the step makes f32")]
    [InlineData("Tensor.Scan(zeros, (x, x.Slice(1, 0, 2)), (h, s) => (h, s.Item1), axis: 1)", "GR2001", "(x, x.Slice(1, 0, 2))", "one is T long and another 2")]
    [InlineData("Tensor.Scan(zeros, x, (h, s) => (h, s), axis: 3)", "GR2002", "x", "axis 3")]
    [InlineData("Tensor.Scan(zeros, x, (h, s) => (h, s.Sum()), axis: 1)", "GR2052", "Sum()", "along axis 1")]
    [InlineData("Tensor.Scan(Tensor.Zeros(4), x, (h, s) => (h, s), axis: 1, lengths: Tensor.Arange(4))", "GR2054", "Arange(4)", "its first axis has to be the rows")]
    [InlineData("Tensor.Scan(zeros, x, (h, s) => (h, s), axis: 1, lengths: zeros)", "GR2054", "zeros", "one whole number a row")]
    public void A_mistake_is_named_where_it_is(string scan, string id, string span, string message)
    {
        var source = Model($"var (last, all) = {scan}; return zeros;");
        var (result, at) = Elaborate.Placed(source);
        var error = Assert.Single(result.Diagnostics.DistinctBy(d => (d.Id, d.Location)));
        Assert.Equal(id, error.Id);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        var location = at(error);
        Assert.Equal(span, location.SourceTree!.GetText().ToString(location.SourceSpan));
    }

    [Theory]
    [InlineData("for (var t = 0; t < x.Shape[1]; t++)", false)]
    [InlineData("for (var t = x.Shape[1] - 1; t >= 0; t--)", true)]
    public void A_for_over_a_named_axis_is_its_iterations_one_after_another(string head, bool reverse)
    {
        string Body(string slice, string number) => $"{{ var slice = x.Select(1, {slice}); {Step} (h, sum) = (next * 0.5f + h, sum + next.Square() * {number}); }}";
        var loop = Model($"Tensor h = zeros, sum = zeros; {head} {Body("t", "t")} return h + sum;");
        var unrolled = Model($"Tensor h = zeros, sum = zeros; for (var i = 0; i < 6; i++) {{ var t = {(reverse ? "5 - i" : "i")}; {Body("t", "t")} }} return h + sum;", sequence: "\"B\", 6, 4");
        Equal(loop, unrolled, 6);
        Assert.InRange(SourceModel.Lower(loop).Train(3), 0, 1e-4);
    }

    [Fact]
    public void A_for_may_leave_out_the_first_steps() => Equal(
        Model("Tensor h = x.Select(1, 0); for (var t = 2; t < x.Shape[1]; t++) h = (h + x.Select(1, t) * t).Tanh(); return input.Forward(h);"),
        Model("Tensor h = x.Select(1, 0); for (var t = 2; t < 6; t++) h = (h + x.Select(1, t) * t).Tanh(); return input.Forward(h);", sequence: "\"B\", 6, 4"), 6);

    [Fact]
    public void Fors_over_named_axes_nest() => Equal(
        Model("Tensor h = zeros; for (var t = 0; t < x.Shape[1]; t++) { var s = input.Forward(x.Select(1, t)); for (var b = 0; b < x.Shape[0]; b++) h = (h * 0.9f + s.Mean(0) * x.Select(0, b).Sum() + t + b).Sin(); } return h;"),
        Model("Tensor h = zeros; for (var t = 0; t < 6; t++) { var s = input.Forward(x.Select(1, t)); for (var b = 0; b < 3; b++) h = (h * 0.9f + s.Mean(0) * x.Select(0, b).Sum() + t + b).Sin(); } return h;", sequence: "3, 6, 4"), 6);

    [Theory]
    [InlineData("var n = 0; for (var t = 0; t < x.Shape[1]; t++) { h = h + recurrent.Forward(h); n = n + 1; }", "GR2055", "n + 1", "n is 0")]
    [InlineData("for (var t = 0; t < x.Shape[1]; t++) { h = h + 1; break; }", "GR2055", "break;", "nothing in it can end it")]
    [InlineData("for (var t = 0; t < x.Shape[1]; t++) { if (t == 3) h = h + 1; }", "GR1012", "t == 3", "another number in each iteration")]
    [InlineData("for (var t = 0; t < x.Shape[1]; t++) h = h.Sum(0);", "GR2050", "Sum(0)", "it begins as [B, 5], but the step makes [5]")]
    [InlineData("for (var t = 0; t < x.Shape[1]; t++) h = h + (h * 2).Select(0, t);", "GR2009", "t", "t goes to T-1")]
    public void A_mistake_in_a_for_is_named_where_it_is(string loop, string id, string span, string message)
    {
        var (result, at) = Elaborate.Placed(Model($"Tensor h = zeros; {loop} return h;"));
        var error = Assert.Single(result.Diagnostics.DistinctBy(d => (d.Id, d.Location)));
        Assert.Equal(id, error.Id);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        var location = at(error);
        Assert.Equal(span, location.SourceTree!.GetText().ToString(location.SourceSpan));
    }
}
