using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The logarithm of the sum of exponentials along an axis, computed without overflow.</summary>
    [Operation("logsumexp")]
    public Tensor LogSumExp(int axis = -1, bool keep = false) => Eager.Run("logsumexp", [this], ("axis", axis), ("keep", keep));
}

/// <summary><c>max + log Σ exp(x − max)</c>, with 0 for a maximum that is infinite.</summary>
sealed class LogSumExpOperation : CompositeOperation
{
    public override string Name => "logsumexp";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, Reduced.Canonical(operands[0].Shape, attributes));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("LogSumExp", "x", context[0].DType);
        return [context[0].With(Reduced.Result(context.Shape(0), context.Attributes))];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var axes = attributes.Axes(x[0].Shape);
        var max = b.Max(x[0], axes, keep: true);
        // ∞ − ∞ is not a number: where the maximum is infinite there is nothing to guard against, and exponentials and logarithm give it back.
        max = b.Where(b.Equal(b.Emit("abs", [max]), b.ConstantLike(double.PositiveInfinity, max)), b.ConstantLike(0, max), max);
        var sum = b.Sum(b.Exp(b.Sub(x[0], max)), axes, keep: true);
        return [b.Reshape(b.Add(b.Log(sum), max), Reduced.Result(x[0].Shape, attributes))];
    }

    // The derivative is the softmax.
    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var kept = Reduced.Kept(g.X.Shape, g.Attributes);
        return [g.For(0, () => g.OutputGradient.Reshape(kept) * (g.X - g.Output.Reshape(kept)).Exp())];
    }
}
