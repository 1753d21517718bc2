using System;
using System.Collections.Immutable;
using System.Linq;
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
        var terms = dim.Terms.ToArray();
        coefficients = [.. terms.Select(t => t.Coefficient)];
        factors = [.. terms.Select(t => t.Symbols.Select(s => symbols.IndexOf(s) is >= 0 and var i ? i : throw new ArgumentException($"The dimension {dim} has the unknown symbol {s}.", nameof(dim))).ToArray())];
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
