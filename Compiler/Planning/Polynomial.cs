using System;
using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Planning;

/// <summary>A <see cref="Dim"/> over numbered symbols: evaluated at every call, without allocating.</summary>
public sealed class Polynomial
{
    readonly long[] coefficients;
    readonly int[][] factors;

    /// <exception cref="ArgumentException">A symbol of <paramref name="dim"/> is not among <paramref name="symbols"/>.</exception>
    public Polynomial(Dim dim, ImmutableArray<string> symbols)
    {
        (coefficients, factors) = (new long[dim.TermCount], new int[dim.TermCount][]);
        for (var t = 0; t < coefficients.Length; t++)
        {
            coefficients[t] = dim.TermAt(t, out var names);
            factors[t] = new int[names.Length];
            for (var i = 0; i < names.Length; i++)
                factors[t][i] = symbols.IndexOf(names[i]) is >= 0 and var at ? at : throw new ArgumentException($"The dimension {dim} has the unknown symbol {names[i]}.", nameof(dim));
        }
    }

    public long Evaluate(ReadOnlySpan<long> values)
    {
        long sum = 0;
        for (var t = 0; t < coefficients.Length; t++)
        {
            var product = coefficients[t];
            foreach (var factor in factors[t]) product = checked(product * values[factor]);
            sum = checked(sum + product);
        }
        return sum;
    }
}
