using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Lowering;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Targets;

/// <summary>A target whose launches are recorded once and then replayed: whatever a call brings, every launch is given the same addresses.</summary>
public sealed class StableAddressTests
{
    // Arguments that are read early and late, by a loop, by nobody, and returned as they are; results of kernels, a view, and an argument.
    const string Text = """
        program Test version 1
        dim B ≤ 64 ~ 8
        func f(x: f32[B,6], w: f32[6,5], late: f32[B,5], unread: f32[B], start: f32[5]) -> (f32[B,5], f32[5,B], f32[5], f32[B,6], f32[B])
          %0 = matmul x, w : f32[B,5]
          %1 = tanh %0 : f32[B,5]
          %2 = mul %1, late : f32[B,5]
          %3 = transpose %1 {order=[1,0]} : f32[5,B]
          %4 = loop start, late {carries=1, conditional=false, count=[B], scanned=1}
            region(i: i64[], sum: f32[5], row: f32[5])
              %0 = add sum, row : f32[5]
              return %0
          %5 = sum %2 {axes=[1], keep=false} : f32[B]
          return %2, %3, %4, x, %5

        """;

    static readonly Program Source = ProgramParser.Parse(Text, OperationTable.Set);

    static LoweredProgram Lower(TargetModel target) => Lowerer.Lower(CompilerPipeline.Run(Source, target, verify: true));

    static TensorData[] Arguments(DimBinding binding, int seed) => [.. Source.Functions[0].Parameters.Select(p =>
    {
        var (drawn, data) = (Running.Random(p.Type, p.Name!, binding, new(seed)), new TensorData(DType.F32, p.Type.Shape.Evaluate(binding)));
        for (long i = 0; i < data.Size; i++) data[i] = (float)drawn[i];
        return data;
    })];

    static DimBinding Of(int batch) => DimBinding.Empty.With("B", batch);

    [Fact]
    public void Every_launch_gets_the_same_addresses_in_every_call()
    {
        var toy = new ToyMachine(Lower(ToyTarget.Model with { StableAddresses = true }));
        var given = new Dictionary<int, List<(byte[] Memory, long Start)>>();
        foreach (var (batch, seed) in new[] { (8, 1), (3, 2), (8, 3), (64, 4), (3, 5), (8, 6) })
        {
            toy.Given = [];
            var arguments = Arguments(Of(batch), seed);
            var expected = new Interpreter(Source, float64: false).Run("f", arguments, new Dictionary<string, TensorData>(), Of(batch)).Results;
            var actual = toy.Run("f", Of(batch), arguments);
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++) Assert.Equal(expected[r][i], actual[r][i], 1e-5 * (1 + Math.Abs(expected[r][i])));
            Assert.NotEmpty(toy.Given);
            if (given.TryGetValue(batch, out var before))
            {
                Assert.Equal(before.Count, toy.Given.Count);
                Assert.All(before.Zip(toy.Given), pair => Assert.True(ReferenceEquals(pair.First.Memory, pair.Second.Memory) && pair.First.Start == pair.Second.Start));
            }
            given[batch] = toy.Given;
        }
    }

    [Fact]
    public void The_planner_places_arguments_and_results_and_the_processor_copies()
    {
        using var stable = new CompiledFunctions(Source, target: KnownTargets.Cpu with { StableAddresses = true });
        using var free = new CompiledFunctions(Source);
        var function = Assert.Single(stable.Lowered.Functions);
        foreach (var batch in (int[])[8, 3, 64, 8, 1])
        {
            var arguments = Arguments(Of(batch), batch);
            var (expected, actual) = (free.Run("f", Of(batch), arguments), stable.Run("f", Of(batch), arguments));
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++) Assert.True(expected[r][i].Equals(actual[r][i]), $"{batch} rows, result {r}[{i}] is {actual[r][i]:R}, not {expected[r][i]:R}");
            var plan = PlanVerifier.Verify(stable.PlanOf("f"));
            Assert.All(function.Arguments.Concat(function.Results), buffer => Assert.InRange(plan.Offsets[buffer.Id], 0, plan.ArenaBytes - plan.Bytes[buffer.Id]));
        }
        // What is read before the first launch is done must not lie where a launch writes meanwhile.
        Assert.All(function.Arguments, a => Assert.Equal(0, stable.PlanOf("f").Lives[a.Id].First));
        Assert.Contains("x@", PlanPrinter.Print(stable.PlanOf("f"), "Test", []), StringComparison.Ordinal);
    }

    [Fact]
    public void It_stands_in_the_targets_text_and_in_the_programs_and_so_in_the_fingerprint()
    {
        var target = KnownTargets.Cpu with { StableAddresses = true };
        Assert.NotEqual(KnownTargets.Cpu, target);
        Assert.Contains("  addresses stable\n", target.Text, StringComparison.Ordinal);
        var (stable, free) = (Lower(target), Lower(KnownTargets.Cpu));
        Assert.Contains("  aligned 64 stable\n", LoweredText.Write(stable), StringComparison.Ordinal);
        Assert.NotEqual(KernelFingerprint.OfPlan(free, ""), KernelFingerprint.OfPlan(stable, ""));
        LoweredTextTests.ReadsBackEqual(stable);
    }
}
