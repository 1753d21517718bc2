using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Text;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Generators.Binding;
using Graph.Generators.Diagnostics;
using Graph.Generators.Emission;

namespace Graph.Generators.Caching;

/// <summary>A model ready to be compiled, or why it is not.</summary>
/// <param name="Input">The model with every module that it needs; null when one has errors or is missing.</param>
/// <param name="Class">The class that code is generated into.</param>
/// <param name="Outline">The model's entries, losses and optimizer without bodies.</param>
/// <param name="Docs">What its author says about entries and losses.</param>
/// <param name="Diagnostics">What is missing.</param>
public sealed record ModelTarget(string Name, ModelInput? Input, ClassDeclaration Class, EquatableArray<MethodDef> Outline, EquatableArray<MemberDoc> Docs, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>Collects for each model the definitions that it needs, of this assembly and of referenced ones.</summary>
static class ModelInputs
{
    // Published texts live as long as their reference; so do the definitions read from them.
    static readonly ConditionalWeakTable<string, StrongBox<(ModuleDef? Definition, string? Problem)>> Parsed = new();

    public static EquatableArray<ModelTarget> Assemble(EquatableArray<BoundModule> modules, EquatableArray<PublishedModule> published, TargetChoice choice, CancellationToken cancellation)
    {
        var own = new Dictionary<string, BoundModule>(StringComparer.Ordinal);
        foreach (var module in modules) own[module.Name] = module;
        var foreign = new Dictionary<string, PublishedModule>(StringComparer.Ordinal);
        foreach (var module in published) foreign[module.Name] = module;
        var library = new Lazy<Dictionary<string, List<string>>>(() => Bundled(published, cancellation));

        var targets = new List<ModelTarget>();
        foreach (var module in modules)
            if (module is { Definition: { Kind: ModuleKind.Model } model, Class: { } declaration })
                targets.Add(Assemble(model, module, declaration, own, foreign, library, choice, cancellation));
            else if (module is { Definition: null, Class: { } broken, Outline: { IsEmpty: false } outline })
                targets.Add(new(module.Name, null, broken, outline, module.Docs, []));
        return new EquatableArray<ModelTarget>(targets);
    }

    static ModelTarget Assemble(
        ModuleDef model, BoundModule bound, ClassDeclaration declaration, Dictionary<string, BoundModule> own, Dictionary<string, PublishedModule> foreign, Lazy<Dictionary<string, List<string>>> library,
        TargetChoice choice, CancellationToken cancellation)
    {
        var found = new SortedDictionary<string, ModuleDef>(StringComparer.Ordinal);
        var asked = new HashSet<string>(StringComparer.Ordinal) { model.Name };
        var problems = new List<DiagnosticInfo>();
        var isComplete = true;
        var work = new Stack<ModuleDef>();
        work.Push(model);
        while (work.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            var user = work.Pop();
            // A record or enum of another assembly comes with the modules of that assembly that use it.
            foreach (var name in user.References.SelectMany(r => own.ContainsKey(r) || foreign.ContainsKey(r) || !library.Value.TryGetValue(r, out var holders) ? [r] : holders))
            {
                if (!asked.Add(name)) continue;
                ModuleDef? definition = null;
                if (own.TryGetValue(name, out var module))
                {
                    // Its errors are reported where they are.
                    definition = module.Definition;
                    isComplete &= definition is not null;
                }
                else if (foreign.TryGetValue(name, out var text))
                {
                    (definition, var problem) = Read(text);
                    if (problem is not null) problems.Add(new(Descriptors.UnreadableDefinition.Id, model.Location, [DefinitionName.FullName(name), text.Assembly, problem]));
                }
                else
                {
                    problems.Add(new(Descriptors.MissingDefinition.Id, model.Location, [DefinitionName.FullName(user.Name), DefinitionName.FullName(name)]));
                }
                if (definition is null) continue;
                found[name] = definition;
                work.Push(definition);
            }
        }
        foreach (var name in choice.Unknown) problems.Add(new(Descriptors.UnknownTarget.Id, model.Location, [DefinitionName.FullName(model.Name), name, string.Join(", ", KnownTargets.All.Select(t => t.Name))]));
        var written = declaration.MemoryBudget ?? (choice.MemoryBudget.Length > 0 ? choice.MemoryBudget : null);
        var budget = written is null ? null : ByteSize.Parse(written);
        if (written is not null && budget is null) problems.Add(new(Descriptors.BadBudget.Id, model.Location, [DefinitionName.FullName(model.Name), written]));
        var input = isComplete && problems.Count == 0 ? new ModelInput(declaration, model, found.Values.ToEquatableArray(), choice.Targets) { Optional = choice.Optional, IsExact = choice.IsExact, MemoryBudget = budget } : null;
        return new(model.Name, input, declaration, bound.Outline, bound.Docs, new EquatableArray<DiagnosticInfo>(problems));
    }

    static (ModuleDef? Definition, string? Problem) Read(PublishedModule module)
    {
        if (module.Version != ModuleDef.FormatVersion)
            return (null, string.Format(CultureInfo.InvariantCulture, "its format is version {0}, but this compiler reads version {1}", module.Version, ModuleDef.FormatVersion));
        return Parsed.GetValue(module.Text, static text =>
        {
            try
            {
                return new((ModuleText.Parse(text), null));
            }
            catch (FormatException exception)
            {
                return new((null, exception.Message));
            }
        }).Value;
    }

    /// <summary>For each record and enum that travels with published modules, those that have it: as many as it takes for all of its methods.</summary>
    static Dictionary<string, List<string>> Bundled(EquatableArray<PublishedModule> published, CancellationToken cancellation)
    {
        var holders = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var members = new HashSet<(string Owner, string Member)>();

        void Hold(string name, PublishedModule module, bool adds)
        {
            if (!holders.TryGetValue(name, out var list)) holders.Add(name, list = []);
            if ((adds || list.Count == 0) && !list.Contains(module.Name)) list.Add(module.Name);
        }

        foreach (var module in published)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Read(module).Definition is not { } definition) continue;
            foreach (var record in definition.Records)
            {
                Hold(record.Name, module, adds: false);
                foreach (var method in record.Methods) Hold(record.Name, module, members.Add((record.Name, method.Id)));
                foreach (var function in definition.Functions)
                    if (function.Owner == record.Name) Hold(record.Name, module, members.Add((record.Name, function.Method.Id)));
            }
            foreach (var item in definition.Enums) Hold(item.Name, module, adds: false);
        }
        return holders;
    }
}
