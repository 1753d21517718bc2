using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;

namespace Graph.Tests.Goldens;

/// <summary>The steps of a golden, made again by the reference interpreter from a program's <c>train_step</c>.</summary>
/// <param name="Losses">The loss of each step.</param>
/// <param name="States">Parameters, running statistics and moments after the last one.</param>
sealed record TrainingRun(ImmutableArray<double> Losses, IReadOnlyDictionary<string, TensorData> States)
{
    /// <summary>Runs <paramref name="steps"/> steps; <paramref name="after"/> sees the states after each.</summary>
    /// <exception cref="InvalidOperationException">The program's parameters are not those of the golden.</exception>
    public static TrainingRun Make(
        Program program, TrainingGolden golden, int steps, bool float64, Action<int, IReadOnlyDictionary<string, TensorData>>? after = null)
    {
        var interpreter = new Interpreter(program, float64);
        var function = interpreter.Program.Find("train_step") ?? throw new InvalidOperationException($"{program.Name} has no train_step.");
        var states = Start(interpreter.Program, golden);
        var losses = ImmutableArray.CreateBuilder<double>();
        var binding = Bind(function, golden);
        for (var step = 1; step <= steps; step++)
        {
            var result = interpreter.Run(function, Arguments(function, golden, step), states, binding);
            losses.Add(result.Results[0][0]);
            foreach (var (path, value) in result.States)
                states[path] = value;
            after?.Invoke(step, states);
        }
        return new TrainingRun(losses.ToImmutable(), states);
    }

    // Weights from the golden; statistics and moments as the program starts them.
    static Dictionary<string, TensorData> Start(Program program, TrainingGolden golden)
    {
        var weights = golden.Parameters.ToDictionary(p => p.Name);
        var states = new Dictionary<string, TensorData>();
        foreach (var state in program.States)
        {
            var shape = state.Type.Shape.Evaluate(DimBinding.Empty);
            if (state.Kind == StateKind.Parameter)
            {
                if (!weights.Remove(state.Path, out var weight) || !weight.Shape.Select(size => (long)size).SequenceEqual(shape))
                    throw new InvalidOperationException($"PyTorch's {golden.Model} has no parameter {state.Path} of shape [{string.Join(", ", shape)}].");
                states[state.Path] = new TensorData(state.Type.DType, shape, weight.Reals());
                continue;
            }
            var value = new TensorData(state.Type.DType, shape);
            var start = state.Init.Kind switch { "zeros" => 0, "ones" => 1, "constant" => state.Init.Scale, var kind => throw new InvalidOperationException($"{state.Path} starts with {kind}.") };
            for (var i = 0L; i < value.Size; i++)
                value[i] = start;
            states[state.Path] = value;
        }
        return weights.Count == 0 ? states : throw new InvalidOperationException($"{program.Name} lacks {string.Join(", ", weights.Keys)}.");
    }

    // A batch, then what changes from step to step.
    static TensorData[] Arguments(Function function, TrainingGolden golden, int step) =>
    [
        .. function.Parameters.Select((parameter, i) => i < golden.Inputs.Length ? Input(golden, golden.Inputs[i], parameter, step) : parameter.Name switch
        {
            "learning_rate" => TensorData.Scalar(golden.Optimizer.LearningRate, parameter.DType),
            "seed" => TensorData.Scalar(0L, parameter.DType),
            var name => throw new InvalidOperationException($"train_step takes {name}, which no golden gives."),
        }),
    ];

    static TensorData Input(TrainingGolden golden, GoldenInput input, Value parameter, int step)
    {
        var seed = golden.BatchSeed(input, step);
        var shape = input.Shape.Select(size => (long)size).ToArray();
        return input.IsInteger ? new TensorData(parameter.DType, shape, input.Integers(seed)) : new TensorData(parameter.DType, shape, input.Reals(seed));
    }

    // An axis that is a symbol by itself gives its value.
    static DimBinding Bind(Function function, TrainingGolden golden)
    {
        var binding = DimBinding.Empty;
        for (var i = 0; i < golden.Inputs.Length; i++)
            for (var axis = 0; axis < golden.Inputs[i].Shape.Length; axis++)
                if (!function.Parameters[i].Shape[axis].IsConstant)
                    binding = binding.With(function.Parameters[i].Shape[axis].ToString(), golden.Inputs[i].Shape[axis]);
        return binding;
    }
}
