using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;

namespace Graph.Runtime.Execution;

/// <summary>What a model's class holds for a target beside the processor. Nothing of it is read before it is asked for, so that it costs a machine without the target's device nothing.</summary>
/// <param name="name">The target's name.</param>
/// <param name="lowered">The program, lowered for the target, in UTF-8.</param>
/// <param name="plans">Its plans at typical sizes in UTF-8.</param>
/// <param name="code">Its kernels in the target's own language, packed.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CompiledTarget(string name, EmbeddedText lowered, EmbeddedText plans, EmbeddedText code)
{
    /// <summary>The target's name: <c>ptx</c>.</summary>
    public string Name { get; } = name;

    /// <summary>The program, lowered for the target.</summary>
    /// <param name="places">The places that its origins refer to by number.</param>
    /// <exception cref="FormatException">The text is of another version, or damaged.</exception>
    public LoweredProgram Lowered(IReadOnlyList<string> places) => LoweredText.Read(Encoding.UTF8.GetString(lowered()), places);

    /// <summary>The plans at typical sizes of what <see cref="Lowered"/> gave.</summary>
    /// <exception cref="FormatException">The text is of another version, or damaged.</exception>
    public ImmutableArray<MemoryPlan> Plans(LoweredProgram program) => PlanText.Read(Encoding.UTF8.GetString(plans()), program);

    /// <summary>The kernels in the target's own language.</summary>
    /// <exception cref="FormatException">The text is damaged.</exception>
    public string Code() => CompressedText.Unpack(Encoding.UTF8.GetString(code()));
}
