using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Integers [...] as real vectors with a 1 in their place: [..., classes]; all 0 for one outside of the classes.</summary>
    [Operation("one_hot")]
    public Tensor OneHot(int classes) => Eager.Run("one_hot", [this], ("classes", classes));
}

/// <summary>A comparison with <c>iota</c>, cast.</summary>
sealed class OneHotOperation : LanguageOperation
{
    public override string Name => "one_hot";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        Rules.Index("OneHot", "classes", x[0].DType);
        if (attributes.Dim("classes").TryConstant(out var classes) && classes < 1) throw new ShapeException($"OneHot needs at least one class, but got {classes}", Diagnostics.Number);
        return b.Cast(b.Equal(b.Reshape(x[0], x[0].Shape.Insert(x[0].Shape.Rank, 1)), b.Iota(Shape.Of(attributes.Dim("classes")), 0, x[0].DType)), DType.F32);
    }
}
