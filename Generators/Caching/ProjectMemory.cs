using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Compiler;
using Graph.Generators.Binding;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Caching;

/// <summary>
/// What is remembered of a project from one compilation to the next, so that a key press costs what it changes. It is the one owner of such memory: it lives as long as the
/// project's references do, and it holds what the last compilations needed and nothing else, however many modules and models these are. Whatever is asked of it is compared
/// with what it holds, in full: it saves work and never decides a result.
/// </summary>
sealed class ProjectMemory
{
    static readonly ConditionalWeakTable<object, Dictionary<(string? Assembly, string Folder), ProjectMemory>> Projects = new();
    static readonly object Nowhere = new();

    readonly object gate = new();
    readonly Dictionary<string, Compiled> models = new(StringComparer.Ordinal);
    Dictionary<string, BoundModule> modules = new(StringComparer.Ordinal);
    EquatableArray<BoundModule> bound;
    EquatableArray<PublishedModule> published;
    (EquatableArray<BoundModule> Modules, EquatableArray<PublishedModule> Published, TargetChoice Choice, EquatableArray<ModelTarget> Targets)? assembled;

    /// <summary>The memory of a compilation's project: the same for the next compilation of it.</summary>
    public static ProjectMemory Of(Compilation compilation, string folder)
    {
        object anchor = compilation.ExternalReferences.FirstOrDefault(r => r is PortableExecutableReference) ?? Nowhere;
        var projects = Projects.GetOrCreateValue(anchor);
        lock (projects)
        {
            if (!projects.TryGetValue((compilation.AssemblyName, folder), out var memory)) projects.Add((compilation.AssemblyName, folder), memory = new());
            return memory;
        }
    }

    /// <summary>The declarations of the last compilation, from which those of the next are made.</summary>
    public DeclarationEnvironment? Environment { get; set; }

    /// <summary>
    /// The same modules, as the objects that they were before where they are equal: comparing them again, and what was made from them, then costs nothing.
    /// </summary>
    public EquatableArray<BoundModule> Remember(IEnumerable<BoundModule> now)
    {
        lock (gate)
        {
            var next = new Dictionary<string, BoundModule>(StringComparer.Ordinal);
            var all = new List<BoundModule>();
            foreach (var module in now)
            {
                var same = !modules.TryGetValue(module.Name, out var before) ? module
                    : before.Equals(module) ? before
                    // Lines within members may have moved; models are made of definitions alone.
                    : Equals(before.Definition, module.Definition) ? module with { Definition = before.Definition } : module;
                next[module.Name] = same;
                all.Add(same);
            }
            modules = next;
            var result = new EquatableArray<BoundModule>(all);
            if (!bound.Equals(result)) bound = result;
            return bound;
        }
    }

    /// <summary>The same published modules, as the objects that they were before where they are equal.</summary>
    public EquatableArray<PublishedModule> Remember(EquatableArray<PublishedModule> now)
    {
        lock (gate)
        {
            if (published.Equals(now)) return published;
            var before = new Dictionary<string, PublishedModule>(StringComparer.Ordinal);
            foreach (var module in published) before[module.Name] = module;
            return published = now.Select(m => before.TryGetValue(m.Name, out var same) && same.Equals(m) ? same : m).ToEquatableArray();
        }
    }

    /// <summary>The models of a compilation with all that they need.</summary>
    public EquatableArray<ModelTarget> Assemble(EquatableArray<BoundModule> modules, EquatableArray<PublishedModule> published, TargetChoice choice, CancellationToken cancellation)
    {
        lock (gate)
            if (assembled is { } last && last.Modules.Equals(modules) && last.Published.Equals(published) && last.Choice.Equals(choice)) return last.Targets;
        var targets = ModelInputs.Assemble(modules, published, choice, cancellation);
        lock (gate)
        {
            assembled = (modules, published, choice, targets);
            var names = new HashSet<string>(targets.Select(t => t.Name), StringComparer.Ordinal);
            foreach (var gone in models.Keys.Where(name => !names.Contains(name)).ToList()) models.Remove(gone);
        }
        return targets;
    }

    /// <summary>A model compiled, or remembered: the analyzer asks for what the generator has just made, and an undone edit costs nothing.</summary>
    public EmittedModel Emit(ModelInput input, CancellationToken cancellation)
    {
        lock (gate)
            if (models.TryGetValue(input.Model.Name, out var known) && known.Find(input) is { } done) return done;
        var output = GuardedEmitter.Emit(input, cancellation);
        lock (gate)
        {
            models.TryGetValue(input.Model.Name, out var known);
            models[input.Model.Name] = new(input, output, known?.Input, known?.Output);
        }
        return output;
    }

    /// <summary>The last two results for a model: what it is, and what it was before the last edit.</summary>
    sealed record Compiled(ModelInput Input, EmittedModel Output, ModelInput? Before, EmittedModel? OutputBefore)
    {
        public EmittedModel? Find(ModelInput input) => Input.Equals(input) ? Output : Before?.Equals(input) == true ? OutputBefore : null;
    }
}
