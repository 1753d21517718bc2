using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

public partial class Tensor
{
    /// <summary>A tensor of real numbers that are all <paramref name="value"/>.</summary>
    [Operation("full")]
    public static Tensor Full(int[] shape, double value) => Eager.Run("full", [], ("shape", shape), ("value", value));

    /// <summary>A tensor of zeros.</summary>
    [Operation("zeros")]
    public static Tensor Zeros(params int[] shape) => Eager.Run("zeros", [], ("shape", shape));

    /// <summary>A tensor of ones.</summary>
    [Operation("ones")]
    public static Tensor Ones(params int[] shape) => Eager.Run("ones", [], ("shape", shape));
}

/// <summary>A constant, expanded: <c>full</c>, <c>zeros</c> and <c>ones</c>.</summary>
sealed class FullOperation(string name, double? value) : LanguageOperation
{
    public override string Name => name;
    protected override Value Expand(Builder b, ImmutableArray<Value> x, AttributeMap attributes) =>
        b.Full(value ?? attributes.Real("value"), new(DType.F32, new(attributes.Dims("shape"))));
}
