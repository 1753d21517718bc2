using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The standard deviation along an axis: the root of the variance, by default the biased one.</summary>
    [Operation("std")]
    public Tensor Std(int axis, bool keep = false, bool unbiased = false) => Eager.Run("std", [this], ("axis", axis), ("keep", keep), ("unbiased", unbiased));
}

/// <summary>The root of <c>variance</c>.</summary>
sealed class StdOperation : LanguageOperation
{
    public override string Name => "std";
    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => b.Sqrt(b.Apply("variance", x, attributes)[0]);
}
