using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>The mean of all elements, which are real numbers (cast integers and bools first): a scalar.</summary>
    [Operation("mean")]
    public Tensor Mean() => Eager.Run("mean", [this]);

    /// <summary>The mean along an axis, which goes or, with <paramref name="keep"/>, stays with size 1.</summary>
    [Operation("mean")]
    public Tensor Mean(int axis, bool keep = false) => Eager.Run("mean", [this], ("axis", axis), ("keep", keep));

    /// <summary>The mean along several axes.</summary>
    [Operation("mean")]
    public Tensor Mean(int[] axes, bool keep = false) => Eager.Run("mean", [this], ("axes", axes), ("keep", keep));
}

sealed class MeanOperation : CompositeOperation
{
    public override string Name => "mean";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, Reduced.Canonical(operands[0].Shape, attributes));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        Rules.Real("Mean", "x", context[0].DType);
        return [context[0].With(Reduced.Result(context.Shape(0), context.Attributes))];
    }

    /// <summary>The mean of a real tensor along axes.</summary>
    public static Value Of(Builder b, Value x, int[] axes, bool keep)
    {
        var count = Dim.One;
        foreach (var axis in axes) count *= x.Shape[axis];
        return b.Div(b.Sum(x, axes, keep), b.Size(count, x.DType));
    }

    protected override ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes) => [Of(b, x[0], attributes.Axes(x[0].Shape), attributes.Bool("keep"))];

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
    [
        g.For(0, () => (g.OutputGradient / g.Of(g.Builder.Size(Reduced.Count(g.X.Shape, g.Attributes), g.Output.Value.DType)))
            .Reshape(Reduced.Kept(g.X.Shape, g.Attributes)).Expand(g.X.Shape)),
    ];
}
