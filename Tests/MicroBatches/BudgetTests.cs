using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Language;
using Graph.Tests.Mixed;
using Graph.Tests.Ptx.Emission;
using Xunit;

namespace Graph.Tests.MicroBatches;

/// <summary>Micro-batches within a memory budget: what runs again runs within its micro-batch, and every number has the bits that it has without.</summary>
public sealed class BudgetTests
{
    const int Rows = 512;

    internal static string Deep(int parts, int rows = Rows) => $$"""
        [Module]
        public partial class Block
        {
            readonly Linear first = new(64, 64), second = new(64, 64);
            public Tensor Forward(Tensor x) => second.Forward(first.Forward(x).Gelu().Dropout(0.1)).Tanh() + x;
        }

        [Model]
        [Dim("B", Max = 1024, Typical = {{rows}})]
        public partial class M
        {
            readonly Block a = new(), b = new(), c = new();
            readonly Linear head = new(64, 5);
            [Loss] public Tensor Loss([Shape("B", 64)] Tensor x, [Shape("B")] Tensor<int> label) => head.Forward(c.Forward(b.Forward(a.Forward(x)))).CrossEntropy(label);
            [Train(MicroBatches = {{parts}})] public static AdamW Optimizer() => new(1e-3);
        }
        """;

    internal static (float[] X, int[] Label) Batch(int seed, int rows = Rows)
    {
        var random = new Random(seed);
        return ([.. Enumerable.Range(0, rows * 64).Select(_ => (float)(random.NextDouble() * 2 - 1))], [.. Enumerable.Range(0, rows).Select(_ => random.Next(5))]);
    }

    internal static (double[] Losses, byte[] Bits) Train(ModelInstance instance, int rows = Rows)
    {
        var losses = Enumerable.Range(0, 3).Select(step => Batch(step, rows) is var (x, label) ? RunningModel.StepOn(instance, x, label).Loss : 0).ToArray();
        return (losses, [.. instance.Store.All.SelectMany(t => t.Raw(0, int.MaxValue).ToArray())]);
    }

    [Theory]
    [InlineData(Precisions.Float32)]
    [InlineData(Precisions.Float16)]
    public void A_budget_makes_values_again_within_their_micro_batch_with_the_same_bits(string precision)
    {
        using var free = MixedModel.Of(Elaborate.Model(Deep(4)).Program, precision);
        var (losses, bits) = Train(free.Instance);
        var plan = free.Instance.Session.PlanOf("train_step");
        var least = Rematerializer.Smallest(plan.Source, plan.Binding);
        Assert.True(least.ArenaBytes <= 0.75 * plan.ArenaBytes, $"{least.ArenaBytes:N0} of {plan.ArenaBytes:N0}");
        foreach (var arena in new[] { (long)(0.9 * plan.ArenaBytes), least.Budget!.Value })
        {
            using var model = new ModelInstance(free.Instance.Model, seed: 7, threads: 1);
            model.MemoryBudget = StoredMemory.Of(free.Lowered.States, plan.Binding).During(isTraining: true) + arena;
            var (within, same) = Train(model);
            Assert.Equal(losses, within);
            Assert.Equal(bits, same);
            var limited = model.Session.PlanOf("train_step");
            PlanVerifier.Verify(limited);
            Assert.InRange(limited.ArenaBytes, 1, arena);
            Assert.InRange(limited.Function.Launches.OfType<RepeatLaunch>().Single().Length - limited.Source.Launches.OfType<RepeatLaunch>().Single().Length, 1, limited.Repeated);
        }
    }

    // Few rows: the emulator takes its time.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public unsafe void A_card_keeps_to_a_budget_with_the_same_bits(int parts)
    {
        const int Few = 64;
        var lowered = KernelTests.Lower(Elaborate.Model(Deep(parts, rows: Few)).Program);
        var model = new CompiledModel("M", lowered, _ => 0);
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var other = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var free = OnCard(driver);
        using var within = OnCard(other);
        StepResult Step(ModelInstance instance, int seed) => Batch(seed, Few) is var (x, label) ? RunningModel.StepOn(instance, x, label) : default;
        var expected = Step(free, 1);
        var plan = model["train_step"].Plan([.. model["train_step"].Solver.Symbols.Select(_ => (long)Few / parts)], null);
        var least = Rematerializer.Smallest(plan.Source, plan.Binding);
        Assert.InRange(least.Repeated, 1, int.MaxValue);
        within.MemoryBudget = StoredMemory.Of(lowered.States, plan.Binding).During(isTraining: true) + least.Budget!.Value;
        var actual = Step(within, 1);
        Assert.Equal((expected.Loss, expected.GradientNorm), (actual.Loss, actual.GradientNorm));
        foreach (var (one, two) in free.Store.All.Zip(within.Store.All)) Assert.True(one.Raw(0, int.MaxValue).SequenceEqual(two.Raw(0, int.MaxValue)), one.Path);
        Assert.True(other.Allocated < driver.Allocated, $"{other.Allocated:N0} of {driver.Allocated:N0}");

        ModelInstance OnCard(EmulatedDriver driver) => new(model, store => new CudaDevice(driver, model, Graph.Compiler.Targets.Ptx.PtxTarget.Emit(lowered)), 7, threads: 1);
    }
}
