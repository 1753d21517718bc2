using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>What an attention and its gradient share: the shapes of operands, where these may lie, the work.</summary>
static class AttentionRules
{
    /// <summary>Everything may lie anywhere: queries, keys and values are parts of one product, and their gradients parts of its gradient.</summary>
    public static LibraryTraits Traits(Node node) => new()
    {
        Types = LibraryTraits.RealType, Strided = [.. Enumerable.Range(0, node.Inputs.Length)], StridedResults = [.. Enumerable.Range(0, node.Outputs.Length)],
    };

    /// <summary>The weighted values' shape.</summary>
    public static Shape Result(Shape query, Shape value) => Shape.Of(query[0], query[2], query[1], value[3]);

    /// <summary>Two operations for each pair of numbers that a product multiplies, for so many of them; of a causal attention all are counted.</summary>
    public static Dim Products(Node node, int products)
    {
        var (q, k, v) = (node.Inputs[0].Shape, node.Inputs[1].Shape, node.Inputs[2].Shape);
        var pairs = q[0] * q[1] * q[2] * k[2];
        return products == 2 ? pairs * (q[3] + v[3]) * 2 : pairs * (q[3] * 3 + v[3] * 2) * 2;
    }

    /// <summary>For a part of a batch, the weights' places in the whole.</summary>
    public static ImmutableArray<Value> OfPart(Operation operation, AttentionForm form, Builder b, Node node, ImmutableArray<Value> inputs, AttributeMap attributes, BatchPart part)
    {
        if (form.Dropout == 0 || part.Axis(node.Inputs[AttentionForm.Query].Shape) < 0) return default;
        var (q, k) = (inputs[AttentionForm.Query].Shape, inputs[AttentionForm.Key].Shape);
        var first = b.Mul(part.Number, b.Size(q[0] * q[1] * q[2] * k[2], DType.I64));
        return b.Node(operation, inputs.Insert(form.Draw + 3, first), attributes.With("first", true)).Outputs;
    }

    /// <summary>The operands that an attention and its gradient have alike.</summary>
    public static void Check(string name, InferContext context, AttentionForm form)
    {
        var (q, k, v) = (context.Shape(0), context.Shape(1), context.Shape(2));
        foreach (var (what, shape) in new[] { ("the query", q), ("the key", k), ("the value", v) }) Rules.Rank(name, what, shape, 4, 4, "tensors of shape [batch, heads, length, width]");
        if (q[3] != k[3]) throw new ShapeException($"{name} needs queries and keys of one width, but got {q} and {k}: {q[3]} ≠ {k[3]}", Diagnostics.Inner);
        if (k.With(3, v[3]) != v) throw new ShapeException($"{name} needs a value for each key, but got {k} and {v}", Diagnostics.Inner);
        if (q[0] != k[0]) throw new ShapeException($"{name} needs keys for each of the batch, but got {q} and {k}: {q[0]} ≠ {k[0]}", Diagnostics.Companion);
        if (q[1] != k[1] && !(q[1].TryConstant(out var heads) && k[1].TryConstant(out var keyHeads) && keyHeads > 0 && heads % keyHeads == 0))
            throw new ShapeException($"{name} needs heads of queries that are a multiple of those of keys, but got {q} and {k}: {q[1]} and {k[1]}", Diagnostics.Companion);
        // Keys and values that were kept in 16 bits are widened where they are read.
        if (form.IsGradient || context[0].DType != DType.F32 || !context[1].DType.IsNarrowFloat() || context[1].DType != context[2].DType)
            for (var i = 1; i < 3; i++) Rules.SameReal(name, "the query", context[0].DType, i == 1 ? "the key" : "the value", context[i].DType);
        if (form.HasMask)
        {
            Rules.Same(name, "a mask", context.Shape(form.Mask), q.With(3, k[2]));
            if (context[form.Mask].DType != DType.Bool) Rules.SameReal(name, "the query", context[0].DType, "the mask", context[form.Mask].DType);
        }
        if (form.HasLengths)
        {
            Rules.Index(name, "lengths", context[form.Lengths].DType);
            Rules.Vector(name, "lengths", context.Shape(form.Lengths), q[0], $"one for each of the batch of {q}");
        }
        if (form.HasPosition)
        {
            Rules.Index(name, "the position", context[form.Position].DType);
            Rules.Rank(name, "the position", context.Shape(form.Position), 0, 0, "one number for the position");
        }
        if (form.HasFirst && form.Dropout == 0) throw new ShapeException($"{name} has the place of its first weight, but draws for none", Diagnostics.Type);
        for (var i = form.Draw; form.Dropout > 0 && i < form.Draw + (form.HasFirst ? 4 : 3); i++)
            if (context[i] != new TensorType(DType.I64, Shape.Of())) throw new ShapeException($"{name} draws by a seed, a stream and an iteration of type i64[], but got {context[i]}", Diagnostics.Type);
    }
}
