using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Targets;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Products of float32 in tf32, where somebody asks for them: exact where ten bits of fraction are, within what they lose elsewhere, and nowhere else.</summary>
[Collection(nameof(PtxasCount))]
public sealed unsafe class Tf32Tests(PtxasCount count)
{
    static string Program(int m, int n, int k) => $$"""
        func f(a: f32[{{m}},{{k}}], b: f32[{{k}},{{n}}], at: f32[{{k}},{{m}}], bt: f32[{{n}},{{k}}], c: f32[{{n}}]) -> (f32[{{m}},{{n}}], f32[{{m}},{{n}}], f32[{{m}},{{n}}], f32[{{m}},{{n}}])
          %0 = matmul a, b
          %1 = add %0, c
          %2 = relu %1
          %3 = transpose at {order=[1,0]}
          %4 = transpose bt {order=[1,0]}
          %5 = matmul %3, %4
          %6 = mul a, a
          %7 = matmul %6, %4
          %8 = matmul %3, b
          return %2, %5, %7, %8

        """;

    /// <summary>Both operands as they lie and turned, made by a body, aligned and at odd places, at the edges of tiles.</summary>
    [Theory]
    [InlineData("128x128", 127, 129, 33, true)]
    [InlineData("64x64", 72, 56, 40, false)]
    [InlineData("16x64", 15, 68, 100, false)]
    [InlineData("64x16", 63, 17, 33, true)]
    public void Sums_of_small_integers_are_exact(string tile, int m, int n, int k, bool isWide) =>
        KernelTests.Agree(KernelTests.Parse(Program(m, n, k)), [(1, 1)], 1, (_, _, random) => random.Next(-4, 5), isWide, PtxVariant.Tf32, PtxTensorTile.Table.Single(t => t.Name == tile));

    /// <summary>Each operand loses at most 2⁻¹¹ of itself, the sum what float32 does.</summary>
    [Fact]
    public void Other_sums_lose_what_tf32_does()
    {
        const int M = 20, N = 24, K = 100;
        var program = KernelTests.Lower(KernelTests.Parse($"func f(a: f32[{M},{K}], b: f32[{K},{N}]) -> (f32[{M},{N}])\n  %0 = matmul a, b\n  return %0\n"));
        var random = new Random(7);
        TensorData[] drawn = [.. program.Functions[0].Signature.Parameters.Select(p => KernelProgram.Draw(p.Type, p.Name!, DimBinding.Empty, random, null))];
        var result = new EmulatedMachine(program, variant: PtxVariant.Tf32).Run("f", DimBinding.Empty, drawn)[0];
        var differs = false;
        for (var i = 0; i < M * N; i++)
        {
            double sum = 0, size = 0;
            for (var k = 0; k < K; k++)
            {
                var product = drawn[0].Real[i / N * K + k] * drawn[1].Real[k * N + i % N];
                (sum, size) = (sum + product, size + Math.Abs(product));
            }
            Assert.InRange(result.Real[i] - sum, -size * (2.1 / 2048 + K * 1.2e-7), size * (2.1 / 2048 + K * 1.2e-7));
            differs |= Math.Abs(result.Real[i] - sum) > size * K * 1.2e-7;
        }
        Assert.True(differs, "Ten bits of fraction lose more than float32.");
    }

    /// <summary>The choice goes from the target's value to the module and from its text to the card: one without tensor cores runs plain instructions, a build that does not ask for it has none of it.</summary>
    [Fact]
    public void A_build_that_asks_for_tf32_trains_in_it_on_cards_that_have_it()
    {
        var lowered = KernelTests.Lower(Elaboration.Elaborate.With(typeof(Yardsticks.BasicBlock).Assembly, ToyModels.Source("mlp")).Program);
        string Text(bool isAsked) => new PtxEmitter().Emit(lowered, KnownTargets.Ptx with { MultipliesInTf32 = isAsked }, "N", "C").Text;
        Assert.DoesNotContain("tf32", Text(false), StringComparison.Ordinal);
        Assert.Equal([PtxVariant.Portable, PtxVariant.Tf32], PtxTarget.Modules(Text(true), 86).Select(m => m.Variant));
        Assert.Equal(3, new[] { PtxVariant.Portable, PtxVariant.TensorCores, PtxVariant.Tf32 }.Select(v => v.Text).Distinct().Count());
        double[] Losses(int capability)
        {
            var model = new CompiledModel("M", lowered, _ => 0);
            using var driver = new EmulatedDriver(new LaunchOptions { Strict = false }) { Capability = capability };
            using var card = new ModelInstance(model, _ => new CudaDevice(driver, model, Text(true)), 7, threads: 1);
            return [.. Enumerable.Range(0, 3).Select(step =>
            {
                var random = new Random(step);
                float[] image = [.. Enumerable.Range(0, 4 * 30).Select(_ => random.NextSingle() - 0.5f)];
                int[] label = [.. Enumerable.Range(0, 4).Select(_ => random.Next(10))];
                fixed (float* x = image)
                fixed (int* y = label)
                    return card.TrainStep([new(x, image.Length), new(y, label.Length)]).Loss;
            })];
        }
        var (plain, cores) = (Losses(75), Losses(86));
        Assert.NotEqual(plain, cores);
        foreach (var (a, b) in plain.Zip(cores)) Assert.InRange(b - a, -2e-3, 2e-3);
    }

    static readonly int[] targets = [80, 86, 89, 90];

    /// <summary>Modules that are assembled.</summary>
    public static int Count => targets.Length;

    [PtxasFact]
    public void The_assembler_takes_products_in_tf32_without_spills()
    {
        var functions = PtxTarget.TensorFunctions(KernelTests.Lower(KernelTests.Parse(Program(300, 260, 300))), variant: PtxVariant.Tf32);
        foreach (var sm in targets)
        {
            var assembly = count.Assemble(PtxTarget.Module(functions, PtxVariant.Tf32), sm);
            Assert.True(assembly.Success, assembly.Log);
            Assert.All(assembly.Kernels, k => Assert.True(k.Registers > 0 && k.SpillStores == 0 && k.SpillLoads == 0 && k.StackFrame == 0, assembly.Log));
        }
    }
}
