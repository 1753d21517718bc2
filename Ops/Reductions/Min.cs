using System;
using Graph.Compiler.Ir;
using Graph.Operations;
using Graph.Operations.Reference;

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

    public override void Evaluate(Evaluation e)
    {
        var result = e.Create(0);
        if (result.Real is { } real) for (var i = 0; i < real.Length; i++) real[i] = double.PositiveInfinity;
        else for (var i = 0; i < result.Int.Length; i++) result.Int[i] = long.MaxValue;
        Fold.Run(e[0], e.Attributes.Axes(e.Node.Inputs[0].Shape), result, (a, b) => double.IsNaN(a) || a < b ? a : b, Math.Min);
    }
}
