using System;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>
/// The length of all operands as one vector, √Σx²: f32[] (f64[] where one of them is f64), added up in the order of the operands whatever their number. One operation from the moment that training asks for it until it is lowered, so that no pass takes it apart
/// and none has to find it again.
/// </summary>
public sealed class GradientNormOperation : Operation
{
    public override string Name => "gradient_norm";
    public override OpKind Kind => OpKind.Structure;

    public override ImmutableArray<TensorType> Infer(InferContext context) =>
        context.Inputs.FirstOrDefault(t => !t.DType.IsFloat()) is { } wrong ? throw new ShapeException($"gradient_norm takes real numbers, but got {wrong}")
        : [new(context.Inputs.Any(t => t.DType == DType.F64) ? DType.F64 : DType.F32, Shape.Scalar)];

    public override void Evaluate(Evaluation e)
    {
        var sum = 0.0;
        foreach (var x in e.Inputs)
            foreach (var value in x.Real) sum += value * value;
        e.Create(0).Real[0] = Math.Sqrt(sum);
    }

    public override Dim Flops(Node node) => node.Inputs.Aggregate(Dim.Zero, (sum, x) => sum + x.Shape.Size * 2);
}
