using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;
using Graph.Generators.Emission;

namespace Graph.Generators.Binding;

/// <summary>What binding a class marked [Module] or [Model] gave; equal when nothing that matters changed.</summary>
/// <param name="Name">The class as definitions know it.</param>
/// <param name="Class">Where it is; null when code cannot be generated into it.</param>
/// <param name="Definition">The definition; null when there were errors.</param>
/// <param name="Outline">Of a model: its entries, losses and optimizer without bodies, as far as they could be read.</param>
/// <param name="Docs">Of a model: what its author says about entries and losses.</param>
/// <param name="Diagnostics">What was wrong.</param>
/// <param name="Hints">What was wrong in modelling code that no model has to reach.</param>
/// <param name="Places">The lines within members, as a library publishes them.</param>
public sealed record BoundModule(
    string Name, ClassDeclaration? Class, ModuleDef? Definition, EquatableArray<MethodDef> Outline, EquatableArray<MemberDoc> Docs, EquatableArray<DiagnosticInfo> Diagnostics, EquatableArray<DiagnosticInfo> Hints,
    string Places);
