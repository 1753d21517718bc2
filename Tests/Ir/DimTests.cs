using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Xunit;

namespace Graph.Tests.Ir;

public sealed class DimTests
{
    static readonly string[] Names = ["B", "T", "N"];

    static Dim Random(Random random, int terms = 3)
    {
        var sum = Dim.Zero;
        for (var t = random.Next(terms + 1); t >= 0; t--)
        {
            Dim product = random.Next(-4, 5);
            for (var f = random.Next(3); f > 0; f--) product *= Dim.Symbol(Names[random.Next(Names.Length)]);
            sum += product;
        }
        return sum;
    }

    static DimBinding Binding(Random random) => new(Names.Select(n => new KeyValuePair<string, long>(n, random.Next(1, 20))));

    [Fact]
    public void Evaluation_commutes_with_arithmetic()
    {
        var random = new Random(1);
        for (var i = 0; i < 500; i++)
        {
            var (a, b, at) = (Random(random), Random(random), Binding(random));
            Assert.Equal(a.Evaluate(at) + b.Evaluate(at), (a + b).Evaluate(at));
            Assert.Equal(a.Evaluate(at) - b.Evaluate(at), (a - b).Evaluate(at));
            Assert.Equal(a.Evaluate(at) * b.Evaluate(at), (a * b).Evaluate(at));
        }
    }

    [Fact]
    public void Equal_polynomials_are_equal_whatever_the_way_they_were_made()
    {
        var random = new Random(2);
        for (var i = 0; i < 300; i++)
        {
            var (a, b, c) = (Random(random), Random(random), Random(random));
            Assert.Equal(a * (b + c), c * a + b * a);
            Assert.Equal((a * (b + c)).GetHashCode(), (c * a + b * a).GetHashCode());
            Assert.Equal(Dim.Zero, a - a);
        }
    }

    [Fact]
    public void A_product_divides_by_its_factors()
    {
        var random = new Random(3);
        for (var i = 0; i < 500; i++)
        {
            var (a, b) = (Random(random), Random(random));
            if (b == Dim.Zero) continue;
            if (Dim.TryDivide(a * b, b, out var quotient)) Assert.Equal(a * b, quotient * b);
            else Assert.True(b.Symbols.Any()); // several terms: only leading terms are tried
        }
    }

    [Theory]
    [InlineData("2*B*T", "B", "2*T")]
    [InlineData("6*B", "4", null)]
    [InlineData("B", "T", null)]
    [InlineData("B*T+B", "B", "T+1")]
    [InlineData("B*T+B", "T+1", "B")]
    [InlineData("0", "B", "0")]
    [InlineData("B", "0", null)]
    public void Division_is_exact_or_refused(string dividend, string divisor, string? expected)
    {
        Assert.Equal(expected is not null, Dim.TryDivide(Dim.Parse(dividend), Dim.Parse(divisor), out var quotient));
        if (expected is not null) Assert.Equal(Dim.Parse(expected), quotient);
    }

    [Fact]
    public void Text_reads_back()
    {
        var random = new Random(4);
        for (var i = 0; i < 300; i++)
        {
            var a = Random(random);
            Assert.Equal(a, Dim.Parse(a.ToString()));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("B*")]
    [InlineData("+")]
    [InlineData("B++T")]
    public void Text_that_is_no_polynomial_is_refused(string text) => Assert.Throws<FormatException>(() => Dim.Parse(text));

    [Fact]
    public void Substitution_replaces_symbols_by_polynomials()
    {
        var dim = Dim.Parse("B*T+2*B-1");
        var replaced = dim.Substitute(new Dictionary<string, Dim> { ["B"] = Dim.Parse("T+1") });
        Assert.Equal(Dim.Parse("T*T+3*T+1"), replaced);
    }

    [Fact]
    public void Overflow_is_an_error_and_no_wrong_size()
    {
        var huge = Dim.Symbol("B") * (1L << 40);
        Assert.Throws<OverflowException>(() => huge * huge);
        Assert.Throws<OverflowException>(() => huge.Evaluate(new([new("B", 1L << 40)])));
    }

    [Fact]
    public void A_symbol_without_value_names_itself()
    {
        var e = Assert.Throws<KeyNotFoundException>(() => Dim.Symbol("B").Evaluate(DimBinding.Empty));
        Assert.Contains("B", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_binding_is_its_symbols_and_values_by_name()
    {
        var binding = new DimBinding([new("T", 5), new("B", 2), new("a", 7), new("B", 2)]);
        Assert.Equal("B=2 T=5 a=7", binding.ToString());
        Assert.Equal(["B", "T", "a"], binding.Values.Select(v => v.Key));
        Assert.Equal((2L, 5L, 7L), (binding["B"], binding["T"], binding["a"]));
        Assert.Equal(binding, DimBinding.Empty.With("a", 7).With("T", 4).With("B", 2).With("T", 5));
        Assert.Equal(binding.GetHashCode(), DimBinding.Empty.With("a", 7).With("T", 5).With("B", 2).GetHashCode());
        Assert.NotEqual(binding, binding.With("T", 6));
        Assert.NotEqual(binding, binding.With("S", 1));
        Assert.Equal(5, binding["T"]); // what With gives is another one
        Assert.Equal("", DimBinding.Empty.ToString());
        Assert.Contains("T is 5 and 6", Assert.Throws<ArgumentException>(() => new DimBinding([new("T", 5), new("T", 6)])).Message, StringComparison.Ordinal);
        Assert.Contains("dimension S", Assert.Throws<KeyNotFoundException>(() => binding["S"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_symbols_of_a_size_are_sorted_and_once_each()
    {
        var size = Dim.Parse("2*B*T+T*T+B-3*S");
        Assert.Equal(["B", "S", "T"], size.Symbols);
        List<string> names = ["T"];
        size.AddSymbols(names);
        Dim.Symbol("B").AddSymbols(names);
        ((Dim)4).AddSymbols(names);
        Assert.Equal(["T", "B", "S"], names);
        Assert.True(size.Has("S"));
        Assert.False(size.Has("N"));
        Assert.Empty(((Dim)7).Symbols);
    }
}
