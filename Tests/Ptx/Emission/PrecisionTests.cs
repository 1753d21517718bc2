using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Data;
using Graph.Examples.Digits;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Mixed;
using Graph.Tests.Targets;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Mixed precision on a card: masters in 32 bits, a scale of the loss that the step moves itself, and files that do not know where they were written.</summary>
public sealed class PrecisionTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-card-precision-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    static EmulatedDriver Fast() => new(new LaunchOptions { Strict = false });

    static Program Yardstick(string name) => Elaborate.With(typeof(Yardsticks.BasicBlock).Assembly, ToyModels.Source(name)).Program;

    /// <summary>
    /// Losses and norms of a few steps. Those of the card lie no further from float32 than twice as far as those of the strict processor do: the interpreter, which rounds every result of the typed program.
    /// In float32 they are the interpreter's within 1e-4. With tensor cores (capability 8.6) as without them (7.5).
    /// </summary>
    [Theory]
    [InlineData("mlp"), InlineData("cnn"), InlineData("nanogpt"), InlineData("resnet18"), InlineData("gpt2")]
    public void Losses_lie_as_near_to_float32_as_those_of_the_strict_processor(string name)
    {
        const int Steps = 3;
        var program = Yardstick(name);
        var exact = Strict(program, Precisions.Float32, Steps);
        Assert.All(OnCard(program, Precisions.Float32, Steps).Zip(exact), l => Assert.InRange(l.First, l.Second - 1e-4 * Math.Max(1, l.Second), l.Second + 1e-4 * Math.Max(1, l.Second)));
        foreach (var precision in (string[])[Precisions.Float16, Precisions.BFloat16])
        {
            var strict = Strict(program, precision, Steps);
            foreach (var capability in (int[])[75, 86])
            {
                var card = OnCard(program, precision, Steps, capability);
                double allowed = 2 * Distance(strict, exact), apart = Distance(card, exact);
                Assert.True(apart > 0 && apart <= allowed, FormattableString.Invariant($"{name} in {precision} on {capability}: {apart:E2} from float32, the strict processor {allowed / 2:E2}. [{string.Join(", ", card)}] beside [{string.Join(", ", strict)}] and [{string.Join(", ", exact)}]"));
            }
        }
    }

    static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b).Sum(p => (p.First - p.Second) * (p.First - p.Second)));

    static DimBinding Sizes(Program program) => DimBinding.Typical(program.Dims).With("B", 3);

    // Of each argument of the loss but the seed, in a step.
    static Array Argument(NamedTensor of, DimBinding sizes, int step)
    {
        var random = new Random(31 * step + of.Name!.Length);
        var count = (int)of.Type.Shape.Size.Evaluate(sizes);
        return of.Type.DType == DType.F32 ? Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f).ToArray() : Enumerable.Range(0, count).Select(_ => random.Next(10)).ToArray();
    }

    static double[] OnCard(Program source, string precision, int steps, int capability = 75)
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { Capability = capability };
        using var card = TrainingTests.OnCard(MixedModel.In(source, precision), driver, 7);
        var sizes = Sizes(source);
        NamedTensor[] parameters = [.. card.Model["train_step"].Lowered.Signature.Parameters.Where(p => !TrainingSignature.OwnArguments.Contains(p.Name))];
        long[] dims = [.. new DimSolver([.. parameters], card.Model.Lowered.Dims).Undetermined.Select(d => sizes[d])];
        var results = Enumerable.Range(1, steps).Select(step => MixedModel.Pinned(parameters.Select(p => Argument(p, sizes, step)), places => card.TrainStep(places, dims))).ToList();
        Assert.All(results, r => Assert.Equal(SkipReason.None, r.Skipped));
        return [.. results.Select(r => r.Loss)];
    }

    static double[] Strict(Program source, string precision, int steps)
    {
        var program = CompilerPipeline.Run(MixedModel.In(source, precision), KnownTargets.Cpu).Find("Differentiated")!;
        var (function, sizes) = (program.Find("train_step")!, Sizes(source));
        using var driver = Fast();
        using var first = TrainingTests.OnCard(MixedModel.In(source, precision), driver, 7);
        first.Store.StartTraining();
        var states = first.Store.All.Where(t => t.Kind != StateKind.Derived).ToDictionary(t => t.Path, Data);
        foreach (var state in program.States.Where(s => s.Kind == StateKind.Derived))
            states[state.Path] = new(state.Type.DType, state.Type.Shape.Evaluate(sizes), [.. states[state.Path[..state.Path.IndexOf('#')]].Real.Select(v => Graph.Compiler.Ir.Rounding.Round(v, state.Type.DType))]);
        var interpreter = new Interpreter(program);
        return [.. Enumerable.Range(1, steps).Select(step =>
        {
            var given = function.Parameters.Select(p => p.Name switch
            {
                TrainingSignature.LearningRate => TensorData.Scalar((double)(float)first.LearningRate, DType.F32),
                TrainingSignature.Seed => TensorData.Scalar(ModelInstance.StepSeed(7, step)),
                _ => Data(p.Type, sizes, Argument(new(p.Name!, p.Type), sizes, step)),
            }).ToList();
            var result = interpreter.Run("train_step", given, states, sizes);
            foreach (var (path, value) in result.States) states[path] = value;
            return result.Results[0][0];
        })];
    }

    static TensorData Data(TensorType type, DimBinding sizes, Array values) =>
        values is float[] reals ? new(type.DType, type.Shape.Evaluate(sizes), [.. reals.Select(v => (double)v)]) : new(type.DType, type.Shape.Evaluate(sizes), [.. ((int[])values).Select(v => (long)v)]);

    static TensorData Data(StoredTensor t) => t.Type == DType.F32 ? new(t.Type, [.. t.Shape], [.. t.Values.ToArray().Select(v => (double)v)]) : new(t.Type, [.. t.Shape], [.. t.Read<long>().ToArray()]);

    static readonly Program Classifier = Elaborate.Built(typeof(LinearClassifier)).Program;

    static ModelInstance Small(EmulatedDriver driver, string precision = Precisions.Float16) => TrainingTests.OnCard(MixedModel.In(Classifier, precision), driver, 7);

    static StepResult Step(ModelInstance model, int step, bool isInfinite = false)
    {
        var random = new Random(step);
        float[] x = [.. Enumerable.Range(0, 4 * 8).Select(_ => random.NextSingle() - 0.5f)];
        if (isInfinite) x[5] = float.PositiveInfinity;
        int[] label = [.. Enumerable.Range(0, 4).Select(_ => random.Next(4))];
        return MixedModel.Pinned<StepResult>([x, label], places => model.TrainStep(places));
    }

    /// <summary>Steps that are skipped halve the scale on the card: nobody asks the processor, no kernel is started alone, and what a step says later is what it was made with.</summary>
    [Fact]
    public void A_step_that_is_skipped_moves_the_scale_without_the_processor()
    {
        using var driver = Fast();
        using var card = Small(driver);
        using var processor = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16, threads: 1);
        Assert.Equal(65536, Step(card, 1).LossScale);
        Step(processor.Instance, 1);
        var (graphs, copies, waits) = (driver.GraphLaunches, driver.CopiesOut, driver.Waits);
        bool IsBad(int step) => step is 4 or 5 or 9;
        StepResult[] results = [.. Enumerable.Range(2, 12).Select(step => Step(card, step, IsBad(step)))];
        Assert.Equal((12, 0, 0, 0), (driver.GraphLaunches - graphs, driver.CopiesOut - copies, driver.Waits - waits, driver.Launches));
        StepResult[] expected = [.. Enumerable.Range(2, 12).Select(step => Step(processor.Instance, step, IsBad(step)))];
        Assert.Equal(expected.Select(r => (r.Step, r.Skipped, r.LossScale)), results.Select(r => (r.Step, r.Skipped, r.LossScale)));
        Assert.Equal([65536, 65536, 65536, 32768, 16384, 16384, 16384, 16384, 8192, 8192, 8192, 8192], results.Select(r => r.LossScale));
        foreach (var (ours, theirs) in results.Zip(expected).Where(r => r.Second.IsFinite)) Assert.InRange(ours.Loss, theirs.Loss - 1e-3, theirs.Loss + 1e-3);
        Assert.Equal(10, card.Store.Step);
    }

    // 96 rows of 8 numbers; those of one batch of 16 hold an infinity.
    static IBatchSource Data()
    {
        var random = new Random(9);
        float[] x = [.. Enumerable.Range(0, 96 * 8).Select(_ => 2 * random.NextSingle() - 1)];
        int[] label = [.. Enumerable.Range(0, 96).Select(i => (x[i * 8] > 0 ? 1 : 0) + (x[i * 8 + 1] > 0 ? 2 : 0))];
        x[3 * 16 * 8] = float.PositiveInfinity;
        return new BatchLoader(new TableDataset().With("x", x, 8).With("label", label), 16, new() { Order = BatchOrder.Sequential });
    }

    static byte[] Bits(ModelInstance model) => [.. model.Store.All.Where(t => t.Kind != StateKind.Derived).SelectMany(t => t.Raw(0, int.MaxValue).ToArray())];

    /// <summary>A run that stopped behind any step goes on with the bits of one that never stopped, and what it saved is read on the processor and comes back: every number but those that a step has changed.</summary>
    [Fact]
    public async Task Files_go_to_and_fro_between_card_and_processor()
    {
        FitOptions Options(int steps, ResumeMode resume, string name) => new() { Steps = steps, Epochs = 9, CheckpointPath = Path.Combine(folder, name), Resume = resume, Schedule = Schedule.Constant(1e-2f) };
        using var driver = Fast();
        using var whole = Small(driver);
        await whole.FitAsync(Data(), Options(9, ResumeMode.Never, "whole.safetensors"), null, default);
        for (var steps = 1; steps <= 9; steps++) // one of them ends with the skipped step
        {
            using var other = Fast();
            using var part = Small(other);
            await part.FitAsync(Data(), Options(steps, steps == 1 ? ResumeMode.Never : ResumeMode.Always, "parts.safetensors"), null, default);
            if (steps == 9) Assert.Equal(Bits(whole), Bits(part));
        }

        using var processor = MixedModel.Of(typeof(LinearClassifier), Precisions.Float16, threads: 1);
        processor.Instance.LoadCheckpoint(Path.Combine(folder, "whole.safetensors"), new());
        Assert.Equal(Bits(whole), Bits(processor.Instance));
        var (ours, theirs) = (Step(whole, 10), Step(processor.Instance, 10));
        Assert.InRange(ours.Loss, theirs.Loss - 1e-3, theirs.Loss + 1e-3);
        Assert.Equal((theirs.Step, theirs.LossScale), (ours.Step, ours.LossScale));
        processor.Instance.SaveCheckpoint(Path.Combine(folder, "processor.safetensors"), null, System.Collections.Immutable.ImmutableDictionary<string, string>.Empty, weightsOnly: false);
        whole.LoadCheckpoint(Path.Combine(folder, "processor.safetensors"), new());
        Assert.Equal(Bits(processor.Instance), Bits(whole));
        // The working copies follow the masters that were read.
        Assert.InRange(Step(whole, 11).Loss - Step(processor.Instance, 11).Loss, -1e-3, 1e-3);
    }

    /// <summary>A class that the generator compiled in each precision, made by its user's call.</summary>
    [Theory]
    [InlineData(Precision.Float16, 65536)]
    [InlineData(Precision.BFloat16, 1)]
    public void A_built_class_trains_on_a_card_in_every_precision(Precision precision, double scale)
    {
        using var driver = Fast();
        CudaDrivers.Substitute = _ => driver;
        try
        {
            var random = new Random(3);
            float[] images = [.. Enumerable.Range(0, 3 * 64).Select(_ => random.NextSingle())];
            int[] labels = [1, 7, 4];
            using var card = DigitReader.Create(precision, Device.Cuda(0), seed: 42);
            using var processor = DigitReader.Create(precision, Device.Cpu, seed: 42, threads: 1);
            Assert.Equal((precision, scale), (card.Training().Precision, card.Training().LossScale));
            for (var step = 1; step <= 2; step++)
            {
                var (ours, theirs) = (card.TrainStep(images, labels), processor.TrainStep(images, labels));
                Assert.InRange(ours.Loss, theirs.Loss - 0.02, theirs.Loss + 0.02);
                Assert.Equal((theirs.Step, theirs.LossScale), (ours.Step, ours.LossScale));
            }
            float[] expected = new float[30], actual = new float[30];
            card.Predict(images, actual);
            processor.Predict(images, expected);
            for (var i = 0; i < actual.Length; i++) Assert.InRange(actual[i], expected[i] - 0.05f, expected[i] + 0.05f);
        }
        finally
        {
            CudaDrivers.Substitute = null;
        }
    }
}
