using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Rules;

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
