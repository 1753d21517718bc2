using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>
/// An operation made of others. Its reference value is its definition's; its gradient too, unless it has a cheaper rule.
/// </summary>
abstract class CompositeOperation : Operation
{
    public sealed override OpKind Kind => OpKind.Composite;

    /// <summary>The results by other operations.</summary>
    protected abstract ImmutableArray<Value> Define(Builder b, ImmutableArray<Value> x, AttributeMap attributes);

    public sealed override ImmutableArray<Value> Define(Builder b, Node node) => Define(b, node.Inputs, node.Attributes);

    public override void Evaluate(Evaluation e)
    {
        var builder = new Builder(e.Program, Name);
        ImmutableArray<Value> arguments = [.. e.Node.Inputs.Select((v, i) => builder.Argument(v.Type, "x" + i))];
        var function = builder.Build(Define(builder, arguments, e.Attributes));
        var result = e.Run(function, e.Inputs, e.Binding);
        for (var i = 0; i < e.Outputs.Length; i++) e.Outputs[i] = result[i];
    }

    public override ImmutableArray<Value?> Gradient(GradContext g)
    {
        ImmutableArray<Value> inputs = [.. g.Node.Inputs.Select((_, i) => g.Input(i).Value)];
        var first = g.Builder.Nodes.Count;
        var outputs = Define(g.Builder, inputs, g.Attributes);
        var wanted = inputs.Where((v, i) => g.Needs(i) && v.DType.IsFloat()).Distinct().ToArray();
        var found = ReverseMode.Run(g.Builder, first, wanted, outputs, [.. outputs.Select((_, i) => g.HasGradient(i) ? g.Gradient(i).Value : null)]);
        // One tensor in two places gets its gradient once: whoever adds up the inputs' gradients counts it once.
        return [.. inputs.Select((v, i) => wanted.Contains(v) && inputs.IndexOf(v) == i && found.TryGetValue(v, out var gradient) ? gradient : null)];
    }

    public override Dim Flops(Node node)
    {
        var builder = new Builder(new Program(Name, [], [], [], OperationTable.Set), Name);
        Define(builder, [.. node.Inputs.Select((v, i) => builder.Argument(v.Type, "x" + i))], node.Attributes);
        return builder.Nodes.Aggregate(Dim.Zero, (sum, n) => sum + n.Operation.Flops(n));
    }
}
