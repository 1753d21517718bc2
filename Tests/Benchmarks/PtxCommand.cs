using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.PtxEmulator;
using Graph.Yardsticks;

namespace Graph.Benchmarks;

/// <summary>
/// <c>ptx --out FOLDER [--sm N] [MODEL]…</c>: the kernels of the yardsticks as PTX, one file a module, and one JSON object a kernel: threads and shared bytes of a block and, where NVIDIA's ptxas is found
/// (<c>PTXAS</c> or the path), registers, spilled bytes and occupancy for <c>sm_N</c> (70 unless given).
/// </summary>
static class PtxCommand
{
    static readonly (string Name, Func<ModelIr> Ir)[] models = [("mlp", () => Mlp.Ir), ("cnn", () => Cnn.Ir), ("nanogpt", () => NanoGpt.Ir), ("resnet18", () => ResNet18.Ir), ("gpt2", () => Gpt2.Ir)];

    public static int Run(string[] args)
    {
        string? folder = null;
        var (sm, names) = (70, new List<string>());
        for (var i = 0; i < args.Length; i++)
            if (args[i] == "--out" && i + 1 < args.Length) folder = args[++i];
            else if (args[i] == "--sm" && i + 1 < args.Length) sm = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else names.Add(args[i]);
        if (folder is null || names.FirstOrDefault(n => models.All(m => m.Name != n)) is not null)
        {
            Console.Error.WriteLine($"usage: Benchmarks ptx --out FOLDER [--sm N] [{string.Join('|', models.Select(m => m.Name))}]...");
            return 2;
        }
        Directory.CreateDirectory(folder);
        foreach (var (name, ir) in models.Where(m => names.Count == 0 || names.Contains(m.Name))) Write(name, ir(), folder, sm);
        return 0;
    }

    static void Write(string name, ModelIr ir, string folder, int sm)
    {
        var program = Lowerer.Lower(CompilerPipeline.Run(ProgramParser.Parse(ir.Elaborated, OperationTable.Set), KnownTargets.Ptx));
        var functions = PtxTarget.Functions(program);
        var text = PtxTarget.Module(functions);
        File.WriteAllText(Path.Combine(folder, name + ".ptx"), text);
        var assembly = Ptxas.Find()?.Assemble(text, sm, TimeSpan.FromMinutes(5));
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
            Console.WriteLine(JsonSerializer.Serialize(line));
        }
    }
}
