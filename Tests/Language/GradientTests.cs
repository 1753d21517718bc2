using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Goldens;
using Graph.Tests.Models;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>A gradient inside of a model is a tensor like any other: it can be returned, differentiated again and trained through.</summary>
public sealed class GradientTests
{
    sealed record PenaltyGolden(double[] Losses, double[] GradientNorms, Dictionary<string, double[]> Parameters);

    sealed record SaliencyGolden(double[] Scores, double[] Slope);

    static T Golden<T>(string name)
    {
        using var file = File.OpenRead(Path.Combine(Repository.Root, "Tests", "Goldens", "Language", name + ".json"));
        return JsonSerializer.Deserialize<T>(file, JsonSerializerOptions.Web)!;
    }

    const string Critic = """
        [Model] [Dim("B", Max = 16, Typical = 4)] public partial class M
        {
            readonly Linear first = new(5, 8), second = new(8, 6), last = new(6, 1);
            Tensor Score(Tensor x) => last.Forward(second.Forward(first.Forward(x).LeakyRelu(0.2)).Tanh());
            [Loss] public Tensor Loss([Shape("B", 5)] Tensor real, [Shape("B", 5)] Tensor fake, [Shape("B", 1)] Tensor part)
            {
                var between = part * real + (1 - part) * fake;
                var slope = Tensor.Gradient(Score(between).Sum(), between);
                var penalty = (slope.Norm(1) - 1).Square().Mean();
                return Score(fake).Mean() - Score(real).Mean() + 10 * penalty;
            }
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
        }
        """;

    // The same over sequences: the recurrence is differentiated twice, backwards and then through its backward loop.
    const string RecurrentCritic = """
        [Model] [Dim("B", Max = 16, Typical = 4)] [Dim("T", Max = 12, Typical = 6)] public partial class M
        {
            readonly Lstm lstm = new(3, 5, batchFirst: true);
            readonly Linear head = new(5, 1);
            Tensor Score(Tensor x)
            {
                var (output, _, _) = lstm.Forward(x);
                return head.Forward(output.Mean(1));
            }
            [Loss] public Tensor Loss([Shape("B", "T", 3)] Tensor real, [Shape("B", "T", 3)] Tensor fake, [Shape("B", 1, 1)] Tensor part)
            {
                var between = part * real + (1 - part) * fake;
                var slope = Tensor.Gradient(Score(between).Sum(), between);
                var penalty = (slope.Flatten(1).Norm(1) - 1).Square().Mean();
                return Score(fake).Mean() - Score(real).Mean() + 10 * penalty;
            }
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
        }
        """;

    // The penalty is a function of a gradient, so the step differentiates twice. In float64 the reference follows PyTorch to rounding, compiled float32 to 1e-5.
    [Theory]
    [InlineData("wgan_gp", "wgan", Critic, 5)]
    [InlineData("recurrent_penalty", "recurrent", RecurrentCritic, 6, 3)]
    public void A_gradient_penalty_trains_as_in_PyTorch(string name, string seed, string source, params int[] row)
    {
        var golden = Golden<PenaltyGolden>(name);
        using var model = RunningModel.Of(source);
        var states = ImmutableDictionary<string, TensorData>.Empty.Add("optimizer.step", TensorData.Scalar(0L));
        foreach (var path in golden.Parameters.Keys)
        {
            var shape = model.Instance.Store[path].Shape;
            var start = GoldenValues.Reals($"{seed}:{path}", (int)model.Instance.Store[path].Length, 1, 0);
            states = states.Add(path, new(DType.F64, [.. shape], start));
            model.Set(path, start);
        }
        var reference = new Interpreter(model.Source.Stages.Find("Decomposed")!, float64: true);
        var binding = DimBinding.Typical(model.Source.Lowered.Dims).With("B", 4);
        var whole = row.Aggregate(4, (product, size) => product * size);
        double[] Batch(string tensor, int step) => tensor == "part" ? GoldenValues.Reals($"{seed}:part:{step}", 4, 1, 0.5) : GoldenValues.Reals($"{seed}:{tensor}:{step}", whole, 2, 0);
        long[] Shape(int argument) => [4, .. argument < 2 ? row.Select(size => (long)size) : row.Select(_ => 1L)];
        for (var step = 0; step < golden.Losses.Length; step++)
        {
            double[][] batch = [.. new[] { "real", "fake", "part" }.Select(n => Batch(n, step))];
            var exact = reference.Run(
                "train_step",
                [.. batch.Select((b, i) => new TensorData(DType.F64, Shape(i), b)), TensorData.Scalar(0.01, DType.F64), TensorData.Scalar(ModelInstance.StepSeed(7, step + 1))], states, binding);
            states = states.SetItems(exact.States);
            Assert.Equal(golden.Losses[step], exact.Results[0][0], 1e-10);
            Assert.Equal(golden.GradientNorms[step], exact.Results[1][0], 1e-9);
            var compiled = model.Step([.. batch.Select(b => (Array)b.Select(v => (float)v).ToArray())]);
            Assert.InRange(Math.Abs(compiled.Loss - golden.Losses[step]) / Math.Max(1, Math.Abs(golden.Losses[step])), 0, 1e-5);
            Assert.InRange(Math.Abs(compiled.GradientNorm - golden.GradientNorms[step]) / golden.GradientNorms[step], 0, 1e-5);
        }
        foreach (var path in golden.Parameters.Keys)
            for (var i = 0; i < states[path].Size; i++)
            {
                Assert.Equal(golden.Parameters[path][i], states[path][i], 1e-10);
                Assert.Equal(golden.Parameters[path][i], model[path][i], 1e-5);
            }
    }

    [Fact]
    public void Saliency_is_an_entry()
    {
        var golden = Golden<SaliencyGolden>("saliency");
        using var model = RunningModel.Of("""
            [Model] [Dim("B", Max = 8, Typical = 2)] public partial class M
            {
                readonly Conv2d convolution = new(1, 3, kernel: 3, padding: 1);
                readonly Linear head = new(27, 4, bias: false);
                [Entry] public (Tensor Scores, Tensor Slope) Explain([Shape("B", 1, 6, 6)] Tensor image)
                {
                    var scores = head.Forward(convolution.Forward(image).LayerNorm(null, null).Gelu().MaxPool2d(2).Flatten(1));
                    return (scores, Tensor.Gradient(scores.Max(1).Sum(), image));
                }
            }
            """);
        void Set(string path, string name, int length) => model.Set(path, GoldenValues.Reals("saliency:" + name, length, 2, 0));
        Set("convolution.weight", "kernel", 27);
        Set("convolution.bias", "bias", 3);
        Set("head.weight", "head", 108);
        var results = model.Call("explain", [8, 72], GoldenValues.Reals("saliency:image", 72, 2, 0).Select(v => (float)v).ToArray());
        for (var i = 0; i < 8; i++) Assert.Equal(golden.Scores[i], results[0][i], 1e-4);
        for (var i = 0; i < 72; i++) Assert.Equal(golden.Slope[i], results[1][i], 1e-4);
    }

    // y = sin(p·x) + (p·x)³ / 6 has all its derivatives known: by x, by x twice, by x and then by p.
    [Fact]
    public void Gradients_have_gradients_as_often_as_one_likes()
    {
        using var model = RunningModel.Of("""
            [Model] public partial class M
            {
                readonly Parameter p = new([3], Init.Constant(0.7));
                Tensor Curve(Tensor x) => ((p * x).Sin() + (p * x).Pow(3) / 6).Sum();
                [Entry] public (Tensor First, Tensor Second, Tensor Third, Tensor Mixed) Derive([Shape(3)] Tensor x)
                {
                    var first = Tensor.Gradient(Curve(x), x);
                    var second = Tensor.Gradient(first.Sum(), x);
                    return (first, second, Tensor.Gradient(second.Sum(), x), Tensor.Gradient(first.Sum(), p));
                }
            }
            """);
        float[] x = [0.3f, -1.2f, 2];
        var found = model.Call("derive", [3, 3, 3, 3], x);
        for (var i = 0; i < 3; i++)
        {
            double p = 0.7f, u = p * x[i];
            Assert.Equal(p * (Math.Cos(u) + u * u / 2), found[0][i], 1e-5);
            Assert.Equal(p * p * (u - Math.Sin(u)), found[1][i], 1e-5);
            Assert.Equal(p * p * p * (1 - Math.Cos(u)), found[2][i], 1e-5);
            Assert.Equal(Math.Cos(u) + u * u / 2 + u * (u - Math.Sin(u)), found[3][i], 1e-5);
        }
    }

    // What a loss makes of gradients is compared with differences of the loss itself, in float64: through layers, norms, softmax and convolutions.
    [Theory]
    [InlineData("var y = a.Forward(x).Tanh().LayerNorm(null, null).Sum(); return Tensor.Gradient(y, x).Square().Sum();")]
    [InlineData("var h = a.Forward(x).Softplus(); var y = h.Softmax(-1).Square().Sum(); return Tensor.Gradient(y, h).Square().Sum() + y;")]
    [InlineData("var y = (x.Reshape(3, 1, 2, 2).Conv2d(k, null, padding: 1).Sin()).Sum(); return Tensor.Gradient(y, x).Exp().Sum();")]
    [InlineData("var y = a.Forward(x).Square().Sum(); var g = Tensor.Gradient(y, a.Weight); return (a.Weight - g * 0.1).Square().Mean() + Tensor.Gradient(g.Sin().Sum(), a.Weight).Mean();")]
    [InlineData("var y = a.Forward(x).CrossEntropy(Tensor.Arange(3)); return Tensor.Gradient(y, x).Norm() + y;")]
    [InlineData("var u = x.Detach() * a.Weight.Sum(); var y = (u * x).Sin().Sum(); return Tensor.Gradient(y, x).Square().Sum();")]
    [InlineData("var (last, all) = Tensor.Scan(Tensor.Zeros(1, 4), x.Reshape(3, 1, 4), (h, s) => { var next = a.Forward(h + s).Tanh(); return (next, next * s); }); return Tensor.Gradient(all.Sum() + last.Square().Sum(), x).Square().Sum();")]
    [InlineData("var (last, _) = Tensor.Scan(a.Weight * 1, x, (w, s) => (w - Tensor.Gradient((w * s).Sum(1).Tanh().Square().Sum(), w) * 0.3f, w)); return (last * x.Sum(0)).Sin().Sum();")]
    [InlineData("var y = Tensor.While(x, h => h.Square().Sum() > 0.5f, h => a.Forward(h).Sin() * 0.5f, 6); return Tensor.Gradient(y.Sin().Sum(), x).Square().Sum();")]
    [InlineData("var y = Tensor.If(x.Sum() > -10, () => a.Forward(x).Sin(), () => x.Square()); return Tensor.Gradient(y.Square().Sum(), x).Square().Sum();")]
    [InlineData("var first = Tensor.Gradient(Tensor.If(x.Sum() > 10, () => x, () => a.Forward(x).Sin()).Square().Sum(), x); return Tensor.Gradient(first.Square().Sum(), x).Sum();")]
    [InlineData("var first = Tensor.Gradient(Tensor.Scan(x, x, (h, s) => (a.Forward(h * s).Sin(), h)).Last.Square().Sum(), x); return Tensor.Gradient(first.Square().Sum(), x).Sum();")]
    public void Training_through_a_gradient_is_the_limit_of_differences(string body)
    {
        var source = $$"""
            [Model] public partial class M
            {
                readonly Linear a = new(4, 4);
                readonly Parameter k = new([2, 1, 2, 2], Init.Normal(0.5));
                [Loss] public Tensor Loss([Shape(3, 4)] Tensor x) { {{body}} }
                [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
            }
            """;
        var lowered = SourceModel.Lower(source);
        Assert.InRange(lowered.Train(steps: 2), 0, 2e-4);
        var reference = new Interpreter(lowered.Stages.Find("Differentiated")!, float64: true);
        var x = new TensorData(DType.F64, [3, 4], GoldenValues.Reals("x:" + body.Length, 12, 2, 0));
        var states = lowered.Stages.Final.States.Where(s => s.Kind == StateKind.Parameter)
            .ToDictionary(s => s.Path, s => new TensorData(DType.F64, s.Type.Shape.Evaluate(DimBinding.Empty), GoldenValues.Reals(s.Path, (int)s.Type.Shape.Size.Constant, 1, 0)));
        double Loss() => reference.Run("loss", [x], states, DimBinding.Empty).Results[0][0];
        var step = reference.Run("train_step", [x, TensorData.Scalar(1.0, DType.F64), TensorData.Scalar(1L)], new Dictionary<string, TensorData>(states) { ["optimizer.step"] = TensorData.Scalar(0L) }, DimBinding.Empty);
        double largest = 1e-3;
        var pairs = new List<(double Expected, double Actual)>();
        foreach (var (path, value) in states)
        {
            if (!step.States.TryGetValue(path, out var after)) continue;
            for (var i = 0; i < value.Size; i++)
            {
                var before = value.Real![i];
                value.Real[i] = before + 1e-5;
                var above = Loss();
                value.Real[i] = before - 1e-5;
                var below = Loss();
                value.Real[i] = before;
                pairs.Add(((above - below) / 2e-5, before - after[i])); // with a rate of 1 the step is the gradient
                largest = Math.Max(largest, Math.Abs(pairs[^1].Expected));
            }
        }
        Assert.NotEmpty(pairs);
        Assert.All(pairs, p => Assert.InRange(Math.Abs(p.Expected - p.Actual) / largest, 0, 1e-6));
    }

    // h ← tanh(h · w + x) five times: through a loop that was there before anybody asked for its gradient, twice.
    [Fact]
    public void A_loop_has_a_gradient_too()
    {
        var program = new Program("loop", [], [], [], Graph.Operations.OperationTable.Set);
        var type = new TensorType(DType.F64, Shape.Of(4));
        var inner = new Builder(program, "body");
        inner.Argument(new(DType.I64, Shape.Scalar), "i");
        Value h = inner.Argument(type, "h"), scale = inner.Argument(type, "w"), shift = inner.Argument(type, "x");
        var body = inner.Build([inner.Tanh(inner.Add(inner.Mul(h, scale), shift))]);
        var b = new Builder(program, "f");
        Value start = b.Argument(type, "start"), w = b.Argument(type, "w"), x = b.Argument(type, "x");
        var loop = b.Node(StructureOperations.Loop, [start, w, x], AttributeMap.Of(("carries", 1), ("scanned", 0), ("count", new Attr.List([5]))), [body]);
        Value y = b.Sum(loop.Output, 0, keep: false), first = b.Apply("gradient", [y, w])[0], second = b.Apply("gradient", [b.Sum(b.Mul(first, first), 0, keep: false), x])[0];
        program = program with { Functions = [b.Build([y, first, b.Sum(b.Mul(first, first), 0, keep: false), second])] };
        Verifier.Verify(program);
        TensorData[] at = [.. new[] { "start", "w", "x" }.Select(n => new TensorData(DType.F64, [4], GoldenValues.Reals(n, 4, 2, 0)))];
        double[][] Run() => [.. new Interpreter(program).Run("f", at, ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results.Select(r => r.Real!.ToArray())];
        var found = Run();
        foreach (var (argument, value, gradient) in new[] { (1, 0, 1), (2, 2, 3) })
            for (var i = 0; i < 4; i++)
            {
                var before = at[argument].Real![i];
                at[argument].Real![i] = before + 1e-5;
                var above = Run()[value][0];
                at[argument].Real![i] = before - 1e-5;
                var below = Run()[value][0];
                at[argument].Real![i] = before;
                Assert.Equal((above - below) / 2e-5, found[gradient][i], 1e-7);
            }
    }

    // Rounding has steps and no slope.
    [Fact]
    public void Where_there_is_no_slope_the_gradient_is_zero()
    {
        using var model = RunningModel.Of("""
            [Model] public partial class M
            {
                [Entry] public (Tensor Steps, Tensor Itself) Derive([Shape(3)] Tensor x, [Shape(1)] Tensor y) => (Tensor.Gradient(x.Round().Sum(), x), Tensor.Gradient(y, y));
            }
            """);
        var found = model.Call("derive", [3, 1], new float[] { 0.3f, 1, 2 }, new float[] { 5 });
        Assert.Equal([0f, 0, 0], found[0]);
        Assert.Equal([1f], found[1]);
    }

    [Theory]
    [InlineData("GR2061", "Tensor.Gradient(x * 2, x)", "f32[3]")]
    [InlineData("GR2062", "Tensor.Gradient((x * 2).Sum(), x * 2)", "the tensor itself")]
    [InlineData("GR2062", "Tensor.Gradient(x.Detach().Sum(), x)", "detached")]
    [InlineData("GR2062", "Tensor.Gradient((x > 0).Sum().Cast(ElementType.F32), x)", "real numbers")]
    [InlineData("GR2008", "Tensor.Gradient(x.Sum(), index)", "x")]
    [InlineData("GR2008", "Tensor.Gradient(index.Sum(), x)", "y")]
    public void What_has_no_gradient_is_refused_at_the_call(string id, string call, string words)
    {
        var error = Elaborate.Error($"[Model] public partial class M {{ [Entry] public Tensor Derive([Shape(3)] Tensor x, [Shape(3)] Tensor<int> index) => {call}; }}");
        Assert.Equal(id, error.Id);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Eager_code_says_that_it_has_none() =>
        Assert.Contains("[Entry]", Assert.Throws<NotSupportedException>(() => Tensor.Gradient(Tensor.From([1f]).Sum(), Tensor.From([1f]))).Message, StringComparison.Ordinal);

    [Fact]
    public Task The_stages_of_a_gradient_penalty()
    {
        var model = SourceModel.Lower("""
            [Model] public partial class M
            {
                readonly Parameter w = new([3], Init.Ones);
                [Loss] public Tensor Loss([Shape(3)] Tensor x) => (Tensor.Gradient((w * x).Tanh().Sum(), x).Square().Sum() - 1).Square();
                [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
            }
            """);
        return Verify($"=== Graph\n{RunningModel.Stage(model, "Graph", "forward_loss")}=== Differentiated\n{RunningModel.Stage(model, "Differentiated", "train_step")}");
    }
}
