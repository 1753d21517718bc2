using System;

namespace Graph;

/// <summary>
/// Marks a static method of a model that returns an optimizer, and says how to train with it. The only one of a model gives it <c>TrainStep</c>; of several, over the same parameters, each gives
/// <c>Train</c> and the method's name: <c>Critic()</c> gives <c>TrainCritic</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TrainAttribute : Attribute
{
    /// <summary>The number type that the model computes in; all programs of a model say the same.</summary>
    public Precision Precision { get; set; }

    /// <summary>
    /// Several of them, instead of <see cref="Precision"/>: the model is compiled for each, and <c>Create(precision: …)</c> chooses; the first one is what it chooses by itself. <see cref="Precision.Float64"/> has other
    /// types of arguments, so it stands alone.
    /// </summary>
    public Precision[]? Precisions { get; set; }

    /// <summary>What the loss is multiplied with before the backward pass in 16 bits, and the gradients divided by: a number above 0 that stays, or one of <see cref="Graph.LossScale"/>.</summary>
    public double LossScale { get; set; }

    /// <summary>
    /// What the optimizer's states are stored in: <see cref="Precision.BFloat16"/> takes half of their memory, and rounds up or down by chance, so that it is right in the mean; <see cref="Precision.Float32"/>, which is what is left
    /// out, is exact. (Moments of <see cref="Precision.Float64"/> models are doubles.)
    /// </summary>
    public Precision Moments { get; set; }

    /// <summary>
    /// With <see cref="Precision.BFloat16"/>, false leaves the masters out: parameters are stored in 16 bits and nowhere wider, and what changes them is rounded up or down by chance, so that updates far below the distance between two
    /// such numbers arrive in the mean.
    /// </summary>
    public bool Masters { get; set; } = true;

    /// <summary>
    /// With <see cref="Precision.BFloat16"/>, the parameters that have no master while others do, by names as <see cref="Updates"/> has them: <c>"tokens"</c> is the table of an embedding, which is large and of which a step changes
    /// few rows. Those of modules that compute in 32 bits are stored in them all the same.
    /// </summary>
    public string[]? WithoutMasters { get; set; }

    /// <summary>Gradients are scaled down so that their global norm is at most this; 0 for no clipping.</summary>
    public double ClipNorm { get; set; }

    /// <summary>
    /// In how many equal parts a step goes through its batch, forward and backward, adding up their gradients, so that it needs the memory of one part; 0 or 1 for the batch as a whole. The loss is the mean of the parts' losses,
    /// and the gradients are those of that mean; batch norms see one part at a time. A batch of another size than a multiple of it is an error.
    /// </summary>
    public int MicroBatches { get; set; }

    /// <summary>The name of the loss method that this optimizer makes small; not needed when there is only one.</summary>
    public string? Loss { get; set; }

    /// <summary>
    /// What it updates, by names of modules and parameters: <c>"critic"</c> is all of that module, <c>"head.weight"</c> one parameter; <c>*</c> stands for any part of a name and <c>**</c> for any number
    /// of names, as in <c>"**.lora_*"</c>. All parameters when left out. The others are frozen: the loss may read them, and no gradient is computed for them.
    /// </summary>
    public string[]? Updates { get; set; }

    /// <summary>What it does not update although <see cref="Updates"/> names it, in the same form.</summary>
    public string[]? Freezes { get; set; }
}
