using System.Collections.Immutable;

namespace Graph.Compiler.Training;

/// <summary>
/// What a <c>[Train]</c> method says beside its optimizer, whose update rule is the program's function
/// <c>update(value: f32[N], gradient: f32[N], states…, learning_rate: f32[], step: i64[]) → (value, states…)</c>.
/// </summary>
/// <param name="ClipNorm">The gradients are scaled down so that their global norm does not exceed it; null leaves them as they are.</param>
/// <param name="OptimizerStates">The names of the states that the optimizer keeps for each parameter, in the order of arguments and results: <c>m</c>, <c>v</c>.</param>
/// <param name="Precision">The number type of activations: <c>Float32</c> and the like.</param>
/// <param name="LearningRate">The optimizer's own learning rate, in force until a schedule says otherwise; null if it has no such hyper-parameter.</param>
/// <param name="Optimizer">The optimizer with its hyper-parameters, as C# would write it: <c>new AdamW(0.0003, …)</c>.</param>
public sealed record TrainingSpec(
    double? ClipNorm = null, ImmutableArray<string> OptimizerStates = default, string Precision = "Float32", double? LearningRate = null, string Optimizer = "");
