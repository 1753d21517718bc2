using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets.CSharp;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Targets;

/// <summary>Functions of real numbers: one row that says what they mean, and one a target that computes it.</summary>
public sealed class ScalarFunctionTests
{
    /// <summary>One function as an operation.</summary>
    sealed class FunctionOperation(ScalarFunction function) : ElementwiseOperation
    {
        public override string Name => "function_" + function.Op.ToString().ToLowerInvariant();
        public override int Arity => function.Arity;
        public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Function(function.Op, x);
    }

    static readonly ScalarOp[] Others =
    [
        ScalarOp.Input, ScalarOp.Constant, ScalarOp.Add, ScalarOp.Sub, ScalarOp.Mul, ScalarOp.Div, ScalarOp.Remainder, ScalarOp.Neg, ScalarOp.Abs, ScalarOp.Min, ScalarOp.Max, ScalarOp.Fma, ScalarOp.Equal, ScalarOp.Less,
        ScalarOp.LessEqual, ScalarOp.And, ScalarOp.Or, ScalarOp.Not, ScalarOp.Select, ScalarOp.Cast, ScalarOp.AxisIndex, ScalarOp.LinearIndex, ScalarOp.Place, ScalarOp.Dimension, ScalarOp.Uniform, ScalarOp.BitCast,
        ScalarOp.ShiftLeft, ScalarOp.ShiftRight, ScalarOp.BitAnd, ScalarOp.BitOr, ScalarOp.BitXor,
    ];

    [Fact]
    public void Every_scalar_operation_is_a_function_with_a_meaning_or_one_of_those_that_types_decide() =>
        Assert.Equal(Enum.GetValues<ScalarOp>().Order(), Others.Concat(ScalarFunctions.All.Select(f => f.Op)).Order());

    [Fact]
    public void The_target_has_a_row_for_every_function_and_names_what_it_has_none_for()
    {
        Assert.All(ScalarFunctions.All, f => Assert.True(FunctionText.Has(f.Op), $"{f.Op}"));
        Assert.All(Others, op => Assert.False(FunctionText.Has(op)));
        Assert.Contains("Select", Assert.Throws<NotSupportedException>(() => FunctionText.Of(ScalarOp.Select)).Message, StringComparison.Ordinal);
        Assert.Contains("Select", Assert.Throws<ArgumentException>(() => Scalar.Function(ScalarOp.Select, Scalar.Input(0, DType.F32))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Scalar.Function(ScalarOp.Exp, Scalar.Input(0, DType.F32), Scalar.Input(1, DType.F32)));
    }

    // Small and large, between all of them, and what is no number.
    static readonly float[] Grid =
    [
        .. from sign in (float[])[1, -1] from e in Enumerable.Range(-12, 25) from m in (float[])[1, 1.2f, 1.37f, 1.5f, 1.9f] select sign * m * MathF.Pow(2, e),
        0, -0f, 1e-40f, 1e30f, -1e30f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 0.5f, 2.5f, -2.5f,
    ];

    [Theory]
    [InlineData(DType.F64)]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Every_row_computes_what_its_function_means_and_alike_for_every_width(DType type)
    {
        float[] second = [-2, -0.5f, 0, 1, 3, 2.5f, float.NaN];
        (double X, double Y)[] pairs = [.. from x in Grid from y in second select (Rounding.Round(x, type), Rounding.Round(y, type))];
        TensorData[] operands = [new(type, [pairs.Length], [.. pairs.Select(p => p.X)]), new(type, [pairs.Length], [.. pairs.Select(p => p.Y)])];
        double[][]? first = null;
        foreach (var width in new[] { 512, 256, 128 })
        {
            var operand = new TensorType(type, Shape.Of(pairs.Length));
            using var compiled = CompiledFunctions.Of([operand, operand], (b, v) => [.. ScalarFunctions.All.Select(f => b.Node(new FunctionOperation(f), v[..f.Arity]).Output)], width);
            double[][] actual = [.. compiled.Run("f", operands).Select(r => r.Real)];
            foreach (var (function, values) in ScalarFunctions.All.Zip(actual))
                for (var i = 0; i < pairs.Length; i++)
                {
                    var expected = function.Value(pairs[i].X, pairs[i].Y);
                    Assert.True(IsNear(expected, values[i], type), FormattableString.Invariant($"{function.Op}({pairs[i].X:R}, {pairs[i].Y:R}) is {expected:R}, but got {values[i]:R}"));
                }
            Assert.Equal(first ??= actual, actual);
        }
    }

    static bool IsNear(double expected, double actual, DType type)
    {
        if (double.IsNaN(expected)) return double.IsNaN(actual);
        var rounded = Rounding.Round(expected, type);
        var (relative, smallest) = type switch { DType.F64 => (1e-13, 1e-300), DType.F32 => (3e-7, 1e-44), DType.F16 => (1e-3, 6e-8), _ => (8e-3, 1e-40) };
        if (double.IsInfinity(rounded) || double.IsInfinity(actual)) return rounded == actual || (Math.Abs(actual) > 3e38 && Math.Sign(actual) == Math.Sign(rounded));
        return Math.Abs(rounded - actual) <= relative * Math.Abs(rounded) + smallest;
    }
}
