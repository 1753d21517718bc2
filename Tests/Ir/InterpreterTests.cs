using System;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ir;

public sealed class InterpreterTests
{
    static readonly ImmutableDictionary<string, TensorData> NoStates = ImmutableDictionary<string, TensorData>.Empty;

    static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 4\ndim N ≤ 8 ~ 4\n" + text, OperationTable.Set);

    static TensorData Real(long[] shape, params double[] values) => new(DType.F32, shape, values);

    static DimBinding At(long b) => new([new("B", b), new("N", 1)]);

    [Fact]
    public void A_call_takes_its_sizes_from_the_operands()
    {
        var program = Parse("""
            func total(x: f32[N]) -> f32[]
              %0 = sum x {axes=[0], keep=false} : f32[]
              return %0
            func f(x: f32[B], y: f32[3]) -> f32[]
              %0 = call x {callee="total"} : f32[]
              %1 = call y {callee="total"} : f32[]
              %2 = add %0, %1 : f32[]
              return %2
            """);
        var result = new Interpreter(program).Run("f", [Real([2], 1, 2), Real([3], 10, 20, 30)], NoStates, At(2));
        Assert.Equal(63, result.Results[0].Real[0]);
    }

    const string Loop = """
        func f(c: f32[], xs: f32[4], w: f32[]) -> (f32[], f32[4])
          %0, %1 = loop c, xs, w {carries=1, count=[4], REVERSE scanned=1} : f32[], f32[4]
              region(i: i64[], c: f32[], x: f32[], w: f32[])
                %0 = mul c, w : f32[]
                %1 = add %0, x : f32[]
                return %1, %0
          return %0, %1
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_loop_carries_slices_and_stacks(bool reverse)
    {
        var program = Parse(Loop.Replace("REVERSE", reverse ? "reverse=true," : "", StringComparison.Ordinal));
        var result = new Interpreter(program).Run("f", [TensorData.Scalar(40.0, DType.F32), Real([4], 1, 2, 3, 4), TensorData.Scalar(2.0, DType.F32)], NoStates, At(1));
        var (stacked, carry) = (new double[4], 40.0);
        for (var step = 0; step < 4; step++)
        {
            var i = reverse ? 3 - step : step;
            stacked[i] = carry * 2;
            carry = stacked[i] + i + 1;
        }
        Assert.Equal(carry, result.Results[0].Real[0]);
        Assert.Equal(stacked, result.Results[1].Real);
    }

    [Fact]
    public void Float32_rounds_every_result_and_float64_none()
    {
        var program = Parse("func f(x: f32[]) -> f32[]\n  %0 = exp x : f32[]\n  return %0\n");
        var x = TensorData.Scalar(0.7, DType.F32);
        Assert.Equal((float)Math.Exp((float)0.7), new Interpreter(program).Run("f", [TensorData.Scalar((float)0.7, DType.F32)], NoStates, At(1)).Results[0].Real[0]);
        Assert.Equal(Math.Exp(0.7), new Interpreter(program, float64: true).Run("f", [x], NoStates, At(1)).Results[0].Real[0]);
    }

    [Fact]
    public void New_states_come_back_beside_the_results()
    {
        var program = Parse("state n : f32[] = zeros\nfunc f(x: f32[]) -> f32[]\n  %0 = add @n, x : f32[]\n  state n = %0\n  return x\n");
        var result = new Interpreter(program).Run("f", [TensorData.Scalar(2.0, DType.F32)], NoStates.Add("n", TensorData.Scalar(3.0, DType.F32)), At(1));
        Assert.Equal(5, result.States["n"].Real[0]);
        Assert.Equal(2, result.Results[0].Real[0]);
    }

    [Fact]
    public void Missing_or_wrong_arguments_are_named()
    {
        var interpreter = new Interpreter(Parse("param w : f32[2] = zeros\nfunc f(x: f32[B]) -> f32[2]\n  return @w\n"));
        Assert.Contains("no function g", Assert.Throws<ArgumentException>(() => interpreter.Run("g", [], NoStates, At(1))).Message, StringComparison.Ordinal);
        Assert.Contains("takes 1 arguments", Assert.Throws<ArgumentException>(() => interpreter.Run("f", [], NoStates, At(1))).Message, StringComparison.Ordinal);
        Assert.Contains("expected [3]", Assert.Throws<ArgumentException>(() => interpreter.Run("f", [Real([2], 1, 2)], NoStates, At(3))).Message, StringComparison.Ordinal);
        Assert.Contains("state w", Assert.Throws<ArgumentException>(() => interpreter.Run("f", [Real([1], 1)], NoStates, At(1))).Message, StringComparison.Ordinal);
    }
}
