using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The number (i64[]) of the random stream called <c>name</c>: the module's path and the how-manieth draw in it that this is, so that two draws of a model never share one.</summary>
sealed class RandomStreamOperation : ElementwiseOperation
{
    public override string Name => "random_stream";
    public override int Arity => 0;
    public override bool IsNamed => true;
    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Of(Philox.Stream(attributes.Text("name") ?? throw new ShapeException("random_stream needs a name")), DType.I64);
    public override ImmutableArray<Value?> Gradient(GradContext g) => [];
    public override Dim Flops(Node node) => Dim.Zero;
}
