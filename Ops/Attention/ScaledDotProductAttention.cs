using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>Attention: <c>softmax(query · keyᵀ · scale + mask) · value</c> over [..., length, width], without a tensor of size length².</summary>
    /// <param name="query">[..., T, E]; with more than one axis before them, the last of these numbers the heads.</param>
    /// <param name="key">[..., S, E]</param>
    /// <param name="value">[..., S, V]</param>
    /// <param name="causal">Position t sees positions up to t only.</param>
    /// <param name="scale">0 stands for 1/√E.</param>
    /// <param name="mask">Broadcast to [..., T, S]: bools, true where a key is seen, or numbers of the query's type that are added to the scores.</param>
    /// <param name="lengths">[batch], integers: how many of the keys are there, the others are not seen.</param>
    /// <param name="position">One integer, for a causal attention: the place of the first query among the keys, as with keys that earlier calls have kept.</param>
    /// <param name="dropout">While training, this share of the weights becomes 0, and the others grow by 1 / (1 − it), as <see cref="Dropout"/> would do.</param>
    /// <param name="groupedHeads">Keys and values have fewer heads than queries: each is used by as many neighbouring heads of the query.</param>
    /// <remarks>
    /// Vaswani et al., "Attention is all you need", 2017; Dao, "FlashAttention-2", 2023. A query that sees no key, or only scores of −∞, gives zeros, and nothing flows back from it.
    /// </remarks>
    [Operation("scaled_dot_product_attention")]
    public static Tensor ScaledDotProductAttention(
        Tensor query, Tensor key, Tensor value, bool causal = false, double scale = 0, Tensor? mask = null, Tensor? lengths = null, Tensor? position = null, double dropout = 0, bool groupedHeads = false) =>
        Eager.Run("scaled_dot_product_attention", [.. new[] { query, key, value, mask, lengths, position }.OfType<Tensor>()],
            ("causal", causal), ("scale", scale), ("dropout", dropout), ("groupedHeads", groupedHeads));
}

/// <summary>
/// Operands and attributes as <see cref="AttentionForm"/> says. Results: the weighted values [B, T, H, V], as joining the heads reads them, and, in the type of the sums, [B, H, T, 2] what normalizes each query's weights: its largest score and the
/// sum of the exponentials of all less that, −∞ and 0 where it sees nothing. That is all that the gradient needs to make the weights again, as exactly as they were. The language sees the first alone.
/// </summary>
sealed class ScaledDotProductAttentionOperation : Operation
{
    public override string Name => "scaled_dot_product_attention";
    public override OpKind Kind => OpKind.Library;
    public override Drawing Draws => Drawing.WhileTraining;
    public override bool TellsOperands => true;
    public override AttentionForm Attention(Node node) => AttentionForm.Of(node.Attributes, isGradient: false);
    public override LibraryTraits Library(Node node) => AttentionRules.Traits(node);
    public override TypePolicy Policy(Node node) => TypePolicy.Narrow;

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var call = new AttentionCall(b, operands, attributes);
        var results = b.Node(this, call.Operands, call.Attributes).Outputs;
        return [b.Reshape(b.Transpose(results[0], [0, 2, 1, 3]), call.Result)];
    }

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        var form = AttentionForm.Of(context.Attributes, isGradient: false);
        context.Expect(Name, form.Operands);
        AttentionRules.Check(Name, context, form);
        var (q, v) = (context.Shape(0), context.Shape(2));
        return [context[0].With(AttentionRules.Result(q, v)), new(context[0].DType.Accumulator(), q.With(3, 2))];
    }

    public override void Evaluate(Evaluation e) => new AttentionReference(e, AttentionForm.Of(e.Attributes, isGradient: false)).Forward();

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node) => AttentionDefinition.Forward(b, AttentionForm.Of(node.Attributes, isGradient: false), node.Inputs);

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var form = AttentionForm.Of(g.Attributes, isGradient: false);
        ImmutableArray<Value> inputs = [.. Enumerable.Range(0, form.Operands).Select(i => g.Input(i).Value)];
        // No kernel has the gradient of the normalizers, which nothing but a gradient reads, nor one over keys in 16 bits beside queries in 32.
        if (g.HasGradient(1) || inputs[AttentionForm.Key].DType != inputs[AttentionForm.Query].DType) return AttentionDefinition.Gradients(g, inputs, b => AttentionDefinition.Forward(b, form, inputs));
        var gradients = new Value?[form.Operands];
        if (Enumerable.Range(0, 3).Any(g.Needs))
        {
            var node = g.Builder.Node("scaled_dot_product_attention_grad", [.. inputs, g.Result(0), g.Result(1), g.OutputGradient], g.Attributes);
            for (var i = 0; i < 3; i++) gradients[i] = node.Outputs[i];
        }
        // The gradient of a mask is as large as the scores anyway.
        if (form.HasMask && g.Needs(form.Mask) && inputs[form.Mask].DType.IsFloat())
            gradients[form.Mask] = AttentionDefinition.Gradients(g, inputs, b => AttentionDefinition.Forward(b, form, inputs))[form.Mask];
        return [.. gradients];
    }

    public override ImmutableArray<Value> OfPart(Builder b, Node node, ImmutableArray<Value> inputs, AttributeMap attributes, BatchPart part) => AttentionRules.OfPart(this, Attention(node), b, node, inputs, attributes, part);

    public override Dim Flops(Node node) => AttentionRules.Products(node, 2);
}
