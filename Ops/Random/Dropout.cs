using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>While training, zeroes each element with probability <paramref name="rate"/> and multiplies the others by <c>1 / (1 − rate)</c>; else the tensor itself.</summary>
    /// <remarks>Srivastava et al., JMLR 2014. The mask is a function of the step's seed and of this call's place in the model.</remarks>
    [Operation("dropout")]
    public Tensor Dropout(double rate) => Eager.Run("dropout", [this], ("rate", rate));
}

/// <summary>Operands: x and, where it drops at all, seed, stream and iteration (i64[] each).</summary>
sealed class DropoutOperation : CompositeOperation
{
    public override string Name => "dropout";
    public override TypePolicy Policy(Node node) => TypePolicy.Widest;
    public override Drawing Draws => Drawing.WhileTraining;

    static double Rate(AttributeMap attributes)
    {
        var rate = attributes.Real("rate");
        return rate is >= 0 and < 1 ? rate : throw new ShapeException($"Dropout needs a rate of at least 0 and below 1, but got {new Attr.Real(rate)}", Diagnostics.Number);
    }

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        Checked(operands[0], attributes) == 0 || operands.Length == 1 ? [operands[0]] : base.Emit(b, operands, attributes);

    // Outside of training nothing is dropped, but a model that cannot be trained shall not build.
    static double Checked(Value x, AttributeMap attributes)
    {
        Rules.Real("Dropout", "x", x.DType);
        return Rate(attributes);
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 4);
        Rate(context.Attributes);
        return [context[0]];
    }

    static Value Drop(Builder b, Value x, ImmutableArray<Value> draw, AttributeMap attributes)
    {
        var rate = Rate(attributes);
        var keep = b.LessEqual(b.Constant(rate, DType.F32), b.Draw("random_uniform", draw, x.Shape));
        return b.Where(keep, b.Mul(x, b.ConstantLike(1 / (1 - rate), x)), b.ConstantLike(0, x));
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => [Drop(b, x[0], x, attributes)];

    // The mask is drawn again rather than kept: its numbers depend on the seed and the place alone.
    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(Drop(g.Builder, g.OutputGradient, [g.Input(1), g.Input(2), g.Input(3)], g.Attributes))), null, null, null];
}
