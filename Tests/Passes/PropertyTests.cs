using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes.Scheduling;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

/// <summary>What must hold for every program, tried on random ones.</summary>
public sealed class PropertyTests
{
    const int Programs = 60;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, Programs)];

    static void RoundTrips(Program program)
    {
        var text = ProgramPrinter.Print(program);
        Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set)));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_pass_keeps_every_value(int seed)
    {
        var program = Verifier.Verify(RandomProgram.Create(seed));
        RoundTrips(program);
        program = program with { Training = [new(ClipNorm: seed % 2 == 0 ? 0.5 : null)] };
        var expected = new Dictionary<string, InterpreterResult>();
        foreach (var pass in CompilerPipeline.Stages(KnownTargets.Cpu).SelectMany(s => s.Passes))
        {
            foreach (var function in program.Functions)
                expected.TryAdd(function.Name, Running.Run(program, function.Name, seed));
            program = pass.RunVerified(program);
            RoundTrips(program);
            foreach (var function in program.Functions)
                // Where the pass makes new functions, or gives one more parameters, these are the ones to keep from here on.
                if (pass is Differentiate or BuildTrainStep || (pass is SkipNonFinite && TrainingSignature.IsRule(program, function.Name))) expected[function.Name] = Running.Run(program, function.Name, seed);
                else Running.Same(expected[function.Name], Running.Run(program, function.Name, seed), $"{pass.Name} of {function.Name}");
        }
        Assert.All(program.Functions.SelectMany(f => f.Nodes), n => Assert.NotEqual(OpKind.Composite, n.Operation.Kind));
        Donation.Verify(program);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Values_stay_for_other_batch_sizes_than_the_typical(int seed)
    {
        var program = RandomProgram.Create(seed);
        var compiled = CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true).Final;
        foreach (var batch in new[] { 1, 2, 5 })
            Running.Same(Running.Run(program, "forward_loss", seed, batch), Running.Run(compiled, "forward_loss", seed, batch), "batch " + batch);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Compiling_twice_gives_the_same_text(int seed)
    {
        string Text() => ProgramPrinter.Print(CompilerPipeline.Run(RandomProgram.Create(seed), new TrainingProgram(ClipNorm: 1), KnownTargets.Cpu).Final);
        Assert.Equal(Text(), Text());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_schedule_never_needs_more_than_the_natural_order(int seed)
    {
        var stages = CompilerPipeline.Run(RandomProgram.Create(seed, size: 25), new TrainingProgram(), KnownTargets.Cpu);
        var binding = DimBinding.Typical(stages.Final.Dims);
        foreach (var function in stages.Final.Functions)
        {
            var before = Statistics.Of(stages.Find("Fused")!.Find(function.Name)!, stages.Final, binding);
            var after = Statistics.Of(function, stages.Final, binding);
            Assert.True(after.PeakBytes <= before.PeakBytes, $"{function.Name}: {before} became {after}");
            Assert.Equal(before.Flops, after.Flops);
        }
    }
}
