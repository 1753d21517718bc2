using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Data;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>The yardstick models as their users run them: memory, allocations, threads.</summary>
public sealed class YardstickTests
{
    static ModelIr Ir(string model) => model switch
    {
        "mlp" => Mlp.Ir,
        "cnn" => Cnn.Ir,
        "nanogpt" => NanoGpt.Ir,
        "resnet18" => ResNet18.Ir,
        _ => Gpt2.Ir,
    };

    [Theory]
    [InlineData("mlp")]
    [InlineData("cnn")]
    [InlineData("nanogpt")]
    [InlineData("resnet18")]
    [InlineData("gpt2")]
    public void Arenas_meet_the_bound_and_stay_below_the_order_of_the_source(string model)
    {
        foreach (var plan in Ir(model).Plans())
        {
            PlanVerifier.Verify(plan);
            var name = $"{model}.{plan.Function.Name}: arena {plan.ArenaBytes}, bound {plan.LowerBound}, natural {plan.NaturalPeak}, {plan.Method}";
            Assert.True(plan.Ratio <= 1.02, name);
            Assert.True(plan.LowerBound <= plan.NaturalPeak, name);
            Assert.True(plan.Peak is null || plan.Peak.Origins.Length > 0, name + ": the peak has no source line");
        }
    }

    static float[] Reals(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }

    static int[] Integers(int count, int below)
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(below))];
    }

    static (IModel Model, Func<StepResult> Step) Create(string model, int threads)
    {
        var (pixels, digits, tokens) = (Reals(8 * 784), Integers(8, 10), Integers(2 * 64, 65));
        switch (model)
        {
            case "mlp":
                var mlp = Mlp.Create(seed: 3, threads: threads);
                return (mlp, () => mlp.TrainStep(pixels, digits));
            case "cnn":
                var cnn = Cnn.Create(seed: 3, threads: threads);
                return (cnn, () => cnn.TrainStep(pixels, digits));
            default:
                var gpt = NanoGpt.Create(seed: 3, threads: threads);
                return (gpt, () => gpt.TrainStep(tokens, tokens, 2));
        }
    }

    sealed class Images : Dataset
    {
        readonly float[] pixels = Reals(40 * 784);
        readonly int[] labels = Integers(40, 10);

        public override int Count => 40;
        public override ImmutableArray<DataColumn> Columns { get; } = [new("image", DType.F32, [1, 28, 28]), new("label", DType.I32, [])];

        public override void CopyRow(int row, int column, Span<byte> destination) =>
            (column == 0 ? MemoryMarshal.AsBytes(pixels.AsSpan(row * 784, 784)) : MemoryMarshal.AsBytes(labels.AsSpan(row, 1))).CopyTo(destination);
    }

    [Fact]
    public async Task Dropout_and_optimizer_go_on_after_a_checkpoint_as_if_nothing_had_happened()
    {
        var folder = Directory.CreateTempSubdirectory("graph-yardstick-").FullName;
        try
        {
            var data = new BatchLoader(new Images(), 8, new() { Seed = 1 });
            FitOptions options = new() { Steps = 8, CheckpointPath = Path.Combine(folder, "cnn.safetensors"), Resume = ResumeMode.IfPresent, Schedule = Schedule.WarmupCosine(1e-3f, 2, 8) };
            using var straight = Cnn.Create(seed: 5, threads: 1);
            await straight.FitAsync(data, options with { CheckpointPath = null, Resume = ResumeMode.Never });
            using (var first = Cnn.Create(seed: 5, threads: 2)) await first.FitAsync(data, options with { Steps = 3 });
            using var second = Cnn.Create(seed: 5, threads: 2);
            await second.FitAsync(data, options);
            foreach (var tensor in straight.Parameters) Assert.Equal(tensor.Read<float>().ToArray(), second.Parameters[tensor.Path].Read<float>().ToArray());
            Assert.Equal(8, second.Step);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("mlp")]
    [InlineData("cnn")]
    [InlineData("nanogpt")]
    public void Steps_give_the_same_bits_with_any_number_of_threads_and_allocate_nothing(string name)
    {
        int[] Train(int threads)
        {
            var (model, step) = Create(name, threads);
            using var _ = model;
            var bits = new List<int>();
            for (var i = 0; i < 3; i++)
            {
                var result = step();
                bits.Add(BitConverter.SingleToInt32Bits((float)result.Loss));
                bits.Add(BitConverter.SingleToInt32Bits((float)result.GradientNorm));
            }
            foreach (var tensor in model.Parameters) bits.AddRange(tensor.Read<float>().ToArray().Select(BitConverter.SingleToInt32Bits));
            Allocations.AssertNone(() => step());
            return [.. bits];
        }
        var one = Train(1);
        Assert.Equal(one, Train(2));
        Assert.Equal(one, Train(3));
    }
}
