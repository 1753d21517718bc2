using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>The place of the largest or smallest element along an axis: a reduction whose accumulator is an element and its place. Not a number is above and below every number, and the first of equal ones wins.</summary>
abstract class ArgExtremeOperation : ReduceOperation
{
    /// <summary>Whether <paramref name="y"/> beats <paramref name="x"/>.</summary>
    protected abstract Scalar Beats(Scalar y, Scalar x);

    /// <summary>What every number beats.</summary>
    protected abstract double Neutral { get; }

    protected sealed override DType ResultType(DType type) => DType.I64;

    // Exact in every type.
    public sealed override TypePolicy Policy(Node node) => TypePolicy.Widest;

    // Whichever of two is taken depends on their values and places alone, so every order of the elements gives the same. Places are numbered in 32 bits, of which vectors hold as many as floats.
    public sealed override Accumulation Reduce(Node node)
    {
        var type = node.Inputs[0].DType;
        var value = type is DType.Bool or DType.I8 or DType.U8 or DType.I4 ? DType.I32 : type;
        Scalar x = Scalar.Input(0, value), i = Scalar.Input(1, DType.I32), y = Scalar.Input(2, value), j = Scalar.Input(3, DType.I32);
        var (beats, same) = (Beats(y, x), Scalar.Equal(x, y));
        if (type.IsFloat())
        {
            Scalar isX = Scalar.Equal(x, x), isY = Scalar.Equal(y, y); // false for NaN
            beats = Scalar.Or(beats, Scalar.And(isX, Scalar.Not(isY)));
            same = Scalar.Or(same, Scalar.Not(Scalar.Or(isX, isY)));
        }
        var take = Scalar.Or(beats, Scalar.And(same, Scalar.Less(j, i)));
        return new(
            [Scalar.Of(Neutral, value), Scalar.Of(double.PositiveInfinity, DType.I32)], [Scalar.Cast(Scalar.Input(0, type), value), Scalar.Cast(Scalar.Input(1, DType.I64), DType.I32)],
            [Scalar.Select(take, y, x), Scalar.Select(take, j, i)], Scalar.Cast(Scalar.Input(1, DType.I32), DType.I64)) { IsExact = true };
    }

    // One axis: the last one when none is named.
    public sealed override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, attributes.Has("axis") || attributes.Has("axes") ? attributes : attributes.With("axis", -1));

    public sealed override IEnumerable<SizeRule> SizeRules(Node node)
    {
        var shape = node.Inputs[0].Shape;
        return base.SizeRules(node).Concat(node.Attributes.Axes(shape).Select(a => new SizeRule(shape[a], 1, $"{Title} along axis {a} of {shape} needs an element", Diagnostics.Bounds)));
    }

    /// <summary>What messages call it.</summary>
    protected abstract string Title { get; }

    public sealed override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
