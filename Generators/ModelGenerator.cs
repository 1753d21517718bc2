using System;
using System.Text;
using Graph.Generators.Caching;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Graph.Generators;

/// <summary>Compiles models while the C# compiler runs: publishes every module's definition and writes the members of every model.</summary>
/// <remarks>Diagnostics come from <see cref="ModuleAnalyzer"/>, which shares every result, so that they are live and can be suppressed.</remarks>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var folder = context.AnalyzerConfigOptionsProvider.Select((options, _) => ProjectFolder(options.GlobalOptions));

        var bound = context.CompilationProvider.Combine(folder)
            .Select((pair, cancellation) => ModuleCatalog.Modules(pair.Left, pair.Right, cancellation))
            .WithTrackingName(TrackingNames.BoundModules);

        var published = context.CompilationProvider
            .Select((compilation, cancellation) => PublishedModules.Of(compilation, cancellation))
            .WithTrackingName(TrackingNames.PublishedModules);

        var modules = bound.SelectMany((all, _) => all).WithTrackingName(TrackingNames.Module);

        var models = bound.Combine(published)
            .SelectMany((pair, cancellation) => ModelInputs.Assemble(pair.Left, pair.Right, cancellation))
            .WithTrackingName(TrackingNames.Model);

        var emitted = models
            .Select((target, cancellation) => target.Input is { } input ? EmissionCache.Emit(input, cancellation) : null)
            .WithTrackingName(TrackingNames.EmittedModel);

        context.RegisterSourceOutput(modules, (output, module) =>
        {
            if (module is not { Class: { } declaration, Definition: { } definition }) return;
            var (hint, source) = ModuleEmitter.Emit(declaration, definition);
            output.AddSource(hint, SourceText.From(source, Encoding.UTF8));
        });
        context.RegisterSourceOutput(emitted, (output, model) =>
        {
            if (model?.Members is { } members) output.AddSource(model.HintName + ".Model.g.cs", SourceText.From(members, Encoding.UTF8));
            if (model?.Kernels is { } kernels) output.AddSource(model.HintName + ".Kernels.g.cs", SourceText.From(kernels, Encoding.UTF8));
        });
    }

    /// <summary>The folder that locations are relative to, so that generated code is the same wherever it is built.</summary>
    internal static string ProjectFolder(AnalyzerConfigOptions options) => options.TryGetValue("build_property.projectdir", out var folder) ? folder : "";
}
