using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes.Rules;

namespace Graph.Compiler.Passes;

/// <summary>
/// Folds constants, applies identities that are exact in floating point (but for the sign of a zero) and composes views, in one sweep:
/// a rule sees operands that are simplified already, and what it makes is simplified in turn. What is left without a reader is for <see cref="DeadCode"/>.
/// </summary>
public sealed record Simplify() : FunctionPass("Simplify")
{
    public override Function Run(Function function, Program program, CancellationToken cancel) => Run(function, program);

    static Function Run(Function function, Program program)
    {
        var rewriter = Rewriter.Over(program, function);
        var simplifier = new Simplifier(rewriter.Builder);
        foreach (var node in function.Nodes)
        {
            using var _ = rewriter.Builder.At(node.Origins);
            var inputs = rewriter.New(node.Inputs);
            if (node.Outputs.Length == 1 && node.Regions.IsEmpty)
            {
                rewriter.Map[node.Output] = simplifier.Make(node.Operation, inputs, node.Attributes);
                continue;
            }
            var copy = rewriter.Builder.Node(node.Operation, inputs, node.Attributes, [.. node.Regions.Select(r => Run(r, program))]);
            for (var i = 0; i < copy.Outputs.Length; i++) rewriter.Map[node.Outputs[i]] = copy.Outputs[i];
        }
        return rewriter.Finish(function);
    }
}

/// <summary>An operation about to be applied to operands: what a rule looks at.</summary>
public readonly struct Application(Simplifier simplifier, Operation operation, ImmutableArray<Value> inputs, AttributeMap attributes)
{
    public Simplifier Simplifier { get; } = simplifier;
    public Builder Builder => Simplifier.Builder;
    public Operation Operation { get; } = operation;
    public ImmutableArray<Value> Inputs { get; } = inputs;
    public AttributeMap Attributes { get; } = attributes;
    public Value this[int input] => Inputs[input];

    /// <summary>The type that the operation would give.</summary>
    public TensorType Type() => Operation.Infer(new([.. Inputs.Select(v => v.Type)], Attributes, [], Builder.Program))[0];

    /// <summary>Applies an operation, simplified.</summary>
    public Value Make(string operation, ImmutableArray<Value> inputs, params (string Name, Attr Value)[] attributes) =>
        Simplifier.Make(Builder.Operations[operation], inputs, attributes.Length == 0 ? AttributeMap.Empty : AttributeMap.Of(attributes));

    /// <summary>The node of that operation that computes the operand, if it is one.</summary>
    public bool Is(int input, string operation, out Node node)
    {
        node = Inputs[input].Producer!;
        return node is not null && node.Is(operation);
    }

    /// <summary>The number that an operand is everywhere.</summary>
    public bool IsConstant(int input, out double value) => Inputs[input].TryConstant(out value);
}

/// <summary>Applies operations to operands, taking a simpler way where a rule knows one.</summary>
public sealed class Simplifier(Builder builder)
{
    /// <summary>A rule gives the value to take instead, of the same type, or null.</summary>
    public delegate Value? Rule(Application a);

    static readonly Dictionary<string, Rule[]> ByName = ElementwiseRules.All.Concat(ViewRules.All).Concat(JoinRules.All)
        .GroupBy(r => r.Operation).ToDictionary(g => g.Key, g => g.Select(r => r.Rule).ToArray());

    public Builder Builder { get; } = builder;

    public Value Make(Operation operation, ImmutableArray<Value> inputs, AttributeMap attributes)
    {
        var a = new Application(this, operation, inputs, attributes);
        if (operation is ElementwiseOperation elementwise && Broadcasting.Try(a, elementwise) is { } moved) return moved;
        if (ByName.TryGetValue(operation.Name, out var rules))
            foreach (var rule in rules)
                if (rule(a) is { } value && value.Type == a.Type()) return value;
        return Builder.Node(operation, inputs, attributes).Output;
    }
}
