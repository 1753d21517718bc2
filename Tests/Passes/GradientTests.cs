using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

/// <summary>Gradients of whole programs against central differences in float64.</summary>
public sealed class GradientTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(100, 40)];

    /// <summary>The derivative of the first result along a random direction of all arguments and states, which catches an error in any of them.</summary>
    static void Check(Program program, Function function, int seed, double tolerance = 1e-6)
    {
        var sources = function.Parameters.Concat(function.States).Where(v => v.DType.IsFloat()).ToArray();
        var gradients = Differentiate.Function(program, function, [.. sources], "gradients");
        Verifier.Verify(program with { Functions = program.Functions.Add(gradients) });
        var binding = Running.Binding(program);
        var interpreter = new Interpreter(program with { Functions = program.Functions.Add(gradients) }, float64: true);
        var arguments = Running.Arguments(function, binding, seed);
        var states = Running.States(program, seed);
        var found = interpreter.Run("gradients", arguments, states, binding);

        TensorData Data(Value v) => v.State is { } path ? states[path] : arguments[function.Parameters.IndexOf(v)];
        foreach (var source in sources)
        {
            var at = gradients.ResultNames.IndexOf("gradient." + (source.State ?? source.Name));
            var data = Data(source);
            var random = new Random(seed);
            var direction = Enumerable.Range(0, (int)data.Size).Select(_ => random.NextDouble() - 0.5).ToArray();
            var expected = at < 0 ? 0 : direction.Select((d, i) => d * found.Results[at].Real[i]).Sum();
            double Shifted(double step)
            {
                for (var i = 0; i < direction.Length; i++) data.Real[i] += step * direction[i];
                var value = interpreter.Run(function.Name, arguments, states, binding).Results[0].Real.Sum();
                for (var i = 0; i < direction.Length; i++) data.Real[i] -= step * direction[i];
                return value;
            }
            const double Step = 1e-5;
            var measured = (Shifted(Step) - Shifted(-Step)) / (2 * Step);
            Assert.True(Math.Abs(measured - expected) <= tolerance * (1 + Math.Abs(measured)), $"seed {seed}, gradient of {source}: rule {expected:R}, difference {measured:R}");
        }
    }

    static void Check(string text, int seed = 1)
    {
        var program = Verifier.Verify(ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 3\n" + text, OperationTable.Set));
        Check(program, program.Find("f")!, seed);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Gradients_of_random_programs_agree_with_differences(int seed)
    {
        var program = RandomProgram.Create(seed);
        Check(program, program.Find("forward_loss")!, seed, 1e-5);
    }

    [Fact]
    public void Several_uses_add_up() => Check("func f(x: f32[B]) -> f32[]\n  %0 = mul x, x : f32[B]\n  %1 = mul %0, x : f32[B]\n  %2 = add %1, x : f32[B]\n  %3 = sum %2 {axes=[0], keep=false} : f32[]\n  return %3\n");

    [Fact]
    public void A_tensor_result_is_differentiated_as_its_sum() => Check("func f(x: f32[B,2]) -> f32[B,2]\n  %0 = exp x : f32[B,2]\n  return %0\n");

    [Fact]
    public void Broadcast_operands_get_the_sum() => Check("func f(x: f32[B,1,2], y: f32[3,1]) -> f32[]\n  %0 = mul x, y : f32[B,3,2]\n  %1 = sin %0 : f32[B,3,2]\n  %2 = sum %1 {axes=[0,1,2], keep=false} : f32[]\n  return %2\n");

    [Fact]
    public void Calls_are_differentiated() => Check("""
        func cube(x: f32[M]) -> (f32[M], f32[])
          %0 = mul x, x : f32[M]
          %1 = mul %0, x : f32[M]
          %2 = sum %1 {axes=[0], keep=false} : f32[]
          return %1, %2
        func f(x: f32[B], y: f32[4]) -> f32[]
          %0, %1 = call x {callee="cube"} : f32[B], f32[]
          %2, %3 = call y {callee="cube"} : f32[4], f32[]
          %4 = mul %1, %3 : f32[]
          return %4
        """);

    // An exponential moving average, a power and a matrix recurrence in one.
    const string Recurrence = """
        func f(c: f32[2], n: i64[], xs: f32[5,2], w: f32[2,2]) -> f32[]
          %0, %1, %2 = loop c, n, xs, w {carries=2, count=[5], REVERSEscanned=1} : f32[2], i64[], f32[5,2]
            region(i: i64[], c: f32[2], n: i64[], x: f32[2], w: f32[2,2])
              %0 = reshape c {shape=[1,2]} : f32[1,2]
              %1 = matmul %0, w : f32[1,2]
              %2 = reshape %1 {shape=[2]} : f32[2]
              %3 = mul %2, x : f32[2]
              %4 = tanh %3 : f32[2]
              %5 = add %4, c : f32[2]
              %6 = cast i {dtype="f32"} : f32[]
              %7 = mul %5, %6 : f32[2]
              %8 = exp x : f32[2]
              %9 = add n, i : i64[]
              %10 = mul %7, %8 : f32[2]
              return %5, %9, %10
          %3 = sum %0 {axes=[0], keep=false} : f32[]
          %4 = mul %2, %2 : f32[5,2]
          %5 = sum %4 {axes=[0,1], keep=false} : f32[]
          %6 = sin %3 : f32[]
          %7 = add %5, %6 : f32[]
          return %7
        """;

    [Theory]
    [InlineData("")]
    [InlineData("reverse=true, ")]
    public void Loops_are_differentiated_by_a_reversed_loop(string reverse) => Check(Recurrence.Replace("REVERSE", reverse, StringComparison.Ordinal));

    [Fact]
    public void Loops_in_loops_are_differentiated() => Check("""
        func f(c: f32[], xs: f32[3,4], w: f32[]) -> f32[]
          %0 = loop c, xs, w {carries=1, count=[3], scanned=1} : f32[]
            region(i: i64[], c: f32[], row: f32[4], w: f32[])
              %0, %1 = loop c, row, w {carries=1, count=[4], scanned=1} : f32[], f32[4]
                region(j: i64[], c: f32[], x: f32[], w: f32[])
                  %0 = mul c, w : f32[]
                  %1 = add %0, x : f32[]
                  %2 = sin %1 : f32[]
                  return %2, %0
              %2 = sum %1 {axes=[0], keep=false} : f32[]
              %3 = mul %2, %0 : f32[]
              return %3
          return %0
        """);

    [Theory]
    [InlineData(Recurrence)]
    [InlineData("func f(x: f32[B,3], w: f32[3,3]) -> f32[]\n  %0 = matmul x, w : f32[B,3]\n  %1 = gelu %0 {approximate=\"tanh\"} : f32[B,3]\n  %2 = softmax %1 {axis=1} : f32[B,3]\n  %3 = mul %2, x : f32[B,3]\n  %4 = sum %3 {axes=[0,1], keep=false} : f32[]\n  return %4\n")]
    [InlineData("func f(x: f32[B,3], w: f32[3]) -> f32[]\n  %0 = layer_norm x, w {epsilon=1E-05} : f32[B,3]\n  %1 = mul %0, %0 : f32[B,3]\n  %2 = silu %1 : f32[B,3]\n  %3 = mul %2, x : f32[B,3]\n  %4 = sum %3 {axes=[0,1], keep=false} : f32[]\n  return %4\n")]
    public void Gradients_can_be_differentiated_again(string text)
    {
        var program = ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 3\n" + text.Replace("REVERSE", "", StringComparison.Ordinal), OperationTable.Set);
        var f = program.Find("f")!;
        var first = Differentiate.Function(program, f, [.. f.Parameters.Where(p => p.DType.IsFloat())], "first");
        // The squared norm of the first gradient, as gradient penalties have it.
        var rewriter = Rewriter.Over(program, first);
        foreach (var node in first.Nodes) rewriter.Copy(node);
        Value? norm = null;
        foreach (var gradient in rewriter.New(first.Results.Skip(1)))
        {
            var square = rewriter.Builder.Sum(rewriter.Builder.Mul(gradient, gradient), Enumerable.Range(0, gradient.Shape.Rank), keep: false);
            norm = norm is null ? square : rewriter.Builder.Add(norm, square);
        }
        var penalty = rewriter.Builder.Build([norm!]);
        Check(program with { Functions = program.Functions.Add(penalty) }, penalty, 3, 1e-5);
    }

    [Fact]
    public void Only_the_paths_that_need_gradients_are_followed()
    {
        var program = ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 3\nfunc f(x: f32[B], y: f32[B]) -> f32[]\n  %0 = exp y : f32[B]\n  %1 = mul x, %0 : f32[B]\n  %2 = sum %1 {axes=[0], keep=false} : f32[]\n  return %2\n", OperationTable.Set);
        var f = program.Find("f")!;
        var gradients = Differentiate.Function(program, f, [f.Parameters[0]], "g");
        Assert.Equal(["result0", "gradient.x"], gradients.ResultNames.ToArray());
        // The gradient of x is exp(y), spread: nothing about y's own.
        Assert.Single(gradients.Nodes, n => n.Is("exp"));
        Assert.Single(gradients.Nodes.Skip(3), n => n.Is("mul"));
    }

    [Fact]
    public void An_operation_without_gradient_says_so()
    {
        var program = ProgramParser.Parse("program P version 1\nfunc f(x: f32[2]) -> f32[2]\n  %0 = fused x {archetype=\"map\"} : f32[2]\n    region(a: f32[2])\n      %0 = neg a : f32[2]\n      return %0\n  return %0\n", OperationTable.Set);
        var f = program.Find("f")!;
        Assert.Contains("fused", Assert.Throws<NotSupportedException>(() => Differentiate.Function(program, f, [f.Parameters[0]], "g")).Message, StringComparison.Ordinal);
    }
}
