using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes;
using Graph.Compiler.Lowering;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Nn;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;
using Graph.Tests.Targets;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Models on the runtime's own session, store and training code, with the emulator for a driver.</summary>
public sealed unsafe class TrainingTests
{
    static Program Yardstick(string name) => Elaboration.Elaborate.With(typeof(Yardsticks.BasicBlock).Assembly, ToyModels.Source(name)).Program;

    internal static ModelInstance OnCard(Program program, EmulatedDriver driver, ulong seed)
    {
        var lowered = KernelTests.Lower(program);
        var model = new CompiledModel("M", lowered, _ => 0);
        return new(model, store => new CudaDevice(driver, model, PtxTarget.Emit(lowered)), seed, threads: 1);
    }

    internal static ModelInstance OnProcessor(Program program, ulong seed)
    {
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu));
        return new(new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed, threads: 1);
    }

    static (double Loss, double Norm) Step(ModelInstance model, int step, int batch) => Start(model, step, batch) is var result ? (result.Loss, result.GradientNorm) : default;

    static StepResult Start(ModelInstance model, int step, int batch)
    {
        var random = new Random(step);
        float[] image = [.. Enumerable.Range(0, batch * 30).Select(_ => random.NextSingle() - 0.5f)];
        int[] label = [.. Enumerable.Range(0, batch).Select(_ => random.Next(10))];
        fixed (float* x = image)
        fixed (int* y = label)
            return model.TrainStep([new(x, image.Length), new(y, label.Length)]);
    }

    /// <summary>
    /// A step is one graph: no kernel is started alone, and the processor waits for nothing until somebody reads what a step gave, however many of them there are.
    /// </summary>
    [Fact]
    public void A_step_is_one_graph_and_nobody_waits_until_a_result_is_read()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using (var card = OnCard(Yardstick("mlp"), driver, 7))
        {
            Assert.Equal(1, Start(card, 1, 4).Step);
            var (graphs, copies, waits, made) = (driver.GraphLaunches, driver.CopiesOut, driver.Waits, driver.GraphsMade);
            StepResult[] results = [.. Enumerable.Range(2, 20).Select(step => Start(card, step, 4))];
            Assert.Equal((20, 0, 0, made, 0), (driver.GraphLaunches - graphs, driver.CopiesOut - copies, driver.Waits - waits, driver.GraphsMade, driver.Launches));
            // Each has its own numbers, whoever reads them when.
            Assert.Equal(Enumerable.Range(2, 20).Select(s => (long)s), results.Select(r => r.Step));
            Assert.All(results, r => Assert.True(r.IsFinite && r.Loss > 0));
            Assert.Equal(21, card.Store.Step);
        }
        Assert.Equal((0L, 0, 0, true), (driver.Allocated, driver.Graphs, driver.Pinned, driver.IsDisposed));
    }

    /// <summary>A card that works as late as it can: two steps are started before anything has run, arguments may change behind a call, and the numbers are those of one that works at once.</summary>
    [Fact]
    public void Steps_run_behind_the_processor()
    {
        var program = Yardstick("mlp");
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { IsLate = true };
        using var other = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var late = OnCard(program, driver, 7);
        using var prompt = OnCard(program, other, 7);
        Step(late, 1, 4);
        Step(prompt, 1, 4);
        var waits = driver.Waits;
        StepResult[] results = [Start(late, 2, 4), Start(late, 3, 4)];
        Assert.Equal(waits, driver.Waits);
        results = [.. results, .. Enumerable.Range(4, 30).Select(step => Start(late, step, 4))];
        StepResult[] expected = [.. Enumerable.Range(2, 32).Select(step => Start(prompt, step, 4))];
        // From the last to the first: reading one waits for those before it, not for those behind.
        for (var i = results.Length - 1; i >= 0; i--) Assert.Equal((expected[i].Step, expected[i].Loss, expected[i].GradientNorm), (results[i].Step, results[i].Loss, results[i].GradientNorm));
        var last = Start(late, 40, 4);
        late.Store["first.bias"].Write<float>(values => values.Fill(0.25f)); // waits for the step, and is what the next one reads
        Start(prompt, 40, 4);
        prompt.Store["first.bias"].Write<float>(values => values.Fill(0.25f));
        Assert.Equal(Start(prompt, 41, 4).Loss, Start(late, 41, 4).Loss);
        Assert.True(last.Loss > 0);
    }

    /// <summary>A profile starts the same kernels one by one, with the card's own clock between them, and waits once: each launch has the time that its kernels took.</summary>
    [Fact]
    public void A_profile_has_the_cards_time_of_each_launch()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { IsLate = true };
        using (var card = OnCard(Yardstick("mlp"), driver, 7))
        {
            var first = Step(card, 1, 4);
            var (graphs, waits) = (driver.GraphLaunches, driver.Waits);
            card.Session.Profiling = true;
            Step(card, 2, 4);
            var profile = card.Session.Profile("train_step");
            var launches = card.Session.PlanOf("train_step").Function.Launches;
            // Results of a call that is not pending are copied out; the kernels are waited for once.
            Assert.Equal((0, 1), (driver.GraphLaunches - graphs, driver.Waits - waits));
            Assert.Equal(launches.Length, profile.Length);
            Assert.All(profile, seconds => Assert.True(seconds > 0));
            // This card takes a nanosecond an instruction of a lane: products are dearest.
            Assert.True(profile.Sum() < driver.Seconds && profile.Sum() > 0.2 * driver.Seconds, $"{profile.Sum()} of {driver.Seconds}");
            Assert.IsType<Graph.Compiler.Kernels.ContractLaunch>(launches[Array.IndexOf(profile, profile.Max())]);
            card.Session.Profiling = false;
            Step(card, 3, 4);
            Assert.Equal(1, driver.GraphLaunches - graphs);
            Assert.True(first.Loss > 0);
        }
        Assert.Equal((0L, 0, 0), (driver.Allocated, driver.Graphs, driver.Pinned));
    }

    /// <summary>Numbers that pick nothing, in a step that nobody waits for: said by who reads the step, or by the call that needs its place.</summary>
    [Fact]
    public void A_bad_index_in_a_step_is_said_when_the_step_is_read()
    {
        var program = Elaboration.Elaborate.Model("""
            [Model] [Dim("B", Max = 8, Typical = 4)] public partial class M
            {
                readonly Embedding table = new(10, 4);
                [Loss] public Tensor Loss([Shape("B")] Tensor x) => table.Forward((x * 2).Cast(ElementType.I64)).Square().Mean();
                [Train] public static Sgd Optimizer() => new(learningRate: 0.1f);
            }
            """).Program;
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { IsLate = true };
        using var card = OnCard(program, driver, 7);
        Assert.True(Of(1, 2, 3).Loss > 0);
        var wrong = Of(1, 7, 3);
        Assert.True(card.Store.IsSound);
        var message = Assert.Throws<ArgumentOutOfRangeException>(() => wrong.Loss).Message;
        Assert.Contains("the index 14 lies outside of 0 to 9", message, StringComparison.Ordinal);
        Assert.Equal(message, Assert.Throws<ArgumentOutOfRangeException>(() => wrong.Step).Message);
        Assert.False(card.Store.IsSound);
        Assert.True(Of(1, 2, 3).Loss > 0);

        StepResult Of(params float[] x)
        {
            fixed (float* from = x) return card.TrainStep([new(from, x.Length)]);
        }
    }

    /// <summary>What the processor writes between two steps is what the next one reads, and a model on a card is saved and loaded as any other.</summary>
    [Fact]
    public void Numbers_move_between_card_and_processor()
    {
        var program = Yardstick("mlp");
        var path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), Guid.NewGuid() + ".safetensors");
        try
        {
            using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
            using var other = new EmulatedDriver(new LaunchOptions { Strict = false });
            using var card = OnCard(program, driver, 7);
            Step(card, 1, 4);
            card.Store["first.bias"].Write<float>(values => values.Fill(0.25f));
            card.SaveCheckpoint(path, null, System.Collections.Immutable.ImmutableDictionary<string, string>.Empty, weightsOnly: false);
            var expected = Step(card, 2, 4);
            using var again = OnCard(program, other, 8);
            again.LoadCheckpoint(path, new());
            Assert.Equal(expected, Step(again, 2, 4));
            using var processor = OnProcessor(program, 9);
            processor.LoadCheckpoint(path, new());
            Assert.InRange(Step(processor, 2, 4).Loss, expected.Loss - 1e-4, expected.Loss + 1e-4);
            foreach (var tensor in card.Store) Assert.True(tensor.Raw(0, (int)tensor.Bytes).SequenceEqual(again.Store[tensor.Path].Raw(0, (int)tensor.Bytes)), tensor.Path);
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }

    /// <summary>Of many bindings a function keeps sixteen graphs, those that were started last; another one makes its own again and has the same results.</summary>
    [Fact]
    public void A_function_keeps_sixteen_graphs()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        var lowered = KernelTests.Lower(KernelTests.Parse("func f(x: f32[T]) -> (f32[T])\n  %0 = add x, x\n  return %0\n"));
        var model = new CompiledModel("M", lowered, _ => 0);
        using (var card = new ModelInstance(model, _ => new CudaDevice(driver, model, PtxTarget.Emit(lowered)), 1, threads: 1))
        {
            for (var t = 1; t <= 20; t++) Call(t);
            Assert.Equal((16, 20), (driver.Graphs, driver.GraphsMade));
            Call(20);
            Call(5);
            Assert.Equal((16, 20), (driver.Graphs, driver.GraphsMade));
            Call(1);
            Call(5);
            Assert.Equal((16, 21), (driver.Graphs, driver.GraphsMade));
            Call(6);
            Assert.Equal((16, 22), (driver.Graphs, driver.GraphsMade)); // the oldest when 1 came back

            void Call(int t)
            {
                float[] x = [.. Enumerable.Range(0, t).Select(i => i + 0.5f)], y = new float[t];
                fixed (float* from = x, to = y) card.Run("f", [new(from, t), new(to, t)]);
                Assert.Equal(x.Select(v => v + v), y);
            }
        }
        Assert.Equal((0L, 0), (driver.Allocated, driver.Graphs));
    }

    /// <summary>No memory on the card is said with what it is for, and leaves the model as it was.</summary>
    [Fact]
    public void A_card_without_memory_says_what_for()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var card = OnCard(Yardstick("mlp"), driver, 7);
        var first = Step(card, 1, 1);
        driver.Memory = driver.Allocated + 100;
        Assert.Contains("the intermediates of M.train_step", Assert.Throws<OutOfMemoryException>(() => Step(card, 2, 16)).Message, StringComparison.Ordinal);
        Assert.Equal(1, card.Store.Step);
        driver.Memory = long.MaxValue;
        Assert.NotEqual(first, Step(card, 2, 16));
        Assert.Equal(2, card.Store.Step);
    }

    [Fact]
    public void An_mlp_trains_on_the_emulated_card_as_on_the_processor()
    {
        var program = Yardstick("mlp");
        using var driver = new EmulatedDriver(new LaunchOptions { Seed = 3 });
        using var card = OnCard(program, driver, 7);
        using var processor = OnProcessor(program, 7);
        for (var step = 1; step <= 10; step++)
        {
            var batch = step % 3 == 0 ? 5 : 4;
            var (expected, actual) = (Step(processor, step, batch), Step(card, step, batch));
            Assert.InRange(actual.Loss, expected.Loss - 1e-4 * Math.Max(1, Math.Abs(expected.Loss)), expected.Loss + 1e-4 * Math.Max(1, Math.Abs(expected.Loss)));
            Assert.InRange(actual.Norm / expected.Norm, 1 - 1e-4, 1 + 1e-4);
        }
        Assert.Equal(10, card.Store.Step);
        foreach (var tensor in processor.Store.Where(t => t.Kind == StateKind.Parameter))
            foreach (var (x, y) in tensor.Values.ToArray().Zip(card.Store[tensor.Path].Values.ToArray())) Assert.InRange(y, x - 1e-4f, x + 1e-4f);
    }

    /// <summary>What looks for a kernel at fault: one by one, with the name of the one that failed; intermediates between guards, with the name of the one that wrote over its end.</summary>
    [Fact]
    public void A_kernel_at_fault_is_named()
    {
        Assert.Equal(new CudaDebug(true, true), CudaDebug.Parse("guards, kernels"));
        Assert.Contains("'sanitizer'", Assert.Throws<ArgumentException>(() => CudaDebug.Parse("sanitizer")).Message, StringComparison.Ordinal);
        var lowered = KernelTests.Lower(KernelTests.Parse("""
            func f(x: f32[3,4], y: f32[3,4]) -> (f32[3,4])
              %0 = softmax x {axis=1}
              %1 = transpose y {order=[1,0]}
              %2 = matmul %0, %1
              %3 = matmul %2, %0
              return %3
            """));
        var text = PtxTarget.Emit(lowered);
        var model = new CompiledModel("M", lowered, _ => 0);
        float[] x = [.. Enumerable.Range(0, 12).Select(i => i * 0.1f)], right = Call(text, CudaDebug.None, null);
        Assert.Equal(right, Call(text, new(true, true), null));

        // Kernels store one element further: the last one of the first kernel's result lies outside.
        var kernel = PtxLaunches.Of(lowered.Functions[0].Launches[0], DimBinding.Empty).First().Function;
        var further = System.Text.RegularExpressions.Regex.Replace(text, @"(st\.global\.f32 \[%rd\d+)\]", "$1+4]");
        var said = Assert.Throws<CudaException>(() => Call(further, new(true, true), null)).Message;
        Assert.StartsWith($"f: {kernel}", said, StringComparison.Ordinal);
        Assert.Contains("of 48 bytes: byte 0 behind its end", said, StringComparison.Ordinal);
        // A card that fails says only that something did.
        Assert.StartsWith($"f: {kernel}, 1 blocks of ", Assert.Throws<CudaException>(() => Call(text, new(true, false), 1)).Message, StringComparison.Ordinal);

        float[] Call(string module, CudaDebug debug, int? failing)
        {
            using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { FailingWait = failing };
            using var card = new ModelInstance(model, _ => new CudaDevice(driver, model, module, debug), 1, threads: 1);
            var z = new float[12];
            fixed (float* from = x, to = z) card.Run("f", [new(from, 12), new(from, 12), new(to, 12)]);
            return z;
        }
    }
}
