using System;
using Graph.Compiler.Ir;

namespace Graph.Operations;

/// <summary>What gradient rules share.</summary>
static class Gradients
{
    /// <summary>The gradient of input <paramref name="i"/>, computed only if somebody wants it: summed over broadcast axes and cast to the input's type. Null for integers.</summary>
    public static Value? For(this GradContext g, int i, Func<Expr> gradient)
    {
        var type = g.Input(i).Value.DType;
        return g.Needs(i) && type.IsFloat() ? g.Builder.Cast(g.ToInput(i, gradient()), type) : null;
    }

    public static Expr Of(this Builder b, Value value) => new(b, value);
}
