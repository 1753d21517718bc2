using Graph.Compiler.Targets.Emission;

namespace Graph.Generators.Emission;

/// <summary>What a model's class holds for one target.</summary>
/// <param name="Target">The target's name.</param>
/// <param name="Code">Its kernels.</param>
/// <param name="Start">What a model starts from as text; empty for targets that start from the program.</param>
/// <param name="Lowered">The lowered program as text.</param>
/// <param name="Plans">The plans at typical sizes as text.</param>
sealed record TargetPart(string Target, TargetCode Code, string Start, string Lowered, string Plans);
