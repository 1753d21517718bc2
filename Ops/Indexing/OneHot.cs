using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>
    /// Integers [...] as real vectors with a 1 in their place: [..., classes]. A call throws <see cref="System.ArgumentOutOfRangeException"/> for one that is no class: before anything runs when they are an argument of the
    /// model, else when they are computed.
    /// </summary>
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
        var label = CheckIndexOperation.Of(b, x[0], attributes.Dim("classes"), null, "OneHot's class");
        return b.Cast(b.Equal(b.Reshape(label, label.Shape.Insert(label.Shape.Rank, 1)), b.Iota(Shape.Of(attributes.Dim("classes")), 0, x[0].DType)), DType.F32);
    }
}
