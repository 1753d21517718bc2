using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Compiler.Training;
using Graph.Operations;
using Graph.Runtime.Cuda;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;

namespace Graph.Benchmarks;

/// <summary>A yardstick in a precision, or for a device, that it was not built for: what its class embeds, compiled as the generator compiles it, with kernels made in memory.</summary>
static class InPrecision
{
    static readonly (string Option, string Precision)[] names = [("fp32", Precisions.Float32), ("fp16", Precisions.Float16), ("bf16", Precisions.BFloat16)];

    /// <summary>What a command line's <c>--precision</c> asks for, float32 without one; takes it out. Null when it asks for what there is not, and standard error says so.</summary>
    public static string? Take(List<string> arguments)
    {
        if (arguments.IndexOf("--precision") is not (>= 0 and var at) || at + 1 >= arguments.Count) return Precisions.Float32;
        var option = arguments[at + 1];
        arguments.RemoveRange(at, 2);
        if (names.FirstOrDefault(n => n.Option == option).Precision is { } precision) return precision;
        Console.Error.WriteLine($"unknown precision {option}; there are {string.Join(", ", names.Select(n => n.Option))}");
        return null;
    }

    /// <summary>What command lines call a precision.</summary>
    public static string Option(string precision) => names.Single(n => n.Precision == precision).Option;

    /// <summary>A yardstick for so many threads.</summary>
    public static IModel Create(Yardstick yardstick, string precision, int threads) => precision == Precisions.Float32 ? yardstick.Create(threads) : yardstick.Over(new(Compile(yardstick, precision), seed: 1, threads));

    /// <summary>A yardstick on a device.</summary>
    /// <exception cref="PlatformNotSupportedException">There is no such card, or no driver; the message says which.</exception>
    public static IModel Create(Yardstick yardstick, string precision, int threads, Device device)
    {
        if (device.CudaIndex is not { } card) return Create(yardstick, precision, threads);
        var lowered = Lower(yardstick, precision, KnownTargets.Ptx);
        var model = new CompiledModel(lowered.Name, lowered, _ => 0);
        var driver = CudaDrivers.Open(card);
        try
        {
            return yardstick.Over(new(model, _ => new CudaDevice(driver, model, PtxTarget.Emit(lowered)), seed: 1, threads));
        }
        catch
        {
            driver.Dispose();
            throw;
        }
    }

    static CompiledModel Compile(Yardstick yardstick, string precision)
    {
        var lowered = Lower(yardstick, precision, KnownTargets.Cpu);
        return new(lowered.Name, lowered, KernelAssembly.Compile(lowered.Kernels).Address);
    }

    static LoweredProgram Lower(Yardstick yardstick, string precision, TargetModel target)
    {
        var program = ProgramParser.Parse(yardstick.Ir().Elaborated, OperationTable.Set);
        if (precision != Precisions.Float32) program = program with { Training = [.. program.Training.Select(t => t with { Precision = precision, LossScale = LossScaling.Setting(precision, wanted: 0) })] };
        return Lowerer.Lower(CompilerPipeline.Run(program, target));
    }
}
