using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;

namespace Graph.Compiler.Passes.Rules;

/// <summary>Elementwise operations of any name: folding of constants, and expansions that their own broadcasting makes needless.</summary>
static class Broadcasting
{
    public static Value? Try(Application a, ElementwiseOperation operation)
    {
        if (a.Inputs.IsEmpty) return null;
        if (Fold(a, operation) is { } constant) return constant;
        if (!a.Inputs.Any(IsExpanded)) return null;
        // The operands before their expansion broadcast to the same shape, or to a smaller one that is expanded afterwards.
        var bare = a.Inputs.Select(v => IsExpanded(v) ? v.Producer!.Inputs[0] : v).ToImmutableArray();
        var expected = a.Type();
        var type = operation.Infer(new([.. bare.Select(v => v.Type)], a.Attributes, [], a.Builder.Program))[0];
        if (type == expected) return a.Simplifier.Make(operation, bare, a.Attributes);
        if (KnowsItsPlace(a, operation)) return null;
        var small = a.Simplifier.Make(operation, bare, a.Attributes);
        return a.Make("expand", [small], ("shape", expected.Shape));
    }

    // Broadcast by an expansion, or ready for broadcasting by axes of 1 in front.
    static bool IsExpanded(Value value) => value.Producer is { } producer && (producer.Is("expand") || (producer.Is("reshape") && AddsLeadingUnits(producer)));

    public static bool AddsLeadingUnits(Node reshape)
    {
        var (from, to) = (reshape.Inputs[0].Shape, reshape.Output.Shape);
        var extra = to.Rank - from.Rank;
        if (extra < 0) return false;
        for (var axis = 0; axis < to.Rank; axis++)
            if (axis < extra ? !to[axis].Is(1) : to[axis] != from[axis - extra]) return false;
        return true;
    }

    // Its elements depend on where they stand: random numbers, indices.
    static bool KnowsItsPlace(Application a, ElementwiseOperation operation) =>
        Expression(a, operation).Ordered().Any(s => s.Op is ScalarOp.LinearIndex or ScalarOp.AxisIndex);

    static Scalar Expression(Application a, ElementwiseOperation operation) => operation.Value([.. a.Inputs.Select((v, i) => Scalar.Input(i, v.DType))], a.Attributes);

    // In double precision and without rounding between: a folded constant is never less exact than the operations it replaces. Integers that a double may not hold stay with the kernels.
    static Value? Fold(Application a, ElementwiseOperation operation)
    {
        var numbers = new double[a.Inputs.Length];
        for (var i = 0; i < numbers.Length; i++)
            if (!a.IsConstant(i, out numbers[i])) return null;
        var type = a.Type();
        if (type.Shape.Rank != 0) return null;
        var order = Expression(a, operation).Ordered();
        var values = new Dictionary<Scalar, double>();
        foreach (var s in order)
        {
            switch (s.Op)
            {
                case ScalarOp.Input: values[s] = numbers[s.Index]; break;
                case ScalarOp.Constant: values[s] = s.Constant; break;
                case ScalarOp.AxisIndex or ScalarOp.LinearIndex or ScalarOp.Uniform or ScalarOp.Dimension: return null;
                default:
                    double At(int i) => i < s.Arguments.Length ? values[s.Arguments[i]] : 0;
                    if (s.Op == ScalarOp.Remainder && At(1) == 0) return null;
                    var value = ScalarEvaluator.Apply(s, At(0), At(1), At(2));
                    if (!s.Type.IsFloat() && !(Math.Abs(value) <= 1L << 53)) return null;
                    values[s] = s.Type.IsFloat() ? value : Rounding.Round(value, s.Type);
                    break;
            }
        }
        return a.Builder.Constant(values[order[order.Length - 1]], type.DType);
    }
}
