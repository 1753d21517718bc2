using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.PtxEmulator;
using Graph.Tests.Toy;
using Xunit;
using Rounding = Graph.Compiler.Ir.Rounding;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Emitted kernels on the emulated device beside an interpreter of the same kernels: the same bits, under adversarial schedules, at the edges of warps, blocks and tiles.</summary>
public sealed class KernelTests
{
    internal static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 300 ~ 3\ndim T ≤ 300 ~ 5\n" + text, OperationTable.Set);

    internal static LoweredProgram Lower(Program program) => Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Ptx, verify: true));

    /// <summary>A program whose kernels have their functions written out, for the interpreter.</summary>
    internal static LoweredProgram WrittenOut(LoweredProgram program)
    {
        static LoopKernel? Body(LoopKernel? kernel) => kernel is null ? null : PtxTarget.WrittenOut(kernel);
        static TileMaker? Maker(TileMaker? maker) => maker is null ? null : maker with { Body = Body(maker.Body)! };
        static Launch Of(Launch launch) => launch switch
        {
            LoopLaunch l => l with { Kernel = Body((LoopKernel)l.Kernel)! },
            SegmentedLaunch s => s with { Kernel = Body((LoopKernel)s.Kernel)! },
            ContractLaunch c => c with { Kernel = c.Kernel with { MakesA = Maker(c.Kernel.MakesA), MakesB = Maker(c.Kernel.MakesB), Epilogue = Body(c.Kernel.Epilogue) } },
            _ => launch,
        };
        return program with { Functions = [.. program.Functions.Select(f => f with { Launches = [.. f.Launches.Select(Of)] })] };
    }

    /// <summary>Runs every function of a program in both, and compares all bits; a NaN is one whatever its bits.</summary>
    static void Agree(Program program, IEnumerable<(int B, int T)> sizes, ulong seed = 1, Func<string, DType, Random, double>? draw = null)
    {
        var lowered = Lower(program);
        var interpreter = new ToyMachine(WrittenOut(lowered));
        var machine = new EmulatedMachine(lowered, new() { Seed = seed });
        foreach (var (batch, time) in sizes)
            foreach (var function in lowered.Functions)
            {
                var binding = DimBinding.Empty.With("B", batch).With("T", time);
                TensorData[] arguments = [.. function.Signature.Parameters.Select(p => Draw(p.Type, p.Name!, binding, new(31 * batch + time + p.Name!.Length), draw))];
                var expected = interpreter.Run(function.Name, binding, arguments);
                var actual = machine.Run(function.Name, binding, arguments);
                for (var r = 0; r < expected.Length; r++) Same(expected[r], actual[r], $"{function.Name}({batch}, {time}), result {r}");
            }
    }

    static void Same(TensorData expected, TensorData actual, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        for (long i = 0; i < expected.Size; i++)
            if (expected.DType.IsFloat())
                Assert.True(BitConverter.DoubleToInt64Bits(expected.Real[i]) == BitConverter.DoubleToInt64Bits(actual.Real[i]) || (double.IsNaN(expected.Real[i]) && double.IsNaN(actual.Real[i])), FormattableString.Invariant($"{what}[{i}] is {actual.Real[i]:R}, expected {expected.Real[i]:R}."));
            else Assert.True(expected.Int[i] == actual.Int[i], FormattableString.Invariant($"{what}[{i}] is {actual.Int[i]}, expected {expected.Int[i]}."));
    }

    static TensorData Draw(TensorType type, string name, DimBinding binding, Random random, Func<string, DType, Random, double>? draw)
    {
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
        {
            var value = draw?.Invoke(name, type.DType, random) ?? (type.DType == DType.Bool ? random.Next(2) : type.DType.IsInteger() ? random.Next(-9, 10) : (random.NextDouble() - 0.5) * 4);
            if (type.DType.IsFloat()) data.Real[i] = Rounding.Round(value, type.DType);
            else data.Int[i] = (long)value;
        }
        return data;
    }

    /// <summary>1, 2 and what lies around warps, blocks and tiles.</summary>
    static readonly (int, int)[] Edges = [(1, 1), (2, 31), (1, 33), (33, 2), (31, 47), (5, 64), (3, 97), (64, 17), (65, 63), (129, 1)];

    [Fact]
    public void Maps_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], y: f32[B,T], z: f32[T], n: i32[B,T], h: f16[B,T], g: bf16[B,T]) -> (f32[B,T], f32[B,T], f32[T,B], i32[B,T], f16[B,T], bf16[B,T], f32[B,T], f16[B,T])
          %0 = mul x, y
          %1 = add %0, z
          %2 = div %1, y
          %3 = sqrt x
          %4 = add %3, %2
          %5 = maximum x, y
          %6 = transpose %5 {order=[1,0]}
          %7 = mul n, n
          %8 = add h, h
          %9 = mul %8, h
          %10 = div g, g
          %11 = add %10, g
          %12 = mul h, x
          %13 = floor %12
          %14 = mul h, %13
          return %2, %4, %6, %7, %9, %11, %14, %9
        """), Edges);

    [Fact]
    public void Rows_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], w: f32[T], b: f32[T]) -> (f32[B,T], f32[B], f32[B], f32[B,T], f32[])
          %0 = softmax x {axis=1}
          %1 = sum x {axes=[1], keep=false}
          %2 = max x {axes=[1], keep=false}
          %3 = layer_norm x, w, b {epsilon=0.00001}
          %4 = sum x {axes=[0,1], keep=false}
          return %0, %1, %2, %3, %4
        """), Edges);

    [Fact]
    public void Columns_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], y: f32[B,T]) -> (f32[T], f32[T], f32[T])
          %0 = sum x {axes=[0], keep=false}
          %1 = mul x, y
          %2 = sum %1 {axes=[0], keep=false}
          %3 = min y {axes=[0], keep=false}
          return %0, %2, %3
        """), Edges);

    [Fact]
    public void Products_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(a: f32[B,T], b: f32[T,B], c: f32[B], d: f32[2,B,T], e: f32[2,T,7]) -> (f32[B,B], f32[T,T], f32[B,B], f32[2,B,7])
          %0 = matmul a, b
          %1 = add %0, c
          %2 = relu %1
          %3 = transpose a {order=[1,0]}
          %4 = transpose b {order=[1,0]}
          %5 = matmul %3, %4
          %6 = mul a, a
          %7 = matmul %6, b
          %8 = matmul d, e
          return %2, %5, %7, %8
        """), Edges);

    [Fact]
    public void Picks_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(table: f32[37,T], ids: i64[B], dy: f32[B,T], half: f16[37,T], onto: f32[37,T], picks: i32[B,3], x: f32[B,T]) -> (f32[B,T], f32[37,T], f16[B,T], f32[37,T], f32[B,3], f32[B,11])
          %0 = embedding table, ids
          %1 = embedding_grad dy, ids {rows=[37]}
          %2 = embedding half, ids
          %3 = embedding_grad dy, ids, onto {rows=[37]}
          %4 = pad x {after=[11], axis=1, before=[2], value=0.5}
          %5 = gather %4, picks {axis=1}
          %6 = gather_grad %5, picks {axis=1, size=[11]}
          return %0, %1, %2, %3, %5, %6
        """), [(1, 1), (2, 31), (33, 5), (257, 3), (300, 2), (5, 300)], draw: (name, _, random) => name is "ids" ? random.Next(37) : name is "picks" ? random.Next(11) : random.NextDouble() - 0.5);
}
