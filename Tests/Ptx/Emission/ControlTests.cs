using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Loops;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Loops and branches written out as kernels in a row, what scans lines, and what is said of numbers that pick nothing.</summary>
public sealed unsafe class ControlTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    public void Loops_by_chance_have_the_bits_of_the_interpreter(int seed) => KernelTests.Agree(LoopProgram.Make(seed), [(1, 1), (3, 5)]);

    [Fact]
    public void A_loop_that_ends_early_has_the_bits_of_the_interpreter() => KernelTests.Agree(KernelTests.Parse(CompiledLoopTests.Newton), [(1, 1), (1, 2), (1, 3)], draw: (_, _, random) => random.NextDouble() * 30);

    // A loop in a branch in a loop, and a branch that assigns.
    const string Nested = """
        [Model]
        [Dim("B", Max = 8, Typical = 3)]
        public partial class M
        {
            readonly Linear first = new(4, 4);
            readonly State count = new([2], Init.Zeros);

            Tensor Forward(Tensor x)
            {
                var (last, all) = Tensor.Scan(Tensor.Zeros(4), x, (h, row) => Tensor.If(row.Sum() > h.Sum(), () => (h + row.Tanh(), row), () =>
                {
                    var (inner, _) = Tensor.Scan(h, x * 0.5f, (g, r) => ((g * r).Sin(), g));
                    return (inner - row, row * h);
                }));
                var root = Tensor.While(all * all + 1, s => (s.Square() - all.Square() - 1).Abs().Max() > 0.001f, s => (s + (all.Square() + 1) / s) / 2, most: 9);
                return first.Forward(root * last);
            }

            [Entry] public Tensor Predict([Shape("B", 4)] Tensor x) => Tensor.If(x.Sum() > 0, () => { count.Assign(count + 1); return Forward(x); }, () => x - count.Sum());
            [Loss] public Tensor Loss([Shape("B", 4)] Tensor x) => Forward(x).Square().Mean();
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01f);
        }
        """;

    /// <summary>The same losses, predictions and states as on the processor, from one graph a call whatever the conditions say.</summary>
    [Fact]
    public void Loops_and_branches_run_on_the_runtimes_session()
    {
        var program = Elaborate.Model(Nested).Program;
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var card = TrainingTests.OnCard(program, driver, 7);
        using var processor = TrainingTests.OnProcessor(program, 7);
        using var onCard = card.NewSession();
        using var onProcessor = processor.NewSession();
        for (var step = 1; step <= 4; step++)
        {
            var batch = step == 3 ? 2 : 3;
            float[] x = [.. Enumerable.Range(0, 4 * batch).Select(i => MathF.Sin(i * step) + (step % 2 == 0 ? 0.4f : -0.4f))];
            var (expected, actual) = (Train(processor, x), Train(card, x));
            Assert.InRange(actual, expected - 1e-5, expected + 1e-5);
            foreach (var (a, b) in Predict(onProcessor, x).Zip(Predict(onCard, x))) Assert.InRange(b, a - 1e-4f, a + 1e-4f);
        }
        Assert.Equal(onProcessor.Store["count"].Values.ToArray(), onCard.Store["count"].Values.ToArray());
        Assert.Equal([2f, 2f], onCard.Store["count"].Values.ToArray());
        Assert.Equal((8, 0), (driver.GraphLaunches, driver.Launches));
    }

    static double Train(ModelInstance model, float[] x)
    {
        fixed (float* from = x) return model.TrainStep([new(from, x.Length)]).Loss;
    }

    static float[] Predict(ModelInstance model, float[] x)
    {
        var y = new float[x.Length];
        fixed (float* from = x)
        fixed (float* to = y) model.Run("predict", [new(from, x.Length), new(to, y.Length)]);
        return y;
    }

    /// <summary>Running sums are the processor's, which adds in float64.</summary>
    [Fact]
    public void Running_sums_have_the_bits_of_the_processor()
    {
        foreach (var (batch, time) in new[] { (1, 1), (3, 33), (300, 2) })
        {
            var program = KernelTests.Parse($$"""
                func f(x: f32[{{batch}},{{time}}], h: f16[{{batch}},3,{{time}}]) -> (f32[{{batch}},{{time}}], f32[{{batch}},{{time}}], f16[{{batch}},3,{{time}}])
                  %0 = cumsum x {axis=1}
                  %1 = cumsum x {axis=0, reverse=true}
                  %2 = cumsum h {axis=1}
                  return %0, %1, %2
                """);
            var machine = new EmulatedMachine(KernelTests.Lower(program), new() { Seed = 3 });
            using var compiled = new CompiledFunctions(program);
            var random = new Random(batch);
            TensorData Draw(DType type, params long[] shape) => new(type, shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => Graph.Compiler.Ir.Rounding.Round((random.NextDouble() - 0.5) * 4, type))]);
            TensorData[] arguments = [Draw(DType.F32, batch, time), Draw(DType.F16, batch, 3, time)];
            var (expected, actual) = (compiled.Run("f", arguments), machine.Run("f", DimBinding.Empty, arguments));
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++) Assert.Equal(expected[r][i], actual[r][i]);
        }
    }

    /// <summary>A computed number that picks nothing: the kernels go on with another, and the call says which it was and where.</summary>
    [Fact]
    public void A_computed_index_that_is_not_there_is_said_when_results_are_read()
    {
        var lowered = KernelTests.Lower(KernelTests.Parse("""
            func f(ids: i32[B]) -> (i32[B], i64[B])
              %0 = mul ids, ids
              %1 = check_index %0 {below=[10], except=100, what="The class"}
              %2 = cast %0 {dtype="i64"}
              %3 = check_index %2 {below=[101], what="The row"}
              return %1, %3
            """));
        var model = new CompiledModel("M", lowered, _ => 0);
        using var driver = new EmulatedDriver(new LaunchOptions { Seed = 2 });
        using var card = new ModelInstance(model, store => new CudaDevice(driver, model, PtxTarget.Emit(lowered)), 1, threads: 1);
        Assert.Equal([9, 100, 0, 9, 100, 0], Run(3, -10, 0));
        Assert.Contains("f: The class: the index 16 lies outside of 0 to 9", Assert.Throws<ArgumentOutOfRangeException>(() => Run(2, 4, 10)).Message, StringComparison.Ordinal);
        Assert.Equal([1, 1], Run(1));

        long[] Run(params int[] ids)
        {
            var (first, second) = (new int[ids.Length], new long[ids.Length]);
            fixed (int* from = ids, to = first)
            fixed (long* rows = second) card.Run("f", [new(from, ids.Length), new(to, ids.Length), new(rows, ids.Length)]);
            return [.. first, .. second];
        }
    }

    /// <summary>More kernels than a graph should have are refused with their function and sizes.</summary>
    [Fact]
    public void A_loop_of_too_many_iterations_is_refused() => Assert.Contains("f is more than 262144 kernels", Assert.Throws<NotSupportedException>(() => PtxSequence.Of(KernelTests.Lower(KernelTests.Parse("""
        func f(x: f32[4]) -> (f32[4])
          %0 = loop x {carries=1, count=[300000], scanned=0}
            region(i: i64[], c: f32[4])
              %0 = tanh c
              return %0
          return %0
        """)).Functions[0], DimBinding.Empty)).Message, StringComparison.Ordinal);
}
