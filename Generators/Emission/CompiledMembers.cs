using Graph.Compiler;

namespace Graph.Generators.Emission;

/// <summary>What the generated half of a model's class says, before it is written: only the words about its members come later, so that a changed comment compiles nothing again.</summary>
/// <param name="Methods">The compiled members.</param>
/// <param name="Texts">The texts that the class embeds.</param>
/// <param name="Training">How it is trained; null for a model that is not.</param>
public sealed record CompiledMembers(EquatableArray<GeneratedMethod> Methods, ModelTexts Texts, TrainingTexts? Training);

/// <summary>The texts that a model's class embeds, packed.</summary>
/// <param name="Modules">The definitions of the model and of the modules it uses.</param>
/// <param name="Elaborated">The elaborated program.</param>
public sealed record ModelTexts(string Modules, string Elaborated);

/// <summary>What a model's class says of its training.</summary>
/// <param name="LearningRate">The optimizer's own rate; null for none.</param>
/// <param name="ClipNorm">The bound of the gradients' norm; null for none.</param>
/// <param name="OptimizerStates">The optimizer's states for each parameter.</param>
/// <param name="Precision">The number type of activations.</param>
/// <param name="Optimizer">The optimizer as C# would write it.</param>
public sealed record TrainingTexts(double? LearningRate, double? ClipNorm, EquatableArray<string> OptimizerStates, string Precision, string Optimizer);
