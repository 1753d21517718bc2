using Graph.Compiler;
using Graph.Compiler.Ir;

namespace Graph.Generators.Emission;

/// <summary>What the generated half of a model's class says, before it is written: only the words about its members come later, so that a changed comment compiles nothing again.</summary>
/// <param name="Methods">The compiled members.</param>
/// <param name="Texts">The texts that the class embeds.</param>
/// <param name="HasTargets">The class has a part with what the model is compiled for beside the processor.</param>
public sealed record CompiledMembers(EquatableArray<GeneratedMethod> Methods, ModelTexts Texts, bool HasTargets)
{
    /// <summary>The precisions that the model is compiled for, its own first; none of a model with one.</summary>
    public EquatableArray<CompiledPrecision> Precisions { get; init; } = [];

    /// <summary>The most bytes that a call may take with all that is stored; null for no bound.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Why it is not compiled for targets that its build would have it compiled for; null when none was left out.</summary>
    public string? LeftOut { get; init; }

    /// <summary>The model's named dimensions.</summary>
    public EquatableArray<DimSymbol> Dims { get; init; } = [];
}

/// <summary>A precision that a model is compiled for.</summary>
/// <param name="Name">The member of <c>Precision</c>.</param>
/// <param name="LossScales">The scale of the loss of each training program.</param>
public sealed record CompiledPrecision(string Name, EquatableArray<double> LossScales);

/// <summary>The texts that a model's class embeds, packed.</summary>
/// <param name="Modules">The definitions of the model and of the modules it uses.</param>
/// <param name="Elaborated">The elaborated program.</param>
public sealed record ModelTexts(string Modules, string Elaborated);
