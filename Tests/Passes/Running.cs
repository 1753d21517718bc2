using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Xunit;

namespace Graph.Tests.Passes;

/// <summary>Random arguments and states for a function, and what the reference makes of them in float64.</summary>
static class Running
{
    public static DimBinding Binding(Program program, long batch = 3) => DimBinding.Typical(program.Dims).With("B", batch);

    public static TensorData Random(TensorType type, string name, DimBinding binding, Random random)
    {
        var data = new TensorData(type.DType.IsFloat() ? DType.F64 : type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
            data[i] = type.DType.IsFloat() ? random.NextDouble() * 2 - 1 : random.Next(0, 5);
        if (name == "step") data[0] = 3;
        if (name == "optimizer.step") data[0] = 2; // so that the step is the third
        // Second moments are no less than zero.
        if (name == "v" || name.StartsWith("optimizer.v.", StringComparison.Ordinal))
            for (long i = 0; i < data.Size; i++) data[i] = Math.Abs(data[i]);
        return data;
    }

    // By name, so that functions with other arguments see the same numbers under the same name.
    public static List<TensorData> Arguments(Function function, DimBinding binding, int seed) =>
        [.. function.Parameters.Select(p => Random(p.Type, p.Name!, binding, new(seed * 1000 + Hash(p.Name!))))];

    public static Dictionary<string, TensorData> States(Program program, int seed) =>
        program.States.ToDictionary(s => s.Path, s => Random(s.Type, s.Path, DimBinding.Empty, new(seed * 1000 + Hash(s.Path))));

    static int Hash(string name) => name.Aggregate(7, (hash, c) => unchecked(hash * 31 + c)) & 0xFFFF;

    public static InterpreterResult Run(Program program, string function, int seed, long batch = 3)
    {
        var binding = Binding(program, batch);
        return new Interpreter(program, float64: true).Run(function, Arguments(program.Find(function)!, binding, seed), States(program, seed), binding);
    }

    /// <summary>Equal within a relative 1e-12, all results and new states.</summary>
    public static void Same(InterpreterResult expected, InterpreterResult actual, string what, double tolerance = 1e-12)
    {
        Assert.Equal(expected.Results.Length, actual.Results.Length);
        for (var i = 0; i < expected.Results.Length; i++) Same(expected.Results[i], actual.Results[i], what + ", result " + i, tolerance);
        Assert.Equal(expected.States.Keys.OrderBy(k => k, StringComparer.Ordinal), actual.States.Keys.OrderBy(k => k, StringComparer.Ordinal));
        foreach (var path in expected.States.Keys) Same(expected.States[path], actual.States[path], what + ", state " + path, tolerance);
    }

    public static void Same(TensorData expected, TensorData actual, string what, double tolerance = 1e-12)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var largest = 1.0;
        for (long i = 0; i < expected.Size; i++) largest = Math.Max(largest, Math.Abs(expected[i]));
        for (long i = 0; i < expected.Size; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * largest) && !(double.IsNaN(expected[i]) && double.IsNaN(actual[i])))
                Assert.Fail($"{what}, element {i}: expected {expected[i]:R}, got {actual[i]:R}");
    }
}
