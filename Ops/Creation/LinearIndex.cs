using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>An i64 tensor of shape <c>shape</c> whose elements are their row-major places in it: what a random number is drawn at.</summary>
sealed class LinearIndexOperation : ElementwiseOperation
{
    public override string Name => "linear_index";
    public override int Arity => 0;
    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.LinearIndex();
    protected override Shape ResultShape(AttributeMap attributes) => new(attributes.Dims("shape"));
    // Along the axes before that of the batch, a step in the whole is as long as one in all of its parts.
    public override ImmutableArray<Value> OfPart(Builder b, Node node, ImmutableArray<Value> inputs, AttributeMap attributes, BatchPart part)
    {
        var shape = ResultShape(attributes);
        if (part.Axis(ResultShape(node.Attributes)) is var axis && axis < 0) return default;
        var rows = shape.Skip(axis).Aggregate(Dim.One, (size, dim) => size * dim);
        var place = b.Add(b.Node(this, inputs, attributes).Output, b.Mul(part.Number, b.Size(rows, DType.I64)));
        if (axis == 0) return [place];
        var before = new Shape(shape.Take(axis));
        var index = b.Reshape(b.Emit(Name, [], ("shape", before)), new(before.Concat(Enumerable.Repeat(Dim.One, shape.Rank - axis))));
        return [b.Add(place, b.Mul(index, b.Size(rows * (part.Parts - 1), DType.I64)))];
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [];
    public override Dim Flops(Node node) => Dim.Zero;
}
