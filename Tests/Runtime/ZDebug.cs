using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Modules.Elaboration;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;
using Graph.Tests.Passes;
using Xunit;
namespace Graph.Tests.Runtime;
public sealed class ZDebug(Xunit.Abstractions.ITestOutputHelper output)
{
    [Fact]
    public unsafe void Compare()
    {
        var env = Environment.GetEnvironmentVariable("SEED"); for (var seed = env is null ? 0 : int.Parse(env); seed < (env is null ? 24 : int.Parse(env) + 1); seed++)
        {
            var stages = CompilerPipeline.Run(RandomProgram.Create(seed), new(ClipNorm: 1, OptimizerStates: ["m", "v"], LearningRate: 0.01));
            var lowered = Lowerer.Lower(stages.Final);
            var kernels = KernelAssembly.Compile(lowered.Kernels);
            using var instance = new ModelInstance(new CompiledModel("R", lowered, kernels.Address, 0.01f), 7, 2);
            instance.Store.StartTraining();
            var states = instance.Store.ToDictionary(t => t.Path, t => new TensorData(DType.F32, t.Declaration.Type.Shape.Evaluate(DimBinding.Empty), [.. t.Read<float>().ToArray().Select(v => (double)v)]));
            var random = new Random(1);
            float[] x = [.. Enumerable.Range(0, 12).Select(_ => (float)(random.NextDouble() * 2 - 1))], image = [.. Enumerable.Range(0, 96).Select(_ => (float)(random.NextDouble() * 2 - 1))];
            int[] ids = [1, 4, 2];
            TensorData[] args = [new(DType.F32, [3, 4], [.. x.Select(v => (double)v)]), new(DType.F32, [3, 2, 4, 4], [.. image.Select(v => (double)v)]), new(DType.I32, [3], [.. ids.Select(v => (long)v)]), TensorData.Scalar((double)0.01f, DType.F32), TensorData.Scalar(1L), TensorData.Scalar(ModelInstance.StepSeed(7, 1))];
            var binding = DimBinding.Empty.With("B", 3);
            var a = new Interpreter(stages.Find("Differentiated")!).Run("train_step", args, states, binding).Results;
            var b = new Interpreter(stages.Final).Run("train_step", args, states, binding).Results;
            var c = TestExecutor.Run(lowered, kernels, "train_step", args, states, binding).Results;
            StepResult d;
            fixed (void* px = x, pi = image, pd = ids) d = instance.TrainStep([new(px, 12), new(pi, 96), new(pd, 3)]);
            if (env is not null) output.WriteLine(Graph.Compiler.Planning.PlanPrinter.Print(instance.Session.PlanOf("train_step"), "x") + KernelDump.Print(lowered) + kernels.Source);
            output.WriteLine($"{seed}: {a[0][0]} {b[0][0]} {c[0][0]} {d.Loss}  | {a[1][0]} {b[1][0]} {c[1][0]} {d.GradientNorm} {string.Join(",", lowered.Functions[0].Launches.Select(l => l.GetType().Name[..4]).Distinct())}");
        }
    }
}
