using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The index of the smallest element along an axis, the first of equal ones: integers (i64). Of real numbers, integers or bools; not a number counts as the smallest.</summary>
    [Operation("argmin")]
    public Tensor ArgMin(int axis = -1, bool keep = false) => Eager.Run("argmin", [this], ("axis", axis), ("keep", keep));
}

sealed class ArgMinOperation : ArgExtremeOperation
{
    public override string Name => "argmin";
    protected override string Title => "ArgMin";
    protected override double Neutral => double.PositiveInfinity;
    protected override Scalar Beats(Scalar y, Scalar x) => Scalar.Less(y, x);
}
