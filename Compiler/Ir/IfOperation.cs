using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>
/// Runs its first region when a condition holds, else its second; the other one is not run. Operands: the condition, a bool[], then what both regions take. Results: those of the region, which are of the same types in both.
/// </summary>
public sealed class IfOperation : Operation
{
    public override string Name => "if";
    public override OpKind Kind => OpKind.Structure;

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        if (context.Regions.Length != 2) throw new ShapeException("if takes two regions");
        if (context.Inputs.Length == 0 || context.Inputs[0] is not { DType: DType.Bool, Shape.Rank: 0 }) throw new ShapeException($"if takes a bool[] as its condition, but got {(context.Inputs.Length == 0 ? "nothing" : context.Inputs[0].ToString())}");
        foreach (var region in context.Regions)
        {
            if (!region.Parameters.Select(p => p.Type).SequenceEqual(context.Inputs.Skip(1)))
                throw new ShapeException($"a region of if expects {string.Join(", ", region.Parameters.Select(p => p.Type))}, but got {string.Join(", ", context.Inputs.Skip(1))}");
            if (!region.Results.Select(r => r.Type).SequenceEqual(context.Regions[0].Results.Select(r => r.Type)))
                throw new ShapeException($"one region of if gives {string.Join(", ", context.Regions[0].Results.Select(r => r.Type))}, the other {string.Join(", ", region.Results.Select(r => r.Type))}");
        }
        return [.. context.Regions[0].Results.Select(r => r.Type)];
    }

    public override void Evaluate(Evaluation e)
    {
        var region = e.Node.Regions[e[0].Int[0] != 0 ? 0 : 1];
        var results = e.Run(region, [.. e.Inputs.Skip(1)], e.Binding);
        for (var i = 0; i < e.Outputs.Length; i++) e.Outputs[i] = results[i];
    }

    public override Dim Flops(Node node) => node.Regions.SelectMany(r => r.Nodes).Aggregate(Dim.Zero, (sum, n) => sum + n.Operation.Flops(n));
}
