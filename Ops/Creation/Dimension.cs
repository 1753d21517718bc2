using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The value of <c>size</c>, a polynomial over named dimensions, as a number of type <c>dtype</c>.</summary>
sealed class DimensionOperation : ElementwiseOperation
{
    public override string Name => "dimension";
    public override int Arity => 0;
    public override bool IsUntyped(AttributeMap attributes) => !attributes.Has("dtype");
    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Cast(Scalar.Dimension(attributes.Dim("size")), attributes.DType("dtype") ?? DType.I64);
    public override ImmutableArray<Value?> Gradient(GradContext g) => [];
    public override Dim Flops(Node node) => Dim.Zero;
}
