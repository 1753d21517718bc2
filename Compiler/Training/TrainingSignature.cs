using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Training;

/// <summary>
/// What a training program consists of, by name: its functions, what its step takes beside the arguments of the loss, what it returns, the states that are its own, and how an optimizer's rule is called. Elaboration, passes,
/// emission and runtime read it here.
/// </summary>
/// <remarks>
/// Attempts and applied steps are counted apart. Every call of a step is an attempt: what is random in it is keyed by the argument <see cref="Seed"/>, which the caller draws anew for each, whatever became of the one before.
/// A step is applied when its loss and gradients are finite: the program itself counts those, in the state <see cref="AppliedSteps"/>, and their number is the optimizer's step.
/// </remarks>
/// <param name="Program">The training program's name; empty for a model's only one, whose functions and states have plain names.</param>
public sealed record TrainingSignature(string Program)
{
    /// <summary>Arguments of a step, behind those of its loss.</summary>
    public const string LearningRate = "learning_rate", Seed = "seed";

    /// <summary>Results of a step.</summary>
    public const string Loss = "loss", GradientNorm = "gradient_norm";

    /// <summary>Arguments of an optimizer's rule, beside its states and <see cref="LearningRate"/>.</summary>
    public const string Value = "value", Gradient = "gradient", Step = "step";

    /// <summary>The last argument (i64[]) of an entry or evaluated loss that draws random numbers: the runtime gives it, callers do not see it. No C# name has a point in it.</summary>
    public const string CallSeed = "call.seed";

    /// <summary>What the name of a gradient among a function's results begins with; the state's path follows.</summary>
    public const string GradientPrefix = "gradient.";

    /// <summary>What a step takes behind the arguments of its loss, in order: f32[] (f64[] in double precision), i64[].</summary>
    public static ImmutableArray<string> OwnArguments { get; } = [LearningRate, Seed];

    /// <summary>What a step returns, in order: f32[] each, f64[] in double precision.</summary>
    public static ImmutableArray<string> Results { get; } = [Loss, GradientNorm];

    /// <summary>The signature of a training program.</summary>
    public static TrainingSignature Of(TrainingProgram training) => new(training.Name);

    /// <summary>The loss in training mode, with the argument <see cref="Seed"/>; it becomes <see cref="Gradients"/>.</summary>
    public string ForwardLoss => Named("forward_loss");

    /// <summary>Loss and gradients; it becomes <see cref="TrainStep"/>.</summary>
    public string Gradients => Named("gradients");

    /// <summary>Forward, backward, clipping and updates.</summary>
    public string TrainStep => Named("train_step");

    /// <summary>The optimizer's rule; where parameters need different ones, the first, and the others have numbers behind it.</summary>
    public string Update => Named("update");

    /// <summary>The state that counts the steps that were made: i64[].</summary>
    public string AppliedSteps => Owned("step");

    /// <summary>Whether a state counts the steps that a training program has made.</summary>
    public static bool IsAppliedSteps(string path) => path == new TrainingSignature("").AppliedSteps || (path.StartsWith("optimizer.", StringComparison.Ordinal) && path.EndsWith(".step", StringComparison.Ordinal));

    /// <summary>The state that the loss is multiplied with: f32[]; of a program that moves it by itself.</summary>
    public string LossScale => Owned("loss_scale");

    /// <summary>The state that counts the clean steps since the scale was moved: i64[].</summary>
    public string CleanSteps => Owned("clean_steps");

    /// <summary>The state that counts the steps that were skipped, because loss or gradients were not finite: i64[].</summary>
    public string SkippedSteps => Owned("skipped_steps");

    /// <summary>The state that the optimizer keeps for a parameter.</summary>
    public string StatePath(string state, string parameter) => Owned(state + "." + parameter);

    string Named(string function) => Program.Length == 0 ? function : function + "." + Program;

    string Owned(string state) => Program.Length == 0 ? "optimizer." + state : "optimizer." + Program + "." + state;

    /// <summary>The arguments of a step that are those of the loss.</summary>
    public static ImmutableArray<Value> LossArguments(Function step) => [.. step.Parameters.Where(p => !OwnArguments.Contains(p.Name!))];

    /// <summary>The states of an optimizer's rule, in the order of its arguments: all that is not given to every rule.</summary>
    public static ImmutableArray<string> StatesOf(Function rule) => [.. rule.Parameters.Select(p => p.Name!).Where(n => n is not (Value or Gradient or LearningRate or Step))];

    /// <summary>The states that a built step changes by its optimizer, and not in its forward pass: parameters, their working copies, what the optimizer keeps for them, the count of steps and the scale of the loss.</summary>
    public HashSet<string> Optimized(TrainingProgram training)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal) { AppliedSteps };
        if (training.ScalesDynamically) paths.UnionWith([LossScale, CleanSteps, SkippedSteps]);
        foreach (var rule in training.Rules)
            foreach (var parameter in rule.Parameters)
            {
                paths.Add(parameter);
                paths.UnionWith(rule.Copies.Select(type => WorkingCopies.PathOf(parameter, type)));
                paths.UnionWith(rule.States.Select(s => StatePath(s, parameter)));
            }
        return paths;
    }

    /// <summary>The training program whose step a function is; null when it is another function.</summary>
    public static TrainingProgram? OfStep(ImmutableArray<TrainingProgram> training, string function)
    {
        foreach (var program in training)
            if (Of(program).TrainStep == function) return program;
        return null;
    }

    /// <summary>The most bytes that a function may take: what is said of all, or of the program whose step it is, where that is less; null where neither is said.</summary>
    public static long? BudgetOf(ImmutableArray<TrainingProgram> training, string function, long? ofAll) =>
        OfStep(training, function)?.MemoryBudget is { } own && !(ofAll <= own) ? own : ofAll;

    /// <summary>Whether a function is an optimizer's rule, of which calls stay calls, so that one kernel updates many parameters.</summary>
    public static bool IsRule(Program program, string function) =>
        program.Training.Any(t => t.Rules.IsEmpty ? Of(t).Update == function : t.Rules.Any(r => r.Function == function));

    /// <summary>Names that no function of the user's may have.</summary>
    public static ImmutableArray<string> Reserved { get; } = [new TrainingSignature("").ForwardLoss, new TrainingSignature("").Gradients, new TrainingSignature("").Update, new TrainingSignature("").TrainStep];
}
