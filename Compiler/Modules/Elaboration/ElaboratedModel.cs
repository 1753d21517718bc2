using System.Collections.Immutable;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>A model as a program: its entries and losses with every module, loop and hyper-parameter evaluated away.</summary>
/// <param name="Program">
/// A function for each [Entry] (named in snake case, evaluation mode); <c>loss</c> (evaluation mode) and <c>forward_loss</c> (training mode, with the argument
/// <c>seed: i64[]</c> last and the updates of running statistics) for the [Loss]; <c>update</c> for the optimizer of [Train], over one flat parameter of the dimension <c>N</c>, and more where its rule
/// looks at a parameter's shape or path. Of several [Train] methods each has its own, named by it (<see cref="Graph.Compiler.Training.TrainingSignature"/>).
/// </param>
/// <param name="Entries">The members that callers see, in declaration order, entries before losses.</param>
/// <param name="Origins">The places that the origins of the program's nodes refer to by number: all in the model's own assembly.</param>
public sealed record ElaboratedModel(Program Program, ImmutableArray<EntrySpec> Entries, ImmutableArray<Location> Origins)
{
    /// <summary>The same program in the other precisions that the model is compiled for: only the training programs differ.</summary>
    public ImmutableArray<Program> Further { get; init; } = [];
}

/// <summary>A member of the model that can be called.</summary>
/// <param name="Method">The C# method's name.</param>
/// <param name="Function">The program's function.</param>
/// <param name="Role">Entry or loss.</param>
public sealed record EntrySpec(string Method, string Function, MethodRole Role);

/// <summary>What elaboration gives: a model, or errors (never both, never neither).</summary>
public sealed record ElaborationResult(ElaboratedModel? Model, ImmutableArray<GraphDiagnostic> Diagnostics);
