using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Tests.Models;
using Xunit;

namespace Graph.Tests.Planning;

/// <summary>A model whose texts have any length is planned at the first call of each: soon, and close to the bound, whatever the length.</summary>
public sealed class BindingPlanTests
{
    // About two nanoseconds each: 40 ms for both attempts of a plan, and what the last order adds.
    const long MostWork = 22_000_000;

    static readonly Lazy<LoweredProgram> Model = new(() => SourceModel.Lower(Medusa.Source).Lowered);

    static DimBinding Length(int length) => DimBinding.Empty.With("T", length);

    [Fact]
    public void Every_length_is_planned_with_little_work_and_within_two_percent_of_the_bound()
    {
        foreach (var function in Model.Value.Functions)
            for (var length = 8; length <= 64; length++)
            {
                var plan = PlanVerifier.Verify(Planner.Plan(function, Length(length)));
                Assert.True(plan.Ratio <= 1.02 && plan.Work <= MostWork, $"{function.Name} at {length}: {plan.Ratio:0.0000} × the bound after {plan.Work:N0} steps, {plan.Method}");
            }
    }

    [Fact]
    public void The_order_of_a_longer_text_is_judged_by_the_sizes_of_a_shorter_one()
    {
        var function = Model.Value.Functions.Single(f => f.Name == "train_step");
        var longer = Planner.Plan(function, Length(64));
        var reused = 0;
        for (var length = 63; length >= 8; length--)
        {
            // As in a session, which takes the plan of the next longer text that it knows.
            var plan = PlanVerifier.Verify(Planner.Plan(function, Length(length), longer));
            longer = plan;
            Assert.True(plan.Ratio <= 1.02, $"{length}: {plan.Ratio:0.0000}, {plan.Method}");
            Assert.Equal(Planner.Plan(function, Length(length)).LowerBound, plan.LowerBound);
            if (!plan.Method.StartsWith("the order of", StringComparison.Ordinal)) continue;
            reused++;
            Assert.True(plan.Work <= 200_000, $"{length}: {plan.Work:N0} steps");
        }
        Assert.InRange(reused, 20, 56);
    }

    [Fact]
    public void Thousands_of_buffers_of_awkward_sizes_end_within_the_work_allowed()
    {
        var random = new Random(1);
        var sizes = Enumerable.Range(0, 400).Select(_ => (long)random.Next(1, 1 << 20)).ToArray();
        Assert.InRange(Planner.Plan(LaunchList.Training(400, i => sizes[i]), DimBinding.Empty).Work, 1, MostWork);
        Assert.InRange(Planner.Plan(LaunchList.Random(3, 1200), DimBinding.Empty).Work, 1, MostWork);
    }
}
