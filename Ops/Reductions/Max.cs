using System;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The largest element: a scalar.</summary>
    [Operation("max")]
    public Tensor Max() => Eager.Run("max", [this]);

    /// <summary>The largest element along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    /// <remarks>Elements that share the maximum share the gradient.</remarks>
    [Operation("max")]
    public Tensor Max(int axis, bool keep = false) => Eager.Run("max", [this], ("axis", axis), ("keep", keep));

    /// <summary>The largest element along several axes.</summary>
    [Operation("max")]
    public Tensor Max(int[] axes, bool keep = false) => Eager.Run("max", [this], ("axes", axes), ("keep", keep));
}

sealed class MaxOperation : ExtremeOperation
{
    public override string Name => "max";

    public override Accumulation Reduce(Node node) => Extreme(node, Scalar.Max, double.NegativeInfinity);
}
