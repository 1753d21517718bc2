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
    /// <summary>Whether nothing is folded in entries: the property <c>GraphExact</c>.</summary>
    public bool IsExact { get; init; }

    /// <summary>The property <c>GraphMemoryBudget</c>: what models may take that say nothing themselves; empty for no bound.</summary>
    public string MemoryBudget { get; init; } = "";

    /// <summary>Of the property <c>GraphTargets</c>: names with semicolons or commas between them, in any case; the processor alone when it is empty.</summary>
    public static TargetChoice Of(AnalyzerConfigOptions options)
    {
        // Semicolons end a compiler's option, so Graph.props hands commas on.
        var names = options.TryGetValue("build_property.graphtargetnames", out var list) ? list.Split([',', ';'], StringSplitOptions.RemoveEmptyEntries).Select(n => n.Trim()).Where(n => n.Length > 0).ToList() : [];
        // The property GraphTf32: less exact products of float32 only where somebody asks for them.
        var isTf32 = options.TryGetValue("build_property.graphtf32", out var tf32) && tf32.Equals("true", StringComparison.OrdinalIgnoreCase);
        var known = names.Select(KnownTargets.Find).OfType<TargetModel>().Select(t => isTf32 && t == KnownTargets.Ptx ? t with { MultipliesInTf32 = true } : t);
        return new(KnownTargets.Default.Concat(known).Distinct().ToEquatableArray(), names.Where(n => KnownTargets.Find(n) is null).Distinct(StringComparer.OrdinalIgnoreCase).ToEquatableArray())
        {
            IsExact = options.TryGetValue("build_property.graphexact", out var exact) && exact.Equals("true", StringComparison.OrdinalIgnoreCase),
            MemoryBudget = options.TryGetValue("build_property.graphmemorybudget", out var budget) ? budget.Trim() : "",
        };
    }
}
