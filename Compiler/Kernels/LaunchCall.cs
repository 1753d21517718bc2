using System.Collections.Immutable;

namespace Graph.Compiler.Kernels;

/// <summary>Consecutive launches of a function that are those of a function which it calls, over buffers of its own: texts say them once for all calls.</summary>
/// <param name="First">The number of the first of them.</param>
/// <param name="Body">The called function.</param>
/// <param name="FirstBuffer">The number of the buffer that its first intermediate lies in; the others' follow.</param>
/// <param name="Places">Where its arguments lie, then where its results go.</param>
/// <param name="Path">The path of the module that it is called on, under which its origins are.</param>
public sealed record LaunchCall(int First, LoweredFunction Body, int FirstBuffer, ImmutableArray<Operand> Places, string Path);
