using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Modules.Text;
using Graph.Compiler.Passes;
using Graph.Compiler;
using Graph.Compiler.Lowering;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Generators.Diagnostics;
using Graph.Operations;

namespace Graph.Generators.Emission;

/// <summary>Compiles a model: from definitions to the source of its generated members and kernels.</summary>
public static class ModelEmitter
{
    /// <summary>A pure function of its input.</summary>
    public static EmittedModel Emit(ModelInput input, CancellationToken cancellation)
    {
        var modules = new Dictionary<string, ModuleDef>(StringComparer.Ordinal) { [input.Model.Name] = input.Model };
        foreach (var module in input.Modules) modules[module.Name] = module;

        var result = Elaborator.Elaborate(input.Model, modules, OperationTable.Set, cancellation, [input.Target]);
        if (result.Model is not { } model)
            return new(input.Class, null, null, result.Diagnostics.Select(DiagnosticInfo.Of).ToEquatableArray(), []);

        var scheduled = CompilerPipeline.Run(model.Program, cancel: cancellation, target: input.Target).Final;
        cancellation.ThrowIfCancellationRequested();
        var lowered = Lowerer.Lower(scheduled, input.Target, cancellation);
        var texts = new ModelTexts(CompressedText.Pack(Modules(input)), CompressedText.Pack(ProgramPrinter.Print(model.Program)));
        var plans = PlanText.Write(lowered.Functions.Select(f => Planner.PlanTypical(f, lowered.Dims)));
        cancellation.ThrowIfCancellationRequested();
        return new(
            input.Class, new(GeneratedMethod.All(model, scheduled).ToEquatableArray(), texts),
            CSharpTarget.Emit(lowered, input.Class.Namespace, input.Class.KernelClass) + PartSource.Kernels(input.Class, LoweredText.Write(lowered), plans),
            MemoryNeeds.Warnings(input.Class.Name, lowered, model.Origins, input.Model.Location).ToEquatableArray(), model.Origins.ToEquatableArray());
    }

    static string Modules(ModelInput input)
    {
        var text = new StringBuilder();
        foreach (var module in input.Modules.Append(input.Model)) text.Append(module.ToText()).Append('\n');
        return text.ToString();
    }
}
