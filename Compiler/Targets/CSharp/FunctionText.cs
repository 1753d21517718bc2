using System;
using System.Collections.Generic;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>How the C# target computes a function of real numbers (<see cref="ScalarFunctions"/>): one row each.</summary>
/// <param name="Single">Of floats, given the text of one or two arguments.</param>
/// <param name="Double">Of doubles.</param>
/// <param name="Lanes">Of vectors of floats, given the static class and the type of such a vector too.</param>
public sealed record FunctionText(Func<string, string, string> Single, Func<string, string, string> Double, Func<string, string, string, string, string> Lanes)
{
    static readonly Dictionary<ScalarOp, FunctionText> rows = new()
    {
        [ScalarOp.Exp] = Library("Exp", ScalarText.Math),
        [ScalarOp.Log] = Library("Log", ScalarText.Math),
        [ScalarOp.Sqrt] = Instruction("Sqrt"),
        [ScalarOp.Rsqrt] = new((a, _) => $"(1f / {ScalarText.MathF}.Sqrt({a}))", (a, _) => $"(1d / {ScalarText.Math}.Sqrt({a}))", (v, type, a, _) => $"({type}.One / {v}.Sqrt({a}))"),
        [ScalarOp.Tanh] = Library("Tanh", ScalarText.Math),
        [ScalarOp.Erf] = Library("Erf", ScalarText.Functions),
        [ScalarOp.Sigmoid] = Library("Sigmoid", ScalarText.Functions),
        [ScalarOp.Sin] = Library("Sin", ScalarText.Math),
        [ScalarOp.Cos] = Library("Cos", ScalarText.Math),
        [ScalarOp.Atan] = Library("Atan", ScalarText.Math),
        [ScalarOp.Pow] = new((a, b) => $"{ScalarText.VectorMath}.Pow({a}, {b})", (a, b) => $"{ScalarText.Math}.Pow({a}, {b})", (_, _, a, b) => $"{ScalarText.VectorMath}.Pow({a}, {b})"),
        [ScalarOp.Floor] = Instruction("Floor"),
        [ScalarOp.Ceil] = Instruction("Ceiling"),
        [ScalarOp.Round] = Instruction("Round"),
    };

    /// <summary>Whether there is a row.</summary>
    public static bool Has(ScalarOp op) => rows.ContainsKey(op);

    /// <exception cref="NotSupportedException">There is none.</exception>
    public static FunctionText Of(ScalarOp op) => rows.TryGetValue(op, out var row) ? row : throw new NotSupportedException($"The CPU target does not compute {op}.");

    /// <summary>The function of scalars.</summary>
    public string Scalar(bool isDouble, string a, string b) => (isDouble ? Double : Single)(a, b);

    /// <summary>The function of vectors of floats.</summary>
    public string Vector(string v, string type, string a, string b) => Lanes(v, type, a, b);

    // A function of the runtime's library for floats and vectors of every width; of doubles, that of another class.
    static FunctionText Library(string name, string doubles) => new((a, _) => $"{ScalarText.VectorMath}.{name}({a})", (a, _) => $"{doubles}.{name}({a})", (_, _, a, _) => $"{ScalarText.VectorMath}.{name}({a})");

    // One of the processor's.
    static FunctionText Instruction(string name) => new((a, _) => $"{ScalarText.MathF}.{name}({a})", (a, _) => $"{ScalarText.Math}.{name}({a})", (v, _, a, _) => $"{v}.{name}({a})");
}
