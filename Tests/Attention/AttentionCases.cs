using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Tests.Goldens;

namespace Graph.Tests.Attention;

/// <summary>An attention with its gradient as one function: the operands, then the gradient of what it gives.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Query">Batch, heads, queries, width.</param>
/// <param name="Key">Batch, heads, keys.</param>
/// <param name="Depth">Numbers of a value.</param>
sealed record AttentionCase(string Name, (int B, int H, int T, int E) Query, (int H, int S) Key, int Depth)
{
    public bool Causal { get; init; }

    /// <summary>The shape of a mask, of bools or of numbers; empty for none.</summary>
    public int[] Mask { get; init; } = [];

    public bool IsBias { get; init; }
    public long[] Lengths { get; init; } = [];
    public long? Position { get; init; }
    public double Dropout { get; init; }
    public double Scale { get; init; }

    public override string ToString() => Name;

    IEnumerable<(TensorType Type, TensorData Data)> Operands(DType type)
    {
        (TensorType, TensorData) Real(string name, params int[] shape)
        {
            var values = GoldenValues.Reals(Name + name, shape.Aggregate(1, (x, y) => x * y), 2, 0);
            return (new(type, new(shape.Select(s => (Dim)s))), new(type, [.. shape.Select(s => (long)s)], [.. values.Select(v => Rounding.Round(v, type))]));
        }
        static (TensorType, TensorData) Whole(DType type, long[] shape, params long[] values) => (new(type, new(shape.Select(s => (Dim)s))), new(type, shape, values));
        yield return Real("query", Query.B, Query.H, Query.T, Query.E);
        yield return Real("key", Query.B, Key.H, Key.S, Query.E);
        yield return Real("value", Query.B, Key.H, Key.S, Depth);
        if (Mask.Length > 0)
        {
            var bias = Real("mask", Mask);
            // Now and then −∞: a row of them sees nothing.
            if (IsBias) yield return (bias.Item1, new(type, bias.Item2.Shape, [.. bias.Item2.Real.Select((v, i) => i % 7 == 3 ? double.NegativeInfinity : v)]));
            else yield return Whole(DType.Bool, bias.Item2.Shape, [.. bias.Item2.Real.Select(v => v > -0.5 ? 1L : 0)]);
        }
        if (Lengths.Length > 0) yield return Whole(DType.I32, [Lengths.Length], Lengths);
        if (Position is { } position) yield return Whole(DType.I64, [], position);
        if (Dropout > 0)
            foreach (var number in new long[] { 42, 1234567, 3 }) yield return Whole(DType.I64, [], number);
        yield return Real("gradient", Query.B, Query.H, Query.T, Depth);
    }

    public TensorType[] Types(DType type) => [.. Operands(type).Select(o => o.Type)];

    public TensorData[] Arguments(DType type) => [.. Operands(type).Select(o => o.Data)];

    /// <summary>What it gives, then the gradients of query, key and value, by an attention or as it would be written by hand.</summary>
    public ImmutableArray<Value> Build(Builder b, ImmutableArray<Value> x, bool byHand = false)
    {
        var operands = x.RemoveAt(x.Length - 1);
        var first = b.Nodes.Count;
        var result = byHand ? ByHand(b, operands) : b.Apply("scaled_dot_product_attention", operands, Attributes)[0];
        var found = Graph.Compiler.Gradients.ReverseMode.Run(b, first, x.Take(3), [result], [x[^1]]);
        return [result, .. x.Take(3).Select(v => found[v])];
    }

    AttributeMap Attributes => AttributeMap.Of(("causal", Causal), ("scale", Scale), ("dropout", Dropout), ("groupedHeads", Key.H != Query.H && Key.H != 1));

    Value ByHand(Builder b, ImmutableArray<Value> x)
    {
        var (q, k, v) = (x[0], x[1], x[2]);
        Value Repeat(Value y) => Key.H == Query.H ? y
            : b.Reshape(b.Expand(b.Reshape(y, y.Shape.Insert(2, 1)), y.Shape.Insert(2, Query.H / Key.H)), y.Shape.With(1, Query.H));
        var scores = b.MatMul(q, b.TransposeLast(Repeat(k)));
        scores = b.Mul(scores, b.ConstantLike(Scale == 0 ? 1 / Math.Sqrt(Query.E) : Scale, scores));
        var at = 3;
        var hidden = b.ConstantLike(double.NegativeInfinity, scores);
        if (Mask.Length > 0) scores = x[at++] is { DType: DType.Bool } seen ? b.Where(seen, scores, hidden) : b.Add(scores, x[at - 1]);
        if (Lengths.Length > 0)
            scores = b.Where(b.Less(b.Iota(Shape.Of(1, Key.S), 1, DType.I32), b.Reshape(x[at++], Shape.Of(Query.B, 1, 1, 1))), scores, hidden);
        var place = b.Iota(Shape.Of(Query.T, 1), 0);
        if (Position is not null) place = b.Add(place, x[at++]);
        if (Causal) scores = b.Where(b.LessEqual(b.Iota(Shape.Of(1, Key.S), 1), place), scores, hidden);
        var weights = b.Apply("softmax", [scores], AttributeMap.Of(("axis", -1)))[0];
        if (Dropout > 0) weights = b.Apply("dropout", [weights, x[at], x[at + 1], x[at + 2]], AttributeMap.Of(("rate", Dropout)))[0];
        return b.MatMul(weights, Repeat(v));
    }

    public static readonly AttentionCase[] All =
    [
        new("one", (1, 1, 1, 1), (1, 1), 1),
        new("small", (2, 2, 5, 4), (2, 7), 3),
        new("causal", (2, 3, 37, 8), (3, 37), 8) { Causal = true },
        new("width 64", (1, 2, 70, 64), (2, 150), 64),
        new("width 80", (1, 2, 33, 80), (2, 65), 80) { Causal = true },
        new("width 128", (1, 1, 65, 128), (1, 129), 128) { Causal = true, Scale = 0.05 },
        new("long and causal", (1, 2, 200, 16), (2, 200), 20) { Causal = true },
        new("grouped heads", (2, 6, 20, 8), (2, 33), 12) { Causal = true },
        new("one head of keys", (2, 4, 9, 8), (1, 40), 8),
        new("mask", (2, 2, 40, 8), (2, 140), 8) { Mask = [2, 1, 40, 140] },
        new("mask of a row", (2, 2, 40, 8), (2, 140), 8) { Mask = [2, 1, 1, 140] },
        new("bias of heads", (2, 3, 40, 8), (3, 70), 8) { Mask = [3, 40, 70], IsBias = true },
        new("bias and causal", (1, 2, 70, 8), (2, 70), 8) { Mask = [70, 70], IsBias = true, Causal = true },
        new("lengths", (3, 2, 35, 8), (2, 140), 8) { Lengths = [140, 1, 77] },
        new("lengths and causal", (3, 2, 70, 8), (2, 70), 8) { Lengths = [70, 5, 66], Causal = true },
        new("position", (2, 2, 3, 8), (2, 150), 8) { Position = 131, Causal = true },
        new("one query behind kept keys", (2, 2, 1, 16), (2, 150), 16) { Position = 144, Causal = true },
        new("dropout", (2, 2, 40, 8), (2, 141), 8) { Dropout = 0.3 },
        new("dropout and causal", (2, 2, 67, 8), (2, 67), 8) { Dropout = 0.5, Causal = true },
        new("scale below 0", (1, 2, 40, 8), (2, 40), 8) { Scale = -0.4 },
    ];

    /// <summary>Cases in which some query sees nothing.</summary>
    public static readonly AttentionCase[] Blind =
    [
        new("no keys", (3, 2, 35, 8), (2, 140), 8) { Lengths = [140, 0, 77] },
        new("before all keys", (1, 2, 70, 8), (2, 40), 8) { Position = -34, Causal = true },
        new("masked rows", (2, 2, 5, 8), (2, 3), 8) { Mask = [2, 2, 5, 3] },
        new("rows of minus infinity", (2, 2, 6, 8), (2, 1), 8) { Mask = [2, 2, 6, 1], IsBias = true },
    ];
}
