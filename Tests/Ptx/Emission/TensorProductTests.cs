using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// Products of 16-bit numbers on tensor cores. Sums of small integers are exact in whatever order they are added up, so those have the interpreter's bits, prologues, epilogues and roundings included; sums of other numbers are compared by what float32
/// may lose on the way, for several orders.
/// </summary>
public sealed class TensorProductTests
{
    static double Integer(string name, DType type, Random random) => random.Next(-4, 5);

    static void Agree(string text, (int, int)[] sizes, PtxTensorTile? tile = null, ulong seed = 1, bool isWide = false) =>
        KernelTests.Agree(KernelTests.Parse(text), sizes, seed, Integer, isWide, PtxVariant.TensorCores, tile);

    public static TheoryData<int> Tiles => [.. Enumerable.Range(0, PtxTensorTile.Table.Length)];

    /// <summary>Both operands as they lie and turned, from memory and made by bodies, with epilogues, at the edges of every tile.</summary>
    [Theory, MemberData(nameof(Tiles))]
    public void Every_tile_has_the_bits_of_exact_sums(int number)
    {
        var tile = PtxTensorTile.Table[number];
        string Program(int m, int n, int k) => $$"""
            func f(a: f16[{{m}},{{k}}], b: f16[{{k}},{{n}}], at: f16[{{k}},{{m}}], bt: f16[{{n}},{{k}}], c: f16[{{n}}]) -> (f16[{{m}},{{n}}], f16[{{m}},{{n}}], f32[{{m}},{{n}}])
              %0 = matmul a, b
              %1 = add %0, c
              %2 = relu %1
              %3 = transpose at {order=[1,0]}
              %4 = transpose bt {order=[1,0]}
              %5 = matmul %3, %4
              %6 = mul a, a
              %7 = matmul %6, %4
              %8 = cast %7 {dtype="f32"}
              return %2, %5, %8

            """;
        Agree(Program(tile.Rows + 8, tile.Columns - 8, 40), [(1, 1)], tile, seed: 1 + (ulong)number);
        Agree(Program(tile.Rows - 1, tile.Columns + 1, 33), [(1, 1)], tile, seed: 2 + (ulong)number);
    }

    /// <summary>Alignment classes: lines that begin at multiples of 16, 8, 4 and 2 bytes.</summary>
    [Theory]
    [InlineData("f16", 72, 24)]
    [InlineData("bf16", 36, 20)]
    [InlineData("f16", 34, 18)]
    [InlineData("bf16", 33, 17)]
    [InlineData("bf16", 31, 2)]
    [InlineData("f16", 2, 1)]
    [InlineData("f16", 1, 33)]
    public void Lines_may_begin_anywhere(string type, int k, int n) => Agree($$"""
        func f(a: {{type}}[B,{{k}}], b: {{type}}[{{k}},{{n}}], bt: {{type}}[{{n}},{{k}}], at: {{type}}[{{k}},B]) -> ({{type}}[B,{{n}}], {{type}}[B,{{n}}], f32[B,{{n}}])
          %0 = matmul a, b
          %1 = transpose bt {order=[1,0]}
          %2 = matmul a, %1
          %3 = transpose at {order=[1,0]}
          %4 = matmul %3, %1
          %5 = cast %4 {dtype="f32"}
          return %0, %2, %5
        """, [(1, 1), (31, 1), (65, 1)], seed: 3);

    /// <summary>As programs of mixed precision have them: operands are widened in front of products, in batches, from float32, and turned; results are rounded, added to others, and turned.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Widened_operands_are_the_matrices_themselves(bool isWide)
    {
        const string Text = """
            func f(a: f16[2,B,40], b: f16[40,24], w: f16[24,40], x: f32[B,40], r: f16[2,B,24]) -> (f16[2,B,24], f16[B,24], f32[40,24], f16[24,B])
              %0 = cast a {dtype="f32"}
              %1 = cast b {dtype="f32"}
              %2 = matmul %0, %1
              %3 = cast %2 {dtype="f16"}
              %4 = add %3, r
              %5 = cast x {dtype="f16"}
              %6 = cast %5 {dtype="f32"}
              %7 = cast w {dtype="f32"}
              %8 = transpose %7 {order=[1,0]}
              %9 = matmul %6, %8
              %10 = cast %9 {dtype="f16"}
              %11 = transpose %6 {order=[1,0]}
              %12 = cast %10 {dtype="f32"}
              %13 = matmul %11, %12
              %14 = transpose %10 {order=[1,0]}
              return %4, %10, %13, %14

            """;
        var forms = KernelTests.Lower(KernelTests.Parse(Text)).Functions[0].Launches.OfType<ContractLaunch>().Select(l => PtxTensorForm.Of(l, DimBinding.Empty.With("B", 33).With("T", 1))).ToList();
        Assert.Equal(3, forms.Count);
        Assert.Equal((16, 16), (forms[0].CopyLeft, forms[0].CopyRight));
        Agree(Text, [(1, 1), (33, 1), (64, 1)], seed: 4, isWide: isWide);
    }

    /// <summary>Sizes that a call says: lines begin where they begin, and each call has the form that they allow.</summary>
    [Fact]
    public void Sizes_choose_the_form_of_a_call() => Agree("""
        func f(a: f16[2,B,T], b: f16[2,T,7], c: f16[T,B]) -> (f16[2,B,7], f16[B,B], f16[T,T])
          %0 = matmul a, b
          %1 = reshape a {shape=[2*B,T]}
          %2 = slice %1 {axis=0, end=[B], start=[0]} : f16[B,T]
          %3 = matmul %2, c
          %4 = transpose %2 {order=[1,0]}
          %5 = transpose c {order=[1,0]}
          %6 = matmul %4, %5
          return %0, %3, %6

        """, [(1, 1), (2, 31), (8, 16), (33, 2), (24, 40)], seed: 5);

    /// <summary>A sum that is cut: slices of whole stages, which the portable kernel adds.</summary>
    [Fact]
    public void Long_sums_are_cut_into_slices()
    {
        const string Text = """
            func f(a: f16[17,1700], b: f16[1700,40], c: f16[40]) -> (f16[17,40])
              %0 = matmul a, b
              %1 = add %0, c
              return %1

            """;
        var calls = PtxLaunches.Of(KernelTests.Lower(KernelTests.Parse(Text)).Functions[0].Launches.Single(), DimBinding.Empty, PtxVariant.TensorCores).ToList();
        Assert.Equal([true, false], calls.Select(c => c.Variant.HasTensorCores));
        Agree(Text, [(1, 1)], seed: 6);
    }

    /// <summary>More rows of tiles than go along the columns together, the last of them fewer.</summary>
    [Fact]
    public void Tiles_are_taken_in_an_order_of_their_own_and_each_once() => Agree("func f(a: f16[300,40], b: f16[40,130]) -> (f16[300,130])\n  %0 = matmul a, b\n  return %0\n", [(1, 1)], PtxTensorTile.Table.Single(t => t.Name == "16x64"), seed: 9);

    /// <summary>What is not exact: within what float32 loses on so many additions, in several orders of the instruction's sum.</summary>
    [Theory]
    [InlineData("f16")]
    [InlineData("bf16")]
    public void Other_sums_are_within_what_float32_may_lose(string type)
    {
        const int M = 20, N = 24, K = 100;
        var program = KernelTests.Lower(KernelTests.Parse($"func f(a: {type}[{M},{K}], b: {type}[{K},{N}]) -> (f32[{M},{N}])\n  %0 = cast a {{dtype=\"f32\"}}\n  %1 = cast b {{dtype=\"f32\"}}\n  %2 = matmul %0, %1\n  return %2\n"));
        var random = new Random(7);
        TensorData[] drawn = [.. program.Functions[0].Signature.Parameters.Select(p => KernelProgram.Draw(p.Type, p.Name!, DimBinding.Empty, random, null))];
        var (a, b) = (drawn[0], drawn[1]);
        double[]? first = null;
        var differs = false;
        for (ulong seed = 1; seed <= 3; seed++)
        {
            var result = new EmulatedMachine(program, new() { Seed = seed }, variant: PtxVariant.TensorCores).Run("f", DimBinding.Empty, a, b)[0];
            for (var i = 0; i < M * N; i++)
            {
                double sum = 0, size = 0;
                for (var k = 0; k < K; k++)
                {
                    var product = a.Real[i / N * K + k] * b.Real[k * N + i % N];
                    (sum, size) = (sum + product, size + Math.Abs(product));
                }
                Assert.InRange(result.Real[i] - sum, -K * size * 1.2e-7, K * size * 1.2e-7);
            }
            differs |= first is not null && !first.AsSpan().SequenceEqual(result.Real);
            first ??= result.Real;
        }
        Assert.True(differs, "The order of sums is the seed's.");
    }

    /// <summary>Large products have large tiles, few rows or columns narrow ones, whatever the batch; blocks have room on every card.</summary>
    [Theory]
    [InlineData(4096, 4096, 4096, 1, "128x256")]
    [InlineData(1024, 768, 3072, 1, "64x64")]
    [InlineData(2048, 3072, 768, 1, "128x128")]
    [InlineData(8, 4096, 4096, 1, "16x64")]
    [InlineData(4096, 8, 4096, 1, "64x16")]
    [InlineData(64, 64, 64, 96, "64x64")]
    public void The_model_of_cycles_chooses_by_shape(long m, long n, long k, long count, string tile)
    {
        Assert.Equal(tile, PtxTensorTile.Choose(m, n, k, count, PtxTensorTile.Table).Name);
        Assert.All(PtxTensorTile.Table, t => Assert.True(t.SharedBytes <= PtxTensorTile.MostShared && t.Threads <= 1024 && t.WarpRows % 16 == 0 && t.WarpColumns % 16 == 0, t.ToString()));
    }

    /// <summary>Operands of float32, or of two types, are no business of tensor cores.</summary>
    [Fact]
    public void Products_of_float32_stay_in_plain_instructions()
    {
        var program = KernelTests.Lower(KernelTests.Parse("func f(a: f32[B,40], b: f32[40,24], h: f16[B,40]) -> (f32[B,24], f32[B,24])\n  %0 = matmul a, b\n  %1 = cast h {dtype=\"f32\"}\n  %2 = matmul %1, b\n  return %0, %1\n".Replace("return %0, %1", "return %0, %2", StringComparison.Ordinal)));
        Assert.Empty(PtxTarget.TensorFunctions(program));
        Assert.DoesNotContain("sm_80", PtxTarget.Emit(program), StringComparison.Ordinal);
        Assert.All(program.Functions[0].Launches.SelectMany(l => PtxLaunches.Of(l, DimBinding.Empty.With("B", 3).With("T", 1), PtxVariant.TensorCores)), c => Assert.Equal(PtxVariant.Portable, c.Variant));
    }
}
