using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>A number. Without <c>dtype</c> it is a literal of the modelling language, which takes the type of what it is combined with, else f32 (i64 for an integer).</summary>
sealed class ConstantOperation : ElementwiseOperation
{
    public override string Name => "constant";
    public override int Arity => 0;
    public override bool IsUntyped(AttributeMap attributes) => !attributes.Has("dtype");

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        foreach (var pair in context.Attributes.All)
            if (pair is { Key: "value", Value: Attr.Int { Value: var whole } } && !Builder.IsExact(whole))
                throw new ShapeException($"The number {whole} cannot stand in a tensor: whole numbers there are exact up to 2^53 = 9007199254740992", Diagnostics.Inexact);
        return base.Infer(context);
    }

    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Of(attributes.Real("value"), attributes.DType("dtype") ?? Literal(attributes));

    static DType Literal(AttributeMap attributes)
    {
        foreach (var pair in attributes.All)
            if (pair.Key == "value" && pair.Value is Attr.Int) return DType.I64;
        return DType.F32;
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) => [];
    public override Dim Flops(Node node) => Dim.Zero;
}
