using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>Numbers that no call can make right are errors where they stand; those that some calls make right become needs of the function.</summary>
public class NumberDiagnosticTests
{
    static string Model(string body, string shape = "\"B\", 4") => $$"""
        [Model] [Dim("B", Max = 8)] [Dim("H", Max = 2)] public partial class M
        {
            [Entry] public Tensor Predict([Shape({{shape}})] Tensor x) => {{body}};
        }
        """;

    [Theory]
    [InlineData("x.«Slice(0, 0, 9)»", "GR2009", "Slice from 0 to 9 lies outside of axis 0 of [B, 4]: B is at most 8.")]
    [InlineData("x.«Dropout(1.5)»", "GR2015", "Dropout needs a rate of at least 0 and below 1, but got 1.5.")]
    [InlineData("x.«Dropout(-1)»", "GR2015", "Dropout needs a rate of at least 0 and below 1, but got -1.0.")]
    [InlineData("Tensor.«Full([-2], 1)»", "GR2015", "expand gives a tensor of shape [-2], but sizes are at least 0.")]
    [InlineData("Tensor.«Full([x.Shape[0] - 9], 1)»", "GR2015", "expand gives a tensor of shape [B-9], but sizes are at least 0: B is at most 8.")]
    public void What_no_call_makes_right_is_an_error(string body, string id, string message) =>
        Assert.StartsWith(message, DiagnosticTests.ErrorAtMark(Model(body), id).Message, StringComparison.Ordinal);

    [Fact]
    public void A_window_larger_than_the_upper_bound_does_not_fit() => Assert.StartsWith(
        "MaxPool2d's window of 3 does not fit axis 2 of [1, 1, H, H] with padding 0: H is at most 2.",
        DiagnosticTests.ErrorAtMark(Model("x.«MaxPool2d(3, 1)»", "1, 1, \"H\", \"H\""), "GR2006").Message, StringComparison.Ordinal);

    [Fact]
    public void Needs_are_written_and_read()
    {
        var program = Elaborate.Model("""
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                [Entry] public Tensor Predict([Shape("B", 4)] Tensor x, [Shape("B")] Tensor<int> label) => x.Slice(0, 0, 3).Sum() + x.CrossEntropy(label.Reshape(-1));
            }
            """).Program;
        var need = Assert.Single(program.Requirements);
        Assert.Equal(("predict", "B-3", 0L, "Slice from 0 to 3 lies outside of axis 0 of [B, 4]"), (need.Function, need.Size.ToString(), need.Least, need.What));
        Assert.NotNull(need.Origin);
        var range = Assert.Single(program.Ranges);
        Assert.Equal(("predict", "label", "4", -100L), (range.Function, range.Argument, range.Below.ToString(), range.Except));
        var read = ProgramParser.Parse(ProgramPrinter.Print(program), OperationTable.Set);
        Assert.Equal(program.Requirements.ToArray(), read.Requirements.ToArray());
        Assert.Equal(program.Ranges.ToArray(), read.Ranges.ToArray());
    }

    [Fact]
    public void What_every_binding_satisfies_needs_no_check() =>
        Assert.Empty(Elaborate.Model(Model("x.Slice(0, 1).Sum() + x.Slice(1, 0, 2).Sum()")).Program.Requirements);
}
