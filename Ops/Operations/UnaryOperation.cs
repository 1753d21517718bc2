using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>A function of one number.</summary>
abstract class UnaryOperation : ElementwiseOperation
{
    public sealed override int Arity => 1;

    /// <summary>Functions of analysis take integers as f32; the others keep the type.</summary>
    protected virtual bool IsReal => true;

    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) =>
        Value(IsReal && !x[0].Type.IsFloat() ? Scalar.Cast(x[0], DType.F32) : x[0], attributes);

    protected virtual Scalar Value(Scalar x, AttributeMap attributes) => Value(x);

    protected abstract Scalar Value(Scalar x);

    /// <summary>The gradient of the operand: that of the result times the derivative.</summary>
    protected abstract Expr Gradient(GradContext g, Expr gradient);

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => Gradient(g, g.OutputGradient))];
}

/// <summary>A step function of one number: its gradient is zero.</summary>
abstract class StepOperation : ElementwiseOperation
{
    public sealed override int Arity => 1;
    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => x[0].Type.IsFloat() ? Value(x[0]) : x[0];
    protected abstract Scalar Value(Scalar x);
    public sealed override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
