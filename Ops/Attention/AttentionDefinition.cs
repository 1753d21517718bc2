using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>Attention by other operations, with all scores in memory: for targets without a kernel, and for gradients of gradients.</summary>
static class AttentionDefinition
{
    /// <summary>The weighted values and what normalizes them.</summary>
    public static ImmutableArray<Value> Forward(Builder b, AttentionForm form, ImmutableArray<Value> x)
    {
        var q = x[AttentionForm.Query];
        var (k, v) = (b.Cast(x[AttentionForm.Key], q.DType), b.Cast(x[AttentionForm.Value], q.DType));
        if (q.Shape[1] != k.Shape[1]) (k, v) = (Repeated(b, k, q.Shape[1]), Repeated(b, v, q.Shape[1]));
        var scores = b.MatMul(q, b.TransposeLast(k));
        scores = b.Mul(scores, b.ConstantLike(form.Scale, scores));
        var hidden = b.ConstantLike(double.NegativeInfinity, scores);
        var (queries, keys) = (q.Shape[2], k.Shape[2]);
        if (form.HasMask) scores = x[form.Mask].DType == DType.Bool ? b.Where(x[form.Mask], scores, hidden) : b.Add(scores, x[form.Mask]);
        if (form.IsCausal)
        {
            var place = b.Iota(Shape.Of(queries, 1), 0);
            if (form.HasPosition) place = b.Add(place, b.Cast(x[form.Position], DType.I64));
            scores = b.Where(b.LessEqual(b.Iota(Shape.Of(1, keys), 1), place), scores, hidden);
        }
        if (form.HasLengths)
        {
            var lengths = b.Reshape(b.Cast(x[form.Lengths], DType.I64), Shape.Of(q.Shape[0], 1, 1, 1));
            scores = b.Where(b.Less(b.Iota(Shape.Of(1, keys), 1), lengths), scores, hidden);
        }
        // Where nothing is seen there is no weight, and no gradient.
        var largest = b.Max(scores, 3, keep: true);
        var isBlind = b.Equal(largest, hidden);
        var zero = b.ConstantLike(0, scores);
        scores = b.Where(isBlind, zero, scores);
        var weights = b.Where(isBlind, zero, b.Emit("softmax", [scores], ("axis", 3)));
        var sum = b.Where(isBlind, zero, b.Sum(b.Exp(b.Sub(scores, b.Where(isBlind, zero, largest))), 3, keep: true));
        var normalizer = b.Emit("concat", [largest, sum], ("axis", 3));
        if (form.Dropout > 0)
        {
            var keep = b.LessEqual(b.Constant(form.Dropout, DType.F32), b.Draw("random_uniform", [x[form.Draw], x[form.Draw + 1], x[form.Draw + 2]], weights.Shape, form.HasFirst ? x[form.First] : null));
            weights = b.Where(keep, b.Mul(weights, b.ConstantLike(1 / (1 - form.Dropout), weights)), zero);
        }
        return [b.Transpose(b.MatMul(weights, v), [0, 2, 1, 3]), b.Cast(normalizer, q.DType.Accumulator())];
    }

    /// <summary>The gradients of query, key and value.</summary>
    public static ImmutableArray<Value> Backward(Builder b, AttentionForm form, ImmutableArray<Value> x)
    {
        var first = b.Nodes.Count;
        // One tensor may stand in several places, each of which has a gradient of its own.
        ImmutableArray<Value> places = [.. Enumerable.Range(0, 3).Select(i => b.Emit("mul", [x[i], b.ConstantLike(1, x[i])]))];
        var results = Forward(b, form, [.. places, .. x.Skip(3)]);
        var found = ReverseMode.Run(b, first, places, results, [x[form.OutputGradient], null]);
        return [.. places.Select(p => found.TryGetValue(p, out var gradient) ? gradient : b.Zeros(p.Type))];
    }

    /// <summary>The gradients of a node's operands through its definition.</summary>
    public static ImmutableArray<Value?> Gradients(GradContext g, ImmutableArray<Value> inputs, Func<Builder, ImmutableArray<Value>> define)
    {
        var first = g.Builder.Nodes.Count;
        var outputs = define(g.Builder);
        var wanted = inputs.Where((v, i) => g.Needs(i) && v.DType.IsFloat()).Distinct().ToArray();
        var found = ReverseMode.Run(g.Builder, first, wanted, outputs, [.. outputs.Select((_, i) => g.HasGradient(i) ? g.Gradient(i).Value : null)]);
        // One tensor in two places gets its gradient once: whoever adds up the inputs' gradients counts it once.
        return [.. inputs.Select((v, i) => wanted.Contains(v) && inputs.IndexOf(v) == i && found.TryGetValue(v, out var gradient) ? gradient : null)];
    }

    // Each head of the keys as often as heads of the query share it.
    static Value Repeated(Builder b, Value x, Dim heads)
    {
        if (!Dim.TryDivide(heads, x.Shape[1], out var group)) throw new ShapeException($"{heads} heads share no {x.Shape[1]}", Diagnostics.Companion);
        var each = b.Reshape(x, x.Shape.Insert(2, 1));
        return b.Reshape(b.Expand(each, each.Shape.With(2, group)), x.Shape.With(1, heads));
    }
}
