using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Gradients;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Operations;
using Graph.Tests.Goldens;

namespace Graph.Tests.Ops;

/// <summary>An application of operations to float64 numbers, with its gradients of first and second order as functions of one program.</summary>
/// <param name="Name">What a failure prints.</param>
/// <param name="Body">Emits the operations; the gradients are those of the first result.</param>
/// <param name="Inputs">The operands.</param>
sealed record OperationCase(string Name, Func<Builder, ImmutableArray<Value>, ImmutableArray<Value>> Body, params TensorData[] Inputs)
{
    public override string ToString() => Name;

    /// <summary>The inputs that are real numbers.</summary>
    public int[] Reals => [.. Enumerable.Range(0, Inputs.Length).Where(i => Inputs[i].Real is not null)];

    /// <summary>The function's value: what gradients are checked of.</summary>
    /// <param name="order">0: the results; 1: the weighted sum of the first result, then its gradients; 2: the weighted sum of those gradients, then its gradients.</param>
    public Program Build(int order)
    {
        var program = new Program("case", [], [], [], OperationTable.Set);
        var b = new Builder(program, "case");
        ImmutableArray<Value> x = [.. Inputs.Select((t, i) => b.Argument(new(t.DType, new(t.Shape.Select(d => (Dim)d))), "x" + i))];
        var outputs = Body(b, x);
        if (order == 0) return program with { Functions = [b.Build(outputs)] };
        var reals = Reals.Select(i => x[i]).ToArray();
        var (value, gradients) = Weigh(b, reals, [outputs[0]], "w");
        if (order == 2) (value, gradients) = Weigh(b, reals, gradients, "v");
        return program with { Functions = [b.Build([value, .. gradients])] };
    }

    // The sum of the values, each times weights, and its gradients; zeros where nothing depends on an input.
    static (Value Value, Value[] Gradients) Weigh(Builder b, Value[] wrt, Value[] values, string name)
    {
        var weights = values.Select((v, i) => b.Argument(v.Type, name + i)).ToArray();
        var sum = values.Select((v, i) => b.Sum(b.Mul(v, weights[i]), Enumerable.Range(0, v.Shape.Rank), keep: false)).Aggregate(b.Add);
        var found = ReverseMode.Run(b, 0, wrt, values, weights);
        return (sum, [.. wrt.Select(v => found.TryGetValue(v, out var g) ? g : b.Zeros(v.Type))]);
    }

    /// <summary>Runs a program of <see cref="Build"/>; weights are made from the names of the arguments.</summary>
    public ImmutableArray<TensorData> Run(Program program, IReadOnlyList<TensorData> inputs)
    {
        var function = program.Functions[0];
        var arguments = function.Parameters.Select((p, i) => i < inputs.Count ? inputs[i] : Weights(p)).ToArray();
        return new Interpreter(program).Run(function, arguments, ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty).Results;
    }

    TensorData Weights(Value parameter)
    {
        var shape = parameter.Shape.Evaluate(DimBinding.Empty);
        var seed = parameter.Name == "w0" ? Name + ":output_gradient" : Name + ":" + parameter.Name;
        return new(parameter.DType, shape, GoldenValues.Reals(seed, (int)shape.Aggregate(1L, (a, b) => a * b), 2, 0));
    }

    // Enough elements of each input to see every place of a window or row, few enough to be quick.
    const int Probes = 30;

    /// <summary>The largest difference between the gradients of <paramref name="order"/> and central finite differences, relative to the largest gradient or 1.</summary>
    public double GradientError(int order, double step = 1e-5)
    {
        var program = Build(order);
        var gradients = Run(program, Inputs).Skip(1).ToArray();
        double worst = 0, largest = 1;
        for (var g = 0; g < gradients.Length; g++)
        {
            var input = Inputs[Reals[g]];
            var stride = input.Real.Length / Probes | 1;
            for (var i = 0; i < input.Real.Length; i += stride)
            {
                var before = input.Real[i];
                input.Real[i] = before + step;
                var above = Run(program, Inputs)[0][0];
                input.Real[i] = before - step;
                var below = Run(program, Inputs)[0][0];
                input.Real[i] = before;
                worst = Math.Max(worst, Math.Abs((above - below) / (2 * step) - gradients[g][i]));
                largest = Math.Max(largest, Math.Abs(gradients[g][i]));
            }
        }
        return worst / largest;
    }
}
