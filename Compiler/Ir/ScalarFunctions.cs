using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Reflection;

namespace Graph.Compiler.Ir;

/// <summary>A scalar operation that is a function of real numbers.</summary>
/// <param name="Op">The operation.</param>
/// <param name="Arity">How many arguments it takes: 1 or 2.</param>
/// <param name="Value">What it means; a function of one argument takes no notice of the second.</param>
/// <param name="IsInstruction">Whether processors have an instruction for it.</param>
public sealed record ScalarFunction(ScalarOp Op, int Arity, Func<double, double, double> Value, bool IsInstruction);

/// <summary>The functions of real numbers among the scalar operations, as <see cref="ScalarOp"/> says what they mean.</summary>
public static class ScalarFunctions
{
    static readonly Dictionary<ScalarOp, ScalarFunction> rows = Rows().ToDictionary(r => r.Op);

    /// <summary>All of them, in the order of <see cref="ScalarOp"/>.</summary>
    public static ImmutableArray<ScalarFunction> All { get; } = [.. rows.Values.OrderBy(r => r.Op)];

    /// <summary>The function that an operation is; null for arithmetic, comparisons, and whatever is no function of numbers.</summary>
    public static ScalarFunction? Find(ScalarOp op) => rows.TryGetValue(op, out var row) ? row : null;

    static IEnumerable<ScalarFunction> Rows()
    {
        foreach (var field in typeof(ScalarOp).GetFields(BindingFlags.Static | BindingFlags.Public))
        {
            if (field.GetCustomAttribute<MeansAttribute>() is not { } means) continue;
            var op = (ScalarOp)field.GetValue(null)!;
            if (means.Type.GetMethod(means.Method, [typeof(double)]) is { } unary)
            {
                var value = (Func<double, double>)unary.CreateDelegate(typeof(Func<double, double>));
                yield return new(op, 1, (x, _) => value(x), means.IsInstruction);
            }
            else if (means.Type.GetMethod(means.Method, [typeof(double), typeof(double)]) is { } binary)
                yield return new(op, 2, (Func<double, double, double>)binary.CreateDelegate(typeof(Func<double, double, double>)), means.IsInstruction);
            else throw new InvalidOperationException($"{means.Type}.{means.Method}, which {op} means, is no function of one or two doubles.");
        }
    }
}
