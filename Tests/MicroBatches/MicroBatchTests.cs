using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Data;
using Graph.PtxEmulator;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Language;
using Graph.Tests.Lowering;
using Graph.Tests.Mixed;
using Graph.Tests.Models;
using Graph.Tests.Ptx.Emission;
using Graph.Tests.Snapshots;
using Graph.Yardsticks;
using Graph.Yardsticks.Programs;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.MicroBatches;

/// <summary>Steps that go through their batch in parts: what they compute is what a step on the whole batch does, in the memory of one part.</summary>
public sealed class MicroBatchTests
{
    const int Rows = 16;

    static string Classifier(int parts, string train = "") => $$"""
        [Model]
        [Dim("B", Max = 64, Typical = 16)]
        public partial class M
        {
            readonly Linear first = new(6, 12), second = new(12, 3);

            [Loss] public Tensor Loss([Shape("B", 6)] Tensor x, [Shape("B")] Tensor<int> label) => second.Forward(first.Forward(x).Gelu().Dropout(0.4)).CrossEntropy(label);

            [Train(MicroBatches = {{parts}}{{train}})] public static Sgd Optimizer() => new(0.5);
        }
        """;

    static float[] Numbers(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    static int[] Labels(int count, int classes, int seed = 2)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(classes))];
    }

    static void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"{i}: {expected[i]} and {actual[i]}");
    }

    [Theory]
    [InlineData(2, "")]
    [InlineData(4, "")]
    [InlineData(4, ", ClipNorm = 0.1")]
    public void A_step_in_parts_is_the_step_on_the_whole_batch(int parts, string train)
    {
        using var whole = RunningModel.Of(Classifier(1, train));
        using var cut = RunningModel.Of(Classifier(parts, train));
        for (var step = 0; step < 3; step++)
        {
            var (x, label) = (Numbers(Rows * 6, step), Labels(Rows, 3, step));
            var (expected, actual) = (whole.Step(x, label), cut.Step(x, label));
            Assert.Equal(expected.Loss, actual.Loss, 1e-6);
            Assert.Equal(expected.GradientNorm, actual.GradientNorm, 1e-6);
        }
        // Dropout, too: its masks are those of the whole batch.
        foreach (var path in new[] { "first.weight", "first.bias", "second.weight", "second.bias" }) Close(whole[path], cut[path], 1e-6);
    }

    [Fact]
    public void Gradients_are_added_in_the_order_of_the_parts()
    {
        string Model(int parts) => $$"""
            [Model]
            [Dim("B", Max = 64, Typical = 16)]
            public partial class M
            {
                readonly Linear layer = new(6, 3);
                [Loss] public Tensor Loss([Shape("B", 6)] Tensor x, [Shape("B")] Tensor<int> label) => layer.Forward(x).CrossEntropy(label);
                [Train(MicroBatches = {{parts}})] public static Sgd Optimizer() => new(1);
            }
            """;
        var (x, label) = (Numbers(Rows * 6), Labels(Rows, 3));
        // From zeros a step with the rate 1 leaves the gradient.
        float[][] Gradients(RunningModel model, float[] x, int[] label)
        {
            model.Set("layer.weight", new double[18]);
            model.Set("layer.bias", new double[3]);
            model.Instance.LearningRate = 1;
            model.Step(x, label);
            return [[.. model["layer.weight"].ToArray().Select(v => -v)], [.. model["layer.bias"].ToArray().Select(v => -v)]];
        }
        using var whole = RunningModel.Of(Model(1));
        using var cut = RunningModel.Of(Model(4));
        var sums = new[] { new float[18], new float[3] };
        for (var part = 0; part < 4; part++)
            foreach (var (sum, gradient) in sums.Zip(Gradients(whole, x[(part * 24)..(part * 24 + 24)], label[(part * 4)..(part * 4 + 4)])))
                for (var i = 0; i < sum.Length; i++) sum[i] += gradient[i];
        foreach (var (sum, actual) in sums.Zip(Gradients(cut, x, label))) Assert.Equal(sum.Select(v => v / 4), actual);
    }

    [Fact]
    public void One_thread_and_two_give_the_same_bits()
    {
        using var one = RunningModel.Of(Classifier(4), threads: 1);
        using var two = RunningModel.Of(Classifier(4), threads: 2);
        var (x, label) = (Numbers(Rows * 6), Labels(Rows, 3));
        Assert.Equal(one.Step(x, label).Loss, two.Step(x, label).Loss);
        foreach (var path in new[] { "first.weight", "second.bias" }) Assert.Equal(one[path].ToArray(), two[path].ToArray());
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(7, float.PositiveInfinity)]
    [InlineData(7, float.NaN)]
    [InlineData(7, 3000f)] // finite, but not its gradient times the scale
    public void A_part_that_is_not_finite_skips_the_whole_step(int row, float? injected)
    {
        var program = Elaborate.Model(Classifier(4).Replace(".Gelu().Dropout(0.4)", "", StringComparison.Ordinal)).Program;
        using var model = MixedModel.Of(program, Precisions.Float16);
        var (x, label) = (Numbers(Rows * 6), Labels(Rows, 3));
        Assert.True(model.Step([x, label]).IsFinite);
        Dictionary<string, byte[]> Bits() => model.Instance.Store.All.Where(t => t.Kind != StateKind.Counter).ToDictionary(t => t.Path, t => t.Raw(0, int.MaxValue).ToArray());
        var before = Bits();
        if (injected is { } number) Array.Fill(x, number, row * 6, 6); // the second part has rows 4 to 7
        var result = model.Step([x, label]);
        Assert.Equal(injected is null, result.IsFinite);
        Assert.Equal(65536, result.LossScale);
        Assert.Equal(injected is null ? 65536 : 32768, model.Instance.Store["optimizer.loss_scale"].Values[0]);
        foreach (var (path, bits) in Bits()) Assert.True(injected is null || bits.AsSpan().SequenceEqual(before[path]), path);
        // The sums are in 32 bits, whatever their terms are in.
        foreach (var sum in model.Compiled.Final.Find("train_step")!.Nodes.First(n => n.Operation == StructureOperations.Loop).Outputs) Assert.Equal(DType.F32, sum.DType);
    }

    // Each draws otherwise: by a library kernel, along a batch that is not the first axis, in a loop's body, in a branch, once for all rows.
    public static TheoryData<string> Drawing =>
    [
        "Tensor.ScaledDotProductAttention(h.Reshape(-1, 2, 3, 2), h.Reshape(-1, 2, 3, 2), h.Reshape(-1, 2, 3, 2), dropout: 0.5).Reshape(-1, 12)",
        "h.Transpose(0, 1).Dropout(0.5).Transpose(0, 1)",
        "h.Reshape(-1, 3, 4).Transpose(0, 2).Dropout(0.5).Transpose(0, 2).Reshape(-1, 12)",
        "Tensor.Scan(h, h.Reshape(-1, 3, 4), (s, slice) => ((s + slice.Sum(1, keep: true)).Dropout(0.5), s), axis: 1).Item1",
        "Tensor.If(h.Norm() > -1, () => h.Dropout(0.5), () => h)",
        "h * Tensor.Normal([12])",
        "h + Tensor.Uniform(h.Shape)",
    ];

    [Theory, MemberData(nameof(Drawing))]
    public void Random_numbers_are_those_of_the_whole_batch(string drawn)
    {
        string Model(int parts) => Classifier(parts).Replace("second.Forward(first.Forward(x).Gelu().Dropout(0.4)).CrossEntropy(label);", $"Of(first.Forward(x)).CrossEntropy(label);\n    Tensor Of(Tensor h) => second.Forward({drawn});", StringComparison.Ordinal);
        using var whole = RunningModel.Of(Model(1));
        using var cut = RunningModel.Of(Model(4));
        var (x, label) = (Numbers(Rows * 6), Labels(Rows, 3));
        var (expected, actual) = (whole.Step(x, label), cut.Step(x, label));
        Assert.Equal(expected.Loss, actual.Loss, 1e-6);
        Assert.Equal(expected.GradientNorm, actual.GradientNorm, 1e-5);
        foreach (var path in new[] { "first.weight", "second.bias" }) Close(whole[path], cut[path], 1e-5);
    }

    [Theory]
    [InlineData(typeof(Mlp))]
    [InlineData(typeof(Cnn))]
    [InlineData(typeof(NanoGpt))]
    [InlineData(typeof(ResNet18))]
    [InlineData(typeof(InParts))]
    public void A_step_has_the_memory_of_one_part_and_of_the_sums(Type model)
    {
        var program = Elaborate.Built(model).Program;
        program = program with { Training = [program.Training[0] with { MicroBatches = 1 }] };
        LoweredFunction Step(int parts, out LoweredProgram lowered)
        {
            lowered = Lowerer.Lower(CompilerPipeline.Run(program with { Training = [program.Training[0] with { MicroBatches = parts }] }, KnownTargets.Cpu));
            return lowered.Functions.First(f => f.Name.StartsWith("train_step", StringComparison.Ordinal));
        }
        var whole = Step(1, out var lowered);
        var cut = Step(4, out var inParts);
        var typical = DimBinding.Typical(lowered.Dims);
        var batch = MicroBatching.Batch(whole.Signature.Parameters.Select(p => p.Shape))!;
        var part = typical.With(batch, typical[batch] / 4);
        var sums = program.States.Where(s => s.Kind == StateKind.Parameter).Sum(s => (s.Type.BytesAt(typical) + 63) / 64 * 64);
        var (small, large, plan) = (Planner.Plan(whole, part), Planner.Plan(whole, typical), Planner.Plan(cut, DimBinding.Typical(inParts.Dims)));
        PlanVerifier.Verify(plan);
        Assert.True(plan.ArenaBytes <= small.ArenaBytes + sums + 4096, $"{plan.ArenaBytes:N0} bytes are more than {small.ArenaBytes:N0} of a quarter of the batch and {sums:N0} of the sums; the whole takes {large.ArenaBytes:N0}.");
    }

    [Fact]
    public void A_batch_that_cannot_be_cut_is_named()
    {
        using var model = RunningModel.Of(Classifier(4));
        var before = model["first.weight"].ToArray();
        var error = Assert.Throws<ArgumentException>(() => model.Step(Numbers(10 * 6), Labels(10, 3)));
        Assert.Equal("x", error.ParamName);
        Assert.StartsWith("train_step: B is 10, of which 4 micro-batches cannot each have as many rows: expected a multiple of 4.", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>(() => model.Step(Numbers(68 * 6), Labels(68, 3)));
        Assert.StartsWith("train_step: B is 68 by the length of x, expected 4 to 64 for its 4 micro-batches.", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.Step(Numbers(8 * 6), Labels(12, 3)));
        Assert.Equal(before, model["first.weight"].ToArray());
        // Any other batch is trained on, and any batch is evaluated.
        Assert.True(model.Step(Numbers(4 * 6), Labels(4, 3)).IsFinite);
        Assert.True(model.Step(Numbers(64 * 6), Labels(64, 3)).IsFinite);
        Assert.True(float.IsFinite(model.Call("loss", 1, Numbers(10 * 6), Labels(10, 3))[0]));
    }

    [Theory]
    [InlineData("Tensor x", "x.Sum()", "[Shape(3)]", "no argument of its loss begins with a named dimension")]
    [InlineData("Tensor x", "(x * w.Sum()).Sum()", "[Shape(\"B\", \"B\")]", "x [B, B] has that as axis 1")]
    public void A_loss_that_cannot_be_cut_is_a_mistake(string argument, string loss, string shape, string expected)
    {
        var mistake = Elaborate.Error($$"""
            [Model]
            [Dim("B", Max = 64, Typical = 16)]
            public partial class M
            {
                readonly Parameter w = new([2, 2], Init.Ones);
                [Loss] public Tensor Loss({{shape}} {{argument}}) => {{loss}} + w.Sum();
                [Train(MicroBatches = 4)] public static Sgd Optimizer() => new(1);
            }
            """);
        Assert.Equal("GR2122", mistake.Id);
        Assert.Contains(expected, mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_asked_for_a_batch()
    {
        var memory = InParts.Memory(B: 16, threads: 1);
        using var model = InParts.Create(threads: 1);
        model.TrainQuarters(Numbers(16 * 5), Labels(16, 3));
        Assert.Equal(((IModel)model).Instance.Session.ArenaBytes, memory["train_step.Quarters"].Arena);
        var error = Assert.Throws<ArgumentException>(() => InParts.Memory(B: 6));
        Assert.Contains("B is 6, of which 4 micro-batches", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_that_is_stated_is_the_whole_one()
    {
        // Of [B, T] no length gives B, so the caller says it: of all parts, also where the call is of typical sizes.
        var lowered = Lowerer.Lower(CompilerPipeline.Run(Elaborate.Built(typeof(CausalAttention)).Program is var program ? program with { Training = [program.Training[0] with { MicroBatches = 2 }] } : null!, KnownTargets.Cpu));
        var start = StartProgram.Of(lowered, [.. lowered.Functions.Select(f => Planner.PlanTypical(f, lowered.Dims))]);
        var typical = start.Functions.First(f => f.Name == "train_step").Typical!;
        Assert.Equal(new long[] { 4 }, typical.Stated);
        Assert.Contains(4L * 16 * 8, typical.Lengths);
        using var model = new ModelInstance(new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed: 1, threads: 1);
        Assert.True(RunningModel.StepOn(model, [4], Numbers(4 * 6 * 8), Numbers(4 * 6 * 8)).IsFinite);
        Assert.Throws<ArgumentException>(() => RunningModel.StepOn(model, [3], Numbers(3 * 6 * 8), Numbers(3 * 6 * 8)));
    }

    [Fact]
    public async Task A_fit_on_batches_that_cannot_be_cut_says_so_at_the_step()
    {
        using var model = InParts.Create(threads: 1);
        BatchLoader Rows(int count, bool dropLast, int batch = 8) => new(new TableDataset().With("x", Numbers(count * 5), 5).With("label", Labels(count, 3)), batch, new() { Seed = 1, DropLast = dropLast });
        var early = await Assert.ThrowsAsync<ArgumentException>(async () => await model.FitAsync(Rows(22, dropLast: true, batch: 6), new() { Program = "Quarters" }));
        Assert.StartsWith("The training data come in batches of 6 rows, of which 4 micro-batches cannot each have as many: expected a multiple of 4.", early.Message, StringComparison.Ordinal);
        Assert.Equal(0, model.Step);
        var result = await model.FitAsync(Rows(22, dropLast: true), new() { Program = "Quarters", Epochs = 2 });
        Assert.Equal(4, model.Step);
        Assert.True(double.IsFinite(result.Loss));
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(Rows(22, dropLast: false), new() { Program = "Quarters", Epochs = 1 }));
        Assert.Contains("B is 6, of which 4 micro-batches", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_card_adds_up_the_same_parts()
    {
        var program = Elaborate.Model(Classifier(4)).Program;
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var card = Ptx.Emission.TrainingTests.OnCard(program, driver, 7);
        using var processor = Ptx.Emission.TrainingTests.OnProcessor(program, 7);
        for (var step = 0; step < 2; step++)
        {
            var (x, label) = (Numbers(Rows * 6, step), Labels(Rows, 3, step));
            var (expected, actual) = (RunningModel.StepOn(processor, x, label), RunningModel.StepOn(card, x, label));
            Assert.Equal(expected.Loss, actual.Loss, 1e-5);
            Assert.Equal(expected.GradientNorm, actual.GradientNorm, 1e-5);
        }
        Close(processor.Store["first.weight"].Values, card.Store["first.weight"].Values, 1e-5);
    }

    [Fact]
    public Task The_loop_reads_well() => Snapshot.Verify(RunningModel.Stage(SourceModel.Lower(Classifier(4)), "Scheduled", "train_step"));
}
