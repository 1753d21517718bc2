using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where two tensors differ, elementwise with broadcasting: bools.</summary>
    [Operation("not_equal")]
    public Tensor NotEqualTo(Tensor other) => Eager.Run("not_equal", [this, other]);
}

/// <summary><c>not (a = b)</c></summary>
sealed class NotEqualOperation : LanguageOperation
{
    public override string Name => "not_equal";
    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => b.Emit("logical_not", [b.Equal(x[0], x[1])]);
}
