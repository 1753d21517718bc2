using Graph.Compiler;
using Graph.Generators.Diagnostics;

namespace Graph.Generators.Emission;

/// <summary>What a model's compilation gave.</summary>
/// <param name="HintName">The name of the generated file.</param>
/// <param name="Source">Its text; null when the model has errors or nothing is to be generated.</param>
/// <param name="Diagnostics">What was wrong, at places in user code.</param>
public sealed record EmittedModel(string HintName, string? Source, EquatableArray<DiagnosticInfo> Diagnostics);
