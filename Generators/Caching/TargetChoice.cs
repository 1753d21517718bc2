using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Targets;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Graph.Generators.Caching;

/// <summary>What a build compiles its models for, and for how much memory. It is a part of everything that is remembered of a model.</summary>
/// <param name="Targets">The processor first, which every model runs on, and whatever the project names beside it, each once.</param>
/// <param name="Unknown">The names that no target has.</param>
public sealed record TargetChoice(EquatableArray<TargetModel> Targets, EquatableArray<string> Unknown)
{
    /// <summary>Those of <see cref="Targets"/> that a model may do without: named with a question mark. What they cannot compute leaves them out; what others cannot compute is an error.</summary>
    public EquatableArray<TargetModel> Optional { get; init; } = [];

    /// <summary>Whether nothing is folded in entries: the property <c>GraphExact</c>.</summary>
    public bool IsExact { get; init; }

    /// <summary>The property <c>GraphMemoryBudget</c>: what models may take that say nothing themselves; empty for no bound.</summary>
    public string MemoryBudget { get; init; } = "";

    /// <summary>Of the property <c>GraphTargets</c>: names with semicolons or commas between them, in any case, with a question mark behind what a model may do without; the processor alone when it is empty.</summary>
    public static TargetChoice Of(AnalyzerConfigOptions options)
    {
        // Semicolons end a compiler's option, so Graph.props hands commas on.
        var names = options.TryGetValue("build_property.graphtargetnames", out var list) ? list.Split([',', ';'], StringSplitOptions.RemoveEmptyEntries).Select(n => n.Trim()).Where(n => n.Length > 0).ToList() : [];
        // The property GraphTf32: less exact products of float32 only where somebody asks for them.
        var isTf32 = options.TryGetValue("build_property.graphtf32", out var tf32) && tf32.Equals("true", StringComparison.OrdinalIgnoreCase);
        var known = KnownTargets.Default.Select(target => (Target: target, IsNeeded: true)).ToList();
        var unknown = new List<string>();
        foreach (var name in names)
        {
            var plain = name.TrimEnd('?').TrimEnd();
            if (KnownTargets.Find(plain) is { } target) known.Add((isTf32 && target == KnownTargets.Ptx ? target with { MultipliesInTf32 = true } : target, name == plain));
            else unknown.Add(plain);
        }
        return new(known.Select(k => k.Target).Distinct().ToEquatableArray(), unknown.Distinct(StringComparer.OrdinalIgnoreCase).ToEquatableArray())
        {
            Optional = known.GroupBy(k => k.Target).Where(g => !g.Any(k => k.IsNeeded)).Select(g => g.Key).ToEquatableArray(),
            IsExact = options.TryGetValue("build_property.graphexact", out var exact) && exact.Equals("true", StringComparison.OrdinalIgnoreCase),
            MemoryBudget = options.TryGetValue("build_property.graphmemorybudget", out var budget) ? budget.Trim() : "",
        };
    }
}
