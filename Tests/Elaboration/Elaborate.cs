using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Modules.Text;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Nn;
using Graph.Operations;
using Graph.Tests.Generators;
using Microsoft.CodeAnalysis;
using IrVerifier = Graph.Compiler.Ir.Verifier;

namespace Graph.Tests.Elaboration;

/// <summary>Elaborates models: of source text through the generator's binding, or of a built assembly through what it publishes.</summary>
static class Elaborate
{
    static readonly Dictionary<string, ModuleDef> Library = Published(typeof(Linear).Assembly);

    /// <summary>The definitions that an assembly publishes, by the full names of their classes.</summary>
    public static Dictionary<string, ModuleDef> Published(Assembly assembly) => assembly.GetCustomAttributes<ModuleDefinitionAttribute>().ToDictionary(a => a.Name, a => ModuleText.Parse(a.Text));

    /// <summary>The model <paramref name="name"/> of source text that may use Graph.Nn; its definitions may be changed to what binding would have refused.</summary>
    public static ElaborationResult Source(string source, string name = "M", Func<ModuleDef, ModuleDef>? change = null) => Placed(source, name, change).Result;

    /// <summary>The model <c>M</c> of source text that may use the modules of one more assembly.</summary>
    public static ElaboratedModel With(Assembly more, string source) => Checked(Placed(source, more: more).Result);

    /// <summary>The model <c>M</c> of source text for some targets.</summary>
    public static ElaborationResult For(string source, IReadOnlyList<TargetModel> targets) => Placed(source, targets: targets).Result;

    /// <summary>The same, and where its diagnostics lie.</summary>
    public static (ElaborationResult Result, Func<GraphDiagnostic, Microsoft.CodeAnalysis.Location> At) Placed(
        string source, string name = "M", Func<ModuleDef, ModuleDef>? change = null, IReadOnlyList<TargetModel>? targets = null, Assembly? more = null)
    {
        Assembly[] libraries = more is null ? [typeof(Linear).Assembly] : [typeof(Linear).Assembly, more];
        var compilation = Harness.Compile("Test", [("Model.cs", Harness.Usings + "using Graph.Nn;\n" + source)], libraries.Select(l => MetadataReference.CreateFromFile(l.Location)));
        var (generated, run) = Harness.Generate(compilation);
        var errors = generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error && d.Id != Harness.Stop).ToList();
        if (errors.Count > 0) throw new InvalidOperationException(string.Join("\n", errors));
        var own = Harness.Definitions(generated).ToDictionary(p => p.Key, p => change is null ? p.Value : change(p.Value));
        // What binding refuses has no definition; what elaboration refuses, which the analyzer reports too, is for the caller to look at.
        if (!own.TryGetValue(name, out var model)) throw new InvalidOperationException("Not bound: " + string.Join("\n", Harness.Analyze(generated)));
        var modules = own.Concat(Library).Concat(more is null ? [] : Published(more)).ToDictionary(p => p.Value.Name, p => p.Value);
        var result = Elaborator.Elaborate(model, modules, OperationTable.Set, targets: targets ?? KnownTargets.Default);
        var catalog = Harness.Catalog(run);
        // Messages name places by node; readers see lines.
        var placed = result.Model is not { } done ? null
            : done with { Program = ProgramParser.Parse(ProgramPrinter.Print(done.Program), OperationTable.Set, [.. done.Origins.Select(o => catalog.Describe(o) ?? "?:0")]) };
        return (result with { Model = placed, Diagnostics = [.. result.Diagnostics.Select(d => d with { Message = Graph.Compiler.Modules.Location.Resolve(d.Message, catalog.Describe) })] },
            error => catalog.Find(error.Location, generated) ?? Microsoft.CodeAnalysis.Location.None);
    }

    /// <summary>The model of source text, which has no errors and whose program is well formed.</summary>
    public static ElaboratedModel Model(string source, string name = "M") => Checked(Source(source, name));

    /// <summary>The only error of source text.</summary>
    public static GraphDiagnostic Error(string source, string name = "M") => Assert(Source(source, name));

    static GraphDiagnostic Assert(ElaborationResult result) => result.Diagnostics.Length == 1 ? result.Diagnostics[0]
        : throw new InvalidOperationException($"Expected one diagnostic, but got {result.Diagnostics.Length}: {string.Join("\n", result.Diagnostics)}");

    /// <summary>A model of a built assembly.</summary>
    public static ElaboratedModel Built(Type model)
    {
        var own = Published(model.Assembly);
        var modules = own.Concat(Library).ToDictionary(p => p.Value.Name, p => p.Value);
        return Checked(Elaborator.Elaborate(own[model.FullName!], modules, OperationTable.Set));
    }

    static ElaboratedModel Checked(ElaborationResult result)
    {
        if (result.Model is not { } model) throw new InvalidOperationException(string.Join("\n", result.Diagnostics));
        IrVerifier.Verify(model.Program);
        return model;
    }
}
