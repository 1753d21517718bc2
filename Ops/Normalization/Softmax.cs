using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Softmax along an axis: non-negative, sums to 1 along it. Shape of x.</summary>
    [Operation("softmax")]
    public Tensor Softmax(int axis = -1) => Eager.Run("softmax", [this], ("axis", axis));
}

/// <summary>An operation along one axis that keeps the shape of its real operand.</summary>
abstract class RowOperation : CompositeOperation
{
    public sealed override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape))));

    public sealed override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        context.Attributes.Axis(context.Shape(0));
        Rules.Real(Rules.Pascal(Name), "x", context[0].DType);
        return [context[0]];
    }
}

sealed class SoftmaxOperation : RowOperation
{
    public override string Name => "softmax";
    public override TypePolicy Policy(Node node) => TypePolicy.Inside;

    /// <summary>The definition; the maximum goes first so that nothing overflows.</summary>
    public static Value Of(Builder b, Value x, int axis)
    {
        var e = b.Exp(b.Sub(x, b.Max(x, axis, keep: true)));
        return b.Div(e, b.Sum(e, axis, keep: true));
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => [Of(b, x[0], attributes.Axis(x[0].Shape))];

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Output * (g.OutputGradient - (g.OutputGradient * g.Output).Sum(g.Attributes.Axis(g.X.Shape), keep: true)))];
}
