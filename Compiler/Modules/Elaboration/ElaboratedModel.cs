using System.Collections.Immutable;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>A model as a program: its entries and losses with every module, loop and hyper-parameter evaluated away.</summary>
/// <param name="Program">
/// A function for each [Entry] (named in snake case, evaluation mode); <c>loss</c> (evaluation mode) and <c>forward_loss</c> (training mode, with the argument
/// <c>seed: i64[]</c> last and the updates of running statistics) for the [Loss]; <c>update</c> for the optimizer of [Train], over one flat parameter of the dimension <c>N</c>.
/// </param>
/// <param name="Training">How it is trained; null without a [Train] method.</param>
/// <param name="Entries">The members that callers see, in declaration order, entries before losses.</param>
public sealed record ElaboratedModel(Program Program, TrainingSpec? Training, ImmutableArray<EntrySpec> Entries);

/// <summary>How a model is trained.</summary>
/// <param name="ForwardLoss">The function to differentiate: <c>forward_loss</c>.</param>
/// <param name="Update">
/// The optimizer's function: <c>update(value: f32[N], gradient: f32[N], states…, learning_rate: f32[], step: i64[]) → (value, states…)</c>.
/// </param>
/// <param name="OptimizerStates">The names of the states that it keeps for each parameter, in the order of arguments and results: <c>m</c>, <c>v</c>.</param>
/// <param name="ClipNorm">The largest global norm of the gradients; 0 for no clipping.</param>
/// <param name="Precision">The number type of activations: <c>Float32</c> and the like.</param>
/// <param name="LearningRate">What the optimizer was made with, the learning rate until a schedule says otherwise; null if it has no such hyper-parameter.</param>
/// <param name="Optimizer">The optimizer with its hyper-parameters, as C# would write it: <c>new AdamW(0.0003, …)</c>.</param>
public sealed record TrainingSpec(
    string ForwardLoss, string Update, ImmutableArray<string> OptimizerStates, double ClipNorm, string Precision, double? LearningRate, string Optimizer);

/// <summary>A member of the model that can be called.</summary>
/// <param name="Method">The C# method's name.</param>
/// <param name="Function">The program's function.</param>
/// <param name="Role">Entry or loss.</param>
public sealed record EntrySpec(string Method, string Function, MethodRole Role);

/// <summary>What elaboration gives: a model, or errors (never both, never neither).</summary>
public sealed record ElaborationResult(ElaboratedModel? Model, ImmutableArray<GraphDiagnostic> Diagnostics);
