using System;

namespace Graph;

/// <summary>
/// Where a model trains in 16 bits: what a module computes in, with all in it, instead. On the module's class it holds for every use of it, on a field that holds modules for these.
/// </summary>
/// <param name="precision"><see cref="Precision.Float32"/>, or the other type of 16 bits. It says nothing where the model computes in 32 or 64 bits.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Field | AttributeTargets.Property)]
public sealed class PrecisionAttribute(Precision precision) : Attribute
{
    /// <summary>What the module computes in.</summary>
    public Precision Precision { get; } = precision;
}
