using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Loader;
using Graph.Runtime.Execution;
using Microsoft.CodeAnalysis;

namespace Graph.Tests.Generators;

/// <summary>Runs a model of <see cref="CompileTimePrograms"/> beside the C# that it was compiled from.</summary>
static unsafe class CompileTimeRun
{
    /// <summary>What is wrong with the numbers that went into the model; null when they are C#'s own.</summary>
    public static string? Compare(Compilation compilation)
    {
        using var memory = new MemoryStream();
        var emitted = compilation.Emit(memory);
        if (!emitted.Success) return "it does not compile after all: " + emitted.Diagnostics.First(d => d.Severity == DiagnosticSeverity.Error);
        memory.Position = 0;
        var context = new AssemblyLoadContext("programs", isCollectible: true);
        try
        {
            var type = context.LoadFromStream(memory).GetType("M", throwOnError: true)!;
            float expected;
            try
            {
                expected = (float)(double)type.GetMethod("Compute", BindingFlags.Static | BindingFlags.NonPublic)!.Invoke(null, null)!;
            }
            catch (TargetInvocationException e)
            {
                return "C# throws where the compiler found a number: " + e.InnerException!.Message;
            }
            using var model = (IModel)type.GetMethod("Create", [typeof(Device), typeof(ulong), typeof(int)])!.Invoke(null, [Device.Cpu, 1UL, 1])!;
            var (x, y) = (1f, 0f);
            model.Instance.Run("predict", [new CallArgument(&x, 1), new CallArgument(&y, 1)]);
            return BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(y) || (float.IsNaN(expected) && float.IsNaN(y)) || (expected == 0 && y == 0) ? null : $"C# computes {expected:R}, the model holds {y:R}";
        }
        finally
        {
            context.Unload();
        }
    }
}
