using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>Picks by their numbers without following them: every number is compared with every place. For targets without gathers; the work is that of all pairs, in one kernel that keeps none of them.</summary>
static class Comparing
{
    /// <summary>x[o, index[o, p, i], i], every bit of it; axes of size 1 stand for any size.</summary>
    /// <param name="b">Where the operations go.</param>
    /// <param name="x">Of any element type.</param>
    /// <param name="index">Integers that lie on the axis; of x's rank.</param>
    /// <param name="axis">The axis.</param>
    public static Value Picked(Builder b, Value x, Value index, int axis)
    {
        if (x.DType == DType.Bool) return b.Cast(Picked(b, b.Cast(x, DType.I32), index, axis), DType.Bool);
        var isPicked = b.Equal(b.Reshape(index, index.Shape.Insert(axis + 1, 1)), Places(b, x.Shape, axis, axis + 1, index.DType));
        var every = b.Reshape(x, x.Shape.Insert(axis, 1));
        // A sum would make 0 of −0. Of nothing the maximum is what no other lies below.
        var nothing = x.DType.IsFloat() ? double.NegativeInfinity : x.DType == DType.I64 ? long.MinValue : x.DType.Range().Least;
        return b.Max(b.Where(isPicked, every, b.ConstantLike(nothing, x)), axis + 1, keep: false);
    }

    /// <summary>Σ dy[o, p, i] over the p with index[o, p, i] = e, for each place e of an axis of so many.</summary>
    public static Value Added(Builder b, Value dy, Value index, int axis, Dim extent)
    {
        var wide = b.Cast(dy, dy.DType.Accumulator());
        var isPicked = b.Equal(b.Reshape(index, index.Shape.Insert(axis, 1)), Places(b, index.Shape.With(axis, extent), axis, axis, index.DType));
        var sum = b.Sum(b.Where(isPicked, b.Reshape(wide, wide.Shape.Insert(axis, 1)), b.ConstantLike(0, wide)), axis + 1, keep: false);
        return b.Cast(sum, dy.DType);
    }

    // 0, 1, … for the places of an axis of x, along an axis of a tensor that has one more.
    static Value Places(Builder b, Shape x, int axis, int along, DType type)
    {
        var shape = Ones(x.Rank + 1).With(along, x[axis]);
        return b.Iota(shape, along, type);
    }

    /// <summary>A shape of so many axes of size 1.</summary>
    public static Shape Ones(int rank) => new(System.Linq.Enumerable.Repeat(Dim.One, rank));

    /// <summary>Numbers that a target's kernels would have looked at.</summary>
    public static Value Checked(Builder b, Node node, int operand)
    {
        var index = node.Inputs[operand];
        foreach (var rule in node.Operation.IndexRules(node))
            if (rule.Input == operand) index = CheckIndexOperation.Of(b, index, rule.Below, rule.Except, rule.What);
        return index;
    }
}
