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
}
