using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Rows of this table [rows, width] by their indices [...]: [..., width].</summary>
    /// <param name="ids">Integers from 0 to rows − 1. A call throws <see cref="ArgumentOutOfRangeException"/> for others, before anything runs when they are an argument of the model.</param>
    [Operation("embedding")]
    public Tensor Embedding(Tensor ids) => Eager.Run("embedding", [this, ids]);
}

/// <summary>Operands: table [V, D], ids [...].</summary>
sealed class EmbeddingOperation : Operation
{
    public override string Name => "embedding";
    public override OpKind Kind => OpKind.Library;
    public override LibraryTraits Library(Node node) => new() { Types = LibraryTraits.AnyType, Strided = [0, 1] };

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 2);
        Rules.Rank("Embedding", "the table", context.Shape(0), 2, 2, "a table of shape [rows, width]");
        Rules.Index("Embedding", "indices", context[1].DType);
        return [context[0].With(new([.. context.Shape(1), context.Shape(0)[1]]))];
    }

    public override IEnumerable<IndexRule> IndexRules(Node node) => [new(1, node.Inputs[0].Shape[0], null, "Embedding's row")];

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node)
    {
        var (table, ids) = (node.Inputs[0], Comparing.Checked(b, node, 1));
        var picked = Comparing.Picked(b, table, b.Reshape(ids, Shape.Of(ids.Shape.Size, 1)), 0);
        return [b.Reshape(picked, node.Output.Shape)];
    }

    public override void Evaluate(Evaluation e)
    {
        var (table, ids, to) = (e[0], e[1], e.Create(0));
        var width = table.Shape[1];
        for (long i = 0; i < ids.Size; i++)
        {
            Check(ids.Int[i], table.Shape[0]);
            if (table.Real is { } real) Array.Copy(real, ids.Int[i] * width, to.Real, i * width, width);
            else Array.Copy(table.Int, ids.Int[i] * width, to.Int, i * width, width);
        }
    }

    internal static void Check(long id, long rows)
    {
        if (id < 0 || id >= rows) throw new ArgumentOutOfRangeException(null, $"The index {id} lies outside of the {rows} rows of the table.");
    }

    public override ImmutableArray<Value?> Gradient(GradContext g) =>
        [g.For(0, () => g.Of(g.Builder.Emit("embedding_grad", [g.OutputGradient, g.Input(1)], ("rows", Attributes.List(g.X.Shape[0]))))), null];

    public override Dim Flops(Node node) => Dim.Zero;
}
