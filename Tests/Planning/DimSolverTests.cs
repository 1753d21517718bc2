using System;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Xunit;

namespace Graph.Tests.Planning;

public sealed class DimSolverTests
{
    static readonly Dim B = Dim.Symbol("B"), T = Dim.Symbol("T");
    static readonly ImmutableArray<DimSymbol> Dims = [new("B", 256, 64), new("T", 128, 32)];

    static DimSolver Solver(params (string Name, Shape Shape)[] parameters) =>
        new([.. System.Linq.Enumerable.Select(parameters, p => new NamedTensor(p.Name, new(DType.F32, p.Shape)))], Dims);

    static long[] Solve(DimSolver solver, long[] lengths, params long[] stated)
    {
        var values = new long[solver.Symbols.Length];
        solver.Solve("f", lengths, stated, values);
        return values;
    }

    [Fact]
    public void A_batch_size_follows_from_the_length() => Assert.Equal([2], Solve(Solver(("image", Shape.Of(B, 1, 8, 8)), ("label", Shape.Of(B))), [128, 2]));

    [Fact]
    public void One_argument_can_give_what_another_needs() => Assert.Equal([3, 5], Solve(Solver(("tokens", Shape.Of(B, T)), ("length", Shape.Of(B))), [15, 3]));

    [Fact]
    public void What_no_length_gives_is_stated()
    {
        var solver = Solver(("tokens", Shape.Of(B, T)));
        Assert.Equal("B", Assert.Single(solver.Undetermined));
        Assert.Equal([3, 5], Solve(solver, [15], 3));
        Assert.Contains("[B] to be stated", Assert.Throws<ArgumentException>(() => Solve(solver, [15])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_length_that_is_no_whole_number_of_samples_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => Solve(Solver(("image", Shape.Of(B, 1, 8, 8))), [100]));
        Assert.Equal("image", error.ParamName);
        Assert.StartsWith("f: image holds 100 elements, but its shape is [B, 1, 8, 8]: expected a multiple of 64, one B being [1, 8, 8].", error.Message, StringComparison.Ordinal);
    }
}
