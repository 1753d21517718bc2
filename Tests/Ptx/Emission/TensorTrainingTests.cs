using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets.Ptx;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Mixed;
using Graph.Tests.Snapshots;
using Graph.Tests.Targets;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>A program of mixed precision on cards with and without tensor cores: the card's capability chooses the module, losses agree as far as float16 does.</summary>
public sealed unsafe class TensorTrainingTests
{
    static double[] Losses(int capability, out string[] modules)
    {
        var program = MixedModel.In(Elaboration.Elaborate.With(typeof(Yardsticks.BasicBlock).Assembly, ToyModels.Source("mlp")).Program, Precisions.Float16);
        var loaded = new System.Collections.Generic.List<string>();
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false })
        {
            Capability = capability,
            Rewrite = text =>
            {
                loaded.Add(text);
                return text;
            },
        };
        using var card = TrainingTests.OnCard(program, driver, 7);
        var losses = new double[4];
        for (var step = 0; step < losses.Length; step++)
        {
            var random = new Random(step);
            float[] image = [.. Enumerable.Range(0, 4 * 30).Select(_ => random.NextSingle() - 0.5f)];
            int[] label = [.. Enumerable.Range(0, 4).Select(_ => random.Next(10))];
            fixed (float* x = image)
            fixed (int* y = label)
                losses[step] = card.TrainStep([new(x, image.Length), new(y, label.Length)]).Loss;
        }
        modules = [.. loaded];
        return losses;
    }

    [Fact]
    public void A_cards_capability_chooses_the_products_of_a_training_step()
    {
        var (plain, cores) = (Losses(75, out var one), Losses(86, out var two));
        Assert.Single(one);
        Assert.Equal(2, two.Length);
        Assert.Equal(one[0], two[0]);
        Assert.Contains(".target sm_80", two[1], StringComparison.Ordinal);
        Assert.Contains("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", two[1], StringComparison.Ordinal);
        for (var step = 0; step < plain.Length; step++) Assert.InRange(cores[step] - plain[step], -2e-3, 2e-3);
    }

    /// <summary>Products of both sides of a branch, forward and backward: each asks its flag, and the side that is not taken leaves what it would write alone.</summary>
    [Fact]
    public void Products_in_branches_ask_their_flags()
    {
        var program = MixedModel.In(Elaboration.Elaborate.Model("""
            [Model]
            [Dim("B", Max = 8, Typical = 3)]
            public partial class M
            {
                readonly Linear first = new(16, 16), second = new(16, 16);
                Tensor Forward(Tensor x) => Tensor.If(x.Sum() > 0, () => first.Forward(x), () => second.Forward(x) * 2);
                [Entry] public Tensor Predict([Shape("B", 16)] Tensor x) => Forward(x);
                [Loss] public Tensor Loss([Shape("B", 16)] Tensor x) => Forward(x).Square().Mean();
                [Train] public static Sgd Optimizer() => new(learningRate: 0.01f);
            }
            """).Program, Precisions.Float16);
        Assert.Contains(PtxTarget.TensorFunctions(KernelTests.Lower(program)), f => f.Name.EndsWith("_if", StringComparison.Ordinal));
        double[] Losses(int capability)
        {
            using var driver = new EmulatedDriver(new LaunchOptions()) { Capability = capability };
            using var card = TrainingTests.OnCard(program, driver, 7);
            return [.. Enumerable.Range(1, 4).Select(step =>
            {
                float[] x = [.. Enumerable.Range(0, 3 * 16).Select(i => MathF.Sin(i * step) + (step % 2 == 0 ? 0.4f : -0.4f))];
                fixed (float* from = x) return card.TrainStep([new(from, x.Length)]).Loss;
            })];
        }
        foreach (var (plain, cores) in Losses(75).Zip(Losses(86))) Assert.InRange(cores - plain, -2e-3, 2e-3);
    }

    [Theory]
    [InlineData(70, 70)]
    [InlineData(75, 70)]
    [InlineData(80, 80)]
    [InlineData(90, 80)]
    public void The_newest_variant_that_a_card_runs_is_taken(int capability, int variant)
    {
        Assert.Equal(variant, PtxVariant.Of(capability).Capability);
        var text = PtxTarget.Emit(KernelTests.Lower(KernelTests.Parse("func f(a: f16[B,16], b: f16[16,16]) -> (f16[B,16])\n  %0 = matmul a, b\n  return %0\n")));
        var modules = PtxTarget.Modules(text, capability);
        Assert.Equal(variant, modules[^1].Variant.Capability);
        Assert.Equal(variant == 70 ? 1 : 2, modules.Count);
        Assert.NotEqual(PtxVariant.Portable.Text, PtxVariant.TensorCores.Text);
    }

    /// <summary>A small product as it is written: the narrow tile, operands along the summed extent, an epilogue.</summary>
    [Fact]
    public System.Threading.Tasks.Task A_product_is_written_for_tensor_cores() => Snapshot.Verify(PtxTarget.Module(PtxTarget.TensorFunctions(KernelTests.Lower(KernelTests.Parse(
        "func f(a: f16[16,64], w: f16[64,64], c: f16[64]) -> (f16[16,64])\n  %0 = transpose w {order=[1,0]}\n  %1 = matmul a, %0\n  %2 = add %1, c\n  return %2\n"))), PtxVariant.TensorCores));
}
