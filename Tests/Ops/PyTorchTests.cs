using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Ops;

public class PyTorchTests
{
    public static TheoryData<string> Names => [.. GoldenCases.All.Keys.OrderBy(k => k, StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_and_gradients_are_those_of_PyTorch(string name)
    {
        var golden = GoldenCases.All[name];
        var test = GoldenCases.Case(name);
        var values = test.Run(test.Build(0), test.Inputs);
        for (var i = 0; i < golden.Outputs.Length; i++)
        {
            Assert.Equal(golden.Outputs[i].Shape.Select(d => (long)d), values[i].Shape);
            Assert.InRange(Difference(golden.Outputs[i].Values, values[i]), 0, 1e-12);
        }
        if (golden.Gradients is null) return;
        var gradients = test.Run(test.Build(1), test.Inputs).Skip(1).ToArray();
        for (var g = 0; g < gradients.Length; g++)
            if (golden.Gradients.TryGetValue(golden.Inputs[test.Reals[g]].Name, out var expected)) Assert.InRange(Difference(expected, gradients[g]), 0, 1e-11);
    }

    // Relative to the largest element, or to 1 where all are smaller.
    static double Difference(IReadOnlyList<double> expected, TensorData actual)
    {
        Assert.Equal(expected.Count, actual.Size);
        var scale = expected.Select(Math.Abs).Append(1).Max();
        return expected.Select((e, i) => Math.Abs(e - actual[i]) / scale).Append(0).Max();
    }

    // At a kink or a tie there is no derivative to compare with, and beside −1e9 no digit of a difference is left.
    public static TheoryData<string> Smooth => [.. GoldenCases.All.Where(p => p.Value.Gradients is not null && !p.Key.Contains("at_zero") && !p.Key.Contains("ties") && !p.Key.Contains("masked_fill")).Select(p => p.Key).OrderBy(k => k, StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Smooth))]
    public void Gradients_are_the_limits_of_differences(string name) => Assert.InRange(GoldenCases.Case(name).GradientError(1), 0, 1e-7);

    [Theory]
    [MemberData(nameof(Smooth))]
    public void Gradients_have_gradients(string name) => Assert.InRange(GoldenCases.Case(name).GradientError(2), 0, 1e-6);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_program_reads_back_as_it_was_printed(string name)
    {
        var test = GoldenCases.Case(name);
        for (var order = 0; order <= (GoldenCases.All[name].Gradients is null ? 0 : 1); order++)
        {
            var program = Verifier.Verify(test.Build(order));
            var text = program.ToString();
            Assert.Equal(text, Verifier.Verify(ProgramParser.Parse(text, OperationTable.Set)).ToString());
        }
    }
}
