using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>A tensor of shape <c>shape</c> whose elements are their indices along <c>axis</c>.</summary>
sealed class IotaOperation : ElementwiseOperation
{
    public override string Name => "iota";
    public override int Arity => 0;
    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Cast(Scalar.AxisIndex((int)attributes.Int("axis")), attributes.DType("dtype") ?? DType.I64);

    protected override Shape ResultShape(AttributeMap attributes)
    {
        var shape = new Shape(attributes.Dims("shape"));
        shape.Axis(attributes.Int("axis"));
        return shape;
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [];
    public override Dim Flops(Node node) => Dim.Zero;
}
