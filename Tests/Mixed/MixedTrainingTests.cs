using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Data;
using Graph.Tests.Generators;
using Graph.Tests.Language;
using Graph.Ui;
using Graph.Yardsticks.Small;
using Spectre.Console;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>Training runs in 16 bits: skipped steps, checkpoints, weights in files of other types, and what source says of precision.</summary>
public sealed class MixedTrainingTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-mixed-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string File(string name) => Path.Combine(folder, name);

    // 160 rows of 8 numbers; those of one batch of 16 hold an infinity when they are asked to.
    static IBatchSource Data(bool infinite)
    {
        var random = new Random(9);
        var x = Enumerable.Range(0, 160 * 8).Select(_ => (float)(2 * random.NextDouble() - 1)).ToArray();
        var label = Enumerable.Range(0, 160).Select(i => (x[i * 8] > 0 ? 1 : 0) + (x[i * 8 + 1] > 0 ? 2 : 0)).ToArray();
        if (infinite) x[3 * 16 * 8] = float.PositiveInfinity;
        return new BatchLoader(new TableDataset().With("x", x, 8).With("label", label), 16, new() { Order = BatchOrder.Sequential });
    }

    static int[] Bits(MixedModel model) => [.. model.Instance.Store.All.SelectMany(t => t.Raw(0, int.MaxValue).ToArray()).Select(b => (int)b)];

    [Fact]
    public async Task A_run_goes_on_behind_a_skipped_step_and_counts_it_as_PyTorch_does()
    {
        using var model = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16);
        var reports = new List<FitProgress>();
        var schedule = Schedule.WarmupCosine(peak: 1e-2f, warmup: 3);
        var result = await model.Instance.FitAsync(Data(infinite: true), new() { Epochs = 2, Schedule = schedule }, new Collect(reports), default);
        Assert.Equal(20, result.Steps); // batches and the schedule go on…
        Assert.Equal(18, model.Instance.Store.Step); // …and the optimizer's count does not
        Assert.Equal(2, reports[^1].SkippedSteps);
        Assert.Equal(16384, reports[^1].LossScale);
        Assert.Equal(schedule.Rate(19, 20), reports[^1].LearningRate);
        Assert.All(reports, r => Assert.True(double.IsFinite(r.Loss)));
        Assert.All(result.History.Losses, l => Assert.True(double.IsFinite(l.Loss)));
    }

    [Theory]
    [InlineData(Precisions.Float16, "  loss scale 32768, 1 skipped")]
    [InlineData(Precisions.Float32, "")]
    public async Task The_display_shows_a_scale_and_what_was_skipped(string precision, string shown)
    {
        using var model = MixedModel.Of(typeof(LinearClassifier), precision);
        var written = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(written) });
        await new TrainingDisplay("rows", console: console).RunAsync(progress => model.Instance.FitAsync(Data(infinite: shown.Length > 0), new() { Epochs = 1, Metrics = [new("metric", () => 0.5, "0.0")] }, progress, default));
        Assert.Contains("metric 0.5" + shown, written.ToString(), StringComparison.Ordinal);
        Assert.Equal(shown.Length > 0, written.ToString().Contains("scale", StringComparison.Ordinal));
    }

    sealed class Collect(List<FitProgress> into) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => into.Add(value);
    }

    [Theory]
    [InlineData(Precisions.BFloat16)]
    [InlineData(Precisions.Float32)]
    public async Task Without_a_scale_that_moves_a_step_that_is_not_finite_ends_the_run(string precision)
    {
        using var model = MixedModel.Of(typeof(LinearClassifier), precision);
        await Assert.ThrowsAsync<ArithmeticException>(() => model.Instance.FitAsync(Data(infinite: true), new() { Epochs = 1 }, null, default));
        Assert.Equal(3, model.Instance.Store.Step);
    }

    [Fact]
    public async Task A_run_that_skips_every_step_ends_and_says_so()
    {
        using var model = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16);
        model.Instance.Store["layer.weight"].Write<float>(w => w.Fill(float.NaN));
        var failure = await Assert.ThrowsAsync<ArithmeticException>(() => model.Instance.FitAsync(Data(infinite: false), new() { Epochs = 9 }, null, default));
        Assert.Contains("32 before it", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resumed_run_has_the_bits_of_one_that_never_stopped()
    {
        FitOptions Options(int steps, ResumeMode resume, string name) => new() { Steps = steps, Epochs = 9, CheckpointPath = File(name), Resume = resume, Schedule = Schedule.Constant(1e-2f) };
        using var whole = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16);
        await whole.Instance.FitAsync(Data(infinite: true), Options(17, ResumeMode.Never, "whole.safetensors"), null, default);
        for (var steps = 1; steps <= 17; steps += 4) // one of them ends with the skipped step
        {
            using var part = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16);
            await part.Instance.FitAsync(Data(infinite: true), Options(steps, steps == 1 ? ResumeMode.Never : ResumeMode.Always, "parts.safetensors"), null, default);
            if (steps == 17) Assert.Equal(Bits(whole), Bits(part));
        }
    }

    [Theory]
    [InlineData(ElementType.F16, 2)]
    [InlineData(ElementType.BF16, 2)]
    [InlineData(ElementType.F32, 4)]
    [InlineData(ElementType.F64, 8)]
    public void Weights_are_written_in_a_type_and_read_into_any_model_with_a_stated_cast(ElementType type, int bytes)
    {
        using var model = LinearClassifier.Create(seed: 5);
        model.Save(File("weights.safetensors"), type);
        Assert.InRange(new FileInfo(File("weights.safetensors")).Length, 36 * bytes, 36 * bytes + 1024);
        using var loaded = LinearClassifier.Create(seed: 6);
        var info = loaded.Load(File("weights.safetensors"));
        var stored = Enum.Parse<DType>(type.ToString());
        Assert.Equal(type == ElementType.F32 ? [] : [$"layer.weight: {stored.Name()} → f32", $"layer.bias: {stored.Name()} → f32"], info.Converted.Select(c => c.ToString()));
        foreach (var tensor in model.Parameters)
            Assert.Equal(tensor.Values.ToArray().Select(v => (float)Rounding.Round(v, stored)), loaded.Parameters[tensor.Path].Values.ToArray());
    }

    [Fact]
    public void A_weight_that_float16_cannot_hold_is_not_written()
    {
        using var model = LinearClassifier.Create();
        model.Parameters["layer.bias"].Write<float>(b => b[2] = 70000);
        var failure = Assert.Throws<OverflowException>(() => model.Save(File("weights.safetensors"), ElementType.F16));
        Assert.Contains("layer.bias", failure.Message, StringComparison.Ordinal);
        Assert.False(System.IO.File.Exists(File("weights.safetensors")));
        model.Save(File("weights.safetensors"), ElementType.BF16);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Save(File("weights.safetensors"), ElementType.I32));
    }

    const string Source = """
        [Model]
        [Dim("B", Max = 16)]
        public partial class M
        {
            readonly Linear first = new(8, 8);
            readonly Exact second = new(8);
            [Precision(Precision.BFloat16)] readonly Linear[] rest = [new(8, 8), new(8, 4)];

            [Entry] public Tensor Scores([Shape("B", 8)] Tensor x) => rest[1].Forward(rest[0].Forward(second.Forward(first.Forward(x).Relu()).Relu()));
            [Loss] public Tensor Loss([Shape("B", 8)] Tensor x, [Shape("B")] Tensor<int> label) => Scores(x).CrossEntropy(label);
            [Train(Precision = Precision.Float16, LossScale = 512)] public static Sgd Optimizer() => new(0.1);
        }

        [Module, Precision(Precision.Float32)]
        public partial class Exact(int width)
        {
            readonly Linear linear = new(width, width);
            public Tensor Forward(Tensor x) => linear.Forward(x);
        }
        """;

    [Fact]
    public void Source_says_precision_scale_and_what_modules_compute_in()
    {
        using var model = RunningModel.Of(Source);
        var program = model.Source.Stages.Find("Typed")!;
        Assert.Equal([DType.F16, DType.F32, DType.BF16, DType.BF16], program.Find("scores")!.Nodes.Where(n => n.Is("linear")).Select(n => n.Output.DType));
        Assert.Equal(["first.weight#f16", "first.bias#f16", "rest.0.weight#bf16", "rest.0.bias#bf16", "rest.1.weight#bf16", "rest.1.bias#bf16"], program.States.Where(s => s.Kind == StateKind.Derived).Select(s => s.Path));
        var random = new Random(1);
        var x = Enumerable.Range(0, 16 * 8).Select(_ => (float)random.NextDouble()).ToArray();
        var label = Enumerable.Range(0, 16).Select(i => i % 4).ToArray();
        var first = model.Step(x, label);
        Assert.Equal(512, first.LossScale);
        StepResult last = default;
        for (var step = 0; step < 30; step++) last = model.Step(x, label);
        Assert.True(last.Loss < first.Loss);
        Assert.Equal(64, model.Call("scores", 16 * 4, x).Length);
    }

    [Fact]
    public void A_generated_model_is_created_in_each_precision_that_it_is_compiled_for()
    {
        var (generated, _) = Harness.Generate(Harness.Compile(Harness.Usings + "using Graph.Nn;\n" + """
            [Model]
            public partial class Three
            {
                readonly Linear linear = new(4, 2);
                [Entry] public Tensor Scores([Shape(3, 4)] Tensor x) => linear.Forward(x);
                [Loss] public Tensor Loss([Shape(3, 4)] Tensor x, [Shape(3)] Tensor<int> label) => Scores(x).CrossEntropy(label);
                [Train(Precisions = [Precision.BFloat16, Precision.Float32, Precision.Float16])] public static Sgd Optimizer() => new(0.1);
            }
            """).AddReferences(Microsoft.CodeAnalysis.MetadataReference.CreateFromFile(typeof(Nn.Linear).Assembly.Location)));
        Assert.Equal([true], Running.With(generated, first =>
        {
            Assert.Equal(Precisions.BFloat16, first.Training().Precision.ToString());
            var type = first.GetType();
            foreach (var precision in new[] { Precision.BFloat16, Precision.Float32, Precision.Float16 })
            {
                using var model = (IModel)type.GetMethod("Create", [typeof(Precision), typeof(Device), typeof(ulong), typeof(int)])!.Invoke(null, [precision, Device.Cpu, 1UL, 1])!;
                Assert.Equal(precision, model.Training().Precision);
                Assert.Equal(precision == Precision.Float16 ? 65536 : 1, model.Training().LossScale);
                var ir = (ModelIr)type.GetMethod("IrIn")!.Invoke(null, [precision])!;
                Assert.Equal(precision == Precision.Float32, ir.Typed.Length == 0);
                Assert.Equal(ir.Lowered, Compiler.Kernels.Text.LoweredText.Write(ir.Embedded.Lowered)); // what was built is what is compiled now
            }
            var wrong = Assert.Throws<System.Reflection.TargetInvocationException>(() => type.GetMethod("IrIn")!.Invoke(null, [Precision.Float64]));
            Assert.Contains("BFloat16, Float32, Float16", Assert.IsType<ArgumentOutOfRangeException>(wrong.InnerException).Message, StringComparison.Ordinal);
            return true;
        }));
    }
}
