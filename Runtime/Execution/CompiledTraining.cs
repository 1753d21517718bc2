using System;
using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Runtime.Execution;

/// <summary>A training program that can run: its step, and where in a call of it everything stands.</summary>
sealed class CompiledTraining
{
    readonly CompiledFunction? evaluated;

    /// <param name="index">Its number in the model.</param>
    /// <param name="program">What it is.</param>
    /// <param name="step">Its step.</param>
    /// <param name="loss">Its loss in evaluation mode; null when the program has none, so that it can step and cannot be evaluated.</param>
    public CompiledTraining(int index, TrainingProgram program, CompiledFunction step, CompiledFunction? loss)
    {
        Index = index;
        Program = program;
        var signature = TrainingSignature.Of(program);
        AppliedSteps = signature.AppliedSteps;
        if (program.ScalesDynamically) (LossScale, SkippedSteps) = (signature.LossScale, signature.SkippedSteps);
        Step = step;
        evaluated = loss;
        var function = step.Lowered.Signature;
        static int Find(ImmutableArray<NamedTensor> values, string name)
        {
            var at = values.Length - 1;
            while (at >= 0 && values[at].Name != name) at--;
            return at;
        }
        int Argument(string name) => Find(function.Parameters, name) is >= 0 and var at ? at : throw new InvalidOperationException($"{step.Name} has no argument {name}.");
        int Result(string name) => Find(function.Results, name) is >= 0 and var at ? function.Parameters.Length + at : throw new InvalidOperationException($"{step.Name} has no result {name}.");
        IsDouble = program.Master == DType.F64;
        (RateAt, SeedAt, LossAt, NormAt) = (Argument(TrainingSignature.LearningRate), Argument(TrainingSignature.Seed), Result(TrainingSignature.Loss), Result(TrainingSignature.GradientNorm));
        var arguments = new int[function.Parameters.Length];
        var count = 0;
        for (var i = 0; i < arguments.Length; i++)
            if (!TrainingSignature.OwnArguments.Contains(function.Parameters[i].Name!)) arguments[count++] = i;
        LossArguments = arguments[..count];
    }

    public int Index { get; }

    public TrainingProgram Program { get; }

    public string Name => Program.Name;

    /// <summary>The state that counts its steps.</summary>
    public string AppliedSteps { get; }

    /// <summary>The state that the loss is multiplied with; null where the program does not move one.</summary>
    public string? LossScale { get; }

    /// <summary>The state that counts the steps that were not made; null where the program does not move the scale of its loss.</summary>
    public string? SkippedSteps { get; }

    public CompiledFunction Step { get; }

    /// <summary>Its loss in evaluation mode.</summary>
    /// <exception cref="InvalidOperationException">The program has none.</exception>
    public CompiledFunction Loss => evaluated ?? throw new InvalidOperationException($"{Step.Name} can be called, but there is no function {Program.Loss} that evaluates its loss.");

    /// <summary>Where the arguments of the loss stand among those of the step.</summary>
    public int[] LossArguments { get; }

    /// <summary>Whether the learning rate, the loss and the norm are doubles; floats otherwise.</summary>
    public bool IsDouble { get; }

    public int RateAt { get; }

    public int SeedAt { get; }

    public int LossAt { get; }

    public int NormAt { get; }
}
