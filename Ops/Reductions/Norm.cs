using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The Euclidean norm of all elements: a scalar.</summary>
    /// <remarks>The gradient of a norm of 0 is 0, as in PyTorch.</remarks>
    [Operation("norm")]
    public Tensor Norm() => Eager.Run("norm", [this]);

    /// <summary>The Euclidean norm along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    /// <remarks>The gradient of a norm of 0 is 0, as in PyTorch.</remarks>
    [Operation("norm")]
    public Tensor Norm(int axis, bool keep = false) => Eager.Run("norm", [this], ("axis", axis), ("keep", keep));
}

/// <summary><c>√ Σ x²</c></summary>
sealed class NormOperation : CompositeOperation
{
    public override string Name => "norm";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, Reduced.Canonical(operands[0].Shape, attributes));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("Norm", "x", context[0].DType);
        return [context[0].With(Reduced.Result(context.Shape(0), context.Attributes))];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes) =>
        [b.Sqrt(b.Sum(b.Mul(x[0], x[0]), attributes.Axes(x[0].Shape), attributes.Bool("keep")))];

    // x / norm, and at 0, where there is no derivative, the subgradient 0.
    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var kept = Reduced.Kept(g.X.Shape, g.Attributes);
        return [g.For(0, () => g.X * Reduced.WhereNotZero(g, g.Output.Reshape(kept), g.OutputGradient.Reshape(kept) / g.Output.Reshape(kept)))];
    }
}
