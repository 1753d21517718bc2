using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>A function of two numbers, with broadcasting and promotion.</summary>
abstract class BinaryOperation : ElementwiseOperation
{
    public sealed override int Arity => 2;
    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        var type = DTypes.Promote(x[0].Type, x[1].Type);
        return Value(Scalar.Cast(x[0], type), Scalar.Cast(x[1], type));
    }

    protected abstract Scalar Value(Scalar a, Scalar b);
}

/// <summary>A relation between two numbers: a bool, without a gradient.</summary>
abstract class ComparisonOperation : ElementwiseOperation
{
    public sealed override int Arity => 2;
    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        var type = DTypes.Promote(x[0].Type, x[1].Type);
        return Value(Scalar.Cast(x[0], type), Scalar.Cast(x[1], type));
    }

    protected abstract Scalar Value(Scalar a, Scalar b);

    /// <summary>The operand as something that has an order: false comes before true.</summary>
    protected static Scalar Ordered(Scalar x) => x.Type == DType.Bool ? Scalar.Cast(x, DType.I32) : x;

    public sealed override ImmutableArray<Value?> Gradient(GradContext g) => [null, null];
}
