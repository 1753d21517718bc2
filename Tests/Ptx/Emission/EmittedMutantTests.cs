using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.PtxEmulator;
using Graph.Tests.Attention;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// Small faults in emitted text do not go unnoticed: a program of each kind of kernel is run with a fault in its module, at sizes around tiles, under an adversarial schedule, and its results are compared bit by bit. docs/ptx-emulator.md has the table and
/// explains who survives. <c>emitted-mutants.md</c> beside the tests has that of this run.
/// </summary>
public sealed class EmittedMutantTests
{
    /// <summary>Programs of one function, by the kind of kernel that they are made of, with the sizes that show its edges.</summary>
    static readonly (string Name, string Text, (int B, int T)[] Sizes)[] Programs =
    [
        ("map", "func f(x: f32[B,T], y: f32[T], n: i32[B,T]) -> (f32[T,B], i32[B,T])\n  %0 = mul x, y\n  %1 = transpose %0 {order=[1,0]}\n  %2 = add %1, %1\n  %3 = mul n, n\n  return %2, %3\n", [(37, 15), (1, 1), (5, 16)]),
        ("function", "func f(x: f32[B,T]) -> (f32[B,T], f32[B,T])\n  %0 = tanh x\n  %1 = log x\n  return %0, %1\n", [(31, 19), (9, 7)]),
        // In place, between kernels that nothing is fused with: what a lane writes others have read.
        ("row", "func f(x: f32[B,T], y: f32[B,T], z: f32[B]) -> (f32[B+2,T], f32[B+2])\n  %0 = pad x {after=[1], axis=0, before=[0]}\n  %1 = softmax %0 {axis=1}\n  %2 = pad %1 {after=[1], axis=0, before=[0]}\n"
            + "  %3 = pad y {after=[1], axis=0, before=[0]}\n  %4 = max %3 {axes=[1], keep=false}\n  %5 = pad z {after=[1], axis=0, before=[0]}\n  %6 = add %4, %5\n  %7 = pad %6 {after=[1], axis=0, before=[0]}\n  return %2, %7\n",
            [(9, 77), (2, 1), (3, 83), (2, 132), (1, 260)]),
        ("column", "func f(x: f32[4,B,T], y: f32[4,B,T]) -> (f32[4,T])\n  %0 = mul x, y\n  %1 = sum %0 {axes=[1], keep=false}\n  return %1\n", [(11, 131), (5, 132)]),
        ("product", "func f(a: f32[B,T], b: f32[T,B+3], c: f32[B+3]) -> (f32[B,B+3])\n  %0 = matmul a, b\n  %1 = add %0, c\n  return %1\n", [(67, 37), (65, 20), (3, 1)]),
        ("product in slices", "func f(a: f32[B,T+100], b: f32[T+100,B+3]) -> (f32[B,B+3])\n  %0 = matmul a, b\n  return %0\n", [(4, 1), (5, 4)]),
        ("convolution", "func f(x: f32[B,3,6,5], w: f32[4,3,3,3]) -> (f32[B,4,6,5])\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}\n  return %0\n", [(3, 1)]),
        ("pool", "func f(x: f32[B,3,9,7]) -> (f32[B,3,5,4], i32[B,3,5,4])\n  %0, %1 = max_pool2d x {kernel=[3,3], padding=[1,1], stride=[2,2]}\n  return %0, %1\n", [(7, 1)]),
        ("embedding", "func f(ids: i64[B], dy: f32[B,1030]) -> (f32[7,1030])\n  %0 = embedding_grad dy, ids {rows=[7]}\n  return %0\n", [(290, 1)]),
        ("sort", "func f(x: f32[T,B]) -> (f32[B,T], i64[B,T])\n  %2 = transpose x {order=[1,0]}\n  %0, %1 = sort %2 {axis=1, descending=true}\n  return %0, %1\n", [(3, 300), (2, 5)]),
        ("scan", "func f(x: f32[B,T]) -> (f32[B,T])\n  %0 = cumsum x {axis=0, reverse=true}\n  return %0\n", [(11, 261)]),
        ("branch", "func f(x: f32[B]) -> (f32[B])\n  %0 = loop x {carries=1, count=[3], scanned=0}\n    region(i: i64[], c: f32[B])\n      %0 = cast i {dtype=\"f32\"}\n      %1 = mul c, %0\n      return %1\n  return %0\n", [(70, 1)]),
    ];

    // Sums in blocks of 16, so that small products have several, and slices of them.
    static readonly TargetModel blocks = KnownTargets.Ptx with { Products = KnownTargets.Ptx.Products with { DepthBlock = 16 } };

    static LoweredProgram Attention()
    {
        var c = new AttentionCase("mutants", (1, 2, 66, 20), (1, 70), 19) { Causal = true, Lengths = [68] };
        var program = new Program("attention", [], [], [], OperationTable.Set);
        var builder = new Builder(program, "f");
        ImmutableArray<Value> x = [.. c.Types(DType.F32).Select((t, i) => builder.Argument(t, "x" + i))];
        return KernelTests.Lower(Verifier.Verify(program with { Functions = [builder.Build(c.Build(builder, x))] }));
    }

    [Fact]
    public void Small_faults_in_emitted_kernels_are_caught()
    {
        var outcomes = new List<MutantOutcome>();
        for (var p = 0; p < Programs.Length; p++)
        {
            var (name, text, sizes) = Programs[p];
            var lowered = KernelTests.Lower(KernelTests.Parse(text), blocks);
            (DimBinding, TensorData[])[] runs = [.. sizes.Select(s => DimBinding.Empty.With("B", s.B).With("T", s.T)).Select(at => (at, Arguments(name, lowered.Functions[0].Signature.Parameters, at)))];
            outcomes.AddRange(Try(name, lowered, runs, p));
        }
        var attention = Attention();
        outcomes.AddRange(Try("attention", attention, [(DimBinding.Empty, new AttentionCase("mutants", (1, 2, 66, 20), (1, 70), 19) { Causal = true, Lengths = [68] }.Arguments(DType.F32))], Programs.Length));
        var table = MutantRunner.Table(outcomes);
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "emitted-mutants.md"), table + "\n" + string.Join("\n", outcomes.Where(o => !o.Caught).Select(o => $"{o.Kernel}: {o.Mutant}")) + "\n");
        Assert.True(outcomes.Count >= 200, table);
        Assert.True(outcomes.Count(o => o.Caught) >= 0.95 * outcomes.Count, table + "\n" + string.Join("\n", outcomes.Where(o => !o.Caught).Select(o => $"{o.Kernel}: {o.Mutant}")));
    }

    // Each argument has numbers of its own: of two with the same ones either would do.
    static TensorData[] Arguments(string name, ImmutableArray<NamedTensor> parameters, DimBinding binding)
    {
        Func<string, DType, Random, double>? draw = name switch
        {
            "embedding" => (n, _, random) => n == "ids" ? random.Next(7) : random.NextDouble() - 0.5,
            // Exponentials that are 0 too.
            "row" => (_, _, random) => (random.NextDouble() - 0.5) * (random.Next(3) == 0 ? 400 : 4),
            // What functions take another way: numbers of all sizes, the smallest, what is no number.
            "function" => (_, _, random) => random.Next(4) switch { 0 => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)), 1 => BitConverter.Int32BitsToSingle(random.Next(1 << 23)), _ => (random.NextDouble() - 0.5) * 8 },
            // Equal keys, neighbours, both zeros, what is no number, keys above and below 2.
            "sort" => (_, _, random) => random.Next(8) switch { 0 => double.NaN, 1 => -0.0, 2 => 0, 3 => double.NegativeInfinity, 4 => random.Next(-3, 4), 5 => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(random.Next(2) == 0 ? 3f : -3f) + random.Next(4)), _ => (float)((random.NextDouble() - 0.5) * 300) },
            _ => null,
        };
        return [.. parameters.Select((p, i) => KernelProgram.Draw(p.Type, p.Name!, binding, new(100 * (i + 1) + (int)binding["B"]), draw))];
    }

    // As many of each program, spread over its text.
    static IReadOnlyList<MutantOutcome> Try(string name, LoweredProgram lowered, (DimBinding Binding, TensorData[] Arguments)[] runs, int number)
    {
        // Of the functions that run: a kernel may have another one for operands that begin elsewhere.
        var launched = runs.SelectMany(r => PtxSequence.Of(lowered.Functions[0], r.Binding)).Select(s => s.Call.Function).ToHashSet(StringComparer.Ordinal);
        var right = new EmulatedMachine(lowered, new() { Seed = 1 }, text: PtxTarget.Module(PtxTarget.Functions(lowered).Where(f => launched.Contains(f.Name))));
        Assert.Equal(name == "product in slices", launched.Any(f => f.EndsWith("_sum", StringComparison.Ordinal)));
        var expected = runs.Select(r => right.Run("f", r.Binding, r.Arguments)).ToArray();
        // About four a line; of barriers there are few.
        var every = Math.Max(1, 4 * right.Text.Count(c => c == '\n') / 26);
        var mutants = Mutator.Make(right.Text, seed: 1 + number, (kind, n) => kind == MutationKind.BarrierDeleted || (kind is MutationKind.RegisterSwapped or MutationKind.ImmediateChanged or MutationKind.PredicateInverted && (n + number) % every == 0));
        return MutantRunner.Run(name, mutants, text =>
        {
            for (var r = 0; r < runs.Length; r++)
            {
                var machine = new EmulatedMachine(lowered, new() { Seed = (ulong)(1 + r), InstructionLimit = 40_000_000 }, text: text);
                var actual = machine.Run("f", runs[r].Binding, runs[r].Arguments);
                for (var i = 0; i < actual.Length; i++) KernelTests.Same(expected[r][i], actual[i], name);
            }
        });
    }
}
