using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;
using Graph.Compiler.Lowering;
using Graph.Compiler.Planning;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Lowering;

namespace Graph.Tests.Models;

/// <summary>A model's source text on its whole way: binding, elaboration, every pass with the verifier behind it, lowering, planning, kernels compiled in memory.</summary>
sealed class SourceModel
{
    const float Rate = 0.01f;

    SourceModel(CompiledProgram stages, LoweredProgram lowered) => (Stages, Lowered) = (stages, lowered);

    public CompiledProgram Stages { get; }

    public LoweredProgram Lowered { get; }

    /// <summary>Takes the model <c>M</c> up to lowering and plans.</summary>
    /// <exception cref="InvalidOperationException">It has a diagnostic; the message is that.</exception>
    public static SourceModel Lower(string source)
    {
        var model = Elaborate.Model(source);
        var stages = CompilerPipeline.Run(model.Program, KnownTargets.Cpu, verify: true);
        var lowered = Lowerer.Lower(stages);
        foreach (var function in lowered.Functions) PlanVerifier.Verify(Planner.Plan(function, DimBinding.Typical(lowered.Dims)));
        return new(stages, lowered);
    }

    /// <summary>Compiles the kernels.</summary>
    public CompiledModel Compile() => new("M", Lowered, KernelAssembly.Compile(Lowered.Kernels).Address);

    /// <summary>Trains for some steps beside the reference in float64; gives the largest difference of a loss or gradient norm, relative to its size or 0.1.</summary>
    public unsafe double Train(int steps, int rows = 3)
    {
        var model = Compile();
        using var instance = new ModelInstance(model, seed: 7, threads: 2) { LearningRate = Rate };
        instance.Store.StartTraining();
        var reference = new Interpreter(Stages.Find("Differentiated")!, float64: true);
        var states = instance.Store.ToDictionary(t => t.Path, t => Data(t.Declaration.Type, DimBinding.Empty, [.. t.Read<float>().ToArray().Select(v => (double)v)]));
        states["optimizer.step"] = TensorData.Scalar(0L);
        var binding = DimBinding.Typical(Lowered.Dims).With("B", rows);
        var worst = 0.0;
        for (var step = 1; step <= steps; step++)
        {
            var random = new Random(step);
            var loss = model["train_step"].Lowered.Signature.Parameters.Where(p => !TrainingSignature.OwnArguments.Contains(p.Name)).Select(p => Data(p.Type, binding, null, random)).ToArray();
            var expected = reference.Run(
                "train_step", [.. loss.Select(Widen), TensorData.Scalar((double)Rate, DType.F64), TensorData.Scalar(ModelInstance.StepSeed(7, step))], states, binding);
            foreach (var (path, value) in expected.States) states[path] = value;
            var actual = Step(instance, loss, [.. new DimSolver(model["train_step"].Lowered.Signature.Parameters, Lowered.Dims).Undetermined.Select(d => binding[d])]);
            worst = Math.Max(worst, Math.Max(Difference(expected.Results[0][0], actual.Loss), Difference(expected.Results[1][0], actual.GradientNorm)));
        }
        PlanVerifier.Verify(instance.Session.PlanOf("train_step"));
        return worst;
    }

    static double Difference(double expected, double actual) =>
        double.IsNaN(expected) ? double.IsNaN(actual) ? 0 : double.PositiveInfinity : Math.Abs(expected - actual) / Math.Max(0.1, Math.Abs(expected));

    static unsafe StepResult Step(ModelInstance instance, TensorData[] loss, long[] dims)
    {
        var arrays = loss.Select(d => d.DType.IsFloat() ? (Array)Enumerable.Range(0, (int)d.Size).Select(i => (float)d[i]).ToArray() : Enumerable.Range(0, (int)d.Size).Select(i => (int)d[i]).ToArray()).ToArray();
        var handles = arrays.Select(a => System.Runtime.InteropServices.GCHandle.Alloc(a, System.Runtime.InteropServices.GCHandleType.Pinned)).ToArray();
        try
        {
            return instance.TrainStep([.. handles.Select((h, i) => new CallArgument((void*)h.AddrOfPinnedObject(), arrays[i].Length))], dims);
        }
        finally
        {
            foreach (var handle in handles) handle.Free();
        }
    }

    static TensorData Widen(TensorData data) => data.DType.IsFloat() ? Copy(data, DType.F64) : data;

    static TensorData Copy(TensorData data, DType type)
    {
        var copy = new TensorData(type, data.Shape);
        for (long i = 0; i < data.Size; i++) copy[i] = data[i];
        return copy;
    }

    static TensorData Data(TensorType type, DimBinding binding, double[]? values, Random? random = null)
    {
        var data = new TensorData(type.DType.IsFloat() ? DType.F64 : type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++) data[i] = values is not null ? values[i] : type.DType.IsFloat() ? (float)(random!.NextDouble() * 2 - 1) : random!.Next(0, 3);
        return data;
    }
}
