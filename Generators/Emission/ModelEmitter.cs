using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using System.Threading;
using Graph.Compiler.Ir;
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
using Graph.Compiler.Targets.Emission;
using Graph.Generators.Diagnostics;
using Graph.Operations;

namespace Graph.Generators.Emission;

/// <summary>Compiles a model: from definitions to the source of its generated members and kernels.</summary>
public static class ModelEmitter
{
    /// <summary>A pure function of its input.</summary>
    public static EmittedModel Emit(ModelInput input, CancellationToken cancellation) => Emit(input, KnownEmitters.All, cancellation);

    /// <summary>A pure function of its input, with these emitters.</summary>
    /// <exception cref="InvalidOperationException">There is no emitter for one of the targets.</exception>
    public static EmittedModel Emit(ModelInput input, IReadOnlyList<ITargetEmitter> emitters, CancellationToken cancellation)
    {
        var all = EmitAll(input, emitters, cancellation);
        if (all.Members is not null || input.Optional.IsEmpty) return all;
        // Either the model is wrong, and what is wrong has nothing to do with targets that it may do without, or they are why.
        var needed = EmitAll(input with { Targets = input.Targets.Where(t => !input.Optional.Contains(t)).ToEquatableArray(), Optional = [] }, emitters, cancellation);
        return needed.Members is { } members ? LeftOutTargets.Say(input, needed, members, all.Diagnostics) : needed;
    }

    static EmittedModel EmitAll(ModelInput input, IReadOnlyList<ITargetEmitter> emitters, CancellationToken cancellation)
    {
        var modules = new Dictionary<string, ModuleDef>(StringComparer.Ordinal) { [input.Model.Name] = input.Model };
        foreach (var module in input.Modules) modules[module.Name] = module;

        var result = Elaborator.Elaborate(input.Model, modules, OperationTable.Set, cancellation, [.. input.Targets]);
        if (result.Model is not { } model) return Failed(input, result.Diagnostics.Select(DiagnosticInfo.Of));
        if (input.IsExact) model = Exact(model);

        var own = Compile(input, model, model.Program, input.Class.KernelClassFor, emitters, cancellation);
        if (own.Errors.Count > 0) return Failed(input, own.Errors);
        var further = model.Further.Select(program => (program.Training[0].Precision, Compiled: Compile(input, model, program, target => input.Class.KernelClassIn(program.Training[0].Precision, target), emitters, cancellation))).ToList();
        if (further.SelectMany(f => f.Compiled.Errors).ToList() is { Count: > 0 } wrongFurther) return Failed(input, wrongFurther);

        // The class runs on the processor.
        var others = own.Others.ToList();
        var texts = new ModelTexts(CompressedText.Pack(Modules(input)), CompressedText.Pack(ProgramPrinter.Print(model.Program)));
        return new(
            input.Class, new(GeneratedMethod.All(model, own.Final).ToEquatableArray(), texts, others.Count > 0) { Precisions = Precisions(model), Dims = Dims(model, own.Final, own.Lowered), MemoryBudget = input.MemoryBudget },
            PartSource.Kernels(input.Class, own.Cpu), others.Count > 0 ? PartSource.Targets(input.Class, others) : null,
            [
                .. MemoryNeeds.Warnings(input.Class.Name, own.Lowered, own.Plans, model.Origins, input.Model.Location), .. AttentionHints.Of(model.Program, model.Origins),
                .. RangeWarnings.Of(own.OnProcessor, model.Origins, input.Model.Location), .. further.SelectMany(f => RangeWarnings.Of(f.Compiled.OnProcessor, model.Origins, input.Model.Location)).Distinct(),
            ],
            model.Origins.ToEquatableArray())
        {
            Further = further.Select(f => new PrecisionParts(
                f.Precision, PartSource.Kernels(input.Class, f.Compiled.Cpu, f.Precision), others.Count > 0 ? PartSource.Targets(input.Class, [.. f.Compiled.Others], f.Precision) : null)).ToEquatableArray(),
        };
    }

    // All entries are what the project says.
    static ElaboratedModel Exact(ElaboratedModel model)
    {
        Program All(Program program) => program with { Exact = [.. model.Entries.Where(e => e.Role == MethodRole.Entry).Select(e => e.Function)] };
        return model with { Program = All(model.Program), Further = [.. model.Further.Select(All)] };
    }

    // A program, compiled for all targets. What callers see is the same in every precision of 32 and 16 bits.
    static Compiled Compile(ModelInput input, ElaboratedModel model, Program source, Func<TargetModel, string> kernelClass, IReadOnlyList<ITargetEmitter> emitters, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        // Targets share all stages but the last two.
        var programs = CompilerPipeline.Run(source, [.. input.Targets], cancel: cancellation);
        if (programs.SelectMany(p => MissingKernels.Errors(p, model.Origins, input.Model.Location)).ToList() is { Count: > 0 } missing) return new([], [], [], [], missing);
        cancellation.ThrowIfCancellationRequested();
        var lowered = programs.Select(p => Lowerer.Lower(p, cancellation)).ToList();
        var planned = lowered.Select(kernels => MemoryBudgets.Plan(input.Class.Name, kernels, input.MemoryBudget, model.Origins, input.Model.Location)).ToList();
        if (planned.SelectMany(p => p.Errors).ToList() is { Count: > 0 } tooMuch) return new([], [], [], [], tooMuch);
        cancellation.ThrowIfCancellationRequested();
        return new(programs, lowered, [.. planned.Select(p => p.Plans)], [.. programs.Select((program, i) => Part(input.Class, program.Target, lowered[i], planned[i].Plans, kernelClass(program.Target), emitters))], []);
    }

    // A program by target, or why there is none.
    sealed record Compiled(IReadOnlyList<CompiledProgram> Programs, List<LoweredProgram> LoweredPrograms, List<List<MemoryPlan>> AllPlans, List<TargetPart> Parts, List<DiagnosticInfo> Errors)
    {
        int At => Enumerable.Range(0, Programs.Count).Single(i => Programs[i].Target == KnownTargets.Cpu);

        public TargetPart Cpu => Parts[At];

        public IEnumerable<TargetPart> Others => Parts.Where((_, i) => i != At);

        public CompiledProgram OnProcessor => Programs[At];

        public Program Final => OnProcessor.Final;

        public List<MemoryPlan> Plans => AllPlans[At];

        public LoweredProgram Lowered => LoweredPrograms[At];
    }

    static EquatableArray<DimSymbol> Dims(ElaboratedModel model, Program program, LoweredProgram lowered) => MemorySource.InOrder(
        DimSolver.Called(lowered), model.Entries.Select(e => program.Find(e.Function)).OfType<Function>().SelectMany(f => f.Parameters).SelectMany(p => p.Shape.Dims).SelectMany(d => d.Symbols)).ToEquatableArray();

    static EquatableArray<CompiledPrecision> Precisions(ElaboratedModel model) => model.Further.IsEmpty ? []
        : model.Further.Insert(0, model.Program).Select(p => new CompiledPrecision(p.Training[0].Precision, p.Training.Select(t => t.LossScale).ToEquatableArray())).ToEquatableArray();

    static EmittedModel Failed(ModelInput input, IEnumerable<DiagnosticInfo> diagnostics) => new(input.Class, null, null, null, diagnostics.ToEquatableArray(), []);

    static TargetPart Part(ClassDeclaration declaration, TargetModel target, LoweredProgram lowered, List<MemoryPlan> plans, string kernelClass, IReadOnlyList<ITargetEmitter> emitters)
    {
        var emitter = emitters.FirstOrDefault(e => e.Target == target.Name) ?? throw new InvalidOperationException($"The target {target.Name} has no emitter.");
        var start = target == KnownTargets.Cpu ? StartText.Write(StartProgram.Of(lowered, [.. plans])) : "";
        return new(target.Name, emitter.Emit(lowered, target, declaration.Namespace, kernelClass), start, LoweredText.Write(lowered), PlanText.Write(plans));
    }

    static string Modules(ModelInput input)
    {
        var text = new StringBuilder();
        foreach (var module in input.Modules.Append(input.Model)) text.Append(module.ToText()).Append('\n');
        return text.ToString();
    }
}
