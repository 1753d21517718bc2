using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Data;
using Graph.Runtime.Execution;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary><c>[Train(Precision = Precision.Float64)]</c> from the source to checkpoints.</summary>
public sealed class Float64ModelTests : IDisposable
{
    const string Source = """
        [Module] public partial class Plain(double learningRate)
        {
            public double LearningRate => learningRate;
            public (Tensor, Tensor) Update(Tensor value, Tensor gradient, [State] Tensor momentum, Tensor learningRate, Tensor step)
            {
                momentum = momentum * 0.9 + gradient;
                return (value - learningRate * momentum, momentum);
            }
        }

        [Model, Dim("B", Max = 64, Typical = 16)] public partial class M
        {
            readonly Parameter weight = new([3, 1], Init.Normal(0.5)), bias = new([1], Init.Zeros);
            [Entry] public Tensor Predict([Shape("B", 3)] Tensor x) => x.MatMul(weight) + bias;
            [Entry] public (Tensor Half, Tensor Third) Parts([Shape("B", 3)] Tensor x) => (x.Cast(ElementType.F16).Cast(ElementType.F32), x / 3);
            [Loss] public Tensor Loss([Shape("B", 3)] Tensor x, [Shape("B", 1)] Tensor y) => (Predict(x) - y).Square().Mean();
            [Train(Precision = Precision.Float64, ClipNorm = 10)] public static Plain Optimizer() => new(0.01);
        }
        """;

    static readonly Lazy<Compilation> generated = new(() =>
    {
        var compilation = Harness.Generate(Harness.Compile(Harness.Usings + Source)).Item1;
        Assert.Empty(Harness.Analyze(compilation));
        return compilation;
    });

    readonly string folder = Directory.CreateTempSubdirectory("graph-float64-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static double[] X(int rows) => [.. Enumerable.Range(0, rows * 3).Select(i => Math.Sin(i * i * 0.7))];

    static double[] Y(double[] x) => [.. x.Chunk(3).Select(r => 0.25 * r[0] - 2.0 / 3 * r[1] + Math.PI * r[2] + 1e-9)];

    [Theory]
    [InlineData("Predict", "void", "ReadOnlySpan<double> x, Span<double> result")]
    [InlineData("Parts", "void", "ReadOnlySpan<double> x, Span<double> Half, Span<double> Third")]
    [InlineData("Loss", "double", "ReadOnlySpan<double> x, ReadOnlySpan<double> y")]
    [InlineData("TrainStep", "StepResult", "ReadOnlySpan<double> x, ReadOnlySpan<double> y")]
    public void Generated_methods_take_and_give_doubles(string member, string returns, string parameters)
    {
        var method = generated.Value.GetTypeByMetadataName("M")!.GetMembers(member).OfType<IMethodSymbol>().Single(m => m.Parameters.Any(p => p.Type.Name == "ReadOnlySpan"));
        Assert.Equal(returns, method.ReturnType.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat));
        Assert.Equal(parameters, string.Join(", ", method.Parameters.Select(p => p.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat))));
    }

    static unsafe StepResult Step(ModelInstance instance, double[] x, double[] y)
    {
        fixed (double* p = x, q = y) return instance.TrainStep([new(p, x.Length), new(q, y.Length)]);
    }

    static double[] Numbers(IModel model) => [.. model.Parameters.SelectMany(t => t.Read<double>().ToArray())];

    [Fact]
    public void Training_reaches_what_float32_cannot_tell_apart()
    {
        var x = X(16);
        Assert.Equal(["done"], Running.With(generated.Value, model =>
        {
            Assert.All(model.Parameters, t => Assert.Equal(DType.F64, t.Type));
            Assert.Equal(0.01, model.Instance.LearningRate);
            // Random first values are doubles, not floats.
            Assert.Contains(model.Parameters["weight"].Read<double>().ToArray(), v => v != (float)v);
            StepResult last = default;
            for (var i = 0; i < 4000; i++) last = Step(model.Instance, x, Y(x));
            Assert.True(last.Loss is > 0 and < 1e-24 && last.GradientNorm < 1e-12 && last.IsFinite, last.ToString());
            Assert.Equal(Math.PI, model.Parameters["weight"].Read<double>()[2], 1e-12);
            return "done";
        }));
    }

    [Fact]
    public unsafe void What_the_source_says_of_16_bits_stays_and_all_else_is_double() => Assert.Equal(["done"], Running.With(generated.Value, model =>
    {
        double[] x = [0.1, 1.0 / 3, 2], half = new double[3], third = new double[3];
        fixed (double* p = x, q = half, r = third) model.Instance.Run("parts", [new(p, 3), new(q, 3), new(r, 3)]);
        Assert.Equal(x.Select(v => (double)(Half)v), half);
        Assert.Equal(x.Select(v => v / 3), third);
        return "done";
    }));

    [Fact]
    public async Task A_fit_saves_doubles_and_goes_on_bit_for_bit()
    {
        var (x, path) = (X(40), Path.Combine(folder, "m.safetensors"));
        var data = new TableDataset().With("x", x, 3).With("y", Y(x), 1);
        BatchLoader Batches() => new(data, 8, new() { Seed = 3 });
        var fits = Running.With(generated.Value, model =>
        {
            var result = model.FitAsync(Batches(), new() { Steps = 20, Validation = Batches() }).Result;
            Assert.NotEqual((float)result.Loss, result.Loss);
            return (Numbers(model), result);
        });
        Running.With(generated.Value, model => model.FitAsync(Batches(), new() { Steps = 12, CheckpointPath = path, CheckpointEvery = 5 }).Result.Steps);
        var (resumed, rest) = Running.With(generated.Value, model =>
        {
            var result = model.FitAsync(Batches(), new() { Steps = 20, CheckpointPath = path, Resume = ResumeMode.Always, Validation = Batches() }).Result;
            return (Numbers(model), result);
        })[0];
        Assert.Equal(fits[0].Item1, resumed);
        Assert.Equal((fits[0].result.Loss, fits[0].result.ValidationLoss), (rest.Loss, rest.ValidationLoss));
        Assert.Contains("\"F64\"", await File.ReadAllTextAsync(path));
        Assert.Equal(["done"], Running.With(generated.Value, model =>
        {
            model.Load(path);
            Assert.Equal(resumed, Numbers(model));
            return "done";
        }));
        // Columns of floats do not feed doubles: the message says so before the first step.
        var floats = new TableDataset().With("x", x.Select(v => (float)v).ToArray(), 3).With("y", Y(x), 1);
        Assert.Equal(["x: f32[3] is given, f64[B,3] is taken"], Running.With(generated.Value, model =>
        {
            var error = Assert.Throws<ArgumentException>(() => { _ = model.FitAsync(new BatchLoader(floats, 8), new() { Steps = 1 }); });
            return error.Message.Contains("f32", StringComparison.Ordinal) && error.Message.Contains("f64", StringComparison.Ordinal) ? "x: f32[3] is given, f64[B,3] is taken" : error.Message;
        }));
    }
}
