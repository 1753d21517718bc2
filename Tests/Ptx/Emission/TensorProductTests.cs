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
}
