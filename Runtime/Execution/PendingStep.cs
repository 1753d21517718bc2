namespace Graph.Runtime.Execution;

/// <summary>A training step that was started on a device and may still run there. Who reads its numbers waits for it.</summary>
abstract class PendingStep
{
    /// <summary>What it gave, when it is done.</summary>
    /// <exception cref="System.ArgumentOutOfRangeException">A kernel of it met a number that picks nothing: the model is of no one step then.</exception>
    public abstract StepNumbers Numbers { get; }
}

/// <summary>What a training step gave.</summary>
/// <param name="Step">Its number: one more than were made before it.</param>
/// <param name="Loss">The loss before the update.</param>
/// <param name="Norm">The norm of all gradients.</param>
/// <param name="Scale">What the loss was multiplied with.</param>
readonly record struct StepNumbers(long Step, double Loss, double Norm, double Scale);
