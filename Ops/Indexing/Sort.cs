using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The elements along an axis in ascending or descending order, and where each of them stood (i64). Equal elements keep their order; not a number counts as the largest, as in PyTorch.</summary>
    /// <remarks>Of the largest or smallest alone, see <see cref="TopK"/>.</remarks>
    [Operation("sort")]
    public (Tensor Values, Tensor Indices) Sort(int axis = -1, bool descending = false)
    {
        var results = Eager.RunAll("sort", [this], ("axis", axis), ("descending", descending));
        return (results[0], results[1]);
    }
}

/// <summary>Operand: x. Results: the sorted elements, and their indices along <c>axis</c>.</summary>
sealed class SortOperation : Operation
{
    public override string Name => "sort";
    public override OpKind Kind => OpKind.Library;

    // It reads a line and writes a line, each at a step of its own.
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.AnyType, Strided = [0], StridedResults = [0, 1], ThreadBytes = Entries(node.Inputs[0].Type, node.Attributes.Axis(node.Inputs[0].Shape)) };

    // The keys of a line with their places, twice.
    static Dim Entries(TensorType type, int axis) => type.Shape[axis] * (2 * 2 * System.Math.Max(32, type.DType.Bits()) / 8);

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape)), ("descending", attributes.Bool("descending"))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        context.Attributes.Axis(context.Shape(0));
        return [context[0], new(DType.I64, context.Shape(0))];
    }

    public override string? Undefined(Node node) => null;

    // An element's place is how many come before it.
    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var x = node.Inputs[0];
        if (x.DType == DType.Bool) x = b.Cast(x, DType.I32);
        var (axis, ones) = (node.Attributes.Axis(x.Shape), Comparing.Ones(x.Shape.Rank + 1));
        var (own, other) = (b.Reshape(x, x.Shape.Insert(axis + 1, 1)), b.Reshape(x, x.Shape.Insert(axis, 1)));
        var (place, otherPlace) = (b.Iota(ones.With(axis, x.Shape[axis]), axis), b.Iota(ones.With(axis + 1, x.Shape[axis]), axis + 1));
        Value Not(Value a) => b.Emit("logical_not", [a]);
        Value And(Value a, Value c) => b.Emit("logical_and", [a, c]);
        Value Or(Value a, Value c) => b.Emit("logical_or", [a, c]);
        var (less, equal) = node.Attributes.Bool("descending") ? (b.Less(own, other), b.Equal(own, other)) : (b.Less(other, own), b.Equal(other, own));
        if (x.DType.IsFloat())
        {
            // Not a number is larger than every number, and equal to its like.
            var (isNone, isOtherNone) = (Not(b.Equal(own, own)), Not(b.Equal(other, other)));
            less = Or(less, node.Attributes.Bool("descending") ? And(isOtherNone, Not(isNone)) : And(isNone, Not(isOtherNone)));
            equal = Or(equal, And(isNone, isOtherNone));
        }
        var isBefore = Or(less, And(equal, b.Less(otherPlace, place)));
        var rank = b.Sum(b.Cast(isBefore, DType.I64), axis + 1, keep: false);
        // What comes to a place is the element of that rank.
        var isThere = b.Equal(b.Reshape(rank, rank.Shape.Insert(axis, 1)), place);
        var indices = b.Sum(b.Where(isThere, otherPlace, b.ConstantLike(0, otherPlace)), axis + 1, keep: false);
        return [Comparing.Picked(b, node.Inputs[0], indices, axis), indices];
    }

    public override void Evaluate(Evaluation e)
    {
        var (x, values, indices) = (e[0], e.Create(0), e.Create(1));
        var axis = e.Attributes.Axis(e.Node.Inputs[0].Shape);
        var (extent, inner) = (x.Shape[axis], x.Strides()[axis]);
        var sign = e.Attributes.Bool("descending") ? -1 : 1;
        for (long line = 0; line < x.Size / Math.Max(1, extent); line++)
        {
            var start = line / inner * extent * inner + line % inner;
            var order = Enumerable.Range(0, (int)extent).ToArray();
            Array.Sort(order, Comparer<int>.Create((i, k) => sign * Compare(x, start + i * inner, start + k * inner) is var c and not 0 ? c : i.CompareTo(k)));
            for (long k = 0; k < extent; k++)
            {
                var from = start + order[k] * inner;
                if (x.Real is { } real) values.Real[start + k * inner] = real[from];
                else values.Int[start + k * inner] = x.Int[from];
                indices.Int[start + k * inner] = order[k];
            }
        }
    }

    static int Compare(TensorData x, long a, long b) => x.Real is not { } real ? x.Int[a].CompareTo(x.Int[b])
        : double.IsNaN(real[a]) || double.IsNaN(real[b]) ? double.IsNaN(real[a]).CompareTo(double.IsNaN(real[b]))
        : real[a] < real[b] ? -1 : real[a] > real[b] ? 1 : 0;

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var axis = g.Attributes.Axis(g.X.Shape);
        return [g.For(0, () => g.Of(g.Builder.Emit("gather_grad", [g.OutputGradient, g.Result(1)], ("axis", axis), ("size", Attributes.List(g.X.Shape[axis])))))];
    }

    public override Dim Flops(Node node) => node.Outputs[0].Shape.Size;
}
