using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Elements of <paramref name="yes"/> where the condition is true and of <paramref name="no"/> where it is false, with broadcasting.</summary>
    /// <param name="condition">Bools.</param>
    [Operation("where")]
    public static Tensor Where(Tensor condition, Tensor yes, Tensor no) => Eager.Run("where", [condition, yes, no]);
}

sealed class WhereOperation : ElementwiseOperation
{
    public override string Name => "where";
    public override int Arity => 3;

    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        var type = DTypes.Promote(x[1].Type, x[2].Type);
        return Scalar.Select(x[0], Scalar.Cast(x[1], type), Scalar.Cast(x[2], type));
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 3);
        Rules.Bool("Where", "the condition", context[0].DType);
        return base.Infer(context);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        null,
        g.For(1, () => g.Where(g.Input(0), g.OutputGradient, 0)),
        g.For(2, () => g.Where(g.Input(0), g.Number(0), g.OutputGradient)),
    ];
}
