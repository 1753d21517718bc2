using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Graph.Compiler.Ir;
using Graph.Compiler.Training;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Generators.Diagnostics;
using Graph.Runtime.Execution;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Generators;

/// <summary>Loads a compilation and runs its models.</summary>
static unsafe class Running
{
    /// <summary>Calls every entry, every loss and a training step of every class marked [Model], on zeros at the typical sizes; how many models there were.</summary>
    public static int All(Compilation generated) => With(generated, model =>
    {
        Run(model.Instance);
        return true;
    }).Count;

    /// <summary>What a function says of a created model of every class marked [Model].</summary>
    public static List<T> With<T>(Compilation generated, Func<IModel, T> use) => Load(generated, type =>
    {
        // Not every class that has the members: the attribute decides which ones have to.
        var create = type.GetMethod("Create", [typeof(Device), typeof(ulong), typeof(int)]);
        Assert.True(create is not null, type + " is no compiled model");
        using var model = (IModel)create.Invoke(null, [Device.Cpu, 1UL, 1])!;
        return use(model);
    });

    /// <summary>What a function says of a model of every class marked [Model] that its constructor made.</summary>
    public static List<T> New<T>(Compilation generated, Func<IModel, T> use) => Load(generated, type => use((IModel)Activator.CreateInstance(type)!));

    static List<T> Load<T>(Compilation generated, Func<Type, T> use)
    {
        var stream = new MemoryStream();
        var result = generated.Emit(stream);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)));
        stream.Position = 0;
        var context = new AssemblyLoadContext(null, isCollectible: true);
        try
        {
            return [.. context.LoadFromStream(stream).GetTypes().Where(t => t.IsDefined(typeof(ModelAttribute), inherit: false)).Select(use)];
        }
        finally
        {
            context.Unload();
        }
    }

    static void Run(ModelInstance instance)
    {
        var dims = instance.Model.Lowered.Dims;
        var sizes = DimBinding.Typical(dims);
        using var session = instance.NewSession(); // where entries may assign states
        foreach (var function in instance.Model.Functions.Select(f => f.Lowered.Signature))
        {
            var training = TrainingSignature.OfStep(instance.Model.Lowered.Training, function.Name);
            var memory = new List<nint>();
            CallArgument Place(TensorType type)
            {
                var length = type.Shape.Size.Evaluate(sizes);
                memory.Add((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(64, length * type.DType.Size()), 64));
                NativeMemory.Clear((void*)memory[^1], (nuint)(length * type.DType.Size()));
                return new((void*)memory[^1], length);
            }
            var arguments = function.Parameters.Where(p => training is null || !TrainingSignature.OwnArguments.Contains(p.Name)).Where(p => p.Name != TrainingSignature.CallSeed).Select(p => Place(p.Type)).ToList();
            var undetermined = new DimSolver(function.Parameters, dims).Undetermined.Select(d => sizes[d]).ToArray();
            if (training is not null) instance.TrainStep(training.Name, [.. arguments], undetermined);
            else session.Run(function.Name, [.. arguments, .. function.Results.Select(r => Place(r.Type))], undetermined);
            foreach (var pointer in memory) NativeMemory.AlignedFree((void*)pointer);
        }
    }

    /// <summary>
    /// What holds of every source whatever is wrong with it: either C# builds it, and then every model runs and nobody has anything to say; or it does not, and then ours is not the only
    /// voice without a reason.
    /// </summary>
    public static void AssertBuildsOrSaysWhy(Compilation generated, IReadOnlyCollection<Diagnostic> reported)
    {
        var errors = generated.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
        if (errors.Count == 0)
        {
            Assert.DoesNotContain(reported, d => d.Severity == DiagnosticSeverity.Error);
            All(generated);
            return;
        }
        if (errors.All(d => d.Id == Harness.Stop)) Assert.Contains(reported, d => d.Severity == DiagnosticSeverity.Error && Descriptors.All.Any(known => known.Id == d.Id));
    }
}
