using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Operations;

namespace Graph;

/// <summary>The element types that <see cref="Tensor.Cast"/> knows.</summary>
public enum ElementType
{
    /// <summary>double</summary>
    F64,
    /// <summary>float</summary>
    F32,
    /// <summary>Half</summary>
    F16,
    /// <summary>The upper half of a float.</summary>
    BF16,
    /// <summary>long</summary>
    I64,
    /// <summary>int</summary>
    I32,
    /// <summary>sbyte</summary>
    I8,
    /// <summary>byte</summary>
    U8,
    /// <summary>Integers from −8 to 7, two in a byte: weights that are read by products. Numbers outside wrap around.</summary>
    I4,
    /// <summary>bool</summary>
    Bool,
}

public partial class Tensor
{
    /// <summary>The same numbers in another element type: reals become integers by truncation, anything but 0 becomes true.</summary>
    [Operation("cast")]
    public Tensor Cast(ElementType dtype) => Eager.Run("cast", [this], ("dtype", dtype));
}

sealed class CastOperation : ElementwiseOperation
{
    public override string Name => "cast";
    public override int Arity => 1;

    static DType Target(AttributeMap attributes) =>
        DTypes.TryParse(attributes.Word("dtype", ""), out var type) ? type : throw new ShapeException("cast needs an element type in dtype", Diagnostics.Type);

    public override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Cast(x[0], Target(attributes));

    public override ImmutableArray<Value> Emit(Builder b, ImmutableArray<Value> operands, AttributeMap attributes) => [b.Cast(operands[0], Target(attributes))];

    public override ImmutableArray<Value?> Gradient(GradContext g) => [g.For(0, () => g.OutputGradient)];
}
