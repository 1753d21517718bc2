using System;

namespace Graph;

/// <summary>Marks a method of a model as callable from outside: it is compiled in evaluation mode, unless it says otherwise.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EntryAttribute : Attribute
{
    /// <summary>
    /// True to compile it in training mode: <see cref="Mode.Training"/> is true, dropout drops (each call anew, see <c>model.Draws</c>), batches are normalized by their own statistics. Nothing is trained
    /// and nothing is kept: what layers assign to running statistics, and what the entry itself assigns to a <see cref="State"/>, is seen by later reads in the call and gone behind it.
    /// </summary>
    public bool Training { get; set; }

    /// <summary>
    /// True to compute operation by operation what is written. Otherwise what is done to the channels of a convolution or linear layer by the model's numbers alone, such as a batch norm, is folded into its weight, which
    /// changes results by a few roundings; <c>&lt;GraphExact&gt;true&lt;/GraphExact&gt;</c> in the project says so for all entries.
    /// </summary>
    public bool Exact { get; set; }
}
