using System;

namespace Graph;

/// <summary>Marks the static method of a model that returns its optimizer, and says how to train.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TrainAttribute : Attribute
{
    /// <summary>The number type of activations and gradients.</summary>
    public Precision Precision { get; set; }

    /// <summary>Gradients are scaled down so that their global norm is at most this; 0 for no clipping.</summary>
    public double ClipNorm { get; set; }

    /// <summary>The name of the loss method that this optimizer makes small; not needed when there is only one.</summary>
    public string? Loss { get; set; }
}
