using System.ComponentModel;

namespace Graph.Runtime.Execution;

/// <summary>Memory that a call reads an argument from or writes a result to, pinned by the caller for as long as the call lasts.</summary>
/// <param name="pointer">The first element.</param>
/// <param name="length">The number of elements.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct CallArgument(void* pointer, long length)
{
    /// <summary>The first element.</summary>
    public void* Pointer { get; } = pointer;

    /// <summary>The number of elements.</summary>
    public long Length { get; } = length;
}
