using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>A call of attention as the modelling language makes it, brought to the form of the IR: batch and heads are one axis each, batches are broadcast, and attributes say which operands there are.</summary>
sealed class AttentionCall
{
    const string Title = "ScaledDotProductAttention";

    readonly Builder builder;

    /// <summary>Those of the operation.</summary>
    public ImmutableArray<Value> Operands { get; }

    /// <inheritdoc cref="Operands"/>
    public AttributeMap Attributes { get; }

    /// <summary>The shape of the result as the caller sees it.</summary>
    public Shape Result { get; }

    /// <param name="builder">Where views of the operands go.</param>
    /// <param name="given">Query, key, value, then mask, lengths, position as far as there are any, then, while training, seed, stream and iteration.</param>
    /// <param name="attributes">Those of the call.</param>
    /// <exception cref="ShapeException">The operands do not fit.</exception>
    public AttentionCall(Builder builder, ImmutableArray<Value> given, AttributeMap attributes)
    {
        this.builder = builder;
        if (given.Length < 3) throw new ShapeException($"{Title} takes a query, a key and a value, but got {given.Length} tensors", "GR2031");
        var (q, k, v) = (given[0], given[1], given[2]);
        Check(q, k, v);
        var scale = attributes.Real("scale");
        if (scale == 0)
            scale = q.Shape[q.Shape.Rank - 1].TryConstant(out var width) ? 1 / Math.Sqrt(width)
                : throw new ShapeException($"{Title} needs a scale when the width of {q.Shape} is no number", Diagnostics.Symbolic);
        var rate = attributes.Real("dropout");
        if (rate is not (>= 0 and < 1)) throw new ShapeException($"{Title} needs a rate of dropout of at least 0 and below 1, but got {new Attr.Real(rate)}", Diagnostics.Number);
        var draws = given.Length >= 6 && given.Skip(given.Length - 3).All(o => o.Type == new TensorType(DType.I64, Shape.Of()));
        ImmutableArray<Value> options = [.. given.Skip(3).Take(given.Length - 3 - (draws ? 3 : 0))];

        // Heads that several of the query's share stay as few as they are.
        var rank = new[] { q, k, v }.Max(x => x.Shape.Rank) - 2;
        var (lead, keyLead) = (Lead(q, rank), Shape.Broadcast(Lead(k, rank), Lead(v, rank)));
        var (heads, keyHeads) = rank > 1 ? (lead[rank - 1], keyLead[rank - 1]) : (Dim.One, Dim.One);
        var shared = keyHeads != heads && (keyHeads.Is(1) || attributes.Bool("grouped_heads"));
        if (shared && !keyHeads.Is(1) && !(heads.TryConstant(out var many) && keyHeads.TryConstant(out var few) && few > 0 && many % few == 0))
            throw new ShapeException($"{Title} needs a multiple of the keys' heads for the query, but got {q.Shape} and {k.Shape}: {heads} is no multiple of {keyHeads}", Diagnostics.Companion);
        if (attributes.Bool("grouped_heads") && rank < 2) throw new ShapeException($"{Title} with grouped heads needs tensors of shape [..., heads, length, width], but got {q.Shape} and {k.Shape}", Diagnostics.Rank);
        var batch = Shape.Broadcast(shared ? lead.With(rank - 1, 1) : lead, shared ? keyLead.With(rank - 1, 1) : keyLead);
        var queryBatch = shared ? batch.With(rank - 1, heads) : batch;
        var keyBatch = shared ? batch.With(rank - 1, keyHeads) : batch;
        Result = new([.. queryBatch, q.Shape[q.Shape.Rank - 2], v.Shape[v.Shape.Rank - 1]]);

        var operands = ImmutableArray.CreateBuilder<Value>();
        foreach (var (x, axes) in new[] { (q, queryBatch), (k, keyBatch), (v, keyBatch) }) operands.Add(Folded(x, axes, x.Shape[x.Shape.Rank - 2], x.Shape[x.Shape.Rank - 1]));
        Attributes = AttributeMap.Of(("causal", attributes.Bool("causal")), ("scale", scale));
        var last = 0;
        foreach (var option in options)
        {
            var (kind, name) = Kind(option);
            if (kind <= last) throw new ShapeException($"{Title} takes a mask, lengths and a position in this order, one of each, but got {option.Type} behind {operands[operands.Count - 1].Type}", Diagnostics.Companion);
            last = kind;
            operands.Add(kind == 1 ? Mask(option, queryBatch, q.Shape[q.Shape.Rank - 2], k.Shape[k.Shape.Rank - 2], q.DType) : option);
            Attributes = Attributes.With(name, true);
        }
        if (Attributes.Has("lengths") && operands[3 + (Attributes.Has("mask") ? 1 : 0)] is var lengths && lengths.Shape[0] != operands[0].Shape[0])
            throw new ShapeException($"{Title} needs a length for each of the batch, but got {lengths.Shape} for {q.Shape}", Diagnostics.Companion);
        if (Attributes.Has("position") && !attributes.Bool("causal")) throw new ShapeException($"{Title} has a position, but is not causal, so that it says nothing: set causal to true", Diagnostics.Companion);
        if (draws && rate > 0)
        {
            operands.AddRange(given.Skip(given.Length - 3));
            Attributes = Attributes.With("dropout", rate);
        }
        Operands = operands.ToImmutable();
    }

    static void Check(Value q, Value k, Value v)
    {
        foreach (var (name, shape) in new[] { ("the query", q.Shape), ("the key", k.Shape), ("the value", v.Shape) })
            Rules.Rank(Title, name, shape, 2, int.MaxValue, "tensors of shape [..., length, width]");
        var (qs, ks, vs) = (q.Shape, k.Shape, v.Shape);
        if (qs[qs.Rank - 1] != ks[ks.Rank - 1]) throw new ShapeException($"{Title} needs queries and keys of one width, but got {qs} and {ks}: {qs[qs.Rank - 1]} ≠ {ks[ks.Rank - 1]}", Diagnostics.Inner);
        if (ks[ks.Rank - 2] != vs[vs.Rank - 2]) throw new ShapeException($"{Title} needs a value for each key, but got {ks} and {vs}: {ks[ks.Rank - 2]} ≠ {vs[vs.Rank - 2]}", Diagnostics.Inner);
        Rules.SameReal(Title, "the query", q.DType, "the key", k.DType);
        Rules.SameReal(Title, "the query", q.DType, "the value", v.DType);
    }

    // What stands before length and width, with axes of 1 in front where another operand has more.
    static Shape Lead(Value x, int rank) => new(Enumerable.Repeat(Dim.One, rank - (x.Shape.Rank - 2)).Concat(x.Shape.Dims.Take(x.Shape.Rank - 2)));

    // A mask is told by its type, lengths and a position by their axes.
    static (int Order, string Name) Kind(Value option) => option.DType == DType.Bool || option.DType.IsFloat() ? (1, "mask")
        : option.Shape.Rank == 0 ? (3, "position")
        : option.Shape.Rank == 1 ? (2, "lengths")
        : throw new ShapeException($"{Title} takes bools or real numbers for a mask, a row of integers for lengths and one integer for a position, but got {option.Type}", Diagnostics.Type);

    Value Mask(Value mask, Shape batch, Dim queries, Dim keys, DType type)
    {
        if (mask.DType != DType.Bool) Rules.SameReal(Title, "the query", type, "the mask", mask.DType);
        var scores = new Shape([.. batch, queries, keys]);
        if (Shape.Broadcast(mask.Shape, scores) != scores) throw new ShapeException($"{Title} needs a mask that is broadcast to the scores {scores}, but got {mask.Shape}", Diagnostics.Broadcast);
        return Folded(mask, batch, queries, keys);
    }

    // [B, H, rows, columns], all axes before the heads being one.
    Value Folded(Value x, Shape batch, Dim rows, Dim columns)
    {
        var heads = batch.Rank > 1 ? batch[batch.Rank - 1] : Dim.One;
        var others = new Shape(batch.Dims.Take(Math.Max(batch.Rank - 1, Math.Min(batch.Rank, 1)))).Size;
        return builder.Reshape(builder.Expand(x, new([.. batch, rows, columns])), Shape.Of(others, heads, rows, columns));
    }
}
