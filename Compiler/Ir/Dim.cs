using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Ir;

/// <summary>A named dimension: it is bound when the model is called, never exceeds <paramref name="Max"/>, and <paramref name="Typical"/> is what schedules are chosen for.</summary>
public sealed record DimSymbol(string Name, long Max, long Typical)
{
    /// <summary>The dimension of one of several equal parts, <c>B/4</c>: what a micro-batch has of a batch. No dimension of the source has such a name.</summary>
    /// <param name="parts">How many there are.</param>
    public DimSymbol Part(long parts) => new(Name + "/" + parts.ToString(CultureInfo.InvariantCulture), Math.Max(1, Max / parts), Math.Max(1, Typical / parts));

    /// <summary>The dimension that one is a part of, and how many parts that has: itself and 1 for one of the source.</summary>
    public static (string Whole, long Parts) WholeOf(string name) =>
        name.IndexOf('/') is > 0 and var at ? (name.Substring(0, at), long.Parse(name.Substring(at + 1), CultureInfo.InvariantCulture)) : (name, 1);
}

/// <summary>
/// The size of one axis: an integer polynomial over named symbols, kept in a canonical form so that equal polynomials are equal objects by value.
/// Also used for strides and offsets.
/// </summary>
public sealed class Dim : IEquatable<Dim>
{
    /// <summary>A coefficient times a product of symbols, the symbols sorted and repeated by power.</summary>
    readonly record struct Term(string Monomial, ImmutableArray<string> Symbols, long Coefficient);

    static readonly Dim?[] small = new Dim?[4096]; // constants that were met once; a race makes an equal one

    public static readonly Dim Zero = new(new Term[0]); // the framework's empty array of terms would be compiled anew in each process
    public static readonly Dim One = 1;

    readonly Term[] terms; // sorted by monomial, no zero coefficient; never changed

    Dim(Term[] terms) => this.terms = terms;

    public static implicit operator Dim(long value) =>
        value == 0 ? Zero : value > 0 && value < small.Length ? small[value] ??= new([new Term("", [], value)]) : new([new Term("", [], value)]);

    /// <summary>The polynomial that is just this symbol.</summary>
    public static Dim Symbol(string name) => new([new Term(name, [name], 1)]);

    public bool IsConstant => terms.Length == 0 || (terms.Length == 1 && terms[0].Symbols.IsEmpty);

    /// <summary>The value of a constant dimension.</summary>
    /// <exception cref="InvalidOperationException">The dimension has symbols.</exception>
    public long Constant => TryConstant(out var value) ? value : throw new InvalidOperationException($"The dimension {this} is not constant.");

    public bool TryConstant(out long value)
    {
        value = terms.Length == 0 ? 0 : terms[0].Coefficient;
        return IsConstant;
    }

    public bool Is(long value) => TryConstant(out var mine) && mine == value;

    /// <summary>The symbols that occur, sorted.</summary>
    public IEnumerable<string> Symbols
    {
        get
        {
            if (IsConstant) return [];
            if (terms.Length == 1 && terms[0].Symbols.Length == 1) return terms[0].Symbols;
            var all = new List<string>();
            foreach (var term in terms) all.AddRange(term.Symbols);
            return all.Distinct().OrderBy(s => s, StringComparer.Ordinal);
        }
    }

    // Sizes are added and multiplied all the time, most of them constants and single symbols: each of these costs one small object at most.

    public static Dim operator +(Dim a, Dim b)
    {
        if (a.terms.Length == 0) return b;
        if (b.terms.Length == 0) return a;
        if (a.IsConstant && b.IsConstant) return checked(a.terms[0].Coefficient + b.terms[0].Coefficient);
        // Both are sorted by monomial: a merge.
        var sum = new Term[a.terms.Length + b.terms.Length];
        int i = 0, j = 0, count = 0;
        while (i < a.terms.Length || j < b.terms.Length)
        {
            var order = i == a.terms.Length ? 1 : j == b.terms.Length ? -1 : string.CompareOrdinal(a.terms[i].Monomial, b.terms[j].Monomial);
            if (order < 0) sum[count++] = a.terms[i++];
            else if (order > 0) sum[count++] = b.terms[j++];
            else
            {
                var coefficient = checked(a.terms[i].Coefficient + b.terms[j++].Coefficient);
                if (coefficient != 0) sum[count++] = a.terms[i] with { Coefficient = coefficient };
                i++;
            }
        }
        if (count < sum.Length) Array.Resize(ref sum, count);
        return new(sum);
    }

    public static Dim operator -(Dim a, Dim b) => a + b * -1;

    public static Dim operator *(Dim a, Dim b)
    {
        if (a.terms.Length == 0 || b.terms.Length == 0) return Zero;
        if (a.IsConstant) return b.Times(a.terms[0].Coefficient);
        if (b.IsConstant) return a.Times(b.terms[0].Coefficient);
        if ((long)a.terms.Length * b.terms.Length > MostTerms || a.Degree + b.Degree > MostDegree) throw new OverflowException($"A polynomial of named dimensions has more than {MostTerms} terms or a degree above {MostDegree}.");
        var products = new List<Term>(a.terms.Length * b.terms.Length);
        foreach (var x in a.terms)
            foreach (var y in b.terms)
            {
                var symbols = x.Symbols.IsEmpty ? y.Symbols : y.Symbols.IsEmpty ? x.Symbols : x.Symbols.AddRange(y.Symbols).Sort(StringComparer.Ordinal);
                products.Add(new Term(string.Join("*", symbols), symbols, checked(x.Coefficient * y.Coefficient)));
            }
        return Collect(products);
    }

    // No shape comes near; a product of products of products would be larger than memory.
    const int MostTerms = 1 << 16, MostDegree = 64;

    int Degree => terms.Max(t => t.Symbols.Length);

    Dim Times(long factor)
    {
        if (factor == 1) return this;
        if (IsConstant) return checked(terms[0].Coefficient * factor);
        var scaled = new Term[terms.Length];
        for (var i = 0; i < scaled.Length; i++) scaled[i] = terms[i] with { Coefficient = checked(terms[i].Coefficient * factor) };
        return new(scaled);
    }

    static Dim Collect(List<Term> terms)
    {
        if (terms.Count == 1) return new([terms[0]]);
        var sums = new SortedDictionary<string, Term>(StringComparer.Ordinal);
        foreach (var term in terms)
            sums[term.Monomial] = sums.TryGetValue(term.Monomial, out var sum) ? sum with { Coefficient = checked(sum.Coefficient + term.Coefficient) } : term;
        return new([.. sums.Values.Where(t => t.Coefficient != 0)]);
    }

    /// <summary>The exact quotient, when <paramref name="divisor"/> is a single term that divides every term.</summary>
    public static bool TryDivide(Dim dividend, Dim divisor, out Dim quotient)
    {
        quotient = Zero;
        if (divisor.terms.Length == 0) return false;
        if (dividend.terms.Length == 0) return true;
        if (dividend.Equals(divisor)) { quotient = One; return true; }
        if (divisor.terms.Length > 1) return TryDivideByRatio(dividend, divisor, out quotient);
        var by = divisor.terms[0];
        var result = new Term[dividend.terms.Length];
        for (var i = 0; i < result.Length; i++)
        {
            var term = dividend.terms[i];
            if (term.Coefficient % by.Coefficient != 0) return false;
            var rest = new List<string>(term.Symbols);
            foreach (var symbol in by.Symbols)
                if (!rest.Remove(symbol)) return false;
            result[i] = new(string.Join("*", rest), [.. rest], term.Coefficient / by.Coefficient);
        }
        quotient = result.Length == 1 ? new(result) : Collect([.. result]);
        return true;
    }

    // A divisor of several terms: guess the quotient from the leading terms and check it by multiplying back.
    static bool TryDivideByRatio(Dim dividend, Dim divisor, out Dim quotient)
    {
        quotient = Zero;
        var rest = dividend;
        for (var step = 0; step < 16 && rest.terms.Length > 0; step++)
        {
            var lead = rest.terms[rest.terms.Length - 1];
            if (!TryDivide(new([lead]), new([divisor.terms[divisor.terms.Length - 1]]), out var part)) return false;
            quotient += part;
            rest -= part * divisor;
        }
        return rest.terms.Length == 0;
    }

    /// <summary>The polynomial with some symbols replaced.</summary>
    public Dim Substitute(IReadOnlyDictionary<string, Dim> replacements)
    {
        if (IsSymbol(out var name)) return replacements.TryGetValue(name, out var whole) ? whole : this;
        if (!terms.Any(t => t.Symbols.Any(replacements.ContainsKey))) return this;
        var sum = Zero;
        foreach (var term in terms)
        {
            Dim product = term.Coefficient;
            foreach (var symbol in term.Symbols) product *= replacements.TryGetValue(symbol, out var replacement) ? replacement : Symbol(symbol);
            sum += product;
        }
        return sum;
    }

    /// <summary>Whether a symbol occurs.</summary>
    public bool Has(string symbol)
    {
        foreach (var term in terms)
            if (term.Symbols.Contains(symbol)) return true;
        return false;
    }

    /// <summary>Puts the symbols that are not there yet behind those of a list.</summary>
    public void AddSymbols(List<string> names)
    {
        if (IsConstant) return;
        if (terms.Length == 1 && terms[0].Symbols.Length == 1)
        {
            if (!names.Contains(terms[0].Monomial)) names.Add(terms[0].Monomial);
            return;
        }
        foreach (var symbol in Symbols)
            if (!names.Contains(symbol)) names.Add(symbol);
    }

    /// <summary>How many terms it has.</summary>
    internal int TermCount => terms.Length;

    /// <summary>A term: a coefficient, and the symbols that it multiplies, repeated by power.</summary>
    internal long TermAt(int index, out ImmutableArray<string> symbols)
    {
        symbols = terms[index].Symbols;
        return terms[index].Coefficient;
    }

    /// <summary>True when no value of its symbols, which are at least 1, makes it negative: it has no negative coefficient.</summary>
    public bool IsNeverNegative => terms.All(t => t.Coefficient >= 0);

    /// <summary>True when it is a single symbol; gives its name.</summary>
    public bool IsSymbol(out string name)
    {
        var single = terms.Length == 1 && terms[0].Coefficient == 1 && terms[0].Symbols.Length == 1;
        name = single ? terms[0].Monomial : "";
        return single;
    }

    /// <summary>Bounds of the value when each symbol lies between 1 and its upper bound; a symbol that is not declared has none. They hold, but need not be reached.</summary>
    public (double Min, double Max) Range(IReadOnlyCollection<DimSymbol> declared)
    {
        double min = 0, max = 0;
        foreach (var term in terms)
        {
            var most = 1.0;
            foreach (var symbol in term.Symbols) most *= declared.FirstOrDefault(d => d.Name == symbol)?.Max ?? double.PositiveInfinity;
            min += term.Coefficient * (term.Coefficient > 0 ? 1 : most);
            max += term.Coefficient * (term.Coefficient > 0 ? most : 1);
        }
        return (min, max);
    }

    /// <summary>The value under a binding of every symbol.</summary>
    public long Evaluate(DimBinding binding)
    {
        long sum = 0;
        foreach (var term in terms)
        {
            var product = term.Coefficient;
            foreach (var symbol in term.Symbols) product = checked(product * binding[symbol]);
            sum = checked(sum + product);
        }
        return sum;
    }

    /// <summary>Bounds of the value when every symbol lies within its own bounds, none of which is negative; saturated at the ends of a long.</summary>
    public (long Low, long High) Range(Func<string, (long Low, long High)> bounds)
    {
        decimal low = 0, high = 0;
        foreach (var term in terms)
        {
            decimal least = Math.Abs(term.Coefficient), most = least;
            foreach (var symbol in term.Symbols)
            {
                var (from, to) = bounds(symbol);
                least = Math.Min(least * from, long.MaxValue);
                most = Math.Min(most * to, long.MaxValue);
            }
            low += term.Coefficient < 0 ? -most : least;
            high += term.Coefficient < 0 ? -least : most;
        }
        return ((long)Math.Max(low, long.MinValue), (long)Math.Min(high, long.MaxValue));
    }

    public bool Equals(Dim? other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (other is null || other.terms.Length != terms.Length) return false;
        for (var i = 0; i < terms.Length; i++)
            if (terms[i].Coefficient != other.terms[i].Coefficient || terms[i].Monomial != other.terms[i].Monomial) return false;
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as Dim);

    public override int GetHashCode()
    {
        var hash = 17;
        foreach (var term in terms) hash = hash * 31 + term.Monomial.GetHashCode() * 7 + term.Coefficient.GetHashCode();
        return hash;
    }

    public static bool operator ==(Dim? a, Dim? b) => a is null ? b is null : a.Equals(b);
    public static bool operator !=(Dim? a, Dim? b) => !(a == b);

    public override string ToString() => text ??= Write();

    string? text; // a value's text never changes, and keys and programs ask for it again and again

    string Write()
    {
        if (terms.Length == 0) return "0";
        var text = new StringBuilder();
        IEnumerable<Term> ordered = terms.Length == 1 ? terms : terms.OrderByDescending(t => t.Symbols.Length).ThenBy(t => t.Monomial, StringComparer.Ordinal);
        foreach (var term in ordered)
        {
            if (text.Length > 0 && term.Coefficient > 0) text.Append('+');
            if (term.Symbols.IsEmpty) text.Append(term.Coefficient.ToString(CultureInfo.InvariantCulture));
            else if (term.Coefficient == 1) text.Append(term.Monomial);
            else if (term.Coefficient == -1) text.Append('-').Append(term.Monomial);
            else text.Append(term.Coefficient.ToString(CultureInfo.InvariantCulture)).Append('*').Append(term.Monomial);
        }
        return text.ToString();
    }

    /// <summary>Reads the text that <see cref="ToString"/> writes, such as <c>2*B*T-1</c>.</summary>
    /// <exception cref="FormatException">The text is no polynomial.</exception>
    public static Dim Parse(string text)
    {
        var sum = Zero;
        var position = 0;
        while (position < text.Length)
        {
            long sign = 1;
            if (text[position] is '+' or '-') sign = text[position++] == '-' ? -1 : 1;
            var end = position;
            while (end < text.Length && text[end] is not ('+' or '-')) end++;
            Dim product = sign;
            foreach (var raw in text.Substring(position, end - position).Split('*'))
            {
                var factor = raw.Trim();
                if (factor.Length == 0) throw new FormatException($"'{text}' is not a dimension.");
                product *= long.TryParse(factor, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : Symbol(factor);
            }
            sum += product;
            position = end;
        }
        return text.Length == 0 ? throw new FormatException("A dimension is empty.") : sum;
    }
}

/// <summary>The values of the named dimensions in one call.</summary>
public sealed class DimBinding : IEquatable<DimBinding>
{
    public static readonly DimBinding Empty = new([], []);

    // Sorted by name; few, so that looking along them is the fastest way to one.
    readonly string[] names;
    readonly long[] values;

    DimBinding(string[] names, long[] values) => (this.names, this.values) = (names, values);

    /// <exception cref="ArgumentException">A symbol has two values.</exception>
    public DimBinding(IEnumerable<KeyValuePair<string, long>> values)
    {
        var all = Empty;
        foreach (var pair in values)
        {
            if (all.Find(pair.Key) is >= 0 and var known && all.values[known] != pair.Value) throw new ArgumentException($"The dimension {pair.Key} is {all.values[known]} and {pair.Value}.", nameof(values));
            all = all.With(pair.Key, pair.Value);
        }
        (names, this.values) = (all.names, all.values);
    }

    /// <summary>Every symbol at its typical value.</summary>
    public static DimBinding Typical(IEnumerable<DimSymbol> symbols) => new(symbols.Select(s => new KeyValuePair<string, long>(s.Name, s.Typical)));

    /// <summary>Every symbol at its upper bound.</summary>
    public static DimBinding Bound(IEnumerable<DimSymbol> symbols) => new(symbols.Select(s => new KeyValuePair<string, long>(s.Name, s.Max)));

    /// <exception cref="KeyNotFoundException">The symbol has no value here.</exception>
    public long this[string symbol] => Find(symbol) is >= 0 and var i ? values[i] : throw new KeyNotFoundException($"The dimension {symbol} has no value in this call.");

    /// <summary>The symbols and their values, by name.</summary>
    public IEnumerable<KeyValuePair<string, long>> Values
    {
        get
        {
            for (var i = 0; i < names.Length; i++) yield return new(names[i], values[i]);
        }
    }

    /// <summary>The same with another value, or one symbol more.</summary>
    public DimBinding With(string symbol, long value)
    {
        var at = Find(symbol);
        if (at >= 0)
        {
            var changed = (long[])values.Clone();
            changed[at] = value;
            return new(names, changed);
        }
        at = ~at;
        var (more, numbers) = (new string[names.Length + 1], new long[names.Length + 1]);
        for (var i = 0; i < more.Length; i++)
        {
            more[i] = i == at ? symbol : names[i < at ? i : i - 1];
            numbers[i] = i == at ? value : values[i < at ? i : i - 1];
        }
        return new(more, numbers);
    }

    // Its place, or the complement of where it would stand.
    int Find(string symbol)
    {
        for (var i = 0; i < names.Length; i++)
            if (names[i] == symbol) return i;
        var place = 0;
        while (place < names.Length && string.CompareOrdinal(names[place], symbol) < 0) place++;
        return ~place;
    }

    public bool Equals(DimBinding? other)
    {
        if (other is null || other.names.Length != names.Length) return false;
        for (var i = 0; i < names.Length; i++)
            if (names[i] != other.names[i] || values[i] != other.values[i]) return false;
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as DimBinding);

    public override int GetHashCode()
    {
        var hash = 17;
        foreach (var value in values) hash = hash * 31 + value.GetHashCode();
        return hash;
    }

    public override string ToString()
    {
        var words = new string[names.Length];
        for (var i = 0; i < words.Length; i++) words[i] = names[i] + "=" + values[i].ToString(CultureInfo.InvariantCulture);
        return string.Join(" ", words);
    }
}
