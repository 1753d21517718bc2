using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Rules;

/// <summary>
/// Attention that a model writes by hand: a product whose left side is a softmax over the last axis of what another product gave, with any scalar arithmetic, masks, dropout and views between. It stays what it is,
/// for it may be read elsewhere too; who wrote it may like to know of the operation.
/// </summary>
public static class WrittenAttention
{
    // Scale, mask, bias, cast and what else stands between a product and a softmax.
    const int Most = 12;

    /// <summary>The softmaxes of such attentions, in the stages before decomposition.</summary>
    public static IEnumerable<Node> Find(Function function) =>
        function.Nodes.Where(n => n.Operation.Kind == OpKind.Contract).Select(n => Softmax(n.Inputs[0])).OfType<Node>().Where(s => Product(s.Inputs[0], Most)).Distinct();

    // Behind a dropout or a view, which attention has.
    static Node? Softmax(Value weights)
    {
        for (var step = 0; step < Most && weights.Producer is { } producer; step++)
        {
            if (producer.Is("softmax")) return producer.Attributes.Int("axis") == producer.Output.Shape.Rank - 1 ? producer : null;
            if (!producer.Is("dropout") && producer.Operation.Kind != OpKind.View) return null;
            weights = producer.Inputs[0];
        }
        return null;
    }

    static bool Product(Value scores, int most)
    {
        if (scores.Producer is not { } producer || most == 0) return false;
        if (producer.Operation.Kind == OpKind.Contract) return true;
        return producer.Operation.Kind is OpKind.View ? Product(producer.Inputs[0], most - 1)
            : producer.Operation.Kind is OpKind.Elementwise or OpKind.Composite && producer.Inputs.Any(i => i.Shape == scores.Shape && i.DType.IsFloat() && Product(i, most - 1));
    }
}
