using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Language;
using Graph.Tests.MicroBatches;
using Graph.Tests.Ptx.Emission;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>Weights without masters and moments in bfloat16 together with micro-batches, memory budgets and cards.</summary>
public sealed class NarrowStorageTests
{
    static Program Stored(int parts, bool masters, int rows)
    {
        var program = Elaborate.Model(BudgetTests.Deep(parts, rows)).Program;
        return program with { Training = [.. program.Training.Select(t => t with { Precision = Precisions.BFloat16, HasMasters = masters, Moments = DType.BF16 })] };
    }

    static double[] Losses(ModelInstance model, int rows, int steps = 4) => [.. Enumerable.Range(0, steps).Select(step => BudgetTests.Batch(step % 2, rows) is var (x, label) ? RunningModel.StepOn(model, x, label).Loss : 0)];

    static byte[] Bits(ModelInstance model) => [.. model.Store.All.SelectMany(t => t.Raw(0, int.MaxValue).ToArray())];

    static void StoresNarrow(ModelInstance model, bool masters)
    {
        Assert.All(model.Store.All.Where(t => t.Kind == StateKind.Parameter), t => Assert.Equal(masters ? DType.F32 : DType.BF16, t.Type));
        Assert.All(model.Store.All.Where(t => t.Path.StartsWith("optimizer.m.", StringComparison.Ordinal) || t.Path.StartsWith("optimizer.v.", StringComparison.Ordinal)), t => Assert.Equal(DType.BF16, t.Type));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Micro_batches_add_up_in_32_bits_and_are_rounded_once(bool masters)
    {
        const int Rows = 128;
        using var exact = MixedModel.Of(Elaborate.Model(BudgetTests.Deep(4, Rows)).Program, Precisions.Float32);
        using var parts = MixedModel.AsItIs(Stored(4, masters, Rows));
        using var one = parts.From(7, threads: 1);
        using var whole = MixedModel.AsItIs(Stored(1, masters, Rows));
        var (expected, losses) = (Losses(exact.Instance, Rows), Losses(parts.Instance, Rows));
        Assert.Equal(losses, Losses(one.Instance, Rows));
        Assert.Equal(Bits(parts.Instance), Bits(one.Instance));
        StoresNarrow(parts.Instance, masters);
        Assert.True(expected[^1] < expected[0]);
        foreach (var (at, without, loss) in expected.Zip(Losses(whole.Instance, Rows), losses)) Assert.True(Math.Abs(loss - at) <= 0.01 * at && Math.Abs(loss - without) <= 0.01 * at, $"{loss} with parts, {without} without, {at} in float32");
        // The sums that the loop over the parts carries.
        var loop = Assert.Single(parts.Compiled.Find("Differentiated")!.Find("train_step")!.Nodes, n => n.Operation == StructureOperations.Loop);
        var carries = LoopOperation.Shape(loop.Attributes).Carries;
        Assert.All(loop.Outputs.Take(carries), o => Assert.Equal(DType.F32, o.DType));
        Assert.True(carries > parts.Lowered.States.Count(s => s.Kind == StateKind.Parameter));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_budget_changes_no_bit(int parts)
    {
        const int Rows = 512;
        using var free = MixedModel.AsItIs(Stored(parts, masters: false, Rows));
        var losses = Losses(free.Instance, Rows, 3);
        var plan = free.Instance.Session.PlanOf("train_step");
        var least = Rematerializer.Smallest(plan.Source, plan.Binding);
        using var within = free.From(7);
        within.Instance.MemoryBudget = StoredMemory.Of(free.Lowered.States, plan.Binding).During(isTraining: true) + least.Budget!.Value;
        Assert.Equal(losses, Losses(within.Instance, Rows, 3));
        Assert.Equal(Bits(free.Instance), Bits(within.Instance));
        Assert.InRange(within.Instance.Session.PlanOf("train_step").Repeated, 1, int.MaxValue);
        Assert.True(within.Instance.Session.ArenaBytes < 0.9 * free.Instance.Session.ArenaBytes, $"{within.Instance.Session.ArenaBytes:N0} of {free.Instance.Session.ArenaBytes:N0}");
    }

    // Few rows: the emulator takes its time.
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public unsafe void A_card_stores_and_rounds_as_the_processor_does(int parts, bool masters)
    {
        const int Rows = 16, Steps = 2;
        var program = Stored(parts, masters, Rows);
        var lowered = KernelTests.Lower(program);
        var model = new CompiledModel("M", lowered, _ => 0);
        using var driver = new EmulatedDriver(new LaunchOptions { Strict = false });
        using var card = new ModelInstance(model, store => new CudaDevice(driver, model, Graph.Compiler.Targets.Ptx.PtxTarget.Emit(lowered)), 7, threads: 1);
        using var processor = MixedModel.AsItIs(program);
        foreach (var (expected, actual) in Losses(processor.Instance, Rows, Steps).Zip(Losses(card, Rows, Steps))) Assert.InRange(actual, 0.995 * expected, 1.005 * expected);
        StoresNarrow(card, masters);
        // The draws are the same, so what differs is what the last places of gradients differ by: few numbers go the other way.
        long equal = 0, all = 0;
        foreach (var (one, two) in card.Store.All.Where(t => t.Type == DType.BF16).Zip(processor.Instance.Store.All.Where(t => t.Type == DType.BF16)))
            foreach (var (a, b) in one.Read<ushort>().ToArray().Zip(two.Read<ushort>().ToArray()))
            {
                all++;
                if (a == b) equal++;
            }
        Assert.True(equal > 0.9 * all, $"{equal:N0} of {all:N0} are equal");
    }
}
