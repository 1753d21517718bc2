using System;
using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>A member of <see cref="Tensor"/> that only the modelling language has: it stands for other operations and never appears in a program.</summary>
abstract class LanguageOperation : Operation
{
    public sealed override OpKind Kind => OpKind.Composite;

    public sealed override ImmutableArray<TensorType> Infer(InferContext context) => throw new ShapeException($"{Name} stands for other operations and does not appear in programs");

    public sealed override void Evaluate(Evaluation e) => throw new NotSupportedException($"{Name} stands for other operations and does not appear in programs.");

    public sealed override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) => [Expand(b, operands, attributes)];

    /// <summary>What it stands for.</summary>
    protected abstract Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes);

    public override bool AdoptsNumbers => true;
}
