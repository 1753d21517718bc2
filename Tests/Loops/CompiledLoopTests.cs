using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Operations;
using Graph.Tests.Lowering;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Loops;

/// <summary>Loops from passes to numbers, beside the reference interpreter.</summary>
public sealed class CompiledLoopTests
{
    static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 3\ndim T ≤ 9 ~ 5\n" + text, OperationTable.Set);

    // With the gradients of all real arguments as further functions.
    static Program WithGradients(Program program)
    {
        var f = program.Functions[0];
        return program with { Functions = program.Functions.Add(Differentiate.Function(program, f, [.. f.Parameters.Where(p => p.DType.IsFloat())], "g")) };
    }

    static TensorData[] Arguments(Function f, DimBinding binding, int seed) => Arguments(FunctionSignature.Of(f), binding, seed);

    static TensorData[] Arguments(FunctionSignature f, DimBinding binding, int seed) =>
        [.. f.Parameters.Select((p, i) => new TensorData(DType.F32, p.Shape.Evaluate(binding), [.. Running.Random(p.Type, p.Name, binding, new(seed * 100 + i)).Real.Select(v => (double)(float)v)]))];

    static void Agrees(Program program, params (int B, int T)[] sizes)
    {
        using var compiled = new CompiledFunctions(program);
        LoweredTextTests.ReadsBackEqual(compiled.Lowered);
        foreach (var (batch, time) in sizes)
            foreach (var function in program.Functions)
            {
                var binding = DimBinding.Empty.With("B", batch).With("T", time);
                var arguments = Arguments(function, binding, batch * 10 + time);
                var expected = compiled.Reference(function.Name, binding, arguments);
                var actual = compiled.Run(function.Name, binding, arguments);
                for (var i = 0; i < expected.Length; i++) Running.Same(expected[i], actual[i], $"{function.Name} of {batch}, {time}, result {i}\n{ProgramPrinter.Print(program)}\n{KernelDump.Print(compiled.Lowered)}", 2e-4);
                PlanVerifier.Verify(compiled.PlanOf(function.Name));
            }
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 24)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_loops_agree_with_the_reference(int seed) => Agrees(WithGradients(LoopProgram.Make(seed)), (2, 5), (1, 1), (4, 9));

    /// <summary>A recurrence of two carries that are read by a product, added up and stacked.</summary>
    const string Recurrence = """
        func f(h: f32[B,4], xs: f32[T,B,4], w: f32[4,4]) -> (f32[B,4], f32[T,B,4])
          %0, %1 = loop h, xs, w {carries=1, count=[T], REVERSEscanned=1}
            region(i: i64[], h: f32[B,4], x: f32[B,4], w: f32[4,4])
              %0 = matmul h, w
              %1 = add %0, x
              %2 = tanh %1
              return %2, %2
          return %0, %1
        """;

    [Theory]
    [InlineData("")]
    [InlineData("reverse=true, ")]
    public void A_loop_over_a_named_axis_runs_with_any_length(string reverse) =>
        Agrees(Parse(Recurrence.Replace("REVERSE", reverse, StringComparison.Ordinal)), (1, 1), (2, 5), (3, 9), (2, 3));

    [Fact]
    public void Carries_may_change_places() => Agrees(Parse("""
        func f(a: f32[4], b: f32[4], c: f32[4]) -> (f32[4], f32[4], f32[4], f32[7,4])
          %0, %1, %2, %3 = loop a, b, c {carries=3, count=[7], scanned=0}
            region(i: i64[], a: f32[4], b: f32[4], c: f32[4])
              %0 = sin a
              return b, c, %0, a
          return %0, %1, %2, %3
        """), (1, 1));

    [Fact]
    public void A_loop_in_a_loop_reads_slices_of_slices() => Agrees(WithGradients(Parse("""
        func f(c: f32[2], xs: f32[T,3,2]) -> (f32[], f32[T,3,2])
          %0, %1 = loop c, xs {carries=1, count=[T], scanned=1}
            region(i: i64[], c: f32[2], rows: f32[3,2])
              %0, %1 = loop c, rows {carries=1, count=[3], reverse=true, scanned=1}
                region(j: i64[], c: f32[2], x: f32[2])
                  %0 = mul c, x
                  %1 = sin %0
                  %2 = cast j {dtype="f32"}
                  %3 = add %1, %2
                  return %1, %3
              return %0, %1
          %2 = sum %0 {axes=[0], keep=false}
          return %2, %1
        """)), (1, 2), (1, 9));

    // Newton's square root, until it moves no more.
    internal const string Newton = """
        func f(x: f32[]) -> (f32[], f32[12], f32[])
          %0 = constant {dtype="bool", value=1.0}
          %1 = constant {dtype="f32", value=1.0}
          %2, %3, %4, %5 = loop %0, %1, %1, x {carries=3, conditional=true, count=[12], scanned=0}
            region(i: i64[], go: bool[], y: f32[], steps: f32[], x: f32[])
              %0 = div x, y
              %1 = add y, %0
              %2 = constant {dtype="f32", value=0.5}
              %3 = mul %1, %2
              %4 = sub %3, y
              %5 = abs %4
              %6 = constant {dtype="f32", value=0.0001}
              %7 = less %6, %5
              %8 = constant {dtype="f32", value=1.0}
              %9 = add steps, %8
              return %7, %3, %9, %3
          return %3, %5, %4
        """;

    [Fact]
    public void A_condition_ends_a_loop()
    {
        var program = Parse(Newton);
        Agrees(program, (1, 1));
        using var compiled = new CompiledFunctions(program);
        var results = compiled.Run("f", TensorData.Scalar(4.0, DType.F32));
        Assert.Equal(2, results[0][0], 1e-6);
        Assert.Equal(6, results[2][0]); // one that begins with 1, and five iterations
        Assert.Equal([2.5, 2.05], results[1].Real[..2].Select(v => Math.Round(v, 6)));
        Assert.All(results[1].Real[5..], v => Assert.Equal(0, v));
    }

    [Fact]
    public void A_loop_that_ends_early_has_a_gradient()
    {
        var program = WithGradients(Parse(Newton));
        using var compiled = new CompiledFunctions(program);
        foreach (var x in (double[])[0.3, 4, 9.7])
        {
            var gradient = compiled.Run("g", TensorData.Scalar(x, DType.F32))[^1][0];
            Assert.Equal(0.5 / Math.Sqrt(x), gradient, 1e-3);
        }
    }

    [Fact]
    public void What_nobody_reads_of_a_loop_is_dropped()
    {
        var program = Parse("""
            func f(a: f32[4], b: f32[4], xs: f32[T,4], ys: f32[T,4]) -> f32[4]
              %0, %1, %2 = loop a, b, xs, ys {carries=2, count=[T], scanned=2}
                region(i: i64[], a: f32[4], b: f32[4], x: f32[4], y: f32[4])
                  %0 = add a, x
                  %1 = mul b, y
                  %2 = sin %1
                  return %0, %1, %2
              return %0
            """);
        var loop = Assert.Single(CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true).Find("Graph")!.Functions[0].Nodes);
        Assert.Equal(["a", "xs"], loop.Inputs.Select(v => v.Name));
        Assert.Single(loop.Regions[0].Nodes);
    }

    [Fact]
    public void A_state_that_a_loop_carries_is_written_in_place()
    {
        var program = Parse("""
            state s : f32[4] = zeros
            func f(xs: f32[T,4]) -> f32[T,4]
              %0, %1 = loop @s, xs {carries=1, count=[T], scanned=1}
                region(i: i64[], s: f32[4], x: f32[4])
                  %0 = add s, x
                  return %0, %0
              state s = %0
              return %1
            """);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true));
        Assert.Equal(3, lowered.Functions[0].Launches.Length);
        var binding = DimBinding.Empty.With("B", 1).With("T", 6);
        var arguments = Arguments(program.Functions[0], binding, 3);
        var states = Running.States(program, 3);
        var expected = new Interpreter(program).Run("f", arguments, states, binding);
        var (results, after) = TestExecutor.Run(lowered, KernelAssembly.Compile(lowered.Kernels), "f", arguments, states, binding);
        Running.Same(expected.Results[0], results[0], "sums", 1e-6);
        Running.Same(expected.States["s"], after["s"], "state", 1e-6);
    }

    // An iteration's own intermediates share memory, and what it leaves for the next does not.
    [Fact]
    public void The_body_is_planned_once()
    {
        using var compiled = new CompiledFunctions(WithGradients(Parse(Recurrence.Replace("REVERSE", "", StringComparison.Ordinal))));
        var lengths = new List<int>();
        foreach (var time in (int[])[3, 9])
        {
            var binding = DimBinding.Empty.With("B", 3).With("T", time);
            compiled.Run("g", binding, Arguments(compiled.Lowered.Functions[1].Signature, binding, 1));
            lengths.Add(compiled.PlanOf("g").Function.Launches.Length);
            Assert.Equal(1, compiled.PlanOf("g").Ratio, 0.02);
        }
        Assert.Equal(lengths[0], lengths[1]);
    }

    [Fact]
    public Task A_recurrence_and_its_gradient()
    {
        var program = CompilerPipeline.Run(WithGradients(Parse(Recurrence.Replace("REVERSE", "", StringComparison.Ordinal))), KnownTargets.Cpu, verify: true).Final;
        return Verify(ProgramPrinter.Print(program) + "\n" + KernelDump.Print(Lowerer.Lower(program, KnownTargets.Cpu)));
    }

    [Fact]
    public void A_run_allocates_nothing()
    {
        using var compiled = new CompiledFunctions(Parse(Recurrence.Replace("REVERSE", "", StringComparison.Ordinal)));
        var binding = DimBinding.Empty.With("B", 3).With("T", 7);
        compiled.Run("f", binding, Arguments(compiled.Lowered.Functions[0].Signature, binding, 1), again: run => Allocations.AssertNone(run));
    }
}
