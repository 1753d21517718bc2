using System.Collections.Immutable;
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
    public override ImmutableArray<Value?> Gradient(GradContext g) => [];
    public override Dim Flops(Node node) => Dim.Zero;
}
