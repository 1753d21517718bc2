using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Compiler.Training;
using Graph.Operations;
using Graph.PtxEmulator;
using Graph.Yardsticks;

namespace Graph.Benchmarks;

/// <summary>
/// <c>ptx --out FOLDER [--sm N] [--float16] [MODEL]…</c>: the kernels of the yardsticks as PTX, one file a module, and one JSON object a kernel: threads and shared bytes of a block and, where NVIDIA's ptxas is found
/// (<c>PTXAS</c> or the path), registers, spilled bytes and occupancy for <c>sm_N</c> (70 unless given; products on tensor cores 80 at least). With <c>--float16</c> training is in 16 bits; products on tensor cores, one line for each form, then say how many operations they do for a
/// byte at typical sizes, what their tile allows, and what an H100 reaches at most with that.
/// </summary>
static class PtxCommand
{
    static readonly (string Name, Func<ModelIr> Ir)[] models = [("mlp", () => Mlp.Ir), ("cnn", () => Cnn.Ir), ("nanogpt", () => NanoGpt.Ir), ("resnet18", () => ResNet18.Ir), ("gpt2", () => Gpt2.Ir)];

    public static int Run(string[] args)
    {
        string? folder = null;
        var (sm, isHalf, names) = (70, false, new List<string>());
        for (var i = 0; i < args.Length; i++)
            if (args[i] == "--out" && i + 1 < args.Length) folder = args[++i];
            else if (args[i] == "--sm" && i + 1 < args.Length) sm = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--float16") isHalf = true;
            else names.Add(args[i]);
        if (folder is null || names.FirstOrDefault(n => models.All(m => m.Name != n)) is not null)
        {
            Console.Error.WriteLine($"usage: Benchmarks ptx --out FOLDER [--sm N] [--float16] [{string.Join('|', models.Select(m => m.Name))}]...");
            return 2;
        }
        Directory.CreateDirectory(folder);
        foreach (var (name, ir) in models.Where(m => names.Count == 0 || names.Contains(m.Name))) Write(name, ir(), folder, sm, isHalf);
        return 0;
    }

    static void Write(string name, ModelIr ir, string folder, int sm, bool isHalf)
    {
        var parsed = ProgramParser.Parse(ir.Elaborated, OperationTable.Set);
        if (isHalf) parsed = parsed with { Training = [.. parsed.Training.Select(t => t with { Precision = Precisions.Float16, LossScale = LossScaling.Setting(Precisions.Float16, 0) })] };
        var program = Lowerer.Lower(CompilerPipeline.Run(parsed, KnownTargets.Ptx));
        File.WriteAllText(Path.Combine(folder, name + ".ptx"), PtxTarget.Emit(program));
        Print(name, PtxTarget.Functions(program), PtxVariant.Portable, sm, _ => []);
        var typical = DimBinding.Typical(program.Dims);
        var products = (from launch in program.Functions.SelectMany(f => f.Launches)
                        where PtxTensorLaunch.Has(launch, PtxVariant.TensorCores)
                        from function in PtxTensorLaunch.Functions(launch, isGuarded: false, isWide: false)
                        group (launch, function) by function.Name).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        var cores = PtxTarget.TensorFunctions(program);
        if (cores.Length > 0) Print(name, cores, PtxVariant.TensorCores, Math.Max(sm, PtxVariant.TensorCores.Capability), f => products.TryGetValue(f, out var product) ? Roofline(product.launch, product.function, typical) : []);
    }

    // Of an H100 SXM as NVIDIA's data sheet has it: dense float16 products, and its memory.
    const double Peak = 989.4e12, Bandwidth = 3.35e12;

    // Operations for each byte of the operands and results, and for each that a block reads; the share of the peak that the former allows.
    static IEnumerable<(string, object)> Roofline(Launch launch, PtxTensorFunction function, DimBinding typical)
    {
        var intensity = launch.Flops.Evaluate(typical) / (double)Math.Max(1, launch.Traffic.Evaluate(typical));
        return
        [
            ("variant", PtxVariant.TensorCores.Architecture), ("typical", PtxLaunches.Of(launch, typical, PtxVariant.TensorCores).Any(l => l.Function == function.Name)), ("flopsPerByte", Math.Round(intensity, 1)), ("tileFlopsPerByte", Math.Round(2 * function.Intensity, 1)),
            ("h100Share", Math.Round(Math.Min(1, intensity * Bandwidth / Peak), 3)), ("h100Bound", intensity * Bandwidth < Peak ? "memory" : "arithmetic"),
        ];
    }

    static void Print(string name, IReadOnlyList<PtxTarget.Function> functions, PtxVariant variant, int sm, Func<string, IEnumerable<(string, object)>> more)
    {
        var assembly = Ptxas.Find()?.Assemble(PtxTarget.Module(functions, variant), sm, TimeSpan.FromMinutes(5));
        if (assembly is { Success: false }) throw new InvalidDataException($"ptxas refuses {name}: {assembly.Log}");
        foreach (var function in functions)
        {
            var line = new Dictionary<string, object> { ["model"] = name, ["kernel"] = function.Name, ["threads"] = function.Threads, ["shared"] = function.SharedBytes };
            if (assembly?.Kernels.FirstOrDefault(k => k.Name == function.Name) is { } used)
            {
                var occupancy = PtxOccupancy.Of(sm, used.Registers, function.Threads, Math.Max(used.SharedBytes, function.SharedBytes));
                (line["sm"], line["registers"], line["spilled"], line["stack"]) = (sm, used.Registers, used.SpillStores + used.SpillLoads, used.StackFrame);
                (line["warps"], line["occupancy"], line["limiter"]) = (occupancy.Warps, Math.Round(occupancy.Share, 3), occupancy.Limiter);
            }
            foreach (var (key, value) in more(function.Name)) line[key] = value;
            Console.WriteLine(JsonSerializer.Serialize(line));
        }
    }
}
