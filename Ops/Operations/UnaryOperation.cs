using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>The element types that a function of one number takes, as in PyTorch.</summary>
enum UnaryDomain
{
    /// <summary>Functions of analysis: integers and bools become f32.</summary>
    Promoted,
    /// <summary>Activations of networks: real numbers alone.</summary>
    Real,
    /// <summary>Real numbers and integers, which stay what they are.</summary>
    Number,
    /// <summary>Everything; the definition sees the type.</summary>
    Any,
}

/// <summary>A function of one number.</summary>
abstract class UnaryOperation : ElementwiseOperation
{
    public sealed override int Arity => 1;

    /// <summary>What it is a function of.</summary>
    protected virtual UnaryDomain Domain => UnaryDomain.Promoted;

    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        switch (Domain)
        {
            case UnaryDomain.Promoted when !x[0].Type.IsFloat():
                return Value(Scalar.Cast(x[0], DType.F32), attributes);
            case UnaryDomain.Real:
                Rules.Real(Rules.Pascal(Name), "x", x[0].Type);
                break;
            case UnaryDomain.Number:
                Rules.Number(Rules.Pascal(Name), "x", x[0].Type);
                break;
        }
        return Value(x[0], attributes);
    }

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

    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        Rules.Number(Rules.Pascal(Name), "x", x[0].Type);
        return x[0].Type.IsFloat() ? Value(x[0]) : x[0];
    }

    protected abstract Scalar Value(Scalar x);
    public sealed override ImmutableArray<Value?> Gradient(GradContext g) => [null];
}
