using System.Collections.Immutable;
using System.Linq;
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

    public abstract override ViewMap View(Node node);

    public sealed override void Evaluate(Evaluation e)
    {
        if (View(e.Node) is not ViewMap.Strided map)
        {
            e.Output = e[0].Reshape(e.Node.Output.Shape.Evaluate(e.Binding));
            return;
        }
        var to = e.Create(0);
        ImmutableArray<Dim> from = [.. e[0].Strides().Select(s => (Dim)s)];
        Strided.Copy(e[0], map.Offset(from).Evaluate(e.Binding), [.. map.Strides(from).Select(s => s.Evaluate(e.Binding))], to, 0, to.Strides(), to.Shape);
    }
}
