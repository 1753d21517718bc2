using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Language;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Sums along the rows of what a product makes, which it adds up before any of it is written: which do, that no bit of them depends on it, and that every target says the same.</summary>
public sealed class ResultSumTests
{
    // Where it does not pay, too.
    static readonly TargetModel Willing = KnownTargets.Cpu with { LeastSummedElements = 1 };

    const string Alone = "contract+tile+sum:c";

    /// <summary>Programs by name, with the titles of their launches without the kernels' numbers.</summary>
    static readonly Dictionary<string, (string[] Titles, string Text)> Programs = new(StringComparer.Ordinal)
    {
        ["the product itself, with elements behind the last block"] = ([Alone], """
            func f(a: f32[B,32], w: f32[32,100]) -> (f32[B])
              %0 = matmul a, w : f32[B,100]
              %1 = sum %0 {axes=[1], keep=false} : f32[B]
              return %1
            """),
        ["a bilinear form"] = ([Alone], """
            func f(a: f32[B,32], w: f32[32,48], b: f32[B,48]) -> (f32[B])
              %0 = matmul a, w : f32[B,48]
              %1 = mul %0, b : f32[B,48]
              %2 = sum %1 {axes=[1], keep=false} : f32[B]
              return %2
            """),
        ["squared lengths, of several blocks of the summed extent, and what is done to them"] = ([Alone, "map"], """
            func f(a: f32[B,900], w: f32[900,72], c: f32[72]) -> (f32[B,1])
              %0 = matmul a, w : f32[B,72]
              %1 = sub %0, c : f32[B,72]
              %2 = mul %1, %1 : f32[B,72]
              %3 = sum %2 {axes=[1], keep=true} : f32[B,1]
              %4 = sqrt %3 : f32[B,1]
              return %4
            """),
        ["of slices of a long sum"] = ([Alone], """
            func f(a: f32[B,5000], w: f32[5000,21]) -> (f32[B])
              %0 = matmul a, w : f32[B,21]
              %1 = mul %0, %0 : f32[B,21]
              %2 = sum %1 {axes=[1], keep=false} : f32[B]
              return %2
            """),
        ["through views, of a made operand"] = (["a:tile+contract+tile+sum:c"], """
            func f(x: f32[B,7,32], g: f32[32], w: f32[48,32], y: f32[B,7,48]) -> (f32[B,7])
              %0 = mul x, g : f32[B,7,32]
              %1 = reshape %0 {shape=[B*7,32]} : f32[B*7,32]
              %2 = transpose w {order=[1,0]} : f32[32,48]
              %3 = matmul %1, %2 : f32[B*7,48]
              %4 = reshape %3 {shape=[B,7,48]} : f32[B,7,48]
              %5 = mul %4, y : f32[B,7,48]
              %6 = sum %5 {axes=[2], keep=false} : f32[B,7]
              return %6
            """),
        ["wider than a task takes at once"] = ([Alone], """
            func f(a: f32[B,400], w: f32[400,3000], b: f32[B,3000]) -> (f32[B])
              %0 = matmul a, w : f32[B,3000]
              %1 = mul %0, b : f32[B,3000]
              %2 = sum %1 {axes=[1], keep=false} : f32[B]
              return %2
            """),
        ["not what is wanted too"] = (["contract", "row"], """
            func f(a: f32[B,32], w: f32[32,48]) -> (f32[B,48], f32[B])
              %0 = matmul a, w : f32[B,48]
              %1 = sum %0 {axes=[1], keep=false} : f32[B]
              return %0, %1
            """),
        ["not down columns"] = (["contract", "column"], """
            func f(a: f32[B,32], w: f32[32,48]) -> (f32[48])
              %0 = matmul a, w : f32[B,48]
              %1 = sum %0 {axes=[0], keep=false} : f32[48]
              return %1
            """),
        ["not a maximum"] = (["contract", "row"], """
            func f(a: f32[B,32], w: f32[32,48]) -> (f32[B])
              %0 = matmul a, w : f32[B,48]
              %1 = max %0 {axes=[1], keep=false} : f32[B]
              return %1
            """),
        ["not in float64"] = (["contract", "row"], """
            func f(a: f64[B,32], w: f64[32,48]) -> (f64[B])
              %0 = matmul a, w : f64[B,48]
              %1 = sum %0 {axes=[1], keep=false} : f64[B]
              return %1
            """),
    };

    public static TheoryData<string> Names => [.. Programs.Keys];

    static Program Source(string name) => ProgramParser.Parse("program Test version 1\ndim B ≤ 900 ~ 32\n" + Programs[name].Text + "\n", OperationTable.Set);

    static IEnumerable<string> Titles(Graph.Compiler.Kernels.LoweredProgram lowered) => lowered.Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))]));

    [Theory, MemberData(nameof(Names))]
    public void They_agree_with_the_reference_and_have_the_bits_of_a_kernel_of_their_own(string name)
    {
        var (titles, text) = Programs[name];
        var source = Source(name);
        using var one = new CompiledFunctions(source, target: Willing);
        using var two = new CompiledFunctions(source, width: 256, threads: 2, target: Willing);
        using var apart = new CompiledFunctions(source, target: KnownTargets.Cpu with { Hooks = LibraryHooks.All & ~LibraryHooks.ResultSums });
        Assert.Equal(titles, Titles(one.Lowered));
        Assert.DoesNotContain(Titles(apart.Lowered), t => t.Contains("sum:c", StringComparison.Ordinal));
        LoweredTextTests.ReadsBackEqual(one.Lowered);

        var toys = new[] { new ToyMachine(one.Lowered), new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(source, ToyTarget.Model, verify: true))) };
        foreach (var batch in (int[])[1, 3, 61, 401])
        {
            if (batch > 61 && text.Contains("3000", StringComparison.Ordinal)) continue;
            var binding = DimBinding.Empty.With("B", batch);
            TensorData[] arguments = [.. source.Functions[0].Parameters.Select(p => Drawn(p, binding, batch))];
            var expected = one.Reference("f", binding, arguments);
            var actual = one.Run("f", binding, arguments);
            Near(expected, actual);
            Same(actual, two.Run("f", binding, arguments), "two threads");
            Same(actual, apart.Run("f", binding, arguments), "kernels of their own");
            if (batch > 3) continue;
            Same(actual, toys[0].Run("f", binding, arguments), "the kernels on the toy");
            Near(expected, toys[1].Run("f", binding, arguments));
        }
    }

    static TensorData Drawn(Value parameter, DimBinding binding, int seed)
    {
        var drawn = Running.Random(parameter.Type, parameter.Name!, binding, new(seed + parameter.Name!.Length));
        var data = new TensorData(parameter.DType, drawn.Shape);
        for (long i = 0; i < data.Size; i++) data[i] = Rounding.Round(drawn[i], parameter.DType);
        return data;
    }

    static void Near(IReadOnlyList<TensorData> expected, TensorData[] actual)
    {
        for (var r = 0; r < expected.Count; r++)
        {
            double most = 1;
            for (long i = 0; i < expected[r].Size; i++) most = Math.Max(most, Math.Abs(expected[r][i]));
            for (long i = 0; i < expected[r].Size; i++) Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= 1e-5 * most, $"result {r}[{i}] is {actual[r][i]:R}, expected {expected[r][i]:R}");
        }
    }

    static void Same(TensorData[] expected, TensorData[] actual, string what)
    {
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++) Assert.True(expected[r][i].Equals(actual[r][i]), $"{what}: result {r}[{i}] is {actual[r][i]:R}, not {expected[r][i]:R}");
    }

    [Fact]
    public void The_kernel_says_what_it_adds_up_and_in_which_order()
    {
        var kernels = Lowerer.Lower(CompilerPipeline.Run(Source("a bilinear form"), KnownTargets.Cpu)).Kernels;
        Assert.Contains("  c tile0\n  adds c lanes 64 p3 f32 [0,0,0,1] written\n", kernels[^1].Text, StringComparison.Ordinal);
        Assert.Contains("    tile = v", kernels[0].Text, StringComparison.Ordinal);
    }

    // Its weight lies packed between calls; B rows of 100 numbers are in no memory.
    [Fact]
    public void A_model_scores_pairs_without_writing_the_product()
    {
        const string source = """
            [Model] [Dim("B", Max = 300, Typical = 40)] public partial class M
            {
                readonly Linear map = new(24, 100);
                [Entry] public Tensor Score([Shape("B", 24)] Tensor a, [Shape("B", 100)] Tensor b) => (map.Forward(a) * b).Sum(-1);
            }
            """;
        using RunningModel one = RunningModel.Of(source, threads: 1), two = RunningModel.Of(source, threads: 2);
        var score = one.Instance.Model.Lowered.Find("score")!;
        Assert.EndsWith("+sum:c", Assert.Single(score.Launches).Title, StringComparison.Ordinal);
        Assert.DoesNotContain(score.Buffers, b => b.Kind == Graph.Compiler.Kernels.BufferKind.Arena && b.Elements.Symbols.Any());
        foreach (var rows in (int[])[40, 1, 133])
        {
            var random = new Random(rows);
            float[] a = [.. Enumerable.Range(0, rows * 24).Select(_ => random.NextSingle() - 0.5f)], b = [.. Enumerable.Range(0, rows * 100).Select(_ => random.NextSingle() - 0.5f)];
            float[] weight = one["map.weight"].ToArray(), bias = one["map.bias"].ToArray();
            var actual = one.Call("score", rows, a, b);
            Assert.Equal(actual, two.Call("score", rows, a, b));
            for (var i = 0; i < rows; i++)
            {
                double expected = 0;
                for (var j = 0; j < 100; j++) expected += (Enumerable.Range(0, 24).Sum(k => (double)a[i * 24 + k] * weight[j * 24 + k]) + bias[j]) * b[i * 100 + j];
                Assert.Equal(expected, actual[i], 1e-5);
            }
        }
    }

    [Fact]
    public void A_target_has_the_last_word()
    {
        // In three blocks, and small enough to be in cache.
        Assert.DoesNotContain(Titles(Lowerer.Lower(CompilerPipeline.Run(Source("squared lengths, of several blocks of the summed extent, and what is done to them"), KnownTargets.Cpu))), t => t.Contains("sum:c", StringComparison.Ordinal));
        var source = Source("a bilinear form");
        Assert.Equal(["contract", "row"], Titles(Lowerer.Lower(CompilerPipeline.Run(source, KnownTargets.Cpu with { MostSummedColumns = 47 }))));
        Assert.DoesNotContain(Titles(Lowerer.Lower(CompilerPipeline.Run(source, KnownTargets.Ptx))), t => t.Contains("sum:c", StringComparison.Ordinal));
    }
}
