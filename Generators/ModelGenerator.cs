using System;
using System.Linq;
using System.Text;
using Graph.Generators.Binding;
using Graph.Generators.Caching;
using Graph.Generators.Diagnostics;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Graph.Generators;

/// <summary>Compiles models while the C# compiler runs: publishes every module's definition and writes the members of every model.</summary>
/// <remarks>Diagnostics come from <see cref="ModuleAnalyzer"/>, which shares every result, so that they are live. What it reports stops the build by itself too: see <see cref="Failure"/>.</remarks>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var folder = context.AnalyzerConfigOptionsProvider.Select((options, _) => ProjectFolder(options.GlobalOptions));

        var choice = context.AnalyzerConfigOptionsProvider.Select((options, _) => TargetChoice.Of(options.GlobalOptions));

        // The same object for one compilation after another: it makes nothing run again.
        var memory = context.CompilationProvider.Combine(folder).Select((pair, _) => ProjectMemory.Of(pair.Left, pair.Right));

        var catalog = context.CompilationProvider.Combine(folder)
            .Select((pair, cancellation) => ModuleCatalog.Of(pair.Left, pair.Right, cancellation))
            .WithTrackingName(TrackingNames.Catalog);

        // Without the spans: what follows does not see that a line moved.
        var bound = catalog.Select((all, _) => all.Modules).WithTrackingName(TrackingNames.BoundModules);

        var published = context.CompilationProvider.Combine(memory)
            .Select((pair, cancellation) => PublishedModules.Of(pair.Left, pair.Right, cancellation))
            .WithTrackingName(TrackingNames.PublishedModules);

        var modules = bound.SelectMany((all, _) => all).WithTrackingName(TrackingNames.Module);

        var models = bound.Combine(published).Combine(choice).Combine(memory)
            .SelectMany((pair, cancellation) => pair.Right.Assemble(pair.Left.Left.Left, pair.Left.Left.Right, pair.Left.Right, cancellation))
            .WithTrackingName(TrackingNames.Model);

        var emitted = models.Combine(memory)
            .Select((pair, cancellation) => (Target: pair.Left, Model: pair.Left.Input is { } input ? pair.Right.Emit(input, cancellation) : new EmittedModel(pair.Left.Class, null, null, null, [], [])))
            .WithTrackingName(TrackingNames.EmittedModel);

        // Where there are none, nothing here follows the compilation.
        var failures = bound.Combine(emitted.Collect())
            .SelectMany((pair, _) => Failure.All(pair.Left, pair.Right))
            .WithTrackingName(TrackingNames.Failure)
            .Combine(context.CompilationProvider.Combine(catalog).Combine(published))
            .Select((pair, _) => (pair.Left.HintName, Source: pair.Left.Source(pair.Right.Left.Left, pair.Right.Left.Right, pair.Right.Right)));

        var origins = emitted.Where(pair => pair.Model.Kernels is not null).Combine(catalog)
            .Select((pair, _) => (pair.Left.Model.Class.HintName, Text: PartSource.Origins(pair.Left.Model.Class, pair.Left.Model.Origins.Select(place => pair.Right.Describe(place) ?? "?:0"))))
            .WithTrackingName(TrackingNames.Origins);

        // A debug build would run kernels twelve times slower, whatever their own attributes say: one attribute of the assembly brings the optimizer back.
        var fullSpeed = context.CompilationProvider
            .Select((compilation, _) => compilation.Options.OptimizationLevel == OptimizationLevel.Debug)
            .Combine(context.AnalyzerConfigOptionsProvider.Select((options, _) => FullSpeedInDebug(options.GlobalOptions)))
            .Combine(models.Collect().Select((all, _) => all.Any(target => target.Input is not null)))
            .Select((pair, _) => pair.Left.Left && pair.Left.Right && pair.Right)
            .WithTrackingName(TrackingNames.FullSpeed);

        context.RegisterSourceOutput(fullSpeed, (output, wanted) =>
        {
            if (wanted) Add(output, "Graph.FullSpeed", FullSpeedSource);
        });
        context.RegisterSourceOutput(modules, (output, module) =>
        {
            if (module is not { Class: { } declaration }) return;
            var (hint, source) = ModuleEmitter.Emit(declaration, module.Definition, module.Places);
            Add(output, hint, source);
        });
        context.RegisterSourceOutput(emitted, (output, pair) =>
        {
            if (pair.Model is { Members: { } members } model) Add(output, model.Class.HintName + ".Model", ModelSource.Write(pair.Target.Class, members, pair.Target.Docs));
        });
        context.RegisterSourceOutput(failures, (output, failure) => Add(output, failure.HintName + ".Errors", failure.Source));
        // Nothing above names what is declared in these: a host may leave them out.
        context.RegisterImplementationSourceOutput(emitted, (output, pair) =>
        {
            if (pair.Model is { Kernels: { } kernels } model) Add(output, model.Class.HintName + ".Kernels", kernels);
            foreach (var further in pair.Model.Further)
            {
                Add(output, pair.Model.Class.HintName + ".Kernels." + further.Precision, further.Kernels);
                if (further.Targets is { } source) Add(output, pair.Model.Class.HintName + ".Targets." + further.Precision, source);
            }
            if (pair.Model is { Targets: { } targets } compiled) Add(output, compiled.Class.HintName + ".Targets", targets);
        });
        context.RegisterImplementationSourceOutput(origins, (output, file) => Add(output, file.HintName + ".Origins", file.Text));
    }

    static void Add(SourceProductionContext output, string name, string source) => output.AddSource(name + ".g.cs", SourceText.From(GeneratedCode.Seal(source), Encoding.UTF8));

    const string FullSpeedSource = """
        // Kernels at full speed in debug builds. <GraphFullSpeedInDebug>false</GraphFullSpeedInDebug> in the project turns it off.
        [assembly: global::System.Diagnostics.Debuggable(global::System.Diagnostics.DebuggableAttribute.DebuggingModes.IgnoreSymbolStoreSequencePoints)]

        """;

    static bool FullSpeedInDebug(AnalyzerConfigOptions options) =>
        !IsFalse(options, "graphfullspeedindebug");

    static bool IsFalse(AnalyzerConfigOptions options, string property) =>
        options.TryGetValue("build_property." + property, out var value) && string.Equals(value, "false", StringComparison.OrdinalIgnoreCase);

    /// <summary>The folder that the names of files are relative to, so that generated code is the same wherever it is built.</summary>
    internal static string ProjectFolder(AnalyzerConfigOptions options) => options.TryGetValue("build_property.projectdir", out var folder) ? folder : "";
}
