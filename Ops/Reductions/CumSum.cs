using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Running sums along an axis, each including its own element.</summary>
    [Operation("cumsum")]
    public Tensor CumSum(int axis = -1) => Eager.Run("cumsum", [this], ("axis", axis));
}

/// <summary>Running sums in the order of the elements, or with <c>reverse</c> from the last to the first.</summary>
sealed class CumSumOperation : Operation
{
    public override string Name => "cumsum";
    public override TypePolicy Policy(Node node) => TypePolicy.Wide;
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.RealType, Strided = [0] };

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) =>
        base.Emit(b, operands, AttributeMap.Of(("axis", attributes.Axis(operands[0].Shape))));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        context.Attributes.Axis(context.Shape(0));
        Rules.Real("CumSum", "x", context[0].DType);
        return [context[0]];
    }

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var x = node.Inputs[0];
        var axis = node.Attributes.Axis(x.Shape);
        var ones = Comparing.Ones(x.Shape.Rank + 1);
        var (to, from) = (b.Iota(ones.With(axis, x.Shape[axis]), axis), b.Iota(ones.With(axis + 1, x.Shape[axis]), axis + 1));
        var wide = b.Reshape(b.Cast(x, x.DType.Accumulator()), x.Shape.Insert(axis, 1));
        var isAdded = node.Attributes.Bool("reverse") ? b.LessEqual(to, from) : b.LessEqual(from, to);
        return [b.Cast(b.Sum(b.Where(isAdded, wide, b.ConstantLike(0, wide)), axis + 1, keep: false), x.DType)];
    }

    public override void Evaluate(Evaluation e)
    {
        var (x, to) = (e[0], e.Create(0));
        var axis = e.Attributes.Axis(e.Node.Output.Shape);
        var (extent, inner) = (x.Shape[axis], x.Strides()[axis]);
        var (first, step) = e.Attributes.Bool("reverse") ? (extent - 1, -inner) : (0, inner);
        for (long line = 0; line < x.Size / System.Math.Max(1, extent); line++)
        {
            var at = (line / inner * extent + first) * inner + line % inner;
            var sum = 0.0;
            for (long k = 0; k < extent; k++, at += step) to.Real[at] = sum += x.Real[at];
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.OutputGradient.Apply("cumsum", ("axis", g.Attributes.Axis(g.X.Shape)), ("reverse", !g.Attributes.Bool("reverse"))))];
}
