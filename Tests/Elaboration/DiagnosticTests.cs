using System;
using System.Linq;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Elaboration;
using Graph.Tests.Generators;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>Every error lies under the expression that is wrong and says what was found, what was expected and where it came from.</summary>
public class DiagnosticTests
{
    /// <summary>Elaborates source whose faulty expression stands between « and », and checks that the only diagnostic lies exactly there.</summary>
    internal static GraphDiagnostic ErrorAtMark(string marked, string id)
    {
        var start = marked.IndexOf('«', StringComparison.Ordinal);
        var source = marked.Replace("«", "", StringComparison.Ordinal).Replace("»", "", StringComparison.Ordinal);
        var (result, at) = Elaborate.Placed(source);
        var error = Assert.Single(result.Diagnostics);
        var span = at(error);
        var found = span.GetLineSpan().StartLinePosition;
        var line = marked[..start].Count(c => c == '\n') + 1 + Harness.Usings.Count(c => c == '\n') + 1;
        var column = start - marked.LastIndexOf('\n', start);
        Assert.True((id, line, column, marked.IndexOf('»', StringComparison.Ordinal) - start - 1) == (error.Id, found.Line + 1, found.Character + 1, span.SourceSpan.Length), $"{error} (at {span}, expected {id} at {line},{column})");
        return error;
    }

    /// <summary>A model with one entry on an image [B, 8].</summary>
    internal static string Entry(string body, string members = "", string attributes = "[Dim(\"B\", Max = 16)]") => $$"""
        [Model] {{attributes}} public partial class M
        {
            {{members}}
            [Entry] public Tensor Predict([Shape("B", 8)] Tensor x)
            {
                {{body}}
            }
        }
        """;

    [Fact]
    public void A_layer_of_the_wrong_size_is_reported_at_the_call_with_both_shapes_their_origins_and_a_better_size()
    {
        var error = ErrorAtMark("""
            [Model] [Dim("B", Max = 256)] public partial class M
            {
                readonly Conv2d conv = new(1, 32, kernel: 3, padding: 1);
                readonly Linear head = new(784, 10);
                [Entry] public Tensor Predict([Shape("B", 1, 8, 8)] Tensor image)
                {
                    var x = conv.Forward(image).MaxPool2d(2);
                    return head.«Forward(x.Flatten(1))»;
                }
            }
            """, "GR2003");
        Assert.Contains("[B, 512]", error.Message, StringComparison.Ordinal);
        Assert.Contains("head.weight is [10, 784]", error.Message, StringComparison.Ordinal);
        Assert.Contains("head.weight and head.bias come from new Linear(784, 10, true) (Model.cs:9)", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Did you mean new Linear(512, 10, true)?", error.Message, StringComparison.Ordinal);
        Assert.Equal("Linear.Forward", Assert.Single(error.Calls).Callee);
    }

    [Fact]
    public void Channels_that_differ_suggest_the_right_convolution()
    {
        var error = ErrorAtMark("""
            [Model] [Dim("B", Max = 256)] public partial class M
            {
                readonly Conv2d first = new(1, 32, 3), second = new(16, 64, 3);
                [Entry] public Tensor Predict([Shape("B", 1, 8, 8)] Tensor image) => second.«Forward(first.Forward(image))»;
            }
            """, "GR2005");
        Assert.Contains("Did you mean new Conv2d(32, 64, 3, 1, 0, 1, 1, true)?", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Conv2d layer = new(3, 8, kernel: 3)", "1, 28, 28", "Did you mean new Conv2d(1, 8, 3, 1, 0, 1, 1, true)?")]
    [InlineData("Conv2d layer = new(8, 8, kernel: 8)", "4, 28, 28", "Did you mean new Conv2d(4, 8, 8, 1, 0, 1, 1, true)?")]
    [InlineData("Linear layer = new(8, 8)", "5, 3", "Did you mean new Linear(3, 8, true)?")]
    [InlineData("Linear layer = new(24, 10)", "1, 4, 6", "Did you forget Flatten(1)? It makes a [B, 24] of [B, 1, 4, 6].")]
    [InlineData("Linear layer = new(25, 10)", "1, 4, 6", "Did you mean new Linear(6, 10, true)?")]
    [InlineData("Conv2d layer = new(1, 8, kernel: 9)", "1, 5, 5", "(Model.cs:8).")]
    public void A_hint_changes_the_one_thing_that_makes_the_operation_fit(string layer, string sizes, string end)
    {
        var error = Elaborate.Error($$"""
            [Model] [Dim("B", Max = 256)] public partial class M
            {
                readonly {{layer}};
                [Entry] public Tensor Predict([Shape("B", {{sizes}})] Tensor image) => layer.Forward(image);
            }
            """);
        Assert.EndsWith(end, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Operands_that_do_not_broadcast_are_named_with_their_shapes()
    {
        var error = ErrorAtMark(Entry("var y = x.Relu().Reshape(2, -1); return «x + y»;", attributes: "[Dim(\"B\", Max = 16)]"), "GR2014");
        Assert.Contains("x is [B, 8]", error.Message, StringComparison.Ordinal);
        Assert.Contains("y is [2, 4*B]", error.Message, StringComparison.Ordinal);
        Assert.Contains("y comes from reshape (Model.cs:", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("return x.Softmax(«4»);")]
    [InlineData("return x.Reshape(3, 5);")]
    public void Wrong_attributes_are_shape_errors(string body) => Assert.StartsWith("GR20", Elaborate.Error(Entry(body.Replace("«", "", StringComparison.Ordinal).Replace("»", "", StringComparison.Ordinal))).Id, StringComparison.Ordinal);

    [Fact]
    public void A_loop_without_end_runs_out_of_fuel() => Assert.Equal(DiagnosticIds.OutOfFuel, Elaborate.Error(Entry("int i = 0; while (true) i ^= 1;")).Id);

    [Fact]
    public void A_recursion_without_end_is_too_deep() => Assert.Contains("Down", Elaborate.Error(Entry("return x * Down(1);", "static int Down(int n) => Down(n + 1);")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("int n = 0; return x * («1 / n»);", "GR1023", "divided by zero")]
    [InlineData("int[] a = [1]; int i = 3; return x * a[«i»];", "GR1023", "out of range")]
    [InlineData("int[]? a = null; return x * a!.«Length»;", "GR1023", "null")]
    [InlineData("int n = int.MaxValue; return x * checked(«n + 1»);", "GR1023", "does not fit in int")]
    [InlineData("return x * (int)Math.Sqrt(«x.Shape[0]»);", "GR1012", "known only when the model is called")]
    [InlineData("return x * («x.Shape[0] / 3»);", "GR1012", "not divisible")]
    [InlineData("if («x.Shape[0] > 5») return x; return x * 2;", "GR1012", "depends on the call")]
    [InlineData("var a = new int[«x.Shape[0]»]; return x * a.Length;", "GR1012", "known only when the model is called")]
    [InlineData("«throw new ArgumentException(\"no \" + 5);»", "GR1022", "no 5")]
    [InlineData("var t = new List<int>(); for (int i = 0; ; i++) t.«AddRange(Enumerable.Repeat(0, 500000))»;", "GR1031", "too many")]
    [InlineData("var p = «new Parameter([3], Init.Zeros)»; return x;", "", "")]
    public void What_fails_in_C_is_reported_where_it_fails(string body, string id, string message)
    {
        if (id.Length == 0)
        {
            // A parameter that nothing uses does no harm.
            Elaborate.Model(Entry(body.Replace("«", "", StringComparison.Ordinal).Replace("»", "", StringComparison.Ordinal)));
            return;
        }
        Assert.Contains(message, ErrorAtMark(Entry(body), id).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_parameter_that_no_field_holds_is_reported() => Assert.Contains("not held by a field", ErrorAtMark(Entry("return x + «new Parameter([8], Init.Zeros)»;"), DiagnosticIds.ParameterWithoutField).Message, StringComparison.Ordinal);

    [Fact]
    public void A_parameter_with_a_named_dimension_is_reported() => ErrorAtMark(Entry("var p = new Parameter(«[x.Shape[0]]», Init.Zeros); return x;"), DiagnosticIds.SymbolicParameter);

    [Fact]
    public void A_module_that_refuses_its_arguments_is_reported_at_the_call_that_made_it()
    {
        var error = ErrorAtMark(Entry("return x;", "readonly MultiHeadSelfAttention attention = «new(10, 3)»;"), DiagnosticIds.Thrown);
        Assert.Equal("The width 10 is no multiple of the 3 heads.", error.Message);
    }

    [Theory]
    [InlineData("AdamW", "learningRate: -1", "learningRate is -1, expected a number of at least 0.")]
    [InlineData("AdamW", "beta1: -0.1", "beta1 is -0.1, expected 0 ≤ beta1 < 1.")]
    [InlineData("AdamW", "beta2: 1", "beta2 is 1, expected 0 ≤ beta2 < 1.")]
    [InlineData("AdamW", "weightDecay: double.NaN", "weightDecay is NaN, expected a number of at least 0.")]
    [InlineData("Sgd", "momentum: 1 / 0.0", "momentum is Infinity, expected a number of at least 0.")]
    public void An_optimizer_refuses_hyper_parameters_that_make_no_sense(string optimizer, string argument, string message)
    {
        var error = ErrorAtMark($$"""
            [Model] public partial class M
            {
                readonly Parameter w = new([3], Init.Ones);
                [Loss] public Tensor D([Shape(3)] Tensor x) => (x * w).Mean();
                [Train] static {{optimizer}} Optimizer() => «new({{argument}})»;
            }
            """, DiagnosticIds.Thrown);
        Assert.Equal(message, error.Message);
    }

    [Fact]
    public void An_undeclared_dimension_is_reported_with_those_that_are_declared()
    {
        var result = Elaborate.Source(Entry("return x;"), change: m => m with { Dims = [new("N", 4, 0, Location.None)] });
        Assert.Contains(result.Diagnostics, d => d.Id == DiagnosticIds.UndeclaredDimension && d.Message.Contains("which declares N", StringComparison.Ordinal));
    }

    [Fact]
    public void A_loss_has_to_be_one_number()
    {
        var error = Elaborate.Error("""
            [Model] [Dim("B", Max = 4)] public partial class M
            {
                [Loss] public Tensor Loss([Shape("B")] Tensor x) => x * 2;
            }
            """);
        Assert.Equal(DiagnosticIds.LossResult, error.Id);
        Assert.Contains("Mean() or Sum()", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_parameters_of_one_path_are_reported() => Assert.Equal(DiagnosticIds.DuplicatePath, Elaborate.Error(
        Entry("return x + a + b;", "readonly Parameter a = new([8], Init.Zeros, name: \"w\"); readonly Parameter b = new([8], Init.Zeros, name: \"w\");")).Id);

    [Fact]
    public void Operations_in_constructors_are_reported() =>
        ErrorAtMark(Entry("return x + twice;", "readonly Parameter w = new([8], Init.Zeros); readonly Tensor twice; public M() { twice = «w * 2»; }"), DiagnosticIds.OperationInConstructor);

    [Fact]
    public void Every_function_with_an_error_is_reported()
    {
        var result = Elaborate.Source("""
            [Model] [Dim("B", Max = 4)] public partial class M
            {
                [Entry] public Tensor A([Shape("B", 3)] Tensor x) => x + x.Reshape(-1);
                [Entry] public Tensor C([Shape("B", 3)] Tensor x) => x;
                [Loss] public Tensor D([Shape("B", 3)] Tensor x) => x.Mean() + x.Reshape(-1, 7).Sum();
            }
            """);
        Assert.Equal(2, result.Diagnostics.Length);
        Assert.Null(result.Model);
    }

    [Fact]
    public void An_optimizer_without_update_is_reported()
    {
        var result = Elaborate.Source("""
            [Module] public partial class Nothing { public Tensor Update(Tensor value, Tensor gradient) => value; }
            [Model] public partial class M
            {
                [Loss] public Tensor D([Shape(3)] Tensor x) => x.Mean();
                [Train] static Nothing Optimizer() => new();
            }
            """, change: m => m.Name == "[Test]Nothing" ? m with { Methods = [] } : m);
        Assert.Contains(result.Diagnostics, d => d.Message.Contains("no method Update", StringComparison.Ordinal));
    }
}
