using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>A value together with the builder that new nodes go to, so that gradients read as mathematics. Plain numbers take the other operand's type.</summary>
public readonly struct Expr(Builder builder, Value value)
{
    public Builder Builder { get; } = builder;
    public Value Value { get; } = value;
    public Shape Shape => Value.Shape;

    public static implicit operator Value(Expr e) => e.Value;

    Expr New(Value v) => new(Builder, v);
    Expr Number(double v) => New(Builder.Constant(v, Value.DType));

    public static Expr operator +(Expr a, Expr b) => a.New(a.Builder.Add(a, b));
    public static Expr operator -(Expr a, Expr b) => a.New(a.Builder.Sub(a, b));
    public static Expr operator *(Expr a, Expr b) => a.New(a.Builder.Mul(a, b));
    public static Expr operator /(Expr a, Expr b) => a.New(a.Builder.Div(a, b));
    public static Expr operator -(Expr a) => a.New(a.Builder.Neg(a));
    public static Expr operator +(Expr a, double b) => a + a.Number(b);
    public static Expr operator -(Expr a, double b) => a - a.Number(b);
    public static Expr operator *(Expr a, double b) => a * a.Number(b);
    public static Expr operator /(Expr a, double b) => a / a.Number(b);
    public static Expr operator +(double a, Expr b) => b.Number(a) + b;
    public static Expr operator -(double a, Expr b) => b.Number(a) - b;
    public static Expr operator *(double a, Expr b) => b.Number(a) * b;
    public static Expr operator /(double a, Expr b) => b.Number(a) / b;
    public static Expr operator >(Expr a, double b) => a.New(a.Builder.Less(a.Number(b), a));
    public static Expr operator <(Expr a, double b) => a.New(a.Builder.Less(a, a.Number(b)));
    public static Expr operator >(Expr a, Expr b) => a.New(a.Builder.Less(b, a));
    public static Expr operator <(Expr a, Expr b) => a.New(a.Builder.Less(a, b));

    public Expr Exp() => New(Builder.Exp(Value));
    public Expr Log() => New(Builder.Log(Value));
    public Expr Sqrt() => New(Builder.Sqrt(Value));
    public Expr Rsqrt() => New(Builder.Rsqrt(Value));
    public Expr Tanh() => New(Builder.Tanh(Value));
    public Expr Sum(IEnumerable<int> axes, bool keep) => New(Builder.Sum(Value, axes, keep));
    public Expr Sum(int axis, bool keep) => New(Builder.Sum(Value, axis, keep));
    public Expr Max(int axis, bool keep) => New(Builder.Max(Value, axis, keep));
    public Expr MatMul(Expr other) => New(Builder.MatMul(Value, other));
    public Expr TransposeLast() => New(Builder.TransposeLast(Value));
    public Expr Reshape(Shape shape) => New(Builder.Reshape(Value, shape));
    public Expr Expand(Shape shape) => New(Builder.Expand(Value, shape));
    public Expr Cast(DType type) => New(Builder.Cast(Value, type));
    public Expr Apply(string operation, params (string, Attr)[] attributes) => New(Builder.Emit(operation, [Value], attributes));
}

/// <summary>What an operation's gradient rule sees: its node's values, the gradients of its results, and a builder.</summary>
public sealed class GradContext(Builder builder, Node node, ImmutableArray<Value> inputs, ImmutableArray<Value> outputs, ImmutableArray<Value?> outputGradients, ImmutableArray<bool> needed)
{
    public Builder Builder { get; } = builder;

    /// <summary>The node being differentiated; its values are those of the function under construction, reached through <see cref="Input"/> and <see cref="Result"/>.</summary>
    public Node Node { get; } = node;
    public AttributeMap Attributes => Node.Attributes;

    public Expr Input(int i) => new(Builder, inputs[i]);
    public Expr X => Input(0);
    public Expr Result(int i) => new(Builder, outputs[i]);
    public Expr Output => Result(0);

    /// <summary>False when no result that the loss depends on uses output <paramref name="i"/>.</summary>
    public bool HasGradient(int i) => outputGradients[i] is not null;

    /// <summary>The gradient of output <paramref name="i"/>; zeros when nothing depends on it.</summary>
    public Expr Gradient(int i) => new(Builder, outputGradients[i] ?? Builder.Zeros(outputs[i].Type));

    /// <summary>The gradient of the first output.</summary>
    public Expr OutputGradient => Gradient(0);

    /// <summary>Whether anybody wants the gradient of input <paramref name="i"/>; a rule may give null for the others and save the work.</summary>
    public bool Needs(int i) => needed[i];

    public Expr Number(double value) => new(Builder, Builder.Constant(value, outputs[0].DType));

    public Expr Where(Expr condition, Expr yes, Expr no) => new(Builder, Builder.Where(condition, yes, no));

    public Expr Where(Expr condition, Expr yes, double no) => Where(condition, yes, Of(Builder.ConstantLike(no, yes)));

    public Expr Of(Value value) => new(Builder, value);

    /// <summary>A gradient summed over the axes along which input <paramref name="i"/> was broadcast.</summary>
    public Value ToInput(int i, Expr gradient) => Builder.SumTo(gradient, inputs[i].Shape);
}
