using System;
using System.Collections.Immutable;
using System.Linq;
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
        int Argument(string name) => Enumerable.Range(0, function.Parameters.Length).FirstOrDefault(i => function.Parameters[i].Name == name, -1) is >= 0 and var at
            ? at : throw new InvalidOperationException($"{step.Name} has no argument {name}.");
        int Result(string name) => Enumerable.Range(0, function.Results.Length).FirstOrDefault(i => function.Results[i].Name == name, -1) is >= 0 and var at ? function.Parameters.Length + at : throw new InvalidOperationException($"{step.Name} has no result {name}.");
        IsDouble = program.Master == DType.F64;
        (RateAt, SeedAt, LossAt, NormAt) = (Argument(TrainingSignature.LearningRate), Argument(TrainingSignature.Seed), Result(TrainingSignature.Loss), Result(TrainingSignature.GradientNorm));
        LossArguments = [.. Enumerable.Range(0, function.Parameters.Length).Where(i => !TrainingSignature.OwnArguments.Contains(function.Parameters[i].Name))];
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
    public ImmutableArray<int> LossArguments { get; }

    /// <summary>Whether the learning rate, the loss and the norm are doubles; floats otherwise.</summary>
    public bool IsDouble { get; }

    public int RateAt { get; }

    public int SeedAt { get; }

    public int LossAt { get; }

    public int NormAt { get; }
}
