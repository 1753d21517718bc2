using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Execution;
using Graph.Runtime.Memory;
using Graph.Tests.Goldens;
using Graph.Yardsticks;
using Xunit;
using Buffer = Graph.Compiler.Kernels.Buffer;

namespace Graph.Tests.Runtime;

/// <summary>Memory runs out at every place where it can: the call fails, the model works on with right numbers, and nothing is lost or used after it was freed.</summary>
public sealed class AllocationFaultTests
{
    public static IEnumerable<object[]> SessionTestNames() =>
        from method in typeof(SessionTests).GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly)
        where method.GetCustomAttribute<FactAttribute>() is { Skip: null } && method.GetParameters().Length == 0
            && method.Name != nameof(SessionTests.Models_that_nobody_disposes_leave_neither_threads_nor_memory) // counts by itself
        select new object[] { method.Name };

    [Theory]
    [MemberData(nameof(SessionTestNames))]
    public async Task Every_session_test_holds_whichever_allocation_fails(string name)
    {
        var method = typeof(SessionTests).GetMethod(name)!;
        // On a thread without a synchronization context, so that a test that awaits may be waited for.
        await Task.Run(() => FaultyAllocator.FailEach(() =>
        {
            var tests = new SessionTests();
            if (method.CreateDelegate(method.ReturnType == typeof(Task) ? typeof(Func<Task>) : typeof(Action), tests) is Func<Task> asynchronous) asynchronous().GetAwaiter().GetResult();
            else method.Invoke(tests, BindingFlags.DoNotWrapExceptions, null, null, null);
        }));
    }

    [Fact]
    public void Generated_models_train_to_the_same_bits_whichever_allocation_fails()
    {
        var batches = new[] { 2, 8, 1, 8, 40 }.Select(rows => (Reals(rows * 784), Integers(rows, 10))).ToArray();
        int[] Train()
        {
            using var model = Again(() => Cnn.Create(seed: 5, threads: 2));
            var bits = new List<int>();
            foreach (var (images, labels) in batches)
            {
                bits.Add(BitConverter.SingleToInt32Bits((float)Again(() => model.TrainStep(images, labels)).Loss));
                var result = new float[labels.Length * 10];
                Again(() => { model.Logits(images, result); return 0; });
                bits.AddRange(result.Select(BitConverter.SingleToInt32Bits));
            }
            return [.. bits];
        }
        var expected = Train();
        Assert.True(FaultyAllocator.FailEach(() => Assert.Equal(expected, Train())) >= 8);
    }

    [Fact]
    public void A_checkpoint_is_loaded_whole_or_not_at_all_whichever_allocation_fails()
    {
        var path = Path.GetTempFileName();
        try
        {
            var (x, y) = SessionTests.Batch(8);
            using var trained = LineModel.Create(seed: 1);
            for (var i = 0; i < 3; i++) trained.TrainStep(x, y);
            trained.Save(path);
            var expected = Bits(trained);
            Assert.True(FaultyAllocator.FailEach(() =>
            {
                using var model = LineModel.Create(seed: 2);
                var before = Bits(model);
                try
                {
                    model.Load(path);
                }
                catch (OutOfMemoryException e) when (FaultyAllocator.IsInjected(e))
                {
                    Assert.Equal(before, Bits(model));
                    Assert.Equal(0, model.Step);
                    model.Load(path);
                }
                Assert.Equal(expected, Bits(model));
                Assert.Equal(4, model.TrainStep(x, y).Step);
            }) >= 6);
        }
        finally
        {
            File.Delete(path);
        }
    }

    static int[] Bits(LineModel model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray()).Select(BitConverter.SingleToInt32Bits)];

    [Fact]
    public void A_batch_too_large_for_the_machine_leaves_the_others_working()
    {
        using var model = LineModel.Create(seed: 1);
        var (x, _) = SessionTests.Batch(4);
        float[] before = new float[4], after = new float[4];
        model.Predict(x, before);
        NativeAllocator.Current = new FaultyAllocator(1, isAnswered: false);
        var (large, y) = SessionTests.Batch(64);
        var error = Assert.Throws<OutOfMemoryException>(() => model.Loss(large, y));
        Assert.Contains("There is no memory for the intermediates of Line.loss with B=64", error.Message, StringComparison.Ordinal);
        model.Predict(x, after);
        Assert.Equal(before, after);
    }

    [Fact]
    public void Optimizer_states_that_find_no_memory_leave_the_model_untrained_and_sound()
    {
        using var model = LineModel.Create(seed: 1);
        var (x, y) = SessionTests.Batch(4);
        NativeAllocator.Current = new FaultyAllocator(1, isAnswered: false);
        Assert.Contains("optimizer states", Assert.Throws<OutOfMemoryException>(() => model.TrainStep(x, y)).Message, StringComparison.Ordinal);
        Assert.False(model.Parameters.IsTraining);
        Assert.Equal(3, model.Parameters.Count);
        Assert.Equal(1, model.TrainStep(x, y).Step);
        Assert.Equal(5, model.Parameters.Count);
    }

    [Theory]
    [InlineData(3_000_000)] // B³ elements are more than 64 bits count
    [InlineData(1_300_000)] // the bytes of each are not, but those of both
    public void Sizes_beyond_64_bits_are_memory_that_nobody_has(long rows)
    {
        var loss = LineModel.Compiled["loss"].Lowered;
        var b = Dim.Symbol("B");
        Buffer Cube(int i) => new(loss.Buffers.Length + i, "cube", BufferKind.Arena, DType.F32, b * b * b);
        var program = LineModel.Compiled.Lowered with { Functions = [loss with { Buffers = [.. loss.Buffers, Cube(0), Cube(1)] }], Training = [] };
        var function = new CompiledModel("Line", program, _ => 0)["loss"];
        function.CheckMemory([1000]);
        Assert.Contains($"There is no memory for the intermediates of loss with B={rows}", Assert.Throws<OutOfMemoryException>(() => function.CheckMemory([rows])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Arenas_that_nobody_disposes_hurry_the_collector()
    {
        var counting = new FaultyAllocator(int.MaxValue);
        NativeAllocator.Current = counting;
        for (var made = 1; made <= 3000; made++)
        {
            Forget();
            if (made % 20 == 0) System.Threading.Thread.Sleep(made < 1500 ? 1 : 20); // it works beside this thread, and other tests beside both
            if (counting.LiveBlocks < made) return;
        }
        Assert.Fail("The collector did not come for 3,000 arenas.");
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    static void Forget() => _ = Arena.Allocate(64 << 20, "a test");

    internal static T Again<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (OutOfMemoryException e) when (FaultyAllocator.IsInjected(e))
        {
            return call();
        }
    }

    static float[] Reals(int count) => Array.ConvertAll(GoldenValues.Reals("faults", count, 2, 0), v => (float)v);

    static int[] Integers(int count, int classes) => Array.ConvertAll(GoldenValues.Integers("faults", count, classes), v => (int)v);
}
