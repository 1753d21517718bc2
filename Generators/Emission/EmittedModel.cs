using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Diagnostics;

namespace Graph.Generators.Emission;

/// <summary>What a model's compilation gave.</summary>
/// <param name="Class">The class that code is generated into.</param>
/// <param name="Members">What the generated half of the class says; null when the model has errors.</param>
/// <param name="Kernels">The class with its kernels; null when the model has errors.</param>
/// <param name="Targets">The part of the class that holds what the model is compiled for beside the processor; null when that is nothing.</param>
/// <param name="Diagnostics">What was wrong, at places in user code.</param>
/// <param name="Origins">The places that the embedded programs refer to by number.</param>
public sealed record EmittedModel(ClassDeclaration Class, CompiledMembers? Members, string? Kernels, string? Targets, EquatableArray<DiagnosticInfo> Diagnostics, EquatableArray<Location> Origins)
{
    /// <summary>The parts of the class for further precisions, each a file of its own.</summary>
    public EquatableArray<PrecisionParts> Further { get; init; } = [];
}

/// <summary>What a model's class holds for a further precision.</summary>
/// <param name="Precision">The precision.</param>
/// <param name="Kernels">The class with its kernels.</param>
/// <param name="Targets">The part that holds what it is compiled for beside the processor; null when that is nothing.</param>
public sealed record PrecisionParts(string Precision, string Kernels, string? Targets);
