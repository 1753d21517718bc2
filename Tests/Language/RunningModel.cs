using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Runtime.Execution;
using Graph.Tests.Models;

namespace Graph.Tests.Language;

/// <summary>A model of source text, compiled in memory and called with arrays.</summary>
sealed unsafe class RunningModel : IDisposable
{
    RunningModel(SourceModel source, ModelInstance instance) => (Source, Instance) = (source, instance);

    public SourceModel Source { get; }

    public ModelInstance Instance { get; }

    /// <summary>The model <c>M</c>.</summary>
    public static RunningModel Of(string source, ulong seed = 7, int threads = 2)
    {
        var lowered = SourceModel.Lower(source);
        return new(lowered, new(lowered.Compile(), seed, threads));
    }

    /// <summary>Another one over the same parameters.</summary>
    public RunningModel NewSession(params ReadOnlySpan<(string, int)> sizes) => new(Source, Instance.NewSession(sizes: sizes));

    public void Dispose() => Instance.Dispose();

    /// <summary>The numbers of a parameter or state.</summary>
    public ReadOnlySpan<float> this[string path] => Instance.Store[path].Values;

    /// <summary>Replaces the numbers of a parameter or state.</summary>
    public void Set(string path, IEnumerable<double> values) => Instance.Store[path].Write<float>([.. values.Select(v => (float)v)]);

    /// <summary>Calls a function; gives its results. Arguments are float[] and int[].</summary>
    /// <param name="function">Its name.</param>
    /// <param name="lengths">How many elements each result has.</param>
    /// <param name="arguments">What it is called with.</param>
    public float[][] Call(string function, int[] lengths, params Array[] arguments)
    {
        var results = lengths.Select(length => new float[length]).ToArray();
        With([.. arguments, .. results], places => Instance.Run(function, places));
        return results;
    }

    /// <summary>Calls a function with one result.</summary>
    public float[] Call(string function, int length, params Array[] arguments) => Call(function, [length], arguments)[0];

    public StepResult Step(params Array[] arguments) => StepOn(Instance, arguments);

    /// <summary>A step of any instance.</summary>
    public static StepResult StepOn(ModelInstance instance, params Array[] arguments) => StepOn(instance, [], arguments);

    /// <summary>A step of any instance, some of whose dimensions are stated.</summary>
    public static StepResult StepOn(ModelInstance instance, long[] dims, params Array[] arguments)
    {
        StepResult result = default;
        With(arguments, places => result = instance.TrainStep(places, dims));
        return result;
    }

    delegate void Use(CallArgument[] places);

    static void With(Array[] arrays, Use use)
    {
        var handles = arrays.Select(a => GCHandle.Alloc(a, GCHandleType.Pinned)).ToArray();
        try
        {
            use([.. handles.Select((h, i) => new CallArgument((void*)h.AddrOfPinnedObject(), arrays[i].Length))]);
        }
        finally
        {
            foreach (var handle in handles) handle.Free();
        }
    }

    /// <summary>The text of a function after a stage of the compiler.</summary>
    public static string Stage(SourceModel model, string stage, string function) => ProgramPrinter.Print(model.Stages.Find(stage)!.Find(function)!);
}
