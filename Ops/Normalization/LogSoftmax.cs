using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The logarithm of the softmax along an axis, computed without overflow. Shape of x.</summary>
    [Operation("log_softmax")]
    public Tensor LogSoftmax(int axis = -1) => Eager.Run("log_softmax", [this], ("axis", axis));
}

sealed class LogSoftmaxOperation : RowOperation
{
    public override string Name => "log_softmax";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    /// <summary>x less its maximum, and the logarithm of the sum of its exponentials.</summary>
    public static (Value Shifted, Value LogSum) Of(Builder b, Value x, int axis)
    {
        var shifted = b.Sub(x, b.Max(x, axis, keep: true));
        return (shifted, b.Log(b.Sum(b.Exp(shifted), axis, keep: true)));
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var (shifted, logSum) = Of(b, x[0], attributes.Axis(x[0].Shape));
        return [b.Sub(shifted, logSum)];
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.OutputGradient - g.Output.Exp() * g.OutputGradient.Sum(g.Attributes.Axis(g.X.Shape), keep: true))];
}
