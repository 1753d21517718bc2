using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Runtime.Execution;
using Microsoft.CodeAnalysis;

namespace Graph.Benchmarks.Fuzz;

/// <summary>Loads a compilation and calls every function of its models once, with a batch of two and one step of training.</summary>
static unsafe class ModelRun
{
    const long MostBytes = 64 << 20;
    const int Size = 2;

    /// <returns>What came of it.</returns>
    /// <exception cref="FuzzFailure">A model cannot be emitted, made or run, and does not say why in a documented way.</exception>
    public static string Of(Compilation compilation)
    {
        using var memory = new MemoryStream();
        var emitted = compilation.Emit(memory);
        if (!emitted.Success) throw new FuzzFailure("it does not compile after all: " + emitted.Diagnostics.First(d => d.Severity == DiagnosticSeverity.Error));
        memory.Position = 0;
        var context = new AssemblyLoadContext("fuzzed", isCollectible: true);
        try
        {
            var types = context.LoadFromStream(memory).GetTypes().Where(t => !t.IsAbstract && t.IsAssignableTo(typeof(IModel))).ToList();
            return types.Select(Run).FirstOrDefault(outcome => outcome != "runs") ?? "runs";
        }
        finally
        {
            context.Unload();
        }
    }

    static string Run(Type type)
    {
        var create = type.GetMethod("Create", BindingFlags.Public | BindingFlags.Static, [typeof(Device), typeof(ulong), typeof(int)]);
        if (create is null) return "runs not: it has no Create of its own";
        if (type.GetConstructor(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, []) is null) return "runs not: no constructor";
        IModel model;
        try
        {
            model = (IModel)create.Invoke(null, [Device.Cpu, 1UL, 1])!;
        }
        catch (TargetInvocationException e) when (IsDocumented(e.InnerException!))
        {
            return "cannot be made: " + e.InnerException!.Message;
        }
        using (model)
        {
            using var session = model.Instance.NewSession(); // where entries may assign states
            foreach (var function in model.Instance.Model.Functions.Where(f => f.Name != "train_step").OrderBy(f => f.Name, StringComparer.Ordinal))
            {
                if (Call(session, function, train: false) is { } outcome) return outcome;
                if (function.Name == "loss" && model.Instance.Model.Find("train_step") is not null && Call(model.Instance, function, train: true) is { } failed) return failed;
            }
        }
        return "runs";
    }

    static bool IsDocumented(Exception exception) => exception is ArgumentException or InvalidOperationException or ArithmeticException;

    static string? Call(ModelInstance instance, CompiledFunction function, bool train)
    {
        var dims = instance.Model.Lowered.Dims;
        var lowered = function.Lowered.Signature;
        var binding = new DimBinding(dims.Select(d => new System.Collections.Generic.KeyValuePair<string, long>(d.Name, Math.Min(Size, d.Max))));
        NamedTensor[] values = train ? [.. lowered.Parameters] : [.. lowered.Parameters, .. lowered.Results];
        var lengths = values.Select(v => v.Shape.Size.Evaluate(binding)).ToArray();
        if (lengths.Zip(values).Sum(p => (double)p.First * p.Second.DType.Size()) > MostBytes) return "runs not: too large for here";
        var stated = new DimSolver(lowered.Parameters, dims).Undetermined.Select(name => binding[name]).ToArray();
        var arguments = new CallArgument[values.Length];
        try
        {
            for (var i = 0; i < values.Length; i++) arguments[i] = new(NativeMemory.AllocZeroed((nuint)Math.Max(1, lengths[i]), (nuint)values[i].DType.Size()), lengths[i]);
            if (train) instance.TrainStep(arguments, stated);
            else instance.Run(function.Name, arguments, stated);
            return null;
        }
        catch (Exception e) when (e is ArgumentException)
        {
            return "refuses its sizes: " + e.Message;
        }
        finally
        {
            foreach (var argument in arguments) NativeMemory.Free(argument.Pointer);
        }
    }
}
