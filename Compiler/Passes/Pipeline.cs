using System.Collections.Immutable;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Passes;

/// <summary>A run of passes whose result is kept and can be printed.</summary>
public sealed record Stage(string Name, ImmutableArray<Pass> Passes);

/// <summary>A stage and the program it gave.</summary>
public sealed record StageResult(string Name, Program Program);

/// <summary>The programs of all stages, in order, and the target that the last ones are for.</summary>
public sealed record CompiledProgram(ImmutableArray<StageResult> Stages, TargetModel Target)
{
    /// <summary>What lowering takes: fused and scheduled.</summary>
    public Program Final => Stages[Stages.Length - 1].Program;

    /// <summary>The program after a stage, such as <c>Graph</c> or <c>Fused</c>; null when there is no such stage.</summary>
    public Program? Find(string stage) => Stages.FirstOrDefault(s => s.Name == stage)?.Program;
}

/// <summary>The passes from an elaborated program to one that can be lowered.</summary>
public static class CompilerPipeline
{
    /// <summary>The stages of a program in 32 or 64 bits, in order. Layout and fusion come between decomposition and scheduling, which orders fused nodes.</summary>
    /// <param name="target">What is compiled for.</param>
    public static ImmutableArray<Stage> Stages(TargetModel target) => [.. ForAll(isMixed: false), .. For(target)];

    // The same for every target.
    static ImmutableArray<Stage> ForAll(bool isMixed) =>
    [
        new("Graph", [new Inline(), new NarrowStates(), .. Cleanup]),
        .. isMixed ? [new Stage("Typed", [new AssignTypes(), new DeclareLossScale(), .. Cleanup])] : ImmutableArray<Stage>.Empty,
        new("Differentiated", [new Differentiate(), new AccumulateGradients(), new BuildTrainStep(), .. Cleanup]),
        new("Decomposed", [new Decompose(), new HoistSums(), .. Cleanup, new FoldNorms(), new HoistDerived(), new RecomputeInLoops(), new TrimLoops(), new ShiftStacks(), new HoistChecks(), new SaveOrRecompute(), new ScatterIntoSum(), new DropPlaces(), new SkipNonFinite()]),
    ];

    static ImmutableArray<Stage> For(TargetModel target) =>
    [
        new("Fused", [.. target.LacksKernels ? [new SpellOut(target), .. Cleanup] : ImmutableArray<Pass>.Empty, new ChooseResiduals(target), new Fuse(target), new ChooseLayout()]),
        new("Scheduled", [new Schedule()]),
    ];

    static ImmutableArray<Pass> Cleanup => [new Simplify(), new Cse(), new TrimLoops(), new DeadCode()];

    /// <summary>Runs every stage.</summary>
    /// <param name="program">The elaborated program, with the ways to train it.</param>
    /// <param name="target">What is compiled for.</param>
    /// <param name="verify">Checks the invariants of the IR after every pass: tests and debug builds do.</param>
    /// <param name="cancel">Looked at between passes, and by them.</param>
    /// <exception cref="VerificationException">A pass broke an invariant: a defect of the compiler.</exception>
    public static CompiledProgram Run(Program program, TargetModel target, bool verify = false, CancellationToken cancel = default) => Run(program, [target], verify, cancel)[0];

    /// <summary>Runs every stage on a program with one way to train it.</summary>
    public static CompiledProgram Run(Program program, TrainingProgram training, TargetModel target, bool verify = false, CancellationToken cancel = default) =>
        Run(program with { Training = [training] }, target, verify, cancel);

    /// <summary>Runs every stage for several targets. What does not depend on the target is done once: the results share the programs of these stages.</summary>
    /// <param name="program">The elaborated program, with the ways to train it.</param>
    /// <param name="targets">What is compiled for.</param>
    /// <param name="verify">Checks the invariants of the IR after every pass.</param>
    /// <param name="cancel">Looked at between passes, and by them.</param>
    /// <returns>One result a target, in their order.</returns>
    /// <exception cref="VerificationException">A pass broke an invariant: a defect of the compiler.</exception>
    public static ImmutableArray<CompiledProgram> Run(Program program, ImmutableArray<TargetModel> targets, bool verify = false, CancellationToken cancel = default)
    {
        var shared = Run(program, ForAll(AssignTypes.Narrow(program) is not null), verify, cancel);
        return [.. targets.Select(target => new CompiledProgram([.. shared, .. Run(shared[shared.Length - 1].Program, For(target), verify, cancel)], target))];
    }

    static ImmutableArray<StageResult> Run(Program program, ImmutableArray<Stage> stages, bool verify, CancellationToken cancel)
    {
        var results = ImmutableArray.CreateBuilder<StageResult>();
        foreach (var stage in stages)
        {
            foreach (var pass in stage.Passes)
            {
                cancel.ThrowIfCancellationRequested();
                program = verify || AlwaysVerify ? pass.RunVerified(program, cancel) : pass.Run(program, cancel);
            }
            results.Add(new(stage.Name, program));
        }
        return results.ToImmutable();
    }

#if DEBUG
    const bool AlwaysVerify = true;
#else
    const bool AlwaysVerify = false;
#endif
}
