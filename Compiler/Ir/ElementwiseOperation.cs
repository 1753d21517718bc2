using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>An operation whose every result element is a scalar expression of the operands' elements at the same place, after broadcasting.</summary>
public abstract class ElementwiseOperation : Operation
{
    public sealed override OpKind Kind => OpKind.Elementwise;

    /// <summary>How many operands it takes.</summary>
    public abstract int Arity { get; }

    /// <summary>The definition.</summary>
    public abstract Scalar Value(ImmutableArray<Scalar> x, AttributeMap attributes);

    /// <summary>The type of the result; the promoted type of the operands unless overridden.</summary>
    public virtual DType ResultType(ImmutableArray<DType> inputs, AttributeMap attributes) => Value([.. inputs.Select((t, i) => Scalar.Input(i, t))], attributes).Type;

    public override ImmutableArray<TensorType> Infer(InferContext context)
    {
        context.Expect(Name, Arity);
        var shape = context.Inputs.Aggregate(ResultShape(context.Attributes), (s, t) => Shape.Broadcast(s, t.Shape));
        return [new(ResultType([.. context.Inputs.Select(t => t.DType)], context.Attributes), shape)];
    }

    /// <summary>For operations without operands that fix the shape, such as iota: the shape from the attributes.</summary>
    protected virtual Shape ResultShape(AttributeMap attributes) => Shape.Scalar;

    /// <summary>The remainder of an integer by 0 has no value; by another constant it always has one.</summary>
    public override bool MayThrow(Node node, Program program) => Expression(node).Ordered().Any(s => s.Op == ScalarOp.Remainder && !s.Type.IsFloat() && !IsNonZero(s.Arguments[1], node));

    static bool IsNonZero(Scalar divisor, Node node) => divisor.Op switch
    {
        ScalarOp.Constant => divisor.Constant != 0,
        ScalarOp.Input => node.Inputs[divisor.Index].Producer is { } p && p.Operation is ElementwiseOperation constant && constant.Expression(p) is { Op: ScalarOp.Constant, Constant: not 0 },
        ScalarOp.Cast => IsNonZero(divisor.Arguments[0], node),
        _ => false,
    };

    /// <summary>The expression of a node, with the operands' types.</summary>
    public Scalar Expression(Node node) => Value([.. node.Inputs.Select((v, i) => Scalar.Input(i, v.DType))], node.Attributes);

    public override void Evaluate(Evaluation e) => e.Fill(Expression(e.Node));

    /// <summary>One step of arithmetic rounds once in any type; of several, the steps between would be rounded too.</summary>
    public override TypePolicy Policy(Node node) => Steps(node) > 1 ? TypePolicy.Inside : TypePolicy.Widest;

    /// <summary>One per arithmetic operation of the expression and element.</summary>
    public override Dim Flops(Node node) => node.Output.Shape.Size * Steps(node);

    int Steps(Node node) => Expression(node).Ordered().Count(s => s.Op is not (ScalarOp.Input or ScalarOp.Constant or ScalarOp.Cast or ScalarOp.AxisIndex or ScalarOp.LinearIndex or ScalarOp.Dimension));
}
