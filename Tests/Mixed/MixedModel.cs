using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Lowering;

namespace Graph.Tests.Mixed;

/// <summary>A built model in a precision that it was not built for: every pass, kernels compiled in memory, trained by what runs models.</summary>
sealed unsafe class MixedModel : IDisposable
{
    readonly CompiledModel model;

    MixedModel(Program program, int threads)
    {
        Compiled = CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true);
        Lowered = Lowerer.Lower(Compiled.Final, KnownTargets.Cpu);
        model = new(program.Name, Lowered, KernelAssembly.Compile(Lowered.Kernels).Address);
        Instance = new(model, seed: 7, threads);
    }

    MixedModel(MixedModel other, ulong seed, int threads)
    {
        (model, Compiled, Lowered) = (other.model, other.Compiled, other.Lowered);
        Instance = new(model, seed, threads);
    }

    /// <summary>The same compiled model from another seed.</summary>
    public MixedModel From(ulong seed, int threads = 2) => new(this, seed, threads);

    public CompiledProgram Compiled { get; }

    public LoweredProgram Lowered { get; }

    public ModelInstance Instance { get; }

    public ImmutableArray<NamedTensor> Arguments => [.. model["train_step"].Lowered.Signature.Parameters.Where(p => !TrainingSignature.OwnArguments.Contains(p.Name))];

    public static MixedModel Of(Type type, string precision, double? lossScale = null, int threads = 2) => Of(Elaborate.Built(type).Program, precision, lossScale, threads);

    public static MixedModel Of(Program program, string precision, double? lossScale = null, int threads = 2) => new(In(program, precision, lossScale), threads);

    /// <summary>The program as its training says.</summary>
    public static MixedModel AsItIs(Program program, int threads = 2) => new(program, threads);

    /// <summary>The program in a precision; float16 moves its scale by itself unless it is given one.</summary>
    public static Program In(Program program, string precision, double? lossScale = null) =>
        program with { Training = [.. program.Training.Select(t => t with { Precision = precision, LossScale = lossScale ?? (precision == Precisions.Float16 ? 0 : 1) })] };

    /// <summary>A step on arrays of float, int and long.</summary>
    public StepResult Step(IEnumerable<Array> arguments, params long[] dims) => Pinned(arguments, places => Instance.TrainStep(places, dims));

    /// <summary>Calls an entry.</summary>
    public void Run(string function, IEnumerable<Array> argumentsAndResults) => Pinned(argumentsAndResults, places =>
    {
        Instance.Run(function, places);
        return 0;
    });

    /// <summary>Calls something with where arrays lie.</summary>
    internal static T Pinned<T>(IEnumerable<Array> given, Func<CallArgument[], T> call)
    {
        var arrays = given.ToArray();
        var handles = arrays.Select(a => GCHandle.Alloc(a, GCHandleType.Pinned)).ToArray();
        try
        {
            return call([.. handles.Select((h, i) => new CallArgument((void*)h.AddrOfPinnedObject(), arrays[i].Length))]);
        }
        finally
        {
            foreach (var handle in handles) handle.Free();
        }
    }

    public void Dispose() => Instance.Dispose();
}
