using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Compiler;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>A reversed axis is a negative stride: nothing is copied for it, and every kernel reads and writes it.</summary>
public sealed class FlipTests
{
    static Value Flip(Builder b, Value x, params int[] axes) => b.Apply("flip", [x], AttributeMap.Of(("axes", axes)))[0];

    static TensorData Numbers(params long[] shape) => new(DType.F32, shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => i * 37 % 101 / 16.0 - 3)]);

    static void Agree(CompiledFunctions compiled, params TensorData[] x)
    {
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++) Assert.Equal(expected[r][i], actual[r][i], 1e-4 * Math.Max(1, Math.Abs(expected[r][i])));
    }

    static CompiledFunctions Compile(TensorData[] x, Func<Builder, ImmutableArray<Value>, ImmutableArray<Value>> body, int width = 0) =>
        CompiledFunctions.Of(x.Select(t => new TensorType(t.DType, new(t.Shape.Select(s => (Dim)s)))), body, width);

    static string[] Titles(CompiledFunctions compiled) => [.. compiled.Lowered.Functions[0].Launches.Select(l => string.Concat(l.Title.TakeWhile(c => !char.IsDigit(c))))];

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Loops_read_it_in_place(int width)
    {
        TensorData[] x = [Numbers(5, 70), Numbers(5, 70)];
        using var compiled = Compile(x, (b, v) => [b.Add(Flip(b, v[0], 1), b.Mul(v[1], Flip(b, v[1], 0, 1))), b.Sum(b.Exp(Flip(b, v[0], 1)), [1], keep: false), b.Sum(Flip(b, v[1], 0), [0], keep: false)], width);
        Agree(compiled, x);
        Assert.DoesNotContain("copy", compiled.Lowered.Functions[0].Buffers.Select(f => f.Name));
    }

    [Fact]
    public void A_kernel_in_front_of_it_writes_from_the_end()
    {
        TensorData[] x = [Numbers(3, 33)];
        using var compiled = Compile(x, (b, v) => [Flip(b, b.Exp(v[0]), 0, 1), Flip(b, b.Reshape(b.Sum(v[0], [1], keep: false), Shape.Of(3)), 0)]);
        Agree(compiled, x);
        Assert.Equal(2, Titles(compiled).Length);
    }

    [Fact]
    public void Products_and_convolutions_take_it()
    {
        TensorData[] x = [Numbers(6, 9), Numbers(9, 7), Numbers(2, 3, 6, 6), Numbers(4, 3, 3, 3)];
        using var compiled = Compile(x, (b, v) => [b.MatMul(Flip(b, v[0], 0, 1), Flip(b, v[1], 0)), b.Emit("conv2d", [v[2], Flip(b, v[3], 2, 3)]), b.MatMul(v[0], b.Exp(Flip(b, v[1], 1)))]);
        Agree(compiled, x);
    }

    [Fact]
    public void A_flip_beside_itself_and_its_gradient_are_right()
    {
        TensorData[] x = [Numbers(4, 6), Numbers(4, 6)];
        using var compiled = Compile(x, (b, v) =>
        {
            var y = b.Mul(v[0], Flip(b, v[0], 0));
            return [y, ReverseMode.Run(b, 0, [v[0]], [y], [v[1]])[v[0]]];
        });
        Agree(compiled, x);
    }

    [Fact]
    public void It_stands_in_a_concatenation_and_after_a_slice()
    {
        TensorData[] x = [Numbers(4, 6)];
        using var compiled = Compile(x, (b, v) => b.Apply("concat", [v[0], Flip(b, v[0], 1), Flip(b, b.Slice(b.Neg(v[0]), 1, 1, 4), 1, 0)], AttributeMap.Of(("axis", 1))));
        Agree(compiled, x);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    public void The_axis_may_have_a_name(long length)
    {
        var program = new Program("named", [new("N", 16, 8)], [], [], Graph.Operations.OperationTable.Set);
        var b = new Builder(program, "f");
        var x = b.Argument(new(DType.F32, Shape.Of(Dim.Symbol("N"), 3)), "x");
        using var compiled = new CompiledFunctions(program with { Functions = [b.Build([Flip(b, x, 0), b.Add(x, Flip(b, b.Tanh(x), 0))])] });
        var binding = DimBinding.Empty.With("N", length);
        var numbers = Numbers(length, 3);
        var (expected, actual) = (compiled.Reference("f", binding, numbers), compiled.Run("f", binding, [numbers]));
        for (var r = 0; r < 2; r++)
            for (long i = 0; i < expected[r].Size; i++) Assert.Equal(expected[r][i], actual[r][i], 1e-5);
    }

    [Fact]
    public void A_wrong_axis_is_refused()
    {
        var b = new Builder(new Program("p", [], [], [], Graph.Operations.OperationTable.Set), "f");
        var x = b.Argument(new(DType.F32, Shape.Of(2, 3)), "x");
        Assert.Equal("GR2002", Assert.Throws<ShapeException>(() => Flip(b, x, 2)).Id);
        Assert.Equal("GR2002", Assert.Throws<ShapeException>(() => Flip(b, x, 0, -2)).Id);
    }
}
