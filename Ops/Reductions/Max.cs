using System;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

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

    public override void Evaluate(Evaluation e)
    {
        var result = e.Create(0);
        if (result.Real is { } real) for (var i = 0; i < real.Length; i++) real[i] = double.NegativeInfinity;
        else for (var i = 0; i < result.Int.Length; i++) result.Int[i] = long.MinValue;
        Fold.Run(e[0], e.Attributes.Axes(e.Node.Inputs[0].Shape), result, (a, b) => double.IsNaN(a) || a > b ? a : b, Math.Max);
    }
}
