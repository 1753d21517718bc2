using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The Euclidean norm of all elements: a scalar. Its gradient at 0 is not a number.</summary>
    [Operation("norm")]
    public Tensor Norm() => Eager.Run("norm", [this]);

    /// <summary>The Euclidean norm along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    [Operation("norm")]
    public Tensor Norm(int axis, bool keep = false) => Eager.Run("norm", [this], ("axis", axis), ("keep", keep));
}

/// <summary><c>√ Σ x²</c></summary>
sealed class NormOperation : LanguageOperation
{
    public override string Name => "norm";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        Rules.Real("Norm", "x", x[0].DType);
        return b.Sqrt(b.Sum(b.Mul(x[0], x[0]), attributes.Axes(x[0].Shape), attributes.Bool("keep")));
    }
}
