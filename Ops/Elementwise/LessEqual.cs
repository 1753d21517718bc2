using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where the left number is not larger, elementwise with broadcasting: bools.</summary>
    [Operation("less_equal")]
    public static Tensor operator <=(Tensor left, Tensor right) => Eager.Run("less_equal", [left, right]);

    /// <summary>Where the left number is not smaller, elementwise with broadcasting: bools.</summary>
    [Operation("greater_equal")]
    public static Tensor operator >=(Tensor left, Tensor right) => Eager.Run("greater_equal", [left, right]);
}

sealed class LessEqualOperation : ComparisonOperation
{
    public override string Name => "less_equal";
    protected override Scalar Value(Scalar a, Scalar b) => Scalar.LessEqual(Ordered(a), Ordered(b));
}
