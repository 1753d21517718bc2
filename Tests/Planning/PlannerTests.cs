using System;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Planning;
using Graph.Tests.Snapshots;
using Xunit;

namespace Graph.Tests.Planning;

public sealed class PlannerTests
{
    static MemoryPlan Plan(LoweredFunction function, DimBinding? binding = null) => PlanVerifier.Verify(Planner.Plan(function, binding ?? DimBinding.Empty));

    [Fact]
    public void Buffers_that_never_meet_share_their_memory()
    {
        var list = new LaunchList();
        var (x, a, b, c) = (list.Buffer("x", BufferKind.Argument, 64), list.Arena(64), list.Arena(64), list.Arena(64));
        var plan = Plan(list.Launch([x], [a]).Launch([a], [b]).Launch([b], [c]).Build(c));
        Assert.Equal(2 * 256, plan.ArenaBytes);
        Assert.Equal(plan.ArenaBytes, plan.LowerBound);
        Assert.Equal(plan.Offsets[a.Id], plan.Offsets[c.Id]);
    }

    [Fact]
    public void A_result_takes_over_an_operand_that_dies()
    {
        var list = new LaunchList();
        var (x, a, b) = (list.Buffer("x", BufferKind.Argument, 64), list.Arena(64), list.Arena(64));
        var plan = Plan(list.Launch([x], [a]).Launch([a], [b], (b, a)).Build(b));
        Assert.Equal(256, plan.ArenaBytes);
        Assert.Equal(a.Id, plan.TakesOver[b.Id]);
    }

    [Fact]
    public void An_operand_that_is_read_later_is_not_taken_over()
    {
        var list = new LaunchList();
        var (x, a, b, c) = (list.Buffer("x", BufferKind.Argument, 64), list.Arena(64), list.Arena(64), list.Arena(64));
        var plan = Plan(list.Launch([x], [a]).Launch([a], [b], (b, a)).Launch([a, b], [c]).Build(c));
        Assert.Equal(-1, plan.TakesOver[b.Id]);
        Assert.NotEqual(plan.Offsets[a.Id], plan.Offsets[b.Id]);
    }

    [Fact]
    public void An_operand_read_at_other_places_too_is_not_taken_over()
    {
        var list = new LaunchList();
        var (x, a, b) = (list.Buffer("x", BufferKind.Argument, 64), list.Arena(64), list.Arena(64));
        var plan = Plan(list.Launch([x], [a]).Launch([a, a], [b], (b, a)).Build(b));
        Assert.Equal(-1, plan.TakesOver[b.Id]);
    }

    [Fact]
    public void A_smaller_buffer_that_takes_over_frees_the_rest()
    {
        var list = new LaunchList();
        var (x, a, b, c) = (list.Buffer("x", BufferKind.Argument, 64), list.Arena(1024), list.Arena(16), list.Arena(900));
        var plan = Plan(list.Launch([x], [a]).Launch([a], [b], (b, a)).Launch([b], [c]).Build(c));
        Assert.Equal(4096, plan.ArenaBytes);
        Assert.Equal(64, plan.Offsets[c.Id]);
    }

    [Fact]
    public void Buffers_are_aligned_and_sized_by_the_binding()
    {
        var list = new LaunchList();
        var batch = Dim.Symbol("B");
        var (x, a, b, c) = (list.Buffer("x", BufferKind.Argument, batch), list.Arena(batch), list.Arena(batch * 3), list.Arena(1));
        var plan = Plan(list.Launch([x], [a]).Launch([a], [b]).Launch([a, b], [c]).Build(c), DimBinding.Empty.With("B", 5));
        Assert.All(plan.Offsets.Where(o => o >= 0), o => Assert.Equal(0, o % 64));
        Assert.Equal(60, plan.Bytes[b.Id]);
        Assert.Equal(192, plan.ArenaBytes);
    }

    [Fact]
    public void Random_programs_get_plans_that_hold()
    {
        var ratios = Enumerable.Range(0, 200).Select(seed => Plan(LaunchList.Random(seed, 5 + seed)).Ratio).ToArray();
        Assert.True(ratios.Average() <= 1.005, $"average {ratios.Average()}");
        Assert.True(ratios.Max() <= 1.1, $"worst {ratios.Max()} of random programs");
    }

    [Theory]
    [InlineData(12)]
    [InlineData(60)]
    public void Training_programs_need_no_more_than_two_percent_above_the_bound(int layers)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var random = new Random(seed);
            var sizes = Enumerable.Range(0, layers).Select(_ => (long)random.Next(1, 60) * 977).ToArray();
            var plan = Plan(LaunchList.Training(layers, i => sizes[i]));
            Assert.True(plan.Ratio <= 1.02, $"seed {seed}: {plan.ArenaBytes} of {plan.LowerBound}, {plan.Method}");
        }
    }

    [Fact]
    public void Two_thousand_launches_are_planned_in_a_moment()
    {
        var function = LaunchList.Training(334, i => 50_000 + i % 7 * 10_000);
        Plan(function); // jit
        var watch = Stopwatch.StartNew();
        var plan = Planner.Plan(function, DimBinding.Empty);
        Assert.InRange(function.Launches.Length, 2000, 2100);
        Assert.True(watch.ElapsedMilliseconds < 1000, $"{watch.ElapsedMilliseconds} ms");
        Assert.True(plan.Ratio <= 1.02);
    }

    [Fact]
    public void The_verifier_sees_two_buffers_in_one_place()
    {
        var list = new LaunchList();
        var (x, a, b, c) = (list.Buffer("x", BufferKind.Argument, 64), list.Arena(64), list.Arena(64), list.Arena(64));
        var plan = Planner.Plan(list.Launch([x], [a]).Launch([a], [b]).Launch([a, b], [c]).Build(c), DimBinding.Empty);
        var broken = plan with { Offsets = plan.Offsets.SetItem(b.Id, plan.Offsets[a.Id]) };
        Assert.Contains("live at the same time", Assert.Throws<VerificationException>(() => PlanVerifier.Verify(broken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_verifier_sees_a_read_before_the_first_write()
    {
        var list = new LaunchList();
        var (a, b) = (list.Arena(64), list.Arena(64));
        var plan = Planner.Plan(list.Launch([a], [b]).Build(b), DimBinding.Empty);
        Assert.Contains("before anything wrote it", Assert.Throws<VerificationException>(() => PlanVerifier.Verify(plan)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_verifier_sees_a_state_read_after_its_donated_write()
    {
        var buffer = new Compiler.Kernels.Buffer(0, "running", BufferKind.State, DType.F32, 4);
        var result = new Compiler.Kernels.Buffer(1, "y", BufferKind.Result, DType.F32, 4);
        var kernel = new LaunchList().Launch([], []).Build().Launches[0];
        Launch Write() => kernel with { Incoming = ["running"], Operands = [new(buffer, 0, false), new(buffer, 0, true)] };
        Launch Read() => kernel with { Incoming = ["running"], Operands = [new(buffer, 0, false), new(result, 0, true)] };
        LoweredFunction Function(params Launch[] launches) => new(new("f", [], [], []), [buffer, result], [.. launches], [], [result]) { Alignment = 64 };

        PlanVerifier.Verify(Planner.Plan(Function(Read(), Write()), DimBinding.Empty));
        var broken = Planner.Plan(Function(Write(), Read()), DimBinding.Empty);
        Assert.Contains("reads the state running after #0", Assert.Throws<VerificationException>(() => PlanVerifier.Verify(broken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public Task A_plan_shows_where_memory_goes()
    {
        var plan = Planner.Plan(LaunchList.Training(3, i => 1000 * (i + 1)), DimBinding.Empty) with { NaturalPeak = 50_000 };
        return Snapshot.Verify(PlanPrinter.Print(plan, "Digits", [], new(1e11, 1e10)));
    }
}
