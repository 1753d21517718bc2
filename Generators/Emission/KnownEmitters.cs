using System.Collections.Immutable;
using Graph.Compiler.Targets.CSharp;
using Graph.Compiler.Targets.Emission;
using Graph.Compiler.Targets.Ptx;

namespace Graph.Generators.Emission;

/// <summary>The emitters of all targets that a build may name: one for each of <see cref="Compiler.Targets.KnownTargets"/>.</summary>
public static class KnownEmitters
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<ITargetEmitter> All { get; } = [new CSharpEmitter(), new PtxEmitter()];
}
