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

        var result = Elaborator.Elaborate(input.Model, modules, OperationTable.Set, cancellation, [.. input.Targets]);
        if (result.Model is not { } model)
            return new(input.Class, null, null, result.Diagnostics.Select(DiagnosticInfo.Of).ToEquatableArray(), []);

        // The class runs on the processor; what else a model is compiled for shares all stages but the last two.
        var compiled = CompilerPipeline.Run(model.Program, [.. input.Targets], cancel: cancellation).Single(c => c.Target == KnownTargets.Cpu);
        cancellation.ThrowIfCancellationRequested();
        var lowered = Lowerer.Lower(compiled, cancellation);
        var texts = new ModelTexts(CompressedText.Pack(Modules(input)), CompressedText.Pack(ProgramPrinter.Print(model.Program)));
        var plans = PlanText.Write(lowered.Functions.Select(f => Planner.PlanTypical(f, lowered.Dims)));
        cancellation.ThrowIfCancellationRequested();
        return new(
            input.Class, new(GeneratedMethod.All(model, compiled.Final).ToEquatableArray(), texts),
            CSharpTarget.Emit(lowered, compiled.Target, input.Class.Namespace, input.Class.KernelClass) + PartSource.Kernels(input.Class, LoweredText.Write(lowered), plans),
            MemoryNeeds.Warnings(input.Class.Name, lowered, model.Origins, input.Model.Location).ToEquatableArray(), model.Origins.ToEquatableArray());
    }

    static string Modules(ModelInput input)
    {
        var text = new StringBuilder();
        foreach (var module in input.Modules.Append(input.Model)) text.Append(module.ToText()).Append('\n');
        return text.ToString();
    }
}
