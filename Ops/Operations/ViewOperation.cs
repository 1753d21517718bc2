using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations.Reference;

namespace Graph.Operations;

/// <summary>The same numbers under another index map.</summary>
abstract class ViewOperation : Operation
{
    public sealed override OpKind Kind => OpKind.View;

    public sealed override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 1);
        return [context[0].With(Result(context.Shape(0), context.Attributes))];
    }

    protected abstract Shape Result(Shape shape, AttributeMap attributes);

    /// <summary>Where the result's elements lie in the operand: an offset, and a stride for each axis of the result.</summary>
    protected abstract (long Offset, long[] Strides) Map(Evaluation e, long[] strides, long[] result);

    public override void Evaluate(Evaluation e)
    {
        var to = e.Create(0);
        var (offset, strides) = Map(e, e[0].Strides(), to.Shape);
        Strided.Copy(e[0], offset, strides, to, 0, to.Strides(), to.Shape);
    }
}
