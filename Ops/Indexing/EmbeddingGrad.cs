using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The gradient of an embedding's table: rows of dy [..., D] added up by their ids [...] onto zeros, or onto a third operand [rows, D], in the order of the ids.</summary>
sealed class EmbeddingGradOperation : Operation
{
    public override string Name => "embedding_grad";
    public override OpKind Kind => OpKind.Library;

    public override LibraryTraits Library(Node node) => node.Inputs.Length == 3
        ? new() { Types = LibraryTraits.RealType, Strided = [0, 1], InPlace = [new(0, 2)], ThreadBytes = ColumnSums(node) }
        : new() { Types = LibraryTraits.RealType, Strided = [0, 1], Hooks = LibraryHooks.Addend, ThreadBytes = ColumnSums(node) };

    // Where the sums of each row lie, and those of some columns of the rows that are named: of one column at least, and of more as long as they stay near a processor.
    static Dim ColumnSums(Node node) => LibraryTraits.Sums(node.Output.DType, 2 * node.Output.Shape[0] + (1 << 18));

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2, 3);
        var (dy, ids) = (context.Shape(0), context.Shape(1));
        Rules.Index("embedding_grad", "indices", context[1].DType);
        if (dy.Rank == 0 || dy.Remove(dy.Rank - 1) != ids) throw new ShapeException($"embedding_grad needs a row for each id of {ids}, but got {dy}", Diagnostics.Companion);
        var result = context[0].With(Shape.Of(context.Attributes.Dim("rows"), dy[dy.Rank - 1]));
        if (context.Inputs.Length > 2 && context[2] != result) throw new ShapeException($"embedding_grad adds onto {result}, but got {context[2]}", Diagnostics.Companion);
        return [result];
    }

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var (dy, ids, result) = (node.Inputs[0], node.Inputs[1], node.Output.Shape);
        var sum = Comparing.Added(b, b.Reshape(dy, Shape.Of(ids.Shape.Size, result[1])), b.Reshape(ids, Shape.Of(ids.Shape.Size, 1)), 0, result[0]);
        return [node.Inputs.Length == 3 ? b.Add(node.Inputs[2], sum) : sum];
    }

    public override void Evaluate(Evaluation e)
    {
        var (dy, ids, to) = (e[0], e[1], e.Create(0));
        if (e.Inputs.Length > 2) System.Array.Copy(e[2].Real, to.Real, to.Size);
        var width = to.Shape[1];
        for (long i = 0; i < ids.Size; i++)
        {
            EmbeddingOperation.Check(ids.Int[i], to.Shape[0]);
            var (from, into) = (i * width, ids.Int[i] * width);
            for (long k = 0; k < width; k++) to.Real[into + k] += dy.Real[from + k];
        }
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        Value? rows = g.For(0, () => g.Of(g.Builder.Emit("embedding", [g.OutputGradient, g.Input(1)])));
        return g.Node.Inputs.Length == 2 ? [rows, null] : [rows, null, g.OutputGradient];
    }

    public override Dim Flops(Node node) => node.Inputs[0].Shape.Size;
}
