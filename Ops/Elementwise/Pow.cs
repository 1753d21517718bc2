using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The power <c>x ^ exponent</c>, elementwise with broadcasting; the exponent may be a number. That of integers is real (f32).</summary>
    /// <remarks>Not a number where x is negative and the exponent is no integer.</remarks>
    [Operation("pow")]
    public Tensor Pow(Tensor exponent) => Eager.Run("pow", [this, exponent]);
}

sealed class PowOperation : ElementwiseOperation
{
    public override string Name => "pow";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    public override int Arity => 2;

    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes)
    {
        var type = DTypes.Promote(x[0].Type, x[1].Type);
        Rules.Number("Pow", "x and the exponent", type);
        if (!type.IsFloat()) type = DType.F32;
        return Scalar.Pow(Scalar.Cast(x[0], type), Scalar.Cast(x[1], type));
    }

    // The common exponents cost a multiplication instead of a logarithm and an exponential.
    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var x = operands[0];
        if (x.DType.IsFloat() && operands[1].Producer is { } p && p.Is("constant"))
            switch (p.Attributes.Real("value"))
            {
                case 1: return [x];
                case 2: return [b.Mul(x, x)];
                case 3: return [b.Mul(b.Mul(x, x), x)];
                case 0.5: return [b.Sqrt(x)];
                case -0.5: return [b.Rsqrt(x)];
                case -1: return [b.Emit("reciprocal", [x])];
            }
        return base.Emit(b, operands, attributes);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var (x, exponent) = (g.Input(0), g.Input(1));
        // 0 ^ b has the logarithm of 0 in its derivative by b, which is 0 all the same for b > 0; x ^ 0 has x ^ -1.
        return
        [
            g.For(0, () => g.Where(g.Of(g.Builder.Equal(exponent, g.Builder.ConstantLike(0, exponent))), g.Number(0), g.OutputGradient * exponent * g.Of(g.Builder.Emit("pow", [x, exponent - 1])))),
            g.For(1, () => g.Where(g.Of(g.Builder.Equal(x, g.Builder.ConstantLike(0, x))), g.Number(0), g.OutputGradient * g.Output * x.Log())),
        ];
    }
}
