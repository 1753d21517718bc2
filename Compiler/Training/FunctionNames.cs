using System.Collections.Generic;

namespace Graph.Compiler.Training;

/// <summary>The functions that training is made of; entries and losses have the user's names.</summary>
public static class FunctionNames
{
    /// <summary>The loss in training mode, with the argument <c>seed</c>; gone after <c>BuildTrainStep</c>.</summary>
    public const string ForwardLoss = "forward_loss";

    /// <summary>Loss and gradients; what <c>Differentiate</c> makes of <see cref="ForwardLoss"/> and <c>BuildTrainStep</c> takes.</summary>
    public const string Gradients = "gradients";

    /// <summary>The optimizer's rule for one flattened parameter. Calls of it stay calls, so that one kernel updates all parameters.</summary>
    public const string Update = "update";

    /// <summary>Forward, backward, clipping and updates.</summary>
    public const string TrainStep = "train_step";

    /// <summary>All of these names: no function of the user's has one.</summary>
    public static IReadOnlyCollection<string> OfTraining { get; } = [ForwardLoss, Gradients, Update, TrainStep];

    /// <summary>The last argument (i64[]) of an entry or evaluated loss that draws random numbers: the runtime gives it, callers do not see it. No C# name has a point in it.</summary>
    public const string CallSeed = "call.seed";

    /// <summary>What the name of a gradient among a function's results begins with; the state's path follows.</summary>
    public const string GradientPrefix = "gradient.";
}
