using System;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Where convolutions write.</summary>
public sealed class ConvolutionPlaceTests
{
    /// <summary>What a kernel writes one element behind the other is put where it shall be, also when it makes what it reads.</summary>
    [Theory]
    [InlineData("f32")]
    [InlineData("f64")]
    [InlineData("bf16")]
    public void A_convolution_with_a_body_becomes_a_part_of_a_whole(string type)
    {
        var source = ProgramParser.Parse($$"""
            program Test version 1
            dim B ≤ 8 ~ 3
            func f(x: {{type}}[B,5,6,7], w: {{type}}[4,5,1,1], y: {{type}}[B,2,6,7]) -> {{type}}[B,6,6,7]
              %0 = mul x, x : {{type}}[B,5,6,7]
              %1 = conv2d %0, w {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]} : {{type}}[B,4,6,7]
              %2 = concat y, %1 {axis=1} : {{type}}[B,6,6,7]
              return %2

            """, OperationTable.Set);
        using var compiled = new CompiledFunctions(source);
        var binding = DimBinding.Empty.With("B", 3);
        TensorData[] arguments = [.. source.Functions[0].Parameters.Select(p => Drawn(p, binding, 3))];
        var (expected, actual) = (compiled.Reference("f", binding, arguments)[0], compiled.Run("f", binding, arguments)[0]);
        for (long i = 0; i < expected.Size; i++) Assert.True(Math.Abs(expected[i] - actual[i]) <= (type == "bf16" ? 2e-2 : 1e-5) * (1 + Math.Abs(expected[i])), $"element {i} is {actual[i]:R}, expected {expected[i]:R}");
    }

    static TensorData Drawn(Value parameter, DimBinding binding, int seed)
    {
        var data = new TensorData(parameter.DType, parameter.Shape.Evaluate(binding));
        var random = new Random(seed + parameter.Name![0]);
        for (long i = 0; i < data.Size; i++) data[i] = Rounding.Round(random.NextDouble() * 2 - 1, parameter.DType);
        return data;
    }
}
