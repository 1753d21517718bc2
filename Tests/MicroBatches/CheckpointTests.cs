using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Lowering;
using Graph.Tests.Mixed;
using Xunit;

namespace Graph.Tests.MicroBatches;

/// <summary>Modules that are marked [Checkpoint] in a step with micro-batches: in each part their inside is computed again, and no number changes.</summary>
public sealed class CheckpointTests
{
    [Theory]
    [InlineData(Precisions.Float32, 0.85)]
    [InlineData(Precisions.BFloat16, 0.98)] // half of what is kept, beside sums of gradients that are as large
    public void A_marked_module_keeps_nothing_of_its_inside_in_a_part_and_every_loss_keeps_its_bits(string precision, double most)
    {
        using var free = MixedModel.Of(Elaborate.Model(BudgetTests.Deep(4)).Program, precision);
        var (losses, bits) = BudgetTests.Train(free.Instance);
        var plan = free.Instance.Session.PlanOf("train_step");
        Assert.Equal(0, plan.Repeated);
        // The kernels of a marked model are those of the unmarked one.
        var marked = free.Lowered with { Functions = [.. free.Lowered.Functions.Select(f => f with { Checkpoints = ["a", "b", "c"] })] };
        using var model = new ModelInstance(new CompiledModel("M", marked, KernelAssembly.Compile(marked.Kernels).Address), seed: 7, threads: 2);
        var (same, equal) = BudgetTests.Train(model);
        Assert.Equal(losses, same);
        Assert.Equal(bits, equal);
        var within = PlanVerifier.Verify(model.Session.PlanOf("train_step"));
        Assert.InRange(within.Repeated, 1, 12);
        Assert.InRange(within.ArenaBytes, 1, (long)(most * plan.ArenaBytes));
        var repeated = within.Order.GroupBy(l => l).Where(g => g.Count() > 1).ToList();
        Assert.All(repeated, g => Assert.Equal(2, g.Count()));
        Assert.All(repeated, g => Assert.All(within.Source.Launches[g.Key].Origins, o => Assert.Matches("^[abc](\\.|$)", o.Path)));
        // All of it within the loop over the parts.
        Assert.Equal(within.Repeated, within.Function.Launches.OfType<RepeatLaunch>().Single().Length - within.Source.Launches.OfType<RepeatLaunch>().Single().Length);
    }
}
