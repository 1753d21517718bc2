using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Data;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Tests.Generators;
using Graph.Yardsticks;
using Graph.Yardsticks.Small;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>Weights without masters and moments in bfloat16, both rounded up or down by chance.</summary>
public sealed class StochasticRoundingTests
{
    // The gradient of each element of w is 1.
    static Program Line(string moments) => ProgramParser.Parse($$"""
        program Line version 1
        dim N ≤ 65536 ~ 4096
        param w : f32[4096] = ones
        train {loss="loss"}

        func update(value: f32[N], gradient: f32[N], m: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N], m: f32[N])
          %0 = mul gradient, learning_rate
          %1 = sub value, %0
          %2 = add m, {{moments}}
          return %1, %2

        func forward_loss(x: f32[4096], seed: i64[]) -> (loss: f32[])
          %0 = mul x, @w
          %1 = sum %0 {axes=[0], keep=false}
          return %1

        """, OperationTable.Set);

    static Program Without(Program program, bool masters, DType? moments = null) =>
        program with { Training = [.. program.Training.Select(t => t with { Precision = masters ? Precisions.Float32 : Precisions.BFloat16, HasMasters = masters, Moments = moments })] };

    static MixedModel Model(Program program, ulong seed = 7, int threads = 2)
    {
        using var compiled = MixedModel.AsItIs(program, threads);
        return compiled.From(seed, threads);
    }

    static float[] Reals(StoredTensor tensor) => tensor.Type == DType.BF16 ? [.. tensor.Read<ushort>().ToArray().Select(v => BitConverter.UInt32BitsToSingle((uint)v << 16))] : tensor.Values.ToArray();

    static readonly float[] ones = [.. Enumerable.Repeat(1f, 4096)];

    [Fact]
    public void Updates_far_below_the_last_place_arrive_in_the_mean_without_masters()
    {
        using var model = Model(Without(Line("gradient"), masters: false));
        Assert.Equal(DType.BF16, model.Instance.Store["w"].Type);
        Assert.DoesNotContain(model.Instance.Store.All, t => t.Path.Contains('#', StringComparison.Ordinal));
        model.Instance.LearningRate = MathF.ScaleB(1, -14); // below 1 numbers are 2⁻⁸ apart: a 64th of that
        const int Steps = 64;
        for (var step = 0; step < Steps; step++) model.Step([ones]);
        var w = Reals(model.Instance.Store["w"]);
        // One place in the mean; its deviation is that of 64 draws with a chance of 1 ÷ 64 each, over 4096 elements.
        var expected = 1 - Steps * Math.ScaleB(1, -14);
        var deviation = Math.ScaleB(1, -8) * Math.Sqrt(Steps * (1 / 64.0) * (63 / 64.0) / w.Length);
        Assert.Equal(expected, w.Average(v => (double)v), 5 * deviation);
        Assert.Contains(1f, w);
        Assert.True(w.Distinct().Count() > 3);
    }

    [Fact]
    public void Moments_of_16_bits_are_right_in_the_mean()
    {
        using var model = Model(Without(Line("learning_rate"), masters: true, DType.BF16));
        model.Instance.Store.StartTraining();
        Assert.Equal((DType.F32, DType.BF16), (model.Instance.Store["w"].Type, model.Instance.Store["optimizer.m.w"].Type));
        model.Instance.LearningRate = 0.5;
        model.Step([ones]);
        Assert.All(Reals(model.Instance.Store["optimizer.m.w"]), m => Assert.Equal(0.5f, m)); // what 16 bits hold is not moved
        model.Instance.LearningRate = MathF.ScaleB(1, -12);
        for (var step = 0; step < 32; step++) model.Step([ones]);
        var m = Reals(model.Instance.Store["optimizer.m.w"]);
        Assert.Equal(0.5 + 32 * Math.ScaleB(1, -12), m.Average(v => (double)v), 5 * Math.ScaleB(1, -8) * Math.Sqrt(32 * (1 / 16.0) / m.Length));
    }

    [Fact]
    public void Rounding_by_chance_gives_the_same_bits_with_any_number_of_threads_and_others_from_another_seed()
    {
        ushort[] Run(ulong seed, int threads)
        {
            using var model = Model(Without(Line("gradient"), masters: false, DType.BF16), seed, threads);
            model.Instance.LearningRate = 1e-3;
            for (var step = 0; step < 5; step++) model.Step([ones]);
            return [.. model.Instance.Store["w"].Read<ushort>(), .. model.Instance.Store["optimizer.m.w"].Read<ushort>()];
        }
        var one = Run(1, 1);
        Assert.Equal(one, Run(1, 2));
        Assert.Equal(one, Run(1, 3));
        Assert.NotEqual(one, Run(2, 1));
    }

    // Two parameters of one shape with the same numbers and gradients; a third is changed by a rule of its own.
    [Fact]
    public void Elements_of_one_number_in_different_parameters_draw_for_themselves()
    {
        var program = Without(ProgramParser.Parse("""
            program Lines version 1
            dim N ≤ 65536 ~ 4096
            param a : f32[4096] = ones
            param b : f32[4096] = ones
            param c : f32[4096] = ones
            train {loss="loss"}
            rule update (m) a b
            rule update.1 (m) c

            func update(value: f32[N], gradient: f32[N], m: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N], m: f32[N])
              %0 = mul gradient, learning_rate
              %1 = sub value, %0
              %2 = add m, %0
              return %1, %2

            func update.1(value: f32[N], gradient: f32[N], m: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N], m: f32[N])
              %0 = mul learning_rate, gradient
              %1 = sub value, %0
              %2 = add %0, m
              return %1, %2

            func forward_loss(x: f32[4096], seed: i64[]) -> (loss: f32[])
              %0 = add @a, @b
              %1 = add %0, @c
              %2 = mul x, %1
              %3 = sum %2 {axes=[0], keep=false}
              return %3

            """, OperationTable.Set), masters: false, DType.BF16);
        using var model = Model(program);
        model.Instance.LearningRate = 1e-3;
        for (var step = 0; step < 3; step++) model.Step([ones]);
        ushort[] Bits(string path) => model.Instance.Store[path].Read<ushort>().ToArray();
        foreach (var state in new[] { "", "optimizer.m." })
            foreach (var (one, other) in new[] { ("a", "b"), ("a", "c"), ("b", "c") })
                Assert.InRange(Bits(state + one).Zip(Bits(state + other)).Count(p => p.First == p.Second), 1, 3500); // of 4096; with the same draws all of them
        Assert.InRange(Reals(model.Instance.Store["b"]).Average(), 0.9965f, 0.9975f);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_model_learns_as_in_float32(bool masters)
    {
        double Last(Program program)
        {
            using var model = Model(program);
            model.Instance.LearningRate = 1e-2;
            var random = new Random(3);
            var loss = 0.0;
            for (var step = 0; step < 150; step++)
            {
                var x = Enumerable.Range(0, 64 * 8).Select(_ => (float)(2 * random.NextDouble() - 1)).ToArray();
                loss = model.Step([x, Enumerable.Range(0, 64).Select(i => (x[i * 8] > 0 ? 1 : 0) + (x[i * 8 + 1] > 0 ? 2 : 0)).ToArray()]).Loss;
            }
            return loss;
        }
        var program = Elaborate.Built(typeof(LinearClassifier)).Program;
        var (exact, rounded) = (Last(program), Last(Without(program, masters, DType.BF16)));
        Assert.InRange(exact, 0, 0.7);
        Assert.InRange(rounded / exact, 0.9, 1.1);
    }

    [Fact]
    public void A_parameter_takes_10_bytes_with_moments_of_16_bits_and_6_without_masters()
    {
        long Bytes(bool masters)
        {
            var program = Elaborate.Built(typeof(Mlp)).Program;
            using var model = MixedModel.AsItIs(program with { Training = [.. program.Training.Select(t => t with { Precision = Precisions.BFloat16, HasMasters = masters, Moments = DType.BF16 })] }, threads: 1);
            var states = model.Lowered.States.Where(s => s.Type.Shape.Rank > 0).ToList();
            return states.Sum(s => s.Type.BytesAt(DimBinding.Empty)) / states.Where(s => s.Kind == StateKind.Parameter).Sum(s => s.Type.Shape.Size.Evaluate(DimBinding.Empty));
        }
        Assert.Equal((10, 6), (Bytes(true), Bytes(false)));
    }

    [Theory]
    [InlineData("Precision = Precision.BFloat16, Masters = false, Moments = Precision.BFloat16", null)]
    [InlineData("Moments = Precision.BFloat16", null)]
    [InlineData("Precision = Precision.BFloat16, WithoutMasters = [\"linear.weight\"]", null)]
    [InlineData("Precision = Precision.BFloat16, WithoutMasters = [\"linaer\"]", "WithoutMasters = \"linaer\" of Optimizer fits no parameter of M")]
    [InlineData("Precision = Precision.Float16, WithoutMasters = [\"linear.weight\"]", "WithoutMasters names parameters")]
    [InlineData("Precision = Precision.Float16, Moments = Precision.BFloat16", null)]
    [InlineData("Precision = Precision.Float16, Moments = Precision.Float16", "Moments is Float16")]
    [InlineData("Precision = Precision.Float16, Masters = false", "Masters is false")]
    [InlineData("Masters = false", "Masters is false")]
    [InlineData("Precision = Precision.Float64, Moments = Precision.BFloat16", "it trains in Float64")]
    public void Source_says_what_is_stored_in_16_bits(string arguments, string? refused)
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + "using Graph.Nn;\n" + $$"""
            [Model]
            public partial class M
            {
                readonly Linear linear = new(4, 2);
                [Loss] public Tensor Loss([Shape(3, 4)] Tensor x, [Shape(3)] Tensor<int> label) => linear.Forward(x).CrossEntropy(label);
                [Train({{arguments}})] public static AdamW Optimizer() => new(0.1);
            }
            """).AddReferences(MetadataReference.CreateFromFile(typeof(Nn.Linear).Assembly.Location)));
        var said = Harness.Analyze(generated).Select(d => d.GetMessage(System.Globalization.CultureInfo.InvariantCulture)).ToList();
        if (refused is null) Assert.Empty(said);
        else Assert.Contains(refused, Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_alone_may_be_without_masters()
    {
        const string Source = """
            [Model, Dim("B", Max = 64, Typical = 16)]
            public partial class M
            {
                readonly Embedding tokens = new(50, 16);
                readonly Linear head = new(16, 50);
                [Loss] public Tensor Loss([Shape("B")] Tensor<int> token, [Shape("B")] Tensor<int> next) => head.Forward(tokens.Forward(token)).CrossEntropy(next);
                [Train(Precision = Precision.BFloat16 SETTING)] public static AdamW Optimizer() => new(0.01);
            }
            """;
        int[] token = [.. Enumerable.Range(0, 16).Select(i => i * 7 % 50)], next = [.. Enumerable.Range(0, 16).Select(i => i * 3 % 50)];
        double[] Losses(MixedModel model) => [.. Enumerable.Range(0, 40).Select(_ => model.Step([token, next]).Loss)];
        var program = Elaborate.Model(Source.Replace("SETTING", ", WithoutMasters = [\"tokens\"]", StringComparison.Ordinal)).Program;
        var text = ProgramPrinter.Print(program);
        Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set)));
        using var all = MixedModel.AsItIs(Elaborate.Model(Source.Replace("SETTING", "", StringComparison.Ordinal)).Program);
        using var model = MixedModel.AsItIs(program);
        var (expected, losses) = (Losses(all), Losses(model));
        Assert.Equal((DType.BF16, DType.F32, DType.F32), (model.Instance.Store["tokens.weight"].Type, model.Instance.Store["head.weight"].Type, model.Instance.Store["optimizer.m.tokens.weight"].Type));
        Assert.Equal("head.weight#bf16", Assert.Single(model.Lowered.States, s => s.Kind == StateKind.Derived && s.Path.Contains("weight#", StringComparison.Ordinal)).Path);
        Assert.True(losses[^1] < 0.5 * losses[0] && Math.Abs(losses[^1] - expected[^1]) < 0.05 * losses[0], $"{losses[^1]} from {losses[0]}, {expected[^1]} with masters");
    }

    [Fact]
    public async Task A_resumed_run_without_masters_has_the_bits_of_one_that_never_stopped()
    {
        var folder = Directory.CreateTempSubdirectory("graph-rounding-").FullName;
        try
        {
            var random = new Random(9);
            var x = Enumerable.Range(0, 160 * 8).Select(_ => (float)(2 * random.NextDouble() - 1)).ToArray();
            IBatchSource Data() => new BatchLoader(new TableDataset().With("x", x, 8).With("label", Enumerable.Range(0, 160).Select(i => i % 4).ToArray()), 16, new() { Order = BatchOrder.Sequential });
            using var compiled = MixedModel.AsItIs(Without(Elaborate.Built(typeof(LinearClassifier)).Program, masters: false, DType.BF16));
            async Task<byte[]> Run(string name, int steps, ResumeMode resume)
            {
                using var model = compiled.From(3);
                await model.Instance.FitAsync(Data(), new() { Steps = steps, Epochs = 9, CheckpointPath = Path.Combine(folder, name), Resume = resume, Schedule = Schedule.Constant(1e-2f) }, null, default);
                return [.. model.Instance.Store.All.SelectMany(t => t.Raw(0, int.MaxValue).ToArray())];
            }
            var whole = await Run("whole.safetensors", 12, ResumeMode.Never);
            await Run("parts.safetensors", 5, ResumeMode.Never);
            Assert.Equal(whole, await Run("parts.safetensors", 12, ResumeMode.Always));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
