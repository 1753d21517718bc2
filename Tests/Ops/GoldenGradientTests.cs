using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Tests.Goldens;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>The applications that PyTorch was asked about, differentiated twice.</summary>
public class GoldenGradientTests
{
    // At a kink or a tie there is no derivative to compare with, and beside −1e9 no digit of a difference is left; the family of edges is made of such places.
    public static TheoryData<string> Smooth =>
    [
        .. Golden.All().Values.Except(Golden.Operations("edges"), ByName).Where(g => g.Gradients is not null && g.Operation != "masked_fill" && !g.Name.Contains("at_zero", StringComparison.Ordinal) && !g.Name.Contains("ties", StringComparison.Ordinal))
            .Select(g => g.Name).Order(StringComparer.Ordinal),
    ];

    static IEqualityComparer<OperationGolden> ByName => EqualityComparer<OperationGolden>.Create((a, b) => a?.Name == b?.Name, g => g.Name.GetHashCode(StringComparison.Ordinal));

    static OperationCase Case(string name)
    {
        var golden = Golden.All()[name];
        return new(name, (b, x) => [.. GoldenProgram.Apply(b, golden, [.. x])], GoldenProgram.Arguments(golden, DType.F64)[..golden.Inputs.Length]);
    }

    [Theory]
    [MemberData(nameof(Smooth))]
    public void Gradients_are_the_limits_of_differences(string name) => Assert.InRange(Case(name).GradientError(1), 0, 1e-7);

    [Theory]
    [MemberData(nameof(Smooth))]
    public void Gradients_have_gradients(string name) => Assert.InRange(Case(name).GradientError(2), 0, 1e-6);

    [Theory]
    [MemberData(nameof(Smooth))]
    public void Programs_read_back_as_they_were_printed(string name)
    {
        var text = ProgramPrinter.Print(Verifier.Verify(Case(name).Build(1)));
        Assert.Equal(text, ProgramPrinter.Print(Verifier.Verify(ProgramParser.Parse(text, OperationTable.Set))));
    }
}
