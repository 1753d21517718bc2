using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The index of the largest element along an axis, the first of equal ones: integers (i64). Of real numbers, integers or bools; not a number counts as the largest.</summary>
    [Operation("argmax")]
    public Tensor ArgMax(int axis = -1, bool keep = false) => Eager.Run("argmax", [this], ("axis", axis), ("keep", keep));
}

sealed class ArgMaxOperation : ArgExtremeOperation
{
    public override string Name => "argmax";
    protected override string Title => "ArgMax";
    protected override double Neutral => double.NegativeInfinity;
    protected override Scalar Beats(Scalar y, Scalar x) => Scalar.Less(x, y);
}
