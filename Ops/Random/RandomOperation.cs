using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>
/// Random numbers of type <c>dtype</c> (f32) from Philox4x32-10. Operands: seed, stream and iteration (i64[] each) and the elements' indices (i64), whose shape is the result's. Each number is a function
/// of these four alone: every target draws the same, the iterations of a loop draw anew, and a part of a tensor, given the indices that its elements have in the whole, draws what the whole does.
/// </summary>
abstract class RandomOperation : ElementwiseOperation
{
    public sealed override int Arity => 4;

    public sealed override Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes) => Scalar.Cast(Value(Scalar.Uniform(x[0], x[3], x[1], x[2])), attributes.DType("dtype") ?? DType.F32);

    /// <summary>The number that a uniform one in [0, 1), an f32 that is a multiple of 2⁻²⁴, becomes.</summary>
    protected abstract Scalar Value(Scalar uniform);

    public sealed override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, 4);
        for (var i = 0; i < 4; i++)
            if (context[i].DType != DType.I64 || (i < 3 && context.Shape(i).Rank > 0))
                throw new ShapeException($"{Name} needs a {Operands[i]} of type i64{(i < 3 ? "[]" : "")}, but got {context[i]}", Diagnostics.Type);
        return base.Infer(context);
    }

    static readonly string[] Operands = ["seed", "stream", "iteration", "tensor of indices"];

    public sealed override ImmutableArray<Value?> Gradient(GradContext g) => [null, null, null, null];
}

/// <summary>How operations that draw emit it. Their last three operands are those that <see cref="Operation.Draws"/> speaks of.</summary>
static class DrawingRules
{
    /// <summary>A tensor of random numbers by an operation of <see cref="RandomOperation"/>, each at its place in the shape.</summary>
    /// <param name="b">Where it is emitted.</param>
    /// <param name="operation">Its name.</param>
    /// <param name="operands">Its last three are seed, stream and iteration.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="first">The place of the first element, i64[]; 0 without.</param>
    public static Value Draw(this Builder b, string operation, ImmutableArray<Value> operands, Shape shape, Value? first = null)
    {
        var places = b.Emit("linear_index", [], ("shape", shape));
        return b.Emit(operation, [.. operands.RemoveRange(0, operands.Length - 3), first is null ? places : b.Add(places, first)], ("dtype", DType.F32));
    }
}
