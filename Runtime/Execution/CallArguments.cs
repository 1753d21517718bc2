using System;
using System.ComponentModel;

namespace Graph.Runtime.Execution;

/// <summary>The arguments of a call, then its results, where their caller has them for as long as the call lasts.</summary>
/// <remarks>A type of its own, and no span: what is generic over types of this assembly alone is compiled anew in each process that starts a model.</remarks>
/// <param name="first">The first of them.</param>
/// <param name="length">How many there are.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct CallArguments(CallArgument* first, int length)
{
    readonly CallArgument* first = first;

    /// <summary>How many there are.</summary>
    public int Length { get; } = length;

    /// <exception cref="ArgumentOutOfRangeException">There is none of that number.</exception>
    public CallArgument this[int index]
    {
        get => (uint)index < (uint)Length ? first[index] : throw NotThere(index, Length);
        set
        {
            if ((uint)index >= (uint)Length) throw NotThere(index, Length);
            first[index] = value;
        }
    }

    static ArgumentOutOfRangeException NotThere(int index, int length) => new(nameof(index), index, $"The call has {length} arguments and results.");
}
