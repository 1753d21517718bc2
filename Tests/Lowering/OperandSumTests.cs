using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Sums that go with a product because it packs what they add up: which do, that no bit of them depends on it, and that every target says the same.</summary>
public sealed class OperandSumTests
{
    /// <summary>Programs by name, with the titles of their launches without the kernels' numbers.</summary>
    static readonly Dictionary<string, (string[] Titles, string Text)> Programs = new(StringComparer.Ordinal)
    {
        ["the gradients of a linear layer"] = (["contract+sum:a"], """
            func f(dy: f32[B,48], x: f32[B,32]) -> (f32[48,32], f32[48])
              %0 = transpose dy {order=[1,0]} : f32[48,B]
              %1 = matmul %0, x : f32[48,32]
              %2 = sum dy {axes=[0], keep=false} : f32[48]
              return %1, %2
            """),
        ["of both operands"] = (["contract+sum:a+sum:b"], """
            func f(dy: f32[B,48], x: f32[B,32]) -> (f32[48], f32[1,32], f32[48,32])
              %0 = transpose dy {order=[1,0]} : f32[48,B]
              %1 = matmul %0, x : f32[48,32]
              %2 = sum dy {axes=[0], keep=false} : f32[48]
              %3 = sum x {axes=[0], keep=true} : f32[1,32]
              return %2, %3, %1
            """),
        ["over two axes, and an epilogue"] = (["contract+tile+sum:b"], """
            func f(x: f32[B,7,32], dy: f32[B,7,4,12]) -> (f32[32,48], f32[4,12])
              %0 = reshape x {shape=[B*7,32]} : f32[B*7,32]
              %1 = transpose %0 {order=[1,0]} : f32[32,B*7]
              %2 = reshape dy {shape=[B*7,48]} : f32[B*7,48]
              %3 = matmul %1, %2 : f32[32,48]
              %4 = tanh %3 : f32[32,48]
              %5 = sum dy {axes=[0,1], keep=false} : f32[4,12]
              return %4, %5
            """),
        ["of what a body makes"] = (["a:tile+contract+sum:a"], """
            func f(h: f32[B,48], g: f32[48], x: f32[B,32]) -> (f32[48,32], f32[48])
              %0 = mul h, g : f32[B,48]
              %1 = transpose %0 {order=[1,0]} : f32[48,B]
              %2 = matmul %1, x : f32[48,32]
              %3 = sum %0 {axes=[0], keep=false} : f32[48]
              return %2, %3
            """),
        ["with two products, one adds up"] = (["contract", "contract+sum:a"], """
            func f(dy: f32[B,48], x: f32[B,32], w: f32[48,32]) -> (f32[48,32], f32[B,32], f32[48])
              %0 = transpose dy {order=[1,0]} : f32[48,B]
              %1 = matmul %0, x : f32[48,32]
              %2 = matmul dy, w : f32[B,32]
              %3 = sum dy {axes=[0], keep=false} : f32[48]
              return %1, %2, %3
            """),
        ["into a part of a whole"] = (["contract+sum:a", "map"], """
            func f(dy: f32[B,48], x: f32[B,32], c: f32[5]) -> (f32[48,32], f32[53])
              %0 = transpose dy {order=[1,0]} : f32[48,B]
              %1 = matmul %0, x : f32[48,32]
              %2 = sum dy {axes=[0], keep=false} : f32[48]
              %3 = concat c, %2 {axis=0} : f32[53]
              return %1, %3
            """),
        ["of doubles"] = (["contract+sum:a"], """
            func f(dy: f64[B,48], x: f64[B,32]) -> (f64[48,32], f64[48])
              %0 = transpose dy {order=[1,0]} : f64[48,B]
              %1 = matmul %0, x : f64[48,32]
              %2 = sum dy {axes=[0], keep=false} : f64[48]
              return %1, %2
            """),
        ["of 16 bits, rounded once"] = (["a:tile+b:tile+contract+tile+sum:a", "map"], """
            func f(dy: bf16[B,48], x: bf16[B,32]) -> (bf16[48,32], bf16[48])
              %0 = transpose dy {order=[1,0]} : bf16[48,B]
              %1 = matmul %0, x : bf16[48,32]
              %2 = sum dy {axes=[0], keep=false} : bf16[48]
              return %1, %2
            """),
        ["rows are added up in lanes, not in sequence"] = (["contract", "row"], """
            func f(x: f32[B,200], w: f32[200,32]) -> (f32[B,32], f32[B])
              %0 = matmul x, w : f32[B,32]
              %1 = sum x {axes=[1], keep=false} : f32[B]
              return %0, %1
            """),
        ["the axis that the product keeps"] = (["contract", "column"], """
            func f(x: f32[B,32], w: f32[32,20]) -> (f32[B,20], f32[32])
              %0 = matmul x, w : f32[B,20]
              %1 = sum x {axes=[0], keep=false} : f32[32]
              return %0, %1
            """),
        ["something else than a sum"] = (["contract", "column"], """
            func f(dy: f32[B,48], x: f32[B,32]) -> (f32[48,32], f32[48])
              %0 = transpose dy {order=[1,0]} : f32[48,B]
              %1 = matmul %0, x : f32[48,32]
              %2 = max dy {axes=[0], keep=false} : f32[48]
              return %1, %2
            """),
        ["what the product waits for"] = (["column", "row", "map", "contract"], """
            func f(dy: f32[B,48], x: f32[B,32]) -> f32[48,32]
              %0 = sum dy {axes=[0], keep=true} : f32[1,48]
              %1 = exp %0 : f32[1,48]
              %2 = sum %1 {axes=[1], keep=false} : f32[1]
              %3 = div x, %2 : f32[B,32]
              %4 = exp %3 : f32[B,32]
              %5 = transpose dy {order=[1,0]} : f32[48,B]
              %6 = matmul %5, %4 : f32[48,32]
              return %6
            """),
        ["a slice is another tensor"] = (["contract", "column"], """
            func f(dy: f32[B,64], x: f32[B,32]) -> (f32[48,32], f32[64])
              %0 = slice dy {axis=1, end=[56], start=[8]} : f32[B,48]
              %1 = transpose %0 {order=[1,0]} : f32[48,B]
              %2 = matmul %1, x : f32[48,32]
              %3 = sum dy {axes=[0], keep=false} : f32[64]
              return %2, %3
            """),
    };

    public static TheoryData<string> Names => [.. Programs.Keys];

    [Theory, MemberData(nameof(Names))]
    public void They_agree_with_the_reference_and_have_the_bits_of_a_kernel_of_their_own(string name)
    {
        var (titles, text) = Programs[name];
        var source = ProgramParser.Parse("program Test version 1\ndim B ≤ 900 ~ 32\n" + text + "\n", OperationTable.Set);
        using var one = new CompiledFunctions(source);
        using var two = new CompiledFunctions(source, width: 256, threads: 2);
        using var apart = new CompiledFunctions(source, target: KnownTargets.Cpu with { Hooks = LibraryHooks.All & ~LibraryHooks.Sums });
        Assert.Equal(titles, one.Lowered.Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))])));
        Assert.DoesNotContain(apart.Lowered.Functions[0].Launches, l => l.Title.Contains("sum:", StringComparison.Ordinal));
        LoweredTextTests.ReadsBackEqual(one.Lowered);

        var toys = new[] { new ToyMachine(one.Lowered), new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(source, ToyTarget.Model, verify: true))) };
        foreach (var batch in (int[])[1, 3, 61, 401])
        {
            var binding = DimBinding.Empty.With("B", batch);
            TensorData[] arguments = [.. source.Functions[0].Parameters.Select(p => Drawn(p, binding, batch))];
            var expected = one.Reference("f", binding, arguments);
            var actual = one.Run("f", binding, arguments);
            for (var r = 0; r < expected.Length; r++)
            {
                var tolerance = expected[r].DType switch { DType.F64 => 1e-12, DType.F32 => 1e-5, _ => 1e-2 } * (1 + Math.Sqrt(batch));
                for (long i = 0; i < expected[r].Size; i++)
                    Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= tolerance * (1 + Math.Abs(expected[r][i])), $"{batch} rows, result {r}[{i}] is {actual[r][i]:R}, expected {expected[r][i]:R}");
            }
            Same(actual, two.Run("f", binding, arguments), "two threads");
            Same(actual, apart.Run("f", binding, arguments), "kernels of their own");
            if (batch > 61) continue;
            // The toy has its own tanh and exp.
            if (!text.Contains("tanh", StringComparison.Ordinal) && !text.Contains("exp", StringComparison.Ordinal)) Same(actual, toys[0].Run("f", binding, arguments), "the kernels on the toy");
            var toy = toys[1].Run("f", binding, arguments);
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++) Assert.Equal(expected[r][i], toy[r][i], (expected[r].DType == DType.BF16 ? 1e-2 : 1e-5) * (1 + Math.Sqrt(batch)) * (1 + Math.Abs(expected[r][i])));
        }
    }

    static TensorData Drawn(Value parameter, DimBinding binding, int seed)
    {
        var drawn = Running.Random(parameter.Type, parameter.Name!, binding, new(seed + parameter.Name!.Length));
        var data = new TensorData(parameter.DType, drawn.Shape);
        for (long i = 0; i < data.Size; i++) data[i] = Rounding.Round(drawn[i], parameter.DType);
        return data;
    }

    static void Same(TensorData[] expected, TensorData[] actual, string what)
    {
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++) Assert.True(expected[r][i].Equals(actual[r][i]), $"{what}: result {r}[{i}] is {actual[r][i]:R}, not {expected[r][i]:R}");
    }

    [Fact]
    public void The_kernel_says_what_it_adds_up_and_in_which_order()
    {
        var kernels = Lowerer.Lower(CompilerPipeline.Run(ProgramParser.Parse("program Test version 1\ndim B ≤ 900 ~ 32\n" + Programs["of both operands"].Text + "\n", OperationTable.Set), KnownTargets.Cpu)).Kernels;
        var text = Assert.Single(kernels).Text;
        Assert.Contains("  adds a sequence p3 f32 [0,0,0,1] written\n", text, StringComparison.Ordinal);
        Assert.Contains("  adds b sequence p4 f32 [0,0,0,1] written\n", text, StringComparison.Ordinal);
    }

    /// <summary>What is cut into parts, because it is long and has few results, would have other bits with a product.</summary>
    [Fact]
    public void A_sum_in_parts_stays_a_kernel_of_its_own()
    {
        var source = ProgramParser.Parse("program Test version 1\ndim B ≤ 100000 ~ 50000\n" + Programs["the gradients of a linear layer"].Text + "\n", OperationTable.Set);
        Assert.Equal(["contract", "column", "column"], Lowerer.Lower(CompilerPipeline.Run(source, KnownTargets.Cpu)).Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))])));
    }
}
