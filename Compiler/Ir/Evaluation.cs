using System;
using System.Collections.Immutable;
using System.Threading;

namespace Graph.Compiler.Ir;

/// <summary>What a node's evaluation sees: dense operands, the binding of the dimensions, and a way to run regions and called functions.</summary>
public sealed class Evaluation(Node node, TensorData[] inputs, Interpreter interpreter, DimBinding binding)
{
    public Node Node { get; } = node;
    public TensorData[] Inputs { get; } = inputs;
    public TensorData[] Outputs { get; } = new TensorData[node.Outputs.Length];
    public Interpreter Interpreter { get; } = interpreter;
    public DimBinding Binding { get; } = binding;
    public AttributeMap Attributes => Node.Attributes;
    public TensorData this[int input] => Inputs[input];

    /// <summary>The only result, to be set or filled.</summary>
    public TensorData Output
    {
        get => Outputs[0] ??= Create(0);
        set => Outputs[0] = value;
    }

    /// <summary>A zeroed tensor of the result's type and shape.</summary>
    public TensorData Create(int output) => Outputs[output] = new(Node.Outputs[output].DType, Node.Outputs[output].Shape.Evaluate(Binding));
}
