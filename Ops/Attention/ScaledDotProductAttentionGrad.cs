using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The gradients of an attention's query, key and value. Operands: those of the attention, what it gave, and the gradient of its first result; attributes are the attention's.</summary>
sealed class ScaledDotProductAttentionGradOperation : Operation
{
    public override string Name => "scaled_dot_product_attention_grad";
    public override OpKind Kind => OpKind.Library;
    public override AttentionForm Attention(Node node) => AttentionForm.Of(node.Attributes, isGradient: true);
    public override LibraryTraits Library(Node node) => AttentionRules.Traits(node);
    public override TypePolicy Policy(Node node) => TypePolicy.Narrow;

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        var form = AttentionForm.Of(context.Attributes, isGradient: true);
        context.Expect(Name, form.Operands + 3);
        AttentionRules.Check(Name, context, form);
        var (q, v) = (context.Shape(0), context.Shape(2));
        Rules.Same(Name, "what the attention gave", context.Shape(form.Output), AttentionRules.Result(q, v));
        Rules.Same(Name, "normalizers", context.Shape(form.Normalizer), q.With(3, 2));
        Rules.Same(Name, "a gradient", context.Shape(form.OutputGradient), AttentionRules.Result(q, v));
        return [context[0], context[1], context[2]];
    }

    public override void Evaluate(Evaluation e) => new AttentionReference(e, AttentionForm.Of(e.Attributes, isGradient: true)).Backward();

    public override string? Undefined(Node node) => null;

    public override ImmutableArray<Value> Define(Builder b, Node node) => AttentionDefinition.Backward(b, AttentionForm.Of(node.Attributes, isGradient: true), node.Inputs);

    // What the attention gave follows from its operands, so the definition, which makes it again, has the whole gradient.
    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        var form = AttentionForm.Of(g.Attributes, isGradient: true);
        ImmutableArray<Value> inputs = [.. g.Node.Inputs.Select((_, i) => g.Input(i).Value)];
        return AttentionDefinition.Gradients(g, inputs, b => AttentionDefinition.Backward(b, form, inputs));
    }

    public override ImmutableArray<Value> OfPart(Builder b, Node node, ImmutableArray<Value> inputs, AttributeMap attributes, BatchPart part) => AttentionRules.OfPart(this, Attention(node), b, node, inputs, attributes, part);

    public override Dim Flops(Node node) => AttentionRules.Products(node, 5);
}
