using System;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>Element types that an operation or the CPU does not take are errors at the user's expression, which say what converts.</summary>
public class ElementTypeDiagnosticTests
{
    const string Id = "GR2008";

    static string Model(string type, string body, string members = "", string shape = "\"B\", 8") => $$"""
        [Model] [Dim("B", Max = 16)] public partial class M
        {
            {{members}}
            [Entry] public Tensor Predict([Shape({{shape}})] Tensor{{type}} x) => {{body}};
        }
        """;

    [Theory]
    [InlineData("<int>", "head.«Forward(x)»", "Linear needs real numbers for x, but got i32: Cast(ElementType.F32) converts it")]
    [InlineData("<double>", "head.«Forward(x)»", "Linear needs x and the weight of one element type, but got f64 and f32: Cast(ElementType.F32) converts it")]
    [InlineData("<bool>", "x.«MatMul(x.T)»", "MatMul needs real numbers for the left matrix, but got bool")]
    [InlineData("<int>", "norm.«Forward(x)»", "LayerNorm needs real numbers for x, but got i32")]
    [InlineData("<int>", "x.«Mean()»", "Mean needs real numbers for x, but got i32")]
    [InlineData("", "«-(x > 0)»", "Neg needs numbers for x, but got bool")]
    [InlineData("<Half>", "x.«MatMul(x.T.Cast(ElementType.F32))»", "MatMul needs the left matrix and the right one of one element type, but got f16 and f32: Cast(ElementType.F32) converts it")]
    public void The_mark_lies_under_the_operation(string type, string body, string message)
    {
        var error = DiagnosticTests.ErrorAtMark(Model(type, body, "readonly Linear head = new(8, 3); readonly LayerNorm norm = new(8);"), Id);
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("conv.«Forward(x)»", "Conv2d needs real numbers for x, but got i32: Cast(ElementType.F32) converts it")]
    [InlineData("x.«MaxPool2d(2)»", "MaxPool2d needs real numbers for x, but got i32: Cast(ElementType.F32) converts it")]
    [InlineData("x.«AvgPool2d(2)»", "AvgPool2d needs real numbers for x, but got i32: Cast(ElementType.F32) converts it")]
    public void Images_are_real(string body, string message) =>
        Assert.StartsWith(message, DiagnosticTests.ErrorAtMark(Model("<int>", body, "readonly Conv2d conv = new(1, 2, 3);", "\"B\", 1, 8, 8"), Id).Message, StringComparison.Ordinal);

    [Fact]
    public void Halves_go_in_and_out_and_bfloat16_stays_inside()
    {
        Elaborate.Model("""
            [Model] [Dim("B", Max = 16)] public partial class M
            {
                [Entry] public Tensor Predict([Shape("B", 8)] Tensor<Half> x) => (x * 2).Cast(ElementType.BF16).Exp().Cast(ElementType.F16);
            }
            """);
        Assert.StartsWith("Predict returns bf16, for which C# has no type", DiagnosticTests.ErrorAtMark("""
            [Model] [Dim("B", Max = 16)] public partial class M
            {
                [Entry] public Tensor «Predict»([Shape("B", 8)] Tensor x) => x.Cast(ElementType.BF16);
            }
            """, Id).Message, StringComparison.Ordinal);
    }
}
