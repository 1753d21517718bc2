namespace Graph.Compiler.Modules.Elaboration;

/// <summary>What a <c>[Train]</c> method says beside its optimizer, whose update rule is the program's function <c>update</c>.</summary>
/// <param name="ClipNorm">The gradients are scaled down so that their global norm does not exceed it; null leaves them as they are.</param>
public sealed record TrainingSpec(double? ClipNorm = null);
