using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>Roots of sums have no derivative at 0; as in PyTorch the gradient there is 0, and elsewhere it is what it was.</summary>
public sealed class ZeroNormTests
{
    public static TheoryData<string, int?, bool, double[]> Cases => new()
    {
        // Rows of (0, 0, 0) and (3, 0, 4); all elements; columns, of which the middle one is 0.
        { "norm", 1, false, [0, 0, 0, 0.6, 0, 0.8] },
        { "norm", 1, true, [0, 0, 0, 0.6, 0, 0.8] },
        { "norm", -1, false, [0, 0, 0, 0.6, 0, 0.8] },
        { "norm", 0, false, [0, 0, 0, 1, 0, 1] },
        { "norm", null, false, [0, 0, 0, 0.6, 0, 0.8] },
        { "std", 0, false, [-0.5, 0, -0.5, 0.5, 0, 0.5] },
        { "std", 0, true, [-0.5, 0, -0.5, 0.5, 0, 0.5] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_gradient_of_zero_is_zero(string operation, int? axis, bool keep, double[] expected)
    {
        TensorData x = new(DType.F32, [2, 3], [0.0, 0, 0, 3, 0, 4]);
        var attributes = axis is { } a ? AttributeMap.Of(("axis", a), ("keep", keep)) : AttributeMap.Empty;
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(2, 3))], (b, v) =>
        {
            var y = b.Apply(operation, v, attributes)[0];
            return [ReverseMode.Run(b, 0, [v[0]], [y], [b.Full(1, y.Type)])[v[0]]];
        });
        foreach (var gradient in new[] { compiled.Reference("f", x)[0], compiled.Run("f", x)[0] })
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], gradient[i], 1e-6);
    }

    [Fact]
    public void All_zeros_have_a_norm_without_a_direction()
    {
        TensorData x = new(DType.F32, [5], new double[5]);
        using var compiled = CompiledFunctions.Of([new(DType.F32, Shape.Of(5))], (b, v) =>
        {
            var y = b.Apply("norm", v)[0];
            return [y, ReverseMode.Run(b, 0, [v[0]], [y], [b.Constant(1, DType.F32)])[v[0]]];
        });
        foreach (var results in new[] { [.. compiled.Reference("f", x)], compiled.Run("f", x) })
            Assert.Equal(new double[6], results.SelectMany(r => r.Real));
    }
}
