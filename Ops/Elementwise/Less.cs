using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Where the left number is smaller, elementwise with broadcasting: bools.</summary>
    [Operation("less")]
    public static Tensor operator <(Tensor left, Tensor right) => Eager.Run("less", [left, right]);

    /// <summary>Where the left number is larger, elementwise with broadcasting: bools.</summary>
    [Operation("greater")]
    public static Tensor operator >(Tensor left, Tensor right) => Eager.Run("greater", [left, right]);
}

sealed class LessOperation : ComparisonOperation
{
    public override string Name => "less";
    protected override Scalar Value(Scalar a, Scalar b) => Scalar.Less(Ordered(a), Ordered(b));
}
