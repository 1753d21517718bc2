using System.Collections.Generic;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>Evaluates a model's definition as far as it goes without data, and so turns it into a program.</summary>
public static class Elaborator
{
    /// <summary>Builds the program of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="modules">Every module that can be reached from it, by name. Errors in those of other assemblies are reported at the call that led there.</param>
    /// <param name="operations">The operations that programs may use.</param>
    /// <param name="cancel">Ends the evaluation early.</param>
    /// <param name="targets">What is compiled for: what one of them refuses is an error at the user's expression. Nothing is refused when there are none.</param>
    /// <returns>The model, or what is wrong with it; only cancellation throws.</returns>
    public static ElaborationResult Elaborate(
        ModuleDef model, IReadOnlyDictionary<string, ModuleDef> modules, OperationSet operations, CancellationToken cancel = default, IReadOnlyList<TargetModel>? targets = null) =>
        new ModelElaboration(model, modules, operations, targets ?? [], cancel).Run();
}
