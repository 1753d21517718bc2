using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Xunit;

namespace Graph.Tests.Goldens;

public class OperationGoldenTests
{
    public static TheoryData<string> Cases => [.. Golden.All().Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Values_and_gradients_are_those_of_PyTorch(string name)
    {
        var golden = Golden.All()[name];
        var program = GoldenProgram.Build(golden, DType.F64);
        Verifier.Verify(program);
        var results = new Interpreter(program).Run("f", GoldenProgram.Arguments(golden, DType.F64), new Dictionary<string, TensorData>(), DimBinding.Empty).Results;
        for (var i = 0; i < golden.Outputs.Length; i++)
        {
            Assert.Equal(golden.Outputs[i].Shape.Select(size => (long)size), results[i].Shape);
            Near(golden.Outputs[i].Values, results[i], $"result {i}");
        }
        var gradients = golden.Inputs.Where(input => golden.Gradients?.ContainsKey(input.Name) == true).Select(input => input.Name).ToArray();
        Assert.Equal(golden.Outputs.Length + gradients.Length, results.Length);
        for (var i = 0; i < gradients.Length; i++)
            Near(golden.Gradients![gradients[i]], results[golden.Outputs.Length + i], $"gradient of {gradients[i]}");
    }

    static void Near(IReadOnlyList<double> expected, TensorData actual, string what)
    {
        Assert.Equal(expected.Count, actual.Size);
        // Rounding grows with the largest number that takes part, not with each result.
        var bound = 1e-12 * Math.Max(1, expected.Max(Math.Abs));
        for (var i = 0; i < expected.Count; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= bound, $"{what}[{i}] is {actual[i]:R}, but PyTorch says {expected[i]:R}");
    }
}
