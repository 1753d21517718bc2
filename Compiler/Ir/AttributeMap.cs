using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Ir;

/// <summary>The value of an operation's attribute: a closed union.</summary>
public abstract record Attr
{
    public sealed record Int(long Value) : Attr { public override string ToString() => Value.ToString(CultureInfo.InvariantCulture); }

    /// <summary>Printed with the digits that read back to the same bits, and always with a point or exponent, so that it never reads back as an integer. Equal by bits: -0 is not 0.</summary>
    public sealed record Real(double Value) : Attr
    {
        public bool Equals(Real? other) => other is not null && BitConverter.DoubleToInt64Bits(Value) == BitConverter.DoubleToInt64Bits(other.Value);
        public override int GetHashCode() => Value.GetHashCode();
        public override string ToString()
        {
            if (double.IsNaN(Value)) return "nan";
            if (double.IsInfinity(Value)) return Value > 0 ? "inf" : "-inf";
            var text = Value.ToString("R", CultureInfo.InvariantCulture);
            return text.IndexOfAny(['.', 'E', 'e']) < 0 ? text + ".0" : text;
        }
    }

    public sealed record Bool(bool Value) : Attr { public override string ToString() => Value ? "true" : "false"; }

    public sealed record Text(string Value) : Attr
    {
        public override string ToString() => "\"" + Value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n") + "\"";
    }

    /// <summary>A list of dimensions or integers.</summary>
    public sealed record List(ImmutableArray<Dim> Values) : Attr
    {
        public bool Equals(List? other) => other is not null && Values.SequenceEqual(other.Values);
        public override int GetHashCode() => Values.Aggregate(17, (hash, value) => hash * 31 + value.GetHashCode());
        public override string ToString() => "[" + string.Join(",", Values) + "]";
    }

    public static implicit operator Attr(long value) => new Int(value);
    public static implicit operator Attr(int value) => new Int(value);
    public static implicit operator Attr(double value) => new Real(value);
    public static implicit operator Attr(bool value) => new Bool(value);
    public static implicit operator Attr(string value) => new Text(value);
    public static implicit operator Attr(DType value) => new Text(value.Name());
    public static implicit operator Attr(Shape value) => new List(value.Dims);
    public static implicit operator Attr(ImmutableArray<Dim> value) => new List(value);
    public static implicit operator Attr(int[] value) => new List([.. value.Select(v => (Dim)v)]);
    public static implicit operator Attr(long[] value) => new List([.. value.Select(v => (Dim)v)]);
}

/// <summary>The attributes of a node, by name, in name order; equal by value.</summary>
public sealed class AttributeMap : IEquatable<AttributeMap>
{
    public static readonly AttributeMap Empty = new(ImmutableSortedDictionary<string, Attr>.Empty.WithComparers(StringComparer.Ordinal));

    readonly ImmutableSortedDictionary<string, Attr> values;

    AttributeMap(ImmutableSortedDictionary<string, Attr> values) => this.values = values;

    public static AttributeMap Of(params (string Name, Attr Value)[] pairs)
    {
        var map = Empty.values;
        foreach (var (name, value) in pairs) map = map.SetItem(name, value);
        return new(map);
    }

    public IEnumerable<KeyValuePair<string, Attr>> All => values;
    public int Count => values.Count;
    public AttributeMap With(string name, Attr value) => new(values.SetItem(name, value));
    public AttributeMap Without(string name) => new(values.Remove(name));
    public bool Has(string name) => values.ContainsKey(name);

    public long Int(string name, long fallback = 0) => values.TryGetValue(name, out var v)
        ? v switch { Attr.Int i => i.Value, Attr.Bool b => b.Value ? 1 : 0, _ => throw Wrong(name, v, "an integer") } : fallback;

    public double Real(string name, double fallback = 0) => values.TryGetValue(name, out var v)
        ? v switch { Attr.Real r => r.Value, Attr.Int i => i.Value, _ => throw Wrong(name, v, "a number") } : fallback;

    public bool Bool(string name, bool fallback = false) => values.TryGetValue(name, out var v) ? v is Attr.Bool b ? b.Value : throw Wrong(name, v, "a bool") : fallback;

    public string? Text(string name) => values.TryGetValue(name, out var v) ? v is Attr.Text t ? t.Value : throw Wrong(name, v, "a text") : null;

    public DType? DType(string name) => Text(name) is { } text && DTypes.TryParse(text, out var type) ? type : null;

    /// <summary>A list of dimensions; empty when absent.</summary>
    public ImmutableArray<Dim> Dims(string name) => values.TryGetValue(name, out var v)
        ? v switch { Attr.List l => l.Values, Attr.Int i => [i.Value], _ => throw Wrong(name, v, "a list") } : [];

    /// <summary>A list of constant integers; empty when absent.</summary>
    public ImmutableArray<int> Ints(string name) => [.. Dims(name).Select(d => d.TryConstant(out var c) ? checked((int)c) : throw new ShapeException($"{name} needs constants, but has {d}"))];

    static ShapeException Wrong(string name, Attr value, string expected) => new($"the attribute {name} is {value}, expected {expected}");

    public bool Equals(AttributeMap? other) => other is not null && values.Count == other.values.Count && values.SequenceEqual(other.values);
    public override bool Equals(object? obj) => Equals(obj as AttributeMap);
    public override int GetHashCode() => values.Aggregate(17, (hash, pair) => (hash * 31 + pair.Key.GetHashCode()) * 31 + pair.Value.GetHashCode());

    public override string ToString()
    {
        if (values.Count == 0) return "";
        var text = new StringBuilder("{");
        foreach (var pair in values) text.Append(text.Length > 1 ? ", " : "").Append(pair.Key).Append('=').Append(pair.Value);
        return text.Append('}').ToString();
    }
}
