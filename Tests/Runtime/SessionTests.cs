using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Compiler.Planning;
using Graph.Runtime.Memory;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class SessionTests
{
    internal static (float[] X, float[] Y) Batch(int rows, int seed = 1)
    {
        var random = new Random(seed);
        var x = Enumerable.Range(0, rows * LineModel.Inputs).Select(_ => (float)random.NextDouble() - 0.5f).ToArray();
        var y = Enumerable.Range(0, rows).Select(i => 3 * x[4 * i] - x[4 * i + 1] + 0.5f).ToArray();
        return (x, y);
    }

    [Fact]
    public void A_call_computes_what_the_kernels_say()
    {
        using var model = LineModel.Create(threads: 2);
        model.Parameters["weight"].Write<float>([1, 2, 3, 4]);
        model.Parameters["bias"].Write<float>([0.5f]);
        var result = new float[2];
        model.Predict([1, 0, 0, 0, 1, 1, 1, 1], result);
        Assert.Equal([1.5f, 10.5f], result);
    }

    [Fact]
    public void Training_makes_the_loss_small()
    {
        using var model = LineModel.Create();
        var (x, y) = Batch(64);
        var first = model.TrainStep(x, y);
        for (var i = 0; i < 300; i++) model.TrainStep(x, y);
        var last = model.TrainStep(x, y);
        Assert.True(last.Loss < first.Loss / 1000, $"{first.Loss} → {last.Loss}");
        Assert.Equal(302, last.Step);
        Assert.Equal(302, model.Step);
        Assert.Equal(3, model.Parameters["weight"].Read<float>()[0], 0.1);
        Assert.True(last.IsFinite && first.GradientNorm > last.GradientNorm);
    }

    [Fact]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        var runs = new[] { 1, 2, 3 }.Select(threads =>
        {
            using var model = LineModel.Create(seed: 7, threads);
            var losses = Enumerable.Range(0, 20).Select(i =>
            {
                var (x, y) = Batch(16 + i, i);
                return (float)model.TrainStep(x, y).Loss;
            }).ToArray();
            return losses.Concat(model.Parameters.SelectMany(t => t.Read<float>().ToArray())).Select(BitConverter.SingleToInt32Bits).ToArray();
        }).ToArray();
        Assert.Equal(runs[0], runs[1]);
        Assert.Equal(runs[0], runs[2]);
    }

    [Fact]
    public void Steps_and_predictions_allocate_nothing()
    {
        using var model = LineModel.Create(threads: 2);
        var (x, y) = Batch(64);
        var result = new float[64];
        void Work(int times)
        {
            for (var i = 0; i < times; i++)
            {
                model.TrainStep(x, y);
                model.Predict(x, result);
                model.Loss(x, y);
            }
        }
        Work(50);
        Allocations.AssertNone(() => Work(20));
    }

    [Fact]
    public void A_length_that_is_no_whole_batch_is_named()
    {
        using var model = LineModel.Create();
        var error = Assert.Throws<ArgumentException>(() => model.Predict(new float[7], new float[2]));
        Assert.Equal("x", error.ParamName);
        Assert.Contains("x holds 7 elements, but its shape is [B, 4]: expected a multiple of 4", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_above_the_bound_is_named()
    {
        using var model = LineModel.Create();
        var error = Assert.Throws<ArgumentException>(() => model.Predict(new float[65 * 4], new float[65]));
        Assert.Contains("B is 65 by the length of x [B, 4], expected 1 to 64", error.Message, StringComparison.Ordinal);
        Assert.Contains("B is 0", Assert.Throws<ArgumentException>(() => model.Predict([], [])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Lengths_that_disagree_are_named(bool warm)
    {
        using var model = LineModel.Create();
        if (warm) model.Predict(new float[8], new float[2]);
        var error = Assert.Throws<ArgumentException>(() => model.Predict(new float[8], new float[3]));
        Assert.Equal("result", error.ParamName);
        Assert.Contains("result has 3 elements, expected 2: [B] with B=2 is [2]", error.Message, StringComparison.Ordinal);
        Assert.Equal("y", Assert.Throws<ArgumentException>(() => model.Loss(new float[8], new float[3])).ParamName);
    }

    [Fact]
    public void A_result_that_overlaps_an_argument_is_refused()
    {
        using var model = LineModel.Create();
        var memory = new float[16];
        Assert.Contains("result overlaps x", Assert.Throws<ArgumentException>(() => model.Predict(memory, memory.AsSpan(12))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sessions_predict_in_parallel_over_one_store()
    {
        using var model = LineModel.Create(seed: 3);
        var (x, _) = Batch(64);
        var expected = new float[64];
        model.Predict(x, expected);
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            using var session = model.Session();
            var result = new float[64];
            for (var i = 0; i < 500; i++) session.Predict(x, result);
            return result;
        })));
        Assert.All(results, r => Assert.Equal(expected, r));
        model.Parameters["weight"].Write<float>(w => w[0] += 1);
        using var later = model.Session();
        later.Predict(x, expected);
        Assert.NotEqual(expected, results[0]);
    }

    [Fact]
    public void A_larger_batch_after_a_smaller_one_grows_the_arena()
    {
        using var model = LineModel.Create();
        var sizes = new[] { 2, 64, 2, 33 };
        var losses = sizes.Select(n =>
        {
            var (x, y) = Batch(n);
            return model.Loss(x, y);
        }).ToArray();
        Assert.Equal(losses[0], losses[2]);
        Assert.Equal(1.0, model.Instance.Session.PlanOf("loss").Ratio);
    }

    [Fact]
    public void Disposing_twice_is_fine_and_using_afterwards_is_not()
    {
        var model = LineModel.Create();
        var values = model.Parameters["weight"].Values;
        model.Predict(new float[4], new float[1]);
        model.Dispose();
        model.Dispose();
        Assert.Equal("Line", Assert.Throws<ObjectDisposedException>(() => model.Predict(new float[4], new float[1])).ObjectName);
        Assert.Throws<ObjectDisposedException>(() => model.Parameters["weight"].Values.Length);
        Assert.Equal(4, values.ToArray().Length); // a span that was handed out stays memory
    }

    [Fact]
    public void Models_that_nobody_disposes_leave_neither_threads_nor_memory()
    {
        var counting = new FaultyAllocator(int.MaxValue);
        Forget(1); // the process's threads are there
        var threads = System.Diagnostics.Process.GetCurrentProcess().Threads.Count;
        NativeAllocator.Current = counting;
        Forget(300);
        NativeAllocator.Current = null!;
        // Other tests start threads too, but not hundreds.
        Assert.True(System.Diagnostics.Process.GetCurrentProcess().Threads.Count < threads + 100);
        for (var i = 0; i < 10 && counting.LiveBlocks > 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(0, counting.LiveBlocks);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    static void Forget(int models)
    {
        var (x, y) = Batch(64);
        for (var i = 0; i < models; i++) LineModel.Create(threads: 2).TrainStep(x, y);
    }

    [Fact]
    public void An_unknown_tensor_is_answered_with_similar_names()
    {
        using var model = LineModel.Create();
        Assert.Contains("Did you mean weight?", Assert.Throws<KeyNotFoundException>(() => model.Parameters["Weigh"]).Message, StringComparison.Ordinal);
        Assert.Contains("holds f32, not Double", Assert.Throws<InvalidOperationException>(() => model.Parameters["weight"].Read<double>().Length).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Eager_code_sees_the_numbers_of_compiled_code()
    {
        using var model = LineModel.Create(seed: 4);
        Assert.Equal(model.Parameters["weight"].Read<float>().ToArray(), model.Weight.ToArray());
        var (x, y) = Batch(8);
        model.TrainStep(x, y);
        Assert.Equal(model.Parameters["weight"].Read<float>().ToArray(), model.Weight.ToArray());
    }

    [Fact]
    public void Optimizer_states_exist_once_training_has_started()
    {
        using var model = LineModel.Create();
        Assert.Equal(3, model.Parameters.Count);
        Assert.Equal(5, model.Parameters.ParameterCount);
        var (x, y) = Batch(4);
        model.TrainStep(x, y);
        Assert.Equal(5, model.Parameters.Count);
        Assert.NotEqual(0, model.Parameters["optimizer.m.weight"].Read<float>()[0]);
    }

    [Fact]
    public void A_cuda_device_is_refused_with_the_way_out()
    {
        Assert.Contains("<GraphTargets>cpu;ptx</GraphTargets>", Assert.Throws<PlatformNotSupportedException>(() => Graph.Yardsticks.Mlp.Create(Device.Cuda())).Message, StringComparison.Ordinal);
        Assert.Equal((0, 2, null), (Device.Cuda().CudaIndex, Device.Parse("cuda:2").CudaIndex, Device.Best.CudaIndex));
        Assert.Equal("cuda:1", Device.Parse("cuda:1").ToString());
        Assert.Throws<FormatException>(() => Device.Parse("gpu"));
    }

    [Fact]
    public void The_profile_has_a_time_for_each_launch()
    {
        using var model = LineModel.Create();
        var (x, y) = Batch(64);
        model.Instance.Session.Profiling = true;
        model.TrainStep(x, y);
        Assert.Equal(model.Instance.Session.PlanOf("train_step").Function.Launches.Length, model.Instance.Session.Profile("train_step").Length);
        PlanVerifier.Verify(model.Instance.Session.PlanOf("train_step"));
    }
}
