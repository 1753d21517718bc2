using System;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>How <see cref="Tensor.Gelu"/> computes the normal distribution's integral.</summary>
public enum GeluApproximation
{
    /// <summary>By the error function.</summary>
    None,
    /// <summary>By a hyperbolic tangent, as GPT-2 does.</summary>
    Tanh,
}

public partial class Tensor
{
    /// <summary>Gaussian error linear unit, <c>x · Φ(x)</c>, elementwise.</summary>
    /// <remarks>Hendrycks and Gimpel, "Gaussian error linear units", 2016; with tanh: <c>x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))</c>, the same in PyTorch.</remarks>
    [Operation("gelu")]
    public Tensor Gelu(GeluApproximation approximate = GeluApproximation.None) => Eager.Run("gelu", [this], ("approximate", approximate));
}

sealed class GeluOperation : UnaryOperation
{
    static readonly double Scale = Math.Sqrt(2 / Math.PI);
    const double Cubic = 0.044715;

    public override string Name => "gelu";
    protected override UnaryDomain Domain => UnaryDomain.Real;

    static bool IsTanh(AttributeMap attributes) => attributes.Word("approximate", "none") switch
    {
        "tanh" => true,
        "none" => false,
        var other => throw new ShapeException($"gelu knows the approximations none and tanh, but got {other}"),
    };

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("approximate", IsTanh(attributes) ? "tanh" : "none")));

    protected override Scalar Value(Scalar x) => x;

    protected override Scalar Value(Scalar x, AttributeMap attributes) => IsTanh(attributes)
        ? 0.5 * x * (1 + Scalar.Tanh(Scale * (x + Cubic * (x * x * x))))
        : 0.5 * x * (1 + Scalar.Erf(x * Math.Sqrt(0.5)));

    protected override Expr Gradient(GradContext g, Expr gradient)
    {
        var x = g.X;
        var square = x * x;
        if (IsTanh(g.Attributes))
        {
            var t = (Scale * (x + Cubic * (square * x))).Tanh();
            return gradient * (0.5 * (1 + t) + 0.5 * x * ((1 - t * t) * (Scale * (1 + 3 * Cubic * square))));
        }
        var integral = 0.5 * (1 + (x * Math.Sqrt(0.5)).Apply("erf"));
        return gradient * (integral + x * ((square * -0.5).Exp() * (1 / Math.Sqrt(2 * Math.PI))));
    }
}
