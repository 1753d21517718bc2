using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using System.Threading;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Graph.Compiler.Targets.Ptx;
using Graph.Compiler.Training;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;

namespace Graph;

/// <summary>
/// Every stage of the compiler as text, computed when it is asked for: the model carries its elaborated program, and the passes are pure functions.
/// </summary>
public sealed class ModelIr
{
    readonly CompiledModelDescriptor descriptor;
    Again? again;

    internal ModelIr(CompiledModelDescriptor descriptor) => this.descriptor = descriptor;

    // What compiles the program again, which a start has no use for.
    sealed class Again
    {
        public Again(CompiledModelDescriptor descriptor)
        {
            Compiled = new(() => CompilerPipeline.Run(descriptor.ParseElaborated(), KnownTargets.Cpu));
            Lowered = new(() => Lowerer.Lower(Compiled.Value));
        }

        public Lazy<CompiledProgram> Compiled { get; }

        public Lazy<LoweredProgram> Lowered { get; }
    }

    Again Compiling => again ?? Interlocked.CompareExchange(ref again, new(descriptor), null) ?? again;

    /// <summary>The definitions of the model and its modules.</summary>
    public string Module => descriptor.Modules.Length == 0 ? "" : CompressedText.Unpack(descriptor.Modules);

    /// <summary>The elaborated program: the model as calls of operations, one function for each entry and loss.</summary>
    public string Elaborated => ProgramPrinter.Print(descriptor.ParseElaborated());

    /// <summary>The simplified tensor program.</summary>
    public string Graph => Stage("Graph");

    /// <summary>With the types of 16 bits and a reason for each cast; of a model that computes in 32 or 64, nothing.</summary>
    public string Typed => Compiling.Compiled.Value.Find("Typed") is { } typed ? ProgramPrinter.Print(typed) : "";

    /// <summary>With the backward pass and the training step.</summary>
    public string Differentiated => Stage("Differentiated");

    /// <summary>In primitives alone, with what the backward pass keeps and what it computes again.</summary>
    public string Decomposed => Stage("Decomposed");

    /// <summary>With nodes gathered into kernels.</summary>
    public string Fused => Stage("Fused");

    /// <summary>In the order of execution: what is lowered.</summary>
    public string Scheduled => ProgramPrinter.Print(Compiling.Compiled.Value.Final);

    /// <summary>Kernels and launches over buffers, as the model's class embeds them: what runs.</summary>
    public string Lowered => LoweredText.Write(Compiling.Lowered.Value);

    /// <summary>What the model's class starts from: as much of <see cref="Lowered"/> and <see cref="Planned"/> as calls at typical sizes need, in numbers.</summary>
    public string Started => StartText.Write(StartProgram.Of(Compiling.Lowered.Value, [.. Compiling.Lowered.Value.Functions.Select(f => Planner.PlanTypical(f, Compiling.Lowered.Value.Dims))]));

    /// <summary>What compiling gives now.</summary>
    internal LoweredProgram LoweredProgram => Compiling.Lowered.Value;

    /// <summary>What the class embeds.</summary>
    internal CompiledModel Embedded => descriptor.Compiled;

    /// <summary>The plan of every function at the typical binding: where its memory goes, and what it costs.</summary>
    public string Planned => string.Join("\n", Plans().Select(p => PlanPrinter.Print(p, descriptor.Name, Compiling.Lowered.Value.States)));

    /// <summary>The generated kernels.</summary>
    public string Kernels => string.Join("\n\n", Compiling.Lowered.Value.Kernels.Select(k => k.ToString().TrimEnd())) + "\n";

    /// <summary>The kernels as C#.</summary>
    public string CSharp => CSharpTarget.Emit(Compiling.Lowered.Value, Compiling.Compiled.Value.Target, "Graph.Generated", descriptor.Name + "Kernels");

    /// <summary>The kernels as the PTX that a card's driver compiles, whether the project asks for that target or not.</summary>
    /// <exception cref="NotSupportedException">The model needs a kernel that is not written for cards yet; the message names it.</exception>
    public string Ptx => PtxTarget.Emit(LoweredForCards);

    /// <summary>
    /// How many warps of each of the model's kernels a multiprocessor holds at once, by NVIDIA's published formulas: of all modules that such a card loads. Registers are what the driver says, where the machine's first card is of that generation, else
    /// what ptxas says, where <c>PTXAS</c> or the path have it; otherwise they are unknown, and so is what follows from them.
    /// </summary>
    /// <param name="card">The generation of cards.</param>
    /// <exception cref="NotSupportedException">The model needs a kernel that is not written for cards yet; the message names it.</exception>
    public OccupancyTable Occupancy(Sm card)
    {
        var lowered = LoweredForCards;
        var kernels = Of(PtxVariant.Portable, PtxTarget.Functions(lowered), out var from);
        // The second module of cards that have tensor cores: a launch runs one of its kernel's forms there, and not the kernel of the portable module.
        if ((int)card >= PtxVariant.TensorCores.Capability && PtxTarget.TensorFunctions(lowered) is { IsEmpty: false } onCores) kernels = kernels.AddRange(Of(PtxVariant.TensorCores, onCores, out from));
        return new(card, from, kernels);

        ImmutableArray<KernelOccupancy> Of(PtxVariant variant, ImmutableArray<PtxTarget.Function> functions, out string from)
        {
            var module = PtxTarget.Module(functions, variant);
            var registers = CudaDrivers.Registers(module, functions.Select(f => f.Name), (int)card);
            from = registers is not null ? "driver" : (registers = PtxAssembler.Registers(module, card)) is not null ? "ptxas" : "unknown";
            return [.. functions.Select(f =>
            {
                if (registers is null || !registers.TryGetValue(f.Name, out var used)) return new KernelOccupancy(f.Name, variant.Architecture, f.Threads, f.SharedBytes, null, null, null, null);
                var (warps, share, limiter) = PtxOccupancy.Of((int)card, used, f.Threads, f.SharedBytes);
                return new(f.Name, variant.Architecture, f.Threads, f.SharedBytes, used, warps, share, limiter);
            })];
        }
    }

    LoweredProgram LoweredForCards => Lowerer.Lower(CompilerPipeline.Run(descriptor.ParseElaborated(), KnownTargets.Ptx));

    /// <summary>The stages by name, in order.</summary>
    public IEnumerable<(string Name, string Text)> Stages =>
    [
        ("module", Module), ("elaborated", Elaborated), ("graph", Graph), .. Typed.Length > 0 ? new[] { ("typed", Typed) } : [], ("differentiated", Differentiated), ("decomposed", Decomposed), ("fused", Fused),
        ("scheduled", Scheduled), ("planned", Planned), ("kernels", Kernels), ("csharp", CSharp),
    ];

    /// <summary>The plans of all functions.</summary>
    /// <param name="binding">The named dimensions; typical values when left out.</param>
    public IReadOnlyList<MemoryPlan> Plans(DimBinding? binding = null) => Plans(Compiling.Compiled.Value, Compiling.Lowered.Value, binding, descriptor.MemoryBudget);

    /// <summary>The plans of all functions of a compiled program, with the peak that the order of the source would have had.</summary>
    internal static IReadOnlyList<MemoryPlan> Plans(CompiledProgram compiled, LoweredProgram lowered, DimBinding? binding, long? budget = null)
    {
        // The fused program is in the order of the source still; scheduling comes after it.
        var natural = compiled.Find("Fused") is { } fused ? Lowerer.Lower(fused, compiled.Target) : null;
        return [.. lowered.Functions.Select(f =>
        {
            var used = new DimSolver(f, lowered.Dims);
            var mine = binding is null ? DimBinding.Typical(used.Symbols) : new DimBinding(used.Names.Zip(used.ValuesOf(f.Name, binding), KeyValuePair.Create));
            var before = natural?.Find(f.Name);
            return PlanWithin(budget, lowered, f, mine) with { NaturalPeak = before is null ? null : Planner.PeakBytes(before, mine) };
        })];
    }

    // The smallest that there is, where the budget is not enough.
    static MemoryPlan PlanWithin(long? budget, LoweredProgram lowered, LoweredFunction function, DimBinding binding)
    {
        if (TrainingSignature.BudgetOf(lowered.Training, function.Name, budget) is not { } bytes) return Planner.Plan(function, binding);
        var isTraining = TrainingSignature.OfStep(lowered.Training, function.Name) is not null;
        return Rematerializer.Plan(function, binding, bytes - StoredMemory.Of(lowered.States, binding).During(isTraining), out var smallest) ?? smallest;
    }

    string Stage(string name) => ProgramPrinter.Print(Compiling.Compiled.Value.Find(name) ?? throw new InvalidOperationException($"The compiler has no stage {name}."));

    /// <summary>All stages, one after another.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (name, stage) in Stages) text.Append("──── ").Append(name).Append(' ').Append('─', Math.Max(4, 60 - name.Length)).Append('\n').Append(stage).Append('\n');
        return text.ToString();
    }
}
