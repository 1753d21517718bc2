using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The gradient of a gather's x: zeros with <c>size</c> elements along <c>axis</c>, onto which the elements of dy are added at their indices, in the order of the picks.</summary>
sealed class GatherGradOperation : Operation
{
    public override string Name => "gather_grad";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.RealType, Strided = [0, 1], ThreadBytes = LibraryTraits.Sums(node.Output.DType, node.Output.Shape[node.Attributes.Axis(node.Output.Shape)]) };

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        Rules.Index("gather_grad", "indices", context[1].DType);
        Rules.Real("gather_grad", "dy", context[0].DType);
        if (context.Shape(0) != context.Shape(1)) throw new ShapeException($"gather_grad needs an element for each index of {context.Shape(1)}, but got {context.Shape(0)}", Diagnostics.Companion);
        return [context[0].With(context.Shape(0).With(context.Attributes.Axis(context.Shape(0)), context.Attributes.Dim("size")))];
    }

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var axis = node.Attributes.Axis(node.Output.Shape);
        return [Comparing.Added(b, node.Inputs[0], node.Inputs[1], axis, node.Output.Shape[axis])];
    }

    public override void Evaluate(Evaluation e)
    {
        var (dy, index, to) = (e[0], e[1], e.Create(0));
        GatherOperation.Visit(index, e.Attributes.Axis(e.Node.Output.Shape), to, (pick, place) => to.Real[place] += dy.Real[pick]);
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(g.Builder.Emit("gather", [g.OutputGradient, g.Input(1)], ("axis", g.Attributes.Axis(g.Output.Shape))))), null];

    public override Dim Flops(Node node) => node.Inputs[0].Shape.Size;
}
