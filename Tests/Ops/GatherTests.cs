using System;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>Picking by indices: along every axis, in every element type, and never from outside.</summary>
public sealed class GatherTests
{
    static AttributeMap Along(int axis) => AttributeMap.Of(("axis", axis));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Picks_and_their_gradients_are_those_of_the_reference(int axis)
    {
        var shape = new long[] { 3, 4, 5 };
        var picks = (long[])shape.Clone();
        picks[axis] = 6;
        var count = (int)picks.Aggregate(1L, (a, b) => a * b);
        TensorData x = new(DType.F32, shape, [.. Enumerable.Range(0, 60).Select(i => i * 0.25 - 3)]);
        TensorData index = new(DType.I32, picks, [.. Enumerable.Range(0, count).Select(i => i * 7 % shape[axis])]);
        TensorData dy = new(DType.F32, picks, [.. Enumerable.Range(0, count).Select(i => 1.0 / (i + 1))]);
        TensorType Type(TensorData t) => new(t.DType, new(t.Shape.Select(s => (Dim)s)));
        using var compiled = CompiledFunctions.Of([Type(x), Type(index), Type(dy)], (b, v) =>
        {
            var y = b.Apply("gather", [v[0], v[1]], Along(axis))[0];
            return [y, ReverseMode.Run(b, 0, [v[0]], [y], [v[2]])[v[0]]];
        });
        var (expected, actual) = (compiled.Reference("f", x, index, dy), compiled.Run("f", x, index, dy));
        Assert.Equal(expected[0].Real, actual[0].Real);
        for (var i = 0; i < 60; i++) Assert.Equal(expected[1].Real[i], actual[1].Real[i], 1e-6);
        // A kernel that picks and one that scatters; no comparison with every index of the axis.
        Assert.Equal(["gather", "gather_grad"], compiled.Lowered.Functions[0].Launches.Select(l => l.Title));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void An_index_outside_of_the_axis_is_refused(long id)
    {
        TensorData x = new(DType.F32, [2, 3], [1.0, 2, 3, 4, 5, 6]), index = new(DType.I64, [2, 1], [0, id]), dy = new(DType.F32, [2, 1], [1.0, 1]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 3)), new(DType.I64, Shape.Of(2, 1))], (b, v) => b.Apply("gather", v, Along(1)));
        using var gradient = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 1)), new(DType.I64, Shape.Of(2, 1))], (b, v) => [b.Emit("gather_grad", v, ("axis", 1), ("size", new[] { 3 }))]);
        // Computed in the model, so no call can look at it beforehand.
        using var computed = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 3)), new(DType.I64, Shape.Of(2, 1))], (b, v) => b.Apply("gather", [v[0], b.Mul(v[1], b.Constant(1, DType.I64))], Along(1)));
        Action[] calls =
        [
            () => compiled.Run("f", x, index), () => compiled.Reference("f", x, index), () => gradient.Run("f", dy, index), () => gradient.Reference("f", dy, index),
            () => computed.Run("f", x, index), () => Tensor.From([1f, 2, 3], 1, 3).Gather(Tensor.From([id], 1, 1)),
        ];
        foreach (var call in calls) Assert.Contains($"index {id} ", Assert.Throws<ArgumentOutOfRangeException>(call).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bits_of_the_gradient_do_not_depend_on_threads()
    {
        const int outer = 40, extent = 50, picks = 600, inner = 3;
        var random = new Random(3);
        var dy = Enumerable.Range(0, outer * picks * inner).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var ids = dy.Select(_ => random.Next(extent)).ToArray();
        float[] Run(int threads)
        {
            using var compiled = new CompiledFunctions(ProgramParser.Parse($$"""
                program Test version 1
                func f(dy: f32[{{outer}},{{picks}},{{inner}}], i: i32[{{outer}},{{picks}},{{inner}}]) -> f32[{{outer}},{{extent}},{{inner}}]
                  %0 = gather_grad dy, i {axis=1, size=[{{extent}}]}
                  return %0

                """, OperationTable.Set), threads: threads);
            var result = compiled.Run("f", new TensorData(DType.F32, [outer, picks, inner], [.. dy.Select(x => (double)x)]), new TensorData(DType.I32, [outer, picks, inner], [.. ids.Select(i => (long)i)]))[0];
            return [.. Enumerable.Range(0, (int)result.Size).Select(i => (float)result[i])];
        }
        var one = Run(1);
        Assert.Equal(one, Run(3));
        Assert.Equal(dy.Sum(v => (double)v), one.Sum(v => (double)v), 1e-2);
    }
}
