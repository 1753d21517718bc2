using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The tensor with <paramref name="value"/> in the places where the mask is true; the mask broadcasts.</summary>
    /// <param name="mask">Bools.</param>
    [Operation("masked_fill")]
    public Tensor MaskedFill(Tensor mask, double value) => Eager.Run("masked_fill", [this, mask], ("value", value));
}

/// <summary><c>where(mask, value, x)</c></summary>
sealed class MaskedFillOperation : LanguageOperation
{
    public override string Name => "masked_fill";

    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        Rules.Bool("MaskedFill", "the mask", x[1].DType);
        Rules.Holds("MaskedFill", attributes.Real("value"), x[0].DType);
        return b.Where(x[1], b.ConstantLike(attributes.Real("value"), x[0]), x[0]);
    }
}
