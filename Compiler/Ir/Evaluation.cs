using System.Collections.Generic;
using System.Collections.Immutable;

namespace Graph.Compiler.Ir;

/// <summary>What a node's evaluation sees: dense operands, the binding of the dimensions, and a way to evaluate scalar expressions and to run regions and called functions.</summary>
public abstract class Evaluation(Node node, TensorData[] inputs, DimBinding binding)
{
    public Node Node { get; } = node;
    public TensorData[] Inputs { get; } = inputs;
    public TensorData[] Outputs { get; } = new TensorData[node.Outputs.Length];
    public DimBinding Binding { get; } = binding;
    public AttributeMap Attributes => Node.Attributes;
    public TensorData this[int input] => Inputs[input];

    /// <summary>The program that runs, in which calls find their callee.</summary>
    public abstract Program Program { get; }

    /// <summary>The only result, to be set or filled.</summary>
    public TensorData Output
    {
        get => Outputs[0] ??= Create(0);
        set => Outputs[0] = value;
    }

    /// <summary>A zeroed tensor of the result's type and shape.</summary>
    public TensorData Create(int output) => Outputs[output] = new(Node.Outputs[output].DType, Node.Outputs[output].Shape.Evaluate(Binding));

    /// <summary>Fills the only result with an expression of the operands' elements.</summary>
    public abstract void Fill(Scalar expression);

    /// <summary>The results of a region or a called function, which reads no state, on arguments.</summary>
    public abstract ImmutableArray<TensorData> Run(Function function, IReadOnlyList<TensorData> arguments, DimBinding binding);
}
