using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Planning;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;
using Graph.Tests.Passes;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Random models from passes to numbers: planned, compiled and trained for a few steps, beside the reference interpreter.</summary>
public sealed class CompiledProgramTests
{
    static readonly TrainingProgram Training = new(ClipNorm: 1, LearningRate: 0.01);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 16)];

    static (CompiledProgram Stages, CompiledModel Model) Compile(int seed)
    {
        var stages = CompilerPipeline.Run(RandomProgram.Create(seed), Training, KnownTargets.Cpu);
        var lowered = Lowerer.Lower(stages);
        return (stages, new("Random" + seed, lowered, KernelAssembly.Compile(lowered.Kernels).Address));
    }

    sealed record Batch(float[] X, float[] Image, int[] Ids)
    {
        public static Batch Make(int rows, int seed)
        {
            var random = new Random(seed);
            float[] Reals(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
            return new(Reals(rows * 4), Reals(rows * 32), [.. Enumerable.Range(0, rows).Select(_ => random.Next(5))]);
        }
    }

    static unsafe StepResult Step(ModelInstance instance, Batch batch)
    {
        fixed (void* x = batch.X, image = batch.Image, ids = batch.Ids)
            return instance.TrainStep([new(x, batch.X.Length), new(image, batch.Image.Length), new(ids, batch.Ids.Length)]);
    }

    static TensorData Data(StateDecl declaration, ReadOnlySpan<float> values) => new(DType.F32, declaration.Type.Shape.Evaluate(DimBinding.Empty), [.. values.ToArray().Select(v => (double)v)]);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Training_steps_agree_with_the_reference(int seed)
    {
        var (stages, model) = Compile(seed);
        using var instance = new ModelInstance(model, seed: 7, threads: 2);
        instance.Store.StartTraining();
        var reference = new Interpreter(stages.Find("Differentiated")!);
        var states = instance.Store.ToDictionary(t => t.Path, t => Data(t.Declaration, t.Read<float>()));
        states["optimizer.step"] = TensorData.Scalar(0L);
        const int Rows = 3;
        for (var step = 1; step <= 3; step++)
        {
            var batch = Batch.Make(Rows, step);
            var actual = Step(instance, batch);
            var expected = reference.Run(
                "train_step",
                [
                    new(DType.F32, [Rows, 4], [.. batch.X.Select(v => (double)v)]), new(DType.F32, [Rows, 2, 4, 4], [.. batch.Image.Select(v => (double)v)]),
                    new(DType.I32, [Rows], [.. batch.Ids.Select(v => (long)v)]), TensorData.Scalar((double)0.01f, DType.F32), TensorData.Scalar(ModelInstance.StepSeed(7, step)),
                ],
                states, DimBinding.Empty.With("B", Rows));
            foreach (var (path, value) in expected.States) states[path] = value;
            Near(expected.Results[0][0], actual.Loss, $"loss of step {step}");
            Near(expected.Results[1][0], actual.GradientNorm, $"gradient norm of step {step}");
        }
        PlanVerifier.Verify(instance.Session.PlanOf("train_step"));
    }

    static void Near(double expected, double actual, string what) =>
        Assert.True(Math.Abs(expected - actual) <= 2e-3 * Math.Max(0.1, Math.Abs(expected)), $"{what}: {actual}, expected {expected}");

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(13)]
    public void Bits_do_not_depend_on_threads_and_steps_allocate_nothing(int seed)
    {
        var (_, model) = Compile(seed);
        int[] Train(int threads)
        {
            using var instance = new ModelInstance(model, seed: 7, threads);
            var batches = Enumerable.Range(0, 4).Select(i => Batch.Make(2 + i, i)).ToArray();
            var bits = new List<int>();
            foreach (var batch in batches) bits.Add(BitConverter.SingleToInt32Bits((float)Step(instance, batch).Loss));
            foreach (var batch in batches) Step(instance, batch); // tier 0 is left behind
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var batch in batches) Step(instance, batch);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            return [.. bits, .. instance.Store.SelectMany(t => t.Read<float>().ToArray()).Select(BitConverter.SingleToInt32Bits)];
        }
        var one = Train(1);
        Assert.Equal(one, Train(2));
        Assert.Equal(one, Train(3));
    }

    [Fact]
    public void Plans_of_random_models_meet_the_bound()
    {
        foreach (var seed in Enumerable.Range(0, 24))
        {
            var compiled = CompilerPipeline.Run(RandomProgram.Create(seed, size: 30), Training, KnownTargets.Cpu);
            var lowered = Lowerer.Lower(compiled);
            foreach (var plan in ModelIr.Plans(compiled, lowered, null))
            {
                PlanVerifier.Verify(plan);
                Assert.True(plan.Ratio <= 1.02, $"seed {seed}: {plan.ArenaBytes} of {plan.LowerBound}, {plan.Method}");
            }
        }
    }
}
