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
    public void A_step_of_mlp_allocates_nothing() => Check(Mlp.Create(threads: 2), Reals(8 * 784), Integers(8, 10), (m, x, y) => m.TrainStep(x, y));

    [Fact]
    public void A_step_of_cnn_allocates_nothing() => Check(Cnn.Create(threads: 2), Reals(4 * 784), Integers(4, 10), (m, x, y) => m.TrainStep(x, y));

    [Fact]
    public void A_step_of_nanogpt_allocates_nothing() => Check(NanoGpt.Create(threads: 2), Integers(32, 65), Integers(32, 65), (m, x, y) => m.TrainStep(x, y, 2));

    [Fact]
    public void A_step_of_resnet18_allocates_nothing() => Check(ResNet18.Create(threads: 2), Reals(2 * 3 * 32 * 32), Integers(2, 10), (m, x, y) => m.TrainStep(x, y));

    [Fact]
    public void A_step_of_gpt2_allocates_nothing() => Check(Gpt2Short.Create(threads: 2), Integers(16, 50257), Integers(16, 50257), (m, x, y) => m.TrainStep(x, y, 1));

    static void Check<TModel, TInput>(TModel model, TInput[] inputs, int[] targets, Func<TModel, TInput[], int[], StepResult> step)
        where TModel : IModel
    {
        using (model)
        {
            for (var i = 0; i < 3; i++) step(model, inputs, targets);
            long most = 0, least = long.MaxValue;
            for (var round = 0; round < 8 && (round < 4 || least > 0); round++)
            {
                // Worker threads count too. The test host's own threads allocate now and then, a step that allocates does it every time: the least of several rounds tells.
                var whole = GC.GetTotalAllocatedBytes(precise: true);
                for (var i = 0; i < 3; i++)
                {
                    var before = GC.GetAllocatedBytesForCurrentThread();
                    step(model, inputs, targets);
                    most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
                }
                least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - whole);
            }
            Assert.Equal(0, most);
            Assert.Equal(0, least);
        }
    }

    static float[] Reals(int count) => Array.ConvertAll(GoldenValues.Reals("allocation", count, 2, 0), v => (float)v);

    static int[] Integers(int count, int classes) => Array.ConvertAll(GoldenValues.Integers("allocation", count, classes), v => (int)v);
}

/// <summary>No other test runs beside these: what it allocates would count.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestCollection;
