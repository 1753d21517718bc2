using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Lowering;

namespace Graph.Tests.Runtime;

/// <summary>A built model in double precision: every pass, kernels compiled in memory, trained by what runs models.</summary>
sealed unsafe class Float64Training : IDisposable
{
    readonly CompiledModel model;

    Float64Training(CompiledModel model, int threads)
    {
        this.model = model;
        Instance = new(model, seed: 7, threads);
        Instance.Store.StartTraining();
    }

    public ModelInstance Instance { get; }

    public ImmutableArray<NamedTensor> Arguments => [.. model["train_step"].Lowered.Signature.Parameters.Where(p => !TrainingSignature.OwnArguments.Contains(p.Name))];

    public ImmutableArray<DimSymbol> Dims => model.Lowered.Dims;

    /// <summary>The model with the optimizer of its own.</summary>
    public static Float64Training Of(Type type, int threads = 2) => Of(Elaborate.Built(type).Program, threads);

    /// <summary>The model with plain gradient descent without clipping: with a learning rate of 1, a step subtracts the gradient.</summary>
    public static Float64Training Descending(Type type, int threads = 2)
    {
        var program = Elaborate.Built(type).Program;
        program = program with { Functions = program.Functions.RemoveAll(f => TrainingSignature.IsRule(program, f.Name)), Dims = program.Dims.Add(new("Elements", 64, 64)) };
        var b = new Builder(program, "update");
        var row = new TensorType(DType.F32, Shape.Of(Dim.Symbol("Elements")));
        var (value, gradient, rate) = (b.Argument(row, TrainingSignature.Value), b.Argument(row, TrainingSignature.Gradient), b.Argument(new(DType.F32, Shape.Scalar), TrainingSignature.LearningRate));
        b.Argument(new(DType.I64, Shape.Scalar), TrainingSignature.Step);
        var rule = b.Build([b.Sub(value, b.Mul(rate, gradient))], default, [TrainingSignature.Value]);
        return Of(program with { Functions = program.Functions.Add(rule), Training = [new()] }, threads);
    }

    static Float64Training Of(Program program, int threads)
    {
        var wide = RealTypes.InDouble(program with { Training = [.. program.Training.Select(t => t with { Precision = TrainingProgram.InDouble })] });
        var lowered = Lowerer.Lower(CompilerPipeline.Run(wide, KnownTargets.Cpu, verify: true).Final, KnownTargets.Cpu);
        return new(new(program.Name, lowered, KernelAssembly.Compile(lowered.Kernels).Address), threads);
    }

    /// <summary>A step on arrays of double, int and long.</summary>
    public StepResult Step(IEnumerable<Array> arguments, params long[] dims)
    {
        var arrays = arguments.ToArray();
        var handles = arrays.Select(a => GCHandle.Alloc(a, GCHandleType.Pinned)).ToArray();
        try
        {
            return Instance.TrainStep([.. handles.Select((h, i) => new CallArgument((void*)h.AddrOfPinnedObject(), arrays[i].Length))], dims);
        }
        finally
        {
            foreach (var handle in handles) handle.Free();
        }
    }

    public void Dispose() => Instance.Dispose();
}
