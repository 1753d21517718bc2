using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The sum of all elements: a scalar. The sum of integers is an i64, and that of bools an i64 that counts the true ones, as in PyTorch.</summary>
    [Operation("sum")]
    public Tensor Sum() => Eager.Run("sum", [this]);

    /// <summary>The sum along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    [Operation("sum")]
    public Tensor Sum(int axis, bool keep = false) => Eager.Run("sum", [this], ("axis", axis), ("keep", keep));

    /// <summary>The sum along several axes.</summary>
    [Operation("sum")]
    public Tensor Sum(int[] axes, bool keep = false) => Eager.Run("sum", [this], ("axes", axes), ("keep", keep));
}

sealed class SumOperation : ReduceOperation
{
    public override string Name => "sum";

    // Bools are counted, and integers summed up where no sum overflows soon.
    protected override DType ResultType(DType type) => type.IsFloat() ? type : DType.I64;

    public override Accumulation Reduce(Node node) => Accumulation.Of((a, b) => a + b, 0, node.Inputs[0].DType, node.Output.DType.Accumulator(), node.Output.DType);

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.OutputGradient.Reshape(Reduced.Kept(g.X.Shape, g.Attributes)).Expand(g.X.Shape))];
}
