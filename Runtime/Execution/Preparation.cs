using System;
using System.ComponentModel;

namespace Graph.Runtime.Execution;

/// <summary>What a call did before its first launch, when its sizes were new to a session: for measurements.</summary>
/// <param name="ReadyAt">When everything was in place, by <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>.</param>
/// <param name="Allocating">How long memory took: of intermediates, and of optimizer states before the first step; without the JIT.</param>
/// <param name="Compiling">How long the JIT had worked on this thread until then, since the thread began.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct Preparation(long ReadyAt, TimeSpan Allocating, TimeSpan Compiling);
