using System.ComponentModel;

namespace Graph.Runtime.Cpu;

/// <summary>The types that the library adds products up in.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum SumType
{
    /// <summary>By packed panels and the register tiles of the processor.</summary>
    Float32,
    /// <summary>By <see cref="BlockedProduct{T}"/>.</summary>
    Float64,
    /// <summary>By <see cref="BlockedProduct{T}"/>; sums wrap around.</summary>
    Int32,
}
