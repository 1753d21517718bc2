using System;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The smallest element: a scalar.</summary>
    [Operation("min")]
    public Tensor Min() => Eager.Run("min", [this]);

    /// <summary>The smallest element along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    /// <remarks>Elements that share the minimum share the gradient.</remarks>
    [Operation("min")]
    public Tensor Min(int axis, bool keep = false) => Eager.Run("min", [this], ("axis", axis), ("keep", keep));

    /// <summary>The smallest element along several axes.</summary>
    [Operation("min")]
    public Tensor Min(int[] axes, bool keep = false) => Eager.Run("min", [this], ("axes", axes), ("keep", keep));
}

sealed class MinOperation : ExtremeOperation
{
    public override string Name => "min";

    public override Accumulation Reduce(Node node) => Extreme(node, Scalar.Min, double.PositiveInfinity);
}
