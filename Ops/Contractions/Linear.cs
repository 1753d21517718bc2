using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Affine map <c>x Wᵀ + b</c>: [..., inputs] → [..., outputs].</summary>
    /// <param name="weight">[outputs, inputs], as in torch.nn.Linear.</param>
    /// <param name="bias">[outputs]</param>
    [Operation("linear")]
    public Tensor Linear(Tensor weight, Tensor? bias = null) => Eager.Run("linear", bias is null ? [this, weight] : [this, weight, bias]);
}

sealed class LinearOperation : CompositeOperation
{
    public override string Name => "linear";
    public override TypePolicy Policy(Node node) => TypePolicy.Narrow;

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2, 3);
        var (x, w) = (context.Shape(0), context.Shape(1));
        Rules.Rank("Linear", "x", x, 1, int.MaxValue, "x of shape [..., inputs]");
        Rules.Rank("Linear", "the weight", w, 2, 2, "a weight of shape [outputs, inputs]");
        if (x[x.Rank - 1] != w[1])
            throw new ShapeException($"Linear needs x of shape [..., {w[1]}] for the weight {w} ([outputs, inputs]), but got {x}: {x[x.Rank - 1]} ≠ {w[1]}", Diagnostics.Inner);
        if (context.Inputs.Length == 3) Rules.Vector("Linear", "a bias", context.Shape(2), w[0], $"one number for each row of the weight {w}");
        Rules.SameReal("Linear", "x", context[0].DType, "the weight", context[1].DType);
        if (context.Inputs.Length == 3) Rules.SameReal("Linear", "x", context[0].DType, "the bias", context[2].DType);
        return [context[0].With(x.With(x.Rank - 1, w[0]))];
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes)
    {
        var rows = b.MatMul(MatMulOperation.Rows(b, x[0]), b.TransposeLast(x[1]));
        if (x.Length == 3) rows = b.Add(rows, x[2]);
        return [b.Reshape(rows, x[0].Shape.With(x[0].Shape.Rank - 1, x[1].Shape[0]))];
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var b = g.Builder;
        var dy = MatMulOperation.Rows(b, g.OutputGradient);
        var gradients = ImmutableArray.Create(
            g.For(0, () => g.Of(b.Reshape(b.MatMul(dy, g.Input(1)), g.X.Shape))),
            g.For(1, () => g.Of(b.MatMul(b.TransposeLast(dy), MatMulOperation.Rows(b, g.X)))));
        return g.Node.Inputs.Length == 2 ? gradients : gradients.Add(g.For(2, () => g.Of(b.Sum(dy, 0, keep: false))));
    }
}
