using System;
using Graph.Tests.Goldens;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Conformance;

/// <summary>A step allocates nothing, so that training never stops for a collection.</summary>
[Collection(nameof(AllocationTests))]
public class AllocationTests
{
    [Fact]
    public void A_step_of_mlp_allocates_nothing()
        => Check(threads => Mlp.Create(threads: threads), Reals(8 * 784), Integers(8, 10), (m, x, y) => m.TrainStep(x, y), process: true);

    [Fact]
    public void A_step_of_cnn_allocates_nothing()
        => Check(threads => Cnn.Create(threads: threads), Reals(4 * 784), Integers(4, 10), (m, x, y) => m.TrainStep(x, y), process: true);

    [Fact]
    public void A_step_of_nanogpt_allocates_nothing()
        => Check(threads => NanoGpt.Create(threads: threads), Integers(8, 65), Integers(8, 65), (m, x, y) => m.TrainStep(x, y, 1), process: true);

    [Fact]
    public void A_step_of_resnet18_allocates_nothing()
        => Check(threads => ResNet18.Create(threads: threads), Reals(2 * 3 * 32 * 32), Integers(2, 10), (m, x, y) => m.TrainStep(x, y), process: false);

    [Fact]
    public void A_step_of_gpt2_allocates_nothing()
        => Check(threads => Gpt2Short.Create(threads: threads), Integers(8, 50257), Integers(8, 50257), (m, x, y) => m.TrainStep(x, y, 1), process: false);

    // With one thread all work is the calling thread's.
    static void Check<TModel, TInput>(Func<int, TModel> create, TInput[] inputs, int[] targets, Func<TModel, TInput[], int[], StepResult> step, bool process)
        where TModel : IModel
    {
        for (var threads = 1; threads <= 2; threads++)
        {
            using var model = create(threads);
            for (var i = 0; i < 2; i++) step(model, inputs, targets);
            Allocations.AssertNone(() => step(model, inputs, targets), process, attempts: process ? 200 : 20);
        }
    }

    static float[] Reals(int count) => Array.ConvertAll(GoldenValues.Reals("allocation", count, 2, 0), v => (float)v);

    static int[] Integers(int count, int classes) => Array.ConvertAll(GoldenValues.Integers("allocation", count, classes), v => (int)v);
}

/// <summary>No other test runs beside these: what it allocates would count.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestCollection;
