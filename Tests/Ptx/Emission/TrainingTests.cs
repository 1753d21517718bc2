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
        return new(model, store => new CudaDevice(driver, model, PtxTarget.Emit(lowered), store), seed, threads: 1);
    }

    internal static ModelInstance OnProcessor(Program program, ulong seed)
    {
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu));
        return new(new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed, threads: 1);
    }

    static (double Loss, double Norm) Step(ModelInstance model, int step, int batch)
    {
        var random = new Random(step);
        float[] image = [.. Enumerable.Range(0, batch * 30).Select(_ => random.NextSingle() - 0.5f)];
        int[] label = [.. Enumerable.Range(0, batch).Select(_ => random.Next(10))];
        fixed (float* x = image)
        fixed (int* y = label)
        {
            var result = model.TrainStep([new(x, image.Length), new(y, label.Length)]);
            return (result.Loss, result.GradientNorm);
        }
    }

    /// <summary>A step is one graph: no kernel is started alone, and the processor waits where it reads: the loss, the norm and the count of steps.</summary>
    [Fact]
    public void A_step_is_one_graph()
    {
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using (var card = OnCard(Yardstick("mlp"), driver, 7))
        {
            Step(card, 1, 4);
            var (graphs, copies, made) = (driver.GraphLaunches, driver.CopiesOut, driver.GraphsMade);
            for (var step = 2; step <= 5; step++) Step(card, step, 4);
            Assert.Equal((4, 12, made, 0), (driver.GraphLaunches - graphs, driver.CopiesOut - copies, driver.GraphsMade, driver.Launches));
        }
        Assert.Equal((0L, 0, true), (driver.Allocated, driver.Graphs, driver.IsDisposed));
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
}
