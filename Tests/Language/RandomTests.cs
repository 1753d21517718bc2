using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Operations;
using Graph.Runtime.Execution;
using NormalQuantile = Graph.Runtime.Cpu.NormalQuantile;
using Graph.Runtime.Parameters;
using Graph.Tests.Elaboration;
using Graph.Tests.Models;
using Graph.Tests.Ops;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Language;

/// <summary>Random numbers in a model: what they are distributed as, what makes two draws differ, and what does not.</summary>
public sealed class RandomTests
{
    const int Length = 1 << 16;

    static readonly string Sampler = $$"""
        [Module] public partial class Noise { public Tensor Forward(int n) => Tensor.Normal([n]); }
        [Model] [Dim("B", Max = 1024)] public partial class M
        {
            readonly Noise first = new(), second = new();
            readonly Parameter weight = new([4], Init.Ones);
            [Entry] public Tensor Normal() => Tensor.Normal([{{Length}}]);
            [Entry] public Tensor Uniform() => Tensor.Uniform([{{Length}}], -2, 3);
            [Entry] public Tensor Coin() => Tensor.Bernoulli([{{Length}}], 0.3);
            [Entry] public (Tensor First, Tensor Second, Tensor Again, Tensor Mine) Several() => (first.Forward(8), second.Forward(8), first.Forward(8), Tensor.Normal([8], 5, 0.5));
            [Entry] public Tensor Coins([Shape("B")] Tensor p) => Tensor.Bernoulli(p);
            [Entry] public Tensor Shifted([Shape("B", 4)] Tensor x) => x * weight + Tensor.Normal(x.Shape);
            [Entry] public Tensor Plain([Shape("B", 4)] Tensor x) => x * weight;
        }
        """;

    static double Moment(IEnumerable<float> x, int power, double around = 0) => x.Average(v => Math.Pow(v - around, power));

    // With n = 65,536 the standard errors of the first four moments of a normal variable are √(1, 2, 15, 96) / 256; five of them are less than once in a million runs, and the numbers are fixed anyway.
    [Fact]
    public void Moments_are_those_of_the_distributions()
    {
        using var model = RunningModel.Of(Sampler);
        var normal = model.Call("normal", Length);
        double[] expected = [0, 1, 0, 3], error = [1, 2, 15, 96];
        for (var k = 0; k < 4; k++) Assert.InRange(Moment(normal, k + 1), expected[k] - 5 * Math.Sqrt(error[k]) / 256, expected[k] + 5 * Math.Sqrt(error[k]) / 256);
        Assert.InRange(normal.Count(v => Math.Abs(v) > 3) / (double)Length, 0.0019, 0.0035); // 0.0027
        // Neighbours, and neighbours in the next block of four words, know nothing of each other.
        foreach (var lag in new[] { 1, 2, 4, 64 }) Assert.InRange(Enumerable.Range(0, Length - lag).Average(i => normal[i] * normal[i + lag]), -5.0 / 256, 5.0 / 256);

        var uniform = model.Call("uniform", Length);
        Assert.All(uniform, v => Assert.InRange(v, -2, 3));
        Assert.InRange(uniform.Average(), 0.5 - 5 * 1.4434 / 256, 0.5 + 5 * 1.4434 / 256);
        Assert.InRange(Moment(uniform, 2, 0.5), 25 / 12.0 - 0.04, 25 / 12.0 + 0.04);

        var coin = model.Call("coin", Length);
        Assert.All(coin, v => Assert.True(v is 0 or 1));
        Assert.InRange(coin.Average(), 0.3 - 5 * 0.4583 / 256, 0.3 + 5 * 0.4583 / 256);
    }

    // Every number that Normal can draw, against AS 241 in double precision; the other half is the mirror image.
    [Fact]
    public void Normal_is_the_quantile_of_the_middle_of_the_uniform_numbers_interval()
    {
        var expression = OperationTable.Set["random_normal"] as ElementwiseOperation;
        var scalar = expression!.Value([.. Enumerable.Range(0, 4).Select(i => Scalar.Input(i, DType.I64))], AttributeMap.Empty);
        double worst = 0, previous = double.NegativeInfinity;
        var falls = 0;
        for (var k = 0; k < 1 << 24; k += k is < 4096 or > (1 << 24) - 4096 ? 1 : 4099)
        {
            var unit = k * (1.0 / (1 << 24));
            double drawn = Evaluate(scalar, (float)unit), mirrored = Evaluate(scalar, (float)(((1 << 24) - 1 - k) * (1.0 / (1 << 24))));
            Assert.Equal(drawn, -mirrored);
            worst = Math.Max(worst, Math.Abs(drawn - NormalQuantile.Of(unit + 1.0 / (1 << 25))));
            if (drawn < previous - 1e-5) falls++;
            previous = drawn;
        }
        Assert.InRange(worst, 0, 1e-5);
        Assert.Equal(0, falls);
        Assert.InRange(Evaluate(scalar, 0), -5.43, -5.41);
    }

    // In single precision, as every target computes it.
    static float Evaluate(Scalar root, float uniform)
    {
        var values = new Dictionary<Scalar, float>();
        foreach (var s in root.Ordered())
        {
            float X(int i) => values[s.Arguments[i]];
            values[s] = s.Op switch
            {
                ScalarOp.Uniform => uniform,
                ScalarOp.Constant => (float)s.Constant,
                ScalarOp.Input => 0,
                ScalarOp.Add => X(0) + X(1),
                ScalarOp.Sub => X(0) - X(1),
                ScalarOp.Mul => X(0) * X(1),
                ScalarOp.Div => X(0) / X(1),
                ScalarOp.Neg => -X(0),
                ScalarOp.Abs => Math.Abs(X(0)),
                ScalarOp.Sqrt => MathF.Sqrt(X(0)),
                ScalarOp.Less => X(0) < X(1) ? 1 : 0,
                ScalarOp.LessEqual => X(0) <= X(1) ? 1 : 0,
                ScalarOp.Select => X(0) != 0 ? X(1) : X(2),
                // Nothing else is rounded the same everywhere.
                _ => throw new InvalidOperationException($"{s.Op} is not exact."),
            };
        }
        return values[root];
    }

    [Fact]
    public void Compiled_numbers_are_the_references_to_the_bit_whatever_the_threads()
    {
        using RunningModel one = RunningModel.Of(Sampler, threads: 1), two = RunningModel.Of(Sampler, threads: 2);
        foreach (var entry in new[] { "normal", "uniform", "coin" })
        {
            float[] first = one.Call(entry, Length), second = two.Call(entry, Length);
            Assert.Equal(first, second);
            var seed = ModelInstance.CallSeed(7, 0, one.Instance.Draws);
            var reference = new Interpreter(one.Source.Stages.Find("Graph")!).Run(entry, [TensorData.Scalar(seed)], ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results[0];
            for (var i = 0; i < Length; i++) Assert.Equal((float)reference[i], first[i]);
        }
    }

    [Fact]
    public void Draws_differ_by_place_and_by_call_and_repeat_by_number()
    {
        using var model = RunningModel.Of(Sampler);
        var first = model.Call("several", [8, 8, 8, 8]);
        Assert.Equal(4, first.Select(r => r[0]).Distinct().Count());
        Assert.InRange(first[3].Average(), 4, 6);
        var second = model.Call("several", [8, 8, 8, 8]);
        Assert.All(first.Zip(second), p => Assert.NotEqual(p.First, p.Second));
        Assert.Equal(2, model.Instance.Draws);
        model.Call("plain", 4, new float[4]); // draws nothing, counts nothing
        Assert.Equal(2, model.Instance.Draws);
        model.Instance.Draws = 0;
        Assert.Equal(first, model.Call("several", [8, 8, 8, 8]));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Instance.Draws = -1);

        using RunningModel same = RunningModel.Of(Sampler), other = RunningModel.Of(Sampler, seed: 8), session = same.NewSession(), later = same.NewSession();
        Assert.Equal(first, same.Call("several", [8, 8, 8, 8]));
        var all = new[] { other, session, later }.Select(m => m.Call("several", [8, 8, 8, 8])[0]).Append(first[0]).ToArray();
        Assert.Equal(4, all.Select(r => r[0]).Distinct().Count());
    }

    [Fact]
    public async Task Calls_at_once_each_draw_numbers_of_their_own()
    {
        using var model = RunningModel.Of(Sampler);
        var drawn = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Enumerable.Range(0, 50).Select(_ => model.Call("several", [8, 8, 8, 8])[0][0]).ToArray())));
        Assert.Equal(200, drawn.SelectMany(d => d).Distinct().Count());
        Assert.Equal(200, model.Instance.Draws);
    }

    [Fact]
    public void Probabilities_may_be_a_tensor_and_shapes_have_names()
    {
        using var model = RunningModel.Of(Sampler);
        float[] p = [.. Enumerable.Range(0, 1000).Select(i => i % 4 / 3f)];
        var coins = model.Call("coins", 1000, p);
        for (var k = 0; k < 4; k++) Assert.InRange(Enumerable.Range(0, 250).Average(i => coins[4 * i + k]), k / 3.0 - 0.15, k / 3.0 + 0.15);
        Assert.All(Enumerable.Range(0, 250), i => Assert.Equal((0f, 1f), (coins[4 * i], coins[4 * i + 3])));
        // What a row draws does not depend on how many rows there are.
        var rows = model.Call("shifted", 12, new float[12]);
        model.Instance.Draws--;
        Assert.Equal(rows[..8], model.Call("shifted", 8, new float[8]));
        Assert.Contains("expected", Assert.Throws<ArgumentException>(() => model.Call("shifted", 5, new float[8])).Message, StringComparison.Ordinal);
    }

    // What a shard needs: rows and columns of a tensor draw what the whole tensor would, given the places that their elements have there; and what a loop needs: an iteration is an operand.
    [Fact]
    public void A_part_draws_what_the_whole_does_and_an_iteration_draws_anew()
    {
        var program = new Program("parts", [], [], [], OperationTable.Set);
        Function Build(string name, Func<Builder, (Value Iteration, Value Index)> make, string operation)
        {
            var b = new Builder(program, name);
            var seed = b.Argument(new(DType.I64, Shape.Scalar), "seed");
            var step = b.Argument(new(DType.I64, Shape.Scalar), "iteration");
            var (iteration, index) = make(b);
            return b.Build([b.Emit(operation, [seed, b.Emit("random_stream", [], ("name", "x#0")), iteration == null! ? step : iteration, index], ("dtype", DType.F32))]);
        }
        Value Whole(Builder b, params Dim[] shape) => b.Emit("linear_index", [], ("shape", new Shape(shape)));
        Value I(Builder b, long value) => b.Constant(value, DType.I64);
        Value Columns(Builder b) => b.Add(b.Add(b.Mul(b.Iota(Shape.Of(6, 1), 0), I(b, 40)), I(b, 8)), b.Iota(Shape.Of(1, 16), 1));
        var functions = new List<Function>();
        foreach (var operation in new[] { "random_uniform", "random_normal" })
        {
            functions.Add(Build(operation + "_whole", b => (I(b, 0), Whole(b, 6, 40)), operation));
            functions.Add(Build(operation + "_rows", b => (I(b, 0), b.Add(Whole(b, 2, 40), I(b, 80))), operation)); // rows 2 and 3
            functions.Add(Build(operation + "_columns", b => (I(b, 0), Columns(b)), operation)); // columns 8 to 23
            functions.Add(Build(operation + "_loop", b => (null!, Whole(b, 6, 40)), operation));
        }
        program = program with { Functions = [.. functions] };
        using var compiled = new CompiledFunctions(program);
        var seed = 0x1F_1234_5678_9ABCL;
        TensorData Run(string function, long iteration)
        {
            TensorData[] arguments = [TensorData.Scalar(seed), TensorData.Scalar(iteration)];
            TensorData reference = compiled.Reference(function, arguments)[0], result = compiled.Run(function, arguments)[0];
            for (long i = 0; i < result.Size; i++) Assert.Equal((float)reference[i], (float)result[i]);
            return result;
        }
        foreach (var operation in new[] { "random_uniform", "random_normal" })
        {
            var whole = Run(operation + "_whole", 0);
            TensorData rows = Run(operation + "_rows", 0), columns = Run(operation + "_columns", 0);
            for (var i = 0; i < 80; i++) Assert.Equal(whole[80 + i], rows[i]);
            for (var r = 0; r < 6; r++)
                for (var c = 0; c < 16; c++) Assert.Equal(whole[r * 40 + 8 + c], columns[r * 16 + c]);
            TensorData zeroth = Run(operation + "_loop", 0), first = Run(operation + "_loop", 1), late = Run(operation + "_loop", 1L << 40);
            for (var i = 0; i < 240; i++) Assert.Equal(whole[i], zeroth[i]);
            Assert.InRange(Enumerable.Range(0, 240).Count(i => first[i] == whole[i] || late[i] == first[i] || late[i] == whole[i]), 0, 1);
        }
    }

    // One body, drawn from five times: the numbers are those of the primitive at each iteration.
    [Fact]
    public void A_loop_draws_anew_in_each_iteration()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("T", Max = 8, Typical = 5)] public partial class M
            {
                readonly Tensor offset = Tensor.From(new[] { 1f, 2, 3 }, 1, 3);
                [Entry] public Tensor Walk([Shape(1, "T", 3)] Tensor x) => Tensor.Scan(Tensor.Zeros(1, 3), x, (h, slice) => (h, Tensor.Uniform([1, 3]) + offset + slice * 0), axis: 1).Kept;
            }
            """);
        var drawn = model.Call("walk", 15, new float[15]);
        var seed = ModelInstance.CallSeed(7, 0, 1);
        for (var t = 0; t < 5; t++)
            for (var i = 0; i < 3; i++) Assert.Equal(Philox.Uniform((ulong)seed, Philox.Stream((long)Philox.Stream("#0"), t), (ulong)i) + (i + 1), drawn[3 * t + i], 1e-6);
        Assert.Equal(15, drawn.Distinct().Count());
    }

    const string Autoencoder = """
        [Model] [Dim("B", Max = 16, Typical = 8)] public partial class M
        {
            readonly Linear encoder = new(6, 4), decoder = new(2, 6);
            (Tensor Mean, Tensor LogVariance) Encode(Tensor x) { var parts = encoder.Forward(x).Split(2, 1); return (parts[0], parts[1]); }
            [Entry] public Tensor Sample([Shape("B", 1)] Tensor rows) => decoder.Forward(Tensor.Normal([rows.Shape[0], 2])).Sigmoid();
            [Loss] public Tensor Loss([Shape("B", 6)] Tensor x)
            {
                var (mean, logVariance) = Encode(x);
                var z = mean + (logVariance * 0.5).Exp() * Tensor.Normal(mean.Shape);
                var divergence = ((mean.Square() + logVariance.Exp() - 1 - logVariance) * 0.5).Sum(1).Mean();
                return (decoder.Forward(z) - x).Square().Sum(1).Mean() + divergence * 0.1;
            }
            [Train(ClipNorm = 5)] public static AdamW Optimizer() => new(learningRate: 0.03);
        }
        """;

    // The reference, in float64, draws the same noise from the same seed.
    [Fact]
    public void A_variational_autoencoder_needs_no_noise_argument()
    {
        Assert.InRange(SourceModel.Lower(Autoencoder).Train(steps: 4), 0, 1e-4);
        using var model = RunningModel.Of(Autoencoder);
        float[] x = [.. Enumerable.Range(0, 48).Select(i => i / 6 % 2 == i % 2 ? 1f : -1f)];
        var first = model.Step(x).Loss;
        for (var i = 0; i < 150; i++) model.Step(x);
        Assert.InRange(model.Step(x).Loss, 0, 0.6 * first);
        Assert.NotEqual(model.Call("loss", 1, x)[0], model.Call("loss", 1, x)[0]); // two evaluations draw twice
        model.Instance.Draws -= 2;
        var again = model.Call("loss", 1, x)[0];
        model.Instance.Draws--;
        Assert.Equal(again, model.Call("loss", 1, x)[0]);
        Assert.NotEqual(model.Call("sample", 12, new float[2]), model.Call("sample", 12, new float[2]));
    }

    [Fact]
    public void Steps_draw_by_their_number_and_a_run_repeats()
    {
        using RunningModel a = RunningModel.Of(Autoencoder), b = RunningModel.Of(Autoencoder, threads: 1);
        var x = new float[48];
        var losses = Enumerable.Range(0, 4).Select(_ => a.Step(x).Loss).ToArray();
        b.Call("loss", 1, x); // what an entry draws moves nothing
        Assert.Equal(losses, Enumerable.Range(0, 4).Select(_ => b.Step(x).Loss));
        Assert.Equal(4, losses.Distinct().Count());
    }

    // A gradient flows through what is computed with the noise: reparametrised, d loss / d deviation is the noise itself.
    [Fact]
    public void Noise_is_a_constant_to_gradients()
    {
        using var model = RunningModel.Of("""
            [Model] public partial class M
            {
                readonly Parameter deviation = new([5], Init.Ones), p = new([5], Init.Constant(0.5));
                readonly State drawn = new([5], Init.Zeros);
                [Loss] public Tensor Loss([Shape(1)] Tensor x)
                {
                    var noise = Tensor.Normal([5]);
                    if (Mode.Training) drawn.Assign(noise);
                    return (deviation * noise).Sum() * x.Sum() + (Tensor.Bernoulli(p) * 0).Sum();
                }
                [Train] public static Sgd Optimizer() => new(learningRate: 0.01);
            }
            """);
        model.Step(new float[] { 1 });
        var noise = model["drawn"].ToArray();
        Assert.Equal(5, noise.Distinct().Count());
        for (var i = 0; i < 5; i++) Assert.Equal(1 - 0.01 * noise[i], model["deviation"][i], 1e-6);
        Assert.Equal([0.5f, 0.5f, 0.5f, 0.5f, 0.5f], model["p"].ToArray());
    }

    [Fact]
    public void Eager_code_draws_too()
    {
        Tensor a = Tensor.Normal([1000]), b = Tensor.Normal([1000]);
        Assert.NotEqual(a.ToArray(), b.ToArray());
        Assert.InRange(a.ToArray().Average(), -0.2, 0.2);
        Assert.InRange(Tensor.Normal([1000], 3, 0.1).ToArray().Average(), 2.9, 3.1);
        Assert.All(Tensor.Uniform([100], 2, 4).ToArray(), v => Assert.InRange(v, 2, 4));
        Assert.All(Tensor.Bernoulli(Tensor.From([0f, 1, 0, 1])).ToArray().Select((v, i) => (v, i)), p => Assert.Equal(p.i % 2, p.v));
        Assert.InRange(Tensor.Bernoulli([1000], 0.25).ToArray().Average(), 0.15, 0.35);
    }

    [Theory]
    [InlineData("GR2015", "Tensor.Normal([4], 0, -1)", "deviation of at least 0")]
    [InlineData("GR2015", "Tensor.Uniform([4], 2, 1)", "2.0 and 1.0")]
    [InlineData("GR2015", "Tensor.Bernoulli([4], 1.5)", "probability from 0 to 1")]
    [InlineData("GR2008", "Tensor.Bernoulli(x.Cast(ElementType.I32))", "Cast(ElementType.F32)")]
    public void What_cannot_be_drawn_is_refused(string id, string call, string words)
    {
        var error = Elaborate.Error($"[Model] public partial class M {{ [Entry] public Tensor Draw([Shape(4)] Tensor x) => x + {call}; }}");
        Assert.Equal(id, error.Id);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_optimizers_rule_draws_nothing()
    {
        foreach (var draw in new[] { "Tensor.Normal([1])", "value.Dropout(0.5)" })
            Assert.Equal("GR2060", Elaborate.Error($$"""
                [Module] public partial class Noisy { public Tensor Update(Tensor value, Tensor gradient, Tensor learningRate, Tensor step) => value - gradient * learningRate + {{draw}}; }
                [Model] public partial class M
                {
                    readonly Parameter p = new([3], Init.Ones);
                    [Loss] public Tensor Loss([Shape(3)] Tensor x) => (x * p).Sum();
                    [Train] public static Noisy Optimizer() => new();
                }
                """).Id);
    }

    [Fact]
    public Task A_sample_as_it_is_compiled()
    {
        var model = SourceModel.Lower(Autoencoder);
        return Verify(string.Join("", new[] { "Graph", "Decomposed", "Scheduled" }.Select(s => $"=== {s}\n{RunningModel.Stage(model, s, "sample")}")));
    }
}
