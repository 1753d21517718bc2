using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>
/// Uniform f32 numbers in [0, 1) of shape <c>shape</c> from Philox4x32-10: a function of the seed operand (i64[]), the name of the stream and the element's index, so that every target draws the same.
/// </summary>
sealed class RandomUniformOperation : ElementwiseOperation
{
    public override string Name => "random_uniform";
    public override int Arity => 1;

    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) =>
        Scalar.Uniform(x[0], Scalar.LinearIndex(), Philox.Stream(attributes.Text("stream") ?? ""), DType.F32);

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        if (context[0] != new TensorType(DType.I64, Shape.Scalar)) throw new ShapeException($"random_uniform needs a seed of type i64[], but got {context[0]}", Diagnostics.Type);
        return base.Infer(context);
    }

    protected override Shape ResultShape(AttributeMap attributes) => new(attributes.Dims("shape"));
    public override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
