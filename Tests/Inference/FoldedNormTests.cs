using System;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Tests.Generators;
using Graph.Tests.Language;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Graph.Tests.Inference;

/// <summary>Batch norms with running statistics become a part of the weights in front of them, in entries.</summary>
public sealed class FoldedNormTests
{
    const string Source = """
        [Module] public partial class Net
        {
            readonly Conv2d plain = new(3, 12, kernel: 3, padding: 1, bias: false), grouped = new(12, 8, kernel: 3, stride: 2, groups: 4);
            readonly BatchNorm2d norm1 = new(12), norm2 = new(8);
            readonly Parameter line = new([10, 8, 3], Init.Normal(1)), lineBias = new([10], Init.Normal(1));
            readonly Linear hidden = new(200, 20), head = new(20, 5, bias: false);
            readonly BatchNorm1d norm3 = new(10), norm4 = new(20);
            readonly Parameter gain = new([5], Init.Normal(1));
            public Tensor Forward(Tensor x)
            {
                x = norm1.Forward(plain.Forward(x)).Relu();
                x = norm2.Forward(grouped.Forward(x)).Tanh();
                x = norm3.Forward(x.Reshape(x.Shape[0], 8, 20).Conv1d(line, lineBias, padding: 1)).Relu();
                return head.Forward(norm4.Forward(hidden.Forward(x.Flatten(1)))) / gain - 1;
            }
        }
        [Model] [Dim("B", Max = 8)] public partial class M
        {
            readonly Net net = new();
            [Entry] public Tensor Predict([Shape("B", 3, 11, 9)] Tensor x) => net.Forward(x);
            [Entry(Exact = true)] public Tensor Written([Shape("B", 3, 11, 9)] Tensor x) => net.Forward(x);
            [Entry(Training = true)] public Tensor Sampled([Shape("B", 3, 11, 9)] Tensor x) => net.Forward(x);
            [Loss] public Tensor Loss([Shape("B", 3, 11, 9)] Tensor x) => net.Forward(x).Square().Mean();
            [Train] public static Sgd Optimizer() => new(learningRate: 0.1);
        }
        """;

    static string Nodes(RunningModel model, string function) => RunningModel.Stage(model.Source, "Decomposed", function);

    static float[] Numbers(int seed, int count, double least = -1, double most = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(least + (most - least) * random.NextDouble()))];
    }

    // Statistics and gains as after a training, not those of the start, which are 0 and 1.
    static void Draw(RunningModel model)
    {
        var seed = 0;
        foreach (var tensor in model.Instance.Store.Where(t => t.Kind is StateKind.Parameter or StateKind.Buffer && t.Values.Length < 100).ToList())
            model.Instance.Store[tensor.Path].Write<float>(Numbers(++seed, tensor.Values.Length, tensor.Path.EndsWith("var", StringComparison.Ordinal) || tensor.Path.EndsWith("gain", StringComparison.Ordinal) ? 0.1 : -1, 2));
    }

    // The farthest that a function is from what the program says in float64, relative to the largest result.
    static double Error(RunningModel model, string function, float[] x, long[] shape, int results)
    {
        var states = model.Instance.Store.ToDictionary(t => t.Path, t => new TensorData(DType.F64, [.. t.Shape], [.. t.Values.ToArray().Select(v => (double)v)]));
        var expected = new Interpreter(model.Source.Stages.Find("Graph")!, float64: true)
            .Run(function, [new(DType.F64, shape, [.. x.Select(v => (double)v)])], states, DimBinding.Empty.With("B", shape[0])).Results[0];
        var actual = model.Call(function, results, x);
        return Enumerable.Range(0, results).Max(i => Math.Abs(expected[i] - actual[i])) / Enumerable.Range(0, results).Max(i => Math.Abs(expected[i]));
    }

    [Fact]
    public void Norms_behind_convolutions_and_linear_layers_are_a_part_of_their_weights()
    {
        using var model = RunningModel.Of(Source);
        Draw(model);
        var folded = Nodes(model, "predict");
        foreach (var gone in new[] { "rsqrt", " mul ", " div ", "running_mean", "running_var", "gain" }) Assert.DoesNotContain(gone, folded, StringComparison.Ordinal);
        Assert.Contains("gain", Nodes(model, "derive.states"), StringComparison.Ordinal);
        foreach (var kept in new[] { "written", "loss", "sampled" }) Assert.Contains(" mul ", Nodes(model, kept), StringComparison.Ordinal);

        var x = Numbers(1, 3 * 3 * 11 * 9);
        var (error, written) = (Error(model, "predict", x, [3, 3, 11, 9], 15), Error(model, "written", x, [3, 3, 11, 9], 15));
        Assert.True(written < 2e-6 && error <= Math.Max(3 * written, 5e-7), $"folded {error:E1}, written {written:E1}");

        // Whoever changes the statistics sees other numbers.
        var before = model.Call("predict", 15, x);
        model.Instance.Store["net.norm2.running_mean"].Write<float>(v => v[3] += 0.5f);
        Assert.NotEqual(before, model.Call("predict", 15, x));
        Assert.True(Error(model, "predict", x, [3, 3, 11, 9], 15) < 2e-6);
        Assert.Equal(before.Length, model.Call("sampled", 15, x).Length);
    }

    [Fact]
    public void A_loss_and_a_step_are_what_they_were()
    {
        using var model = RunningModel.Of(Source);
        using var exact = RunningModel.Of(Source.Replace("[Entry]", "[Entry(Exact = true)]", StringComparison.Ordinal));
        Assert.DoesNotContain("derived", Nodes(model, "train_step"), StringComparison.Ordinal);
        Assert.Equal(Nodes(exact, "train_step"), Nodes(model, "train_step"));
        foreach (var m in new[] { model, exact }) Draw(m);
        var x = Numbers(1, 3 * 3 * 11 * 9);
        Assert.Equal(exact.Call("loss", 1, x), model.Call("loss", 1, x));
        for (var i = 0; i < 3; i++) Assert.Equal(exact.Step(x), model.Step(x));
        Assert.True(Error(model, "predict", x, [3, 3, 11, 9], 15) < 2e-6);
    }

    [Theory]
    [InlineData("var y = conv.Forward(x); return norm.Forward(y) + y;")] // read by something else, too
    [InlineData("return norm.Forward(conv.Forward(x).Relu());")] // not linear in between
    [InlineData("return conv.Forward(x) * x.Mean();")] // a factor that depends on an argument
    [InlineData("return conv.Forward(x) * 3 + 1;")] // a number of the source: no launch would be saved
    [InlineData("return conv.Forward(x) + shift;")]
    [InlineData("return conv.Forward(x) * image;")] // not one a channel
    [InlineData("return 1 / (conv.Forward(x) + 30) * scale;")]
    [InlineData("return 2 - conv.Forward(x);")]
    [InlineData("return conv.Forward(x) * assigned.Reshape(4, 1, 1);")] // an entry changes it
    public void What_is_no_factor_of_the_channels_alone_stays(string body)
    {
        using var model = RunningModel.Of($$"""
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Conv2d conv = new(4, 4, kernel: 3, padding: 1, bias: false);
                readonly BatchNorm2d norm = new(4);
                readonly Parameter shift = new([4, 1, 1], Init.Normal(1)), scale = new([4, 1, 1], Init.Normal(1)), image = new([4, 5, 5], Init.Normal(1));
                readonly State assigned = new([4], Init.Ones);
                [Entry] public Tensor Predict([Shape("B", 4, 5, 5)] Tensor x) { {{body}} }
                [Entry] public Tensor Change([Shape(4)] Tensor x) { assigned.Assign(x); return x; }
            }
            """);
        Assert.Contains("conv2d x, @conv.weight", Nodes(model, "predict"), StringComparison.Ordinal);
        Draw(model);
        Assert.True(Error(model, "predict", Numbers(2, 200), [2, 4, 5, 5], 200) < 2e-6);
    }

    [Fact]
    public void Weights_in_few_bits_stay_in_them()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Parameter weight = new([32, 64], Init.Normal(1)), gain = new([32], Init.Normal(1));
                [Entry] public Tensor Predict([Shape("B", 64)] Tensor x) => x.MatMul((weight * 8).Round().Cast(ElementType.I8).Cast(ElementType.F32).T) * gain;
            }
            """);
        Assert.Equal(DType.I8, Assert.Single(model.Source.Stages.Final.States, s => s.Kind == StateKind.Derived).Type.DType);
        Assert.True(Error(model, "predict", Numbers(2, 128), [2, 64], 64) < 2e-6);
    }

    /// <summary>Blocks that are called often have one function, but norms and weights of their own.</summary>
    [Fact]
    public void Norms_of_repeated_blocks_are_folded_in_each_of_them()
    {
        using var model = RunningModel.Of("""
            [Module] public partial class Block
            {
                readonly Conv2d conv1 = new(6, 6, kernel: 3, padding: 1, bias: false), conv2 = new(6, 6, kernel: 3, padding: 1, bias: false);
                readonly BatchNorm2d norm1 = new(6), norm2 = new(6);
                public Tensor Forward(Tensor x) => (x + norm2.Forward(conv2.Forward(norm1.Forward(conv1.Forward(x)).Relu()))).Relu().Tanh().Square();
            }
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Block[] blocks = [new(), new(), new(), new(), new()];
                Tensor Run(Tensor x)
                {
                    foreach (var block in blocks) x = block.Forward(x);
                    return x;
                }
                [Entry] public Tensor Predict([Shape("B", 6, 7, 7)] Tensor x) => Run(x);
                [Loss] public Tensor Loss([Shape("B", 6, 7, 7)] Tensor x) => Run(x).Mean();
                [Train] public static Sgd Optimizer() => new(learningRate: 0.1);
            }
            """);
        Assert.Contains("call", Nodes(model, "loss"), StringComparison.Ordinal);
        Assert.DoesNotContain("call", Nodes(model, "predict"), StringComparison.Ordinal);
        Assert.Equal(20, model.Source.Stages.Final.Find("predict")!.States.Count(s => s.State!.StartsWith("derived#", StringComparison.Ordinal))); // weights and summands of ten convolutions
        Draw(model);
        Assert.True(Error(model, "predict", Numbers(2, 2 * 6 * 49), [2, 6, 7, 7], 2 * 6 * 49) < 2e-6);
    }

    [Fact]
    public void What_is_exact_stands_in_the_programs_text()
    {
        var program = Elaborate.Model(Source).Program;
        Assert.Equal("written", Assert.Single(program.Exact));
        var read = ProgramParser.Parse(ProgramPrinter.Print(program), OperationTable.Set);
        Assert.True(program.Exact.SequenceEqual(read.Exact));
        string Fused(Program p) => ProgramPrinter.Print(CompilerPipeline.Run(p, KnownTargets.Cpu).Find("Fused")!, origins: false);
        Assert.Equal(Fused(program), Fused(read));
    }

    [Fact]
    public void A_project_says_so_for_all_of_its_entries()
    {
        var compilation = Harness.Compile(Harness.Usings + """
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Parameter weight = new([4, 3, 3, 3], Init.Normal(1)), gain = new([4, 1, 1], Init.Ones);
                [Entry] public Tensor Predict([Shape("B", 3, 5, 5)] Tensor x) => x.Conv2d(weight) * gain;
            }
            """);
        string Generated(string exact) => string.Concat(Harness.Driver().WithUpdatedAnalyzerConfigOptions(new Options(exact)).RunGenerators(compilation).GetRunResult().Results.Single().GeneratedSources.Select(s => s.SourceText));
        Assert.Equal(Generated("false"), Generated(""));
        Assert.Equal(1, States(Generated("false"))); // the weight, in which the gain is
        Assert.Equal(2, States(Generated("True")));

        // That the entry reads, by its lowered text.
        static int States(string text) => text.Split("function ").Single(part => part.StartsWith("predict", StringComparison.Ordinal)).Split("\n  store ").Length - 1;
    }

    sealed class Options(string exact) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions => new Global(exact);
        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;
        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => GlobalOptions;

        sealed class Global(string exact) : AnalyzerConfigOptions
        {
            public override bool TryGetValue(string key, [NotNullWhen(true)] out string? value) => (value = key == "build_property.graphexact" ? exact : null) is not null;
        }
    }
}
