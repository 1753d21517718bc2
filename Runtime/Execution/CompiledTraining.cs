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
        IsDouble = program.Master == DType.F64;
        (RateAt, SeedAt) = (Find(0, step.Arguments, TrainingSignature.LearningRate, "argument"), Find(0, step.Arguments, TrainingSignature.Seed, "argument"));
        (LossAt, NormAt) = (Find(step.Arguments, step.Results, TrainingSignature.Loss, "result"), Find(step.Arguments, step.Results, TrainingSignature.GradientNorm, "result"));
        var arguments = new int[step.Arguments];
        var count = 0;
        for (var i = 0; i < arguments.Length; i++)
            if (!TrainingSignature.OwnArguments.Contains(step.NameOf(i))) arguments[count++] = i;
        Array.Resize(ref arguments, count);
        LossArguments = arguments;

        // The last of that name.
        int Find(int first, int count, string name, string what)
        {
            for (var i = first + count - 1; i >= first; i--)
                if (step.NameOf(i) == name) return i;
            throw new InvalidOperationException($"{step.Name} has no {what} {name}.");
        }
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
