using Graph.Compiler;
using Graph.Generators.Diagnostics;

namespace Graph.Generators.Emission;

/// <summary>What a model's compilation gave.</summary>
/// <param name="HintName">The start of the names of the generated files.</param>
/// <param name="Members">The generated half of the class; null when the model has errors.</param>
/// <param name="Kernels">The class with its kernels; null when the model has errors.</param>
/// <param name="Diagnostics">What was wrong, at places in user code.</param>
public sealed record EmittedModel(string HintName, string? Members, string? Kernels, EquatableArray<DiagnosticInfo> Diagnostics);
