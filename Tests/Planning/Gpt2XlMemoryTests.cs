using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Tests.Elaboration;
using Graph.Tests.Mixed;
using Graph.Yardsticks;
using Xunit;
using Xunit.Abstractions;

namespace Graph.Tests.Planning;

/// <summary>
/// What training GPT-2 XL (1.5 billion parameters, 1024 tokens, batch 1) takes, planned and not run, beside the arithmetic of Rajbhandari et al., <em>ZeRO: Memory Optimizations Toward Training Trillion Parameter Models</em>, 2020,
/// section 3: mixed precision with Adam takes 2 bytes of weights, 2 of gradients and 12 of masters, momentum and variance a parameter. <c>GRAPH_ALL_STEPS=1</c> plans all 48 layers (some seconds) and prints the table of
/// docs/memory.md; without it there are three.
/// </summary>
public sealed class Gpt2XlMemoryTests(ITestOutputHelper output)
{
    static readonly bool isWhole = Environment.GetEnvironmentVariable("GRAPH_ALL_STEPS") is not null;

    static string Source => $$"""
        [Model]
        [Dim("B", Max = 32, Typical = 1), Dim("T", Max = 1024)]
        public sealed partial class M() : Graph.Yardsticks.Gpt(new(Vocabulary: 50257, Context: 1024, Layers: {{(isWhole ? 48 : 3)}}, Heads: 25, Width: 1600))
        {
            [Loss] public Tensor Loss([Shape("B", "T")] Tensor<int> tokens, [Shape("B", "T")] Tensor<int> targets) => CrossEntropy(tokens, targets);
            [Train] static AdamW Optimizer() => new(learningRate: 1e-4);
        }
        """;

    [Fact]
    public void Its_bytes_by_kind_are_those_of_the_arithmetic()
    {
        var program = Elaborate.With(typeof(Gpt2).Assembly, Source).Program;
        double parameters = program.States.Where(s => s.Kind == StateKind.Parameter).Sum(s => s.Type.Shape.Size.Constant);
        if (isWhole) Assert.InRange(parameters, 1.55e9, 1.56e9);
        foreach (var (precision, weights, masters) in new[] { (Precisions.Float32, 4, 0), (Precisions.Float16, 2, 4) })
        {
            var lowered = Lowerer.Lower(CompilerPipeline.Run(MixedModel.In(program, precision), KnownTargets.Cpu));
            var function = lowered.Find("train_step")!;
            var stored = StoredMemory.Of(lowered.States, DimBinding.Empty);
            var plan = Planner.PlanTypical(function, lowered.Dims);
            var gradients = new MemoryTimeline(plan, lowered.States).Moments.Max(m => m.Gradients);
            Near(weights, stored.Weights);
            Near(masters, stored.Masters);
            Near(8, stored.Moments);
            Near(weights, gradients);
            Write(plan, plan);
            // At batch 1 the gradients, all of which the norm reads, need more than the activations; at batch 32 it is the other way round.
            var many = Planner.Plan(function, plan.Binding.With("B", 32));
            Write(many, many);
            foreach (var share in isWhole ? new[] { 0.5, 0.2 } : [0.5])
            {
                // Of three layers the scores of the tokens are more than half of all: no budget is below what the largest launch takes.
                var budget = Math.Max((long)(share * many.ArenaBytes), Planner.LargestLaunchBytes(function, many.Binding) / 10 * 11);
                var within = Rematerializer.Plan(function, many.Binding, budget, out var smallest, many);
                Write(within ?? smallest, many);
                if (share == 0.5) Assert.NotNull(within);
            }

            // Norms and biases have no working copies.
            void Near(double bytes, long actual) => Assert.InRange(actual / parameters, bytes - 0.02, bytes + 0.02);

            void Write(MemoryPlan of, MemoryPlan free)
            {
                var peak = new MemoryTimeline(of, lowered.States).Peak;
                output.WriteLine(FormattableString.Invariant(
                    $"{precision}, {of.Binding}: weights {stored.Weights / 1e9:0.00} GB, masters {stored.Masters / 1e9:0.00}, moments {stored.Moments / 1e9:0.00}, gradients {gradients / 1e9:0.00}; arena {of.ArenaBytes / 1e9:0.00} with at its peak gradients {peak.Gradients / 1e9:0.00}, activations {peak.Activations / 1e9:0.00}, workspaces {peak.Workspaces / 1e9:0.00}; {of.Repeated} of {of.Source.Launches.Length} launches again, operations × {(double)of.Flops / free.Flops:0.000}; peak at {of.PeakDescription}; largest launch {Planner.LargestLaunchBytes(function, of.Binding) / 1e9:0.00}"));
            }
        }
    }
}
