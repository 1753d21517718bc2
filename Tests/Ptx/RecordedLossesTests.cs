using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Benchmarks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;
using Graph.Tests.Mixed;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>
/// The processor's losses that a card is compared with (<c>Tests/Gpu/losses.json</c>): ten steps of each yardstick, dropout on, in each precision that cards have. <c>GRAPH_RECORD_LOSSES=1</c> writes the file anew.
/// </summary>
public sealed class RecordedLossesTests
{
    const int Steps = 10;

    static readonly string[] precisions = [Precisions.Float32, Precisions.Float16, Precisions.BFloat16];

    static readonly string path = Path.Combine(Repository.Root, "Tests", "Gpu", "losses.json");

    static double[] Losses(Yardstick model, string precision, int steps)
    {
        var program = MixedModel.In(ProgramParser.Parse(model.Ir().Elaborated, OperationTable.Set), precision);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu));
        using var made = model.Over(new ModelInstance(new CompiledModel(lowered.Name, lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed: 1, threads: 0));
        var step = model.Step(made);
        return [.. Enumerable.Range(0, steps).Select(_ => step().Loss)];
    }

    [Fact]
    public void Recorded_losses_are_those_of_the_processor()
    {
        var models = Yardstick.All.Where(y => y.Name != "nanogpt1024").ToArray();
        if (Environment.GetEnvironmentVariable("GRAPH_RECORD_LOSSES") == "1")
        {
            var lines = models.Select(m => $"  \"{m.Name}\": {{\n" + string.Join(",\n", precisions.Select(p => $"    \"{p}\": {JsonSerializer.Serialize(Losses(m, p, Steps))}")) + "\n  }");
            File.WriteAllText(path, "{\n" + string.Join(",\n", lines) + "\n}\n");
        }
        var recorded = JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, double[]>>>(File.ReadAllText(path))!;
        Assert.Equal(models.Select(m => m.Name), recorded.Keys);
        foreach (var (name, losses) in recorded)
        {
            Assert.Equal(precisions, losses.Keys);
            Assert.All(losses.Values, l => Assert.True(l.Length == Steps && l.All(v => double.IsFinite(v) && v > 0), name));
        }
        // Of the smallest, which is made in a moment; a change of any of them shows on a card.
        var first = Losses(models[0], Precisions.Float32, 3);
        Assert.All(first.Zip(recorded["mlp"][Precisions.Float32]), l => Assert.InRange(l.First / l.Second, 1 - 1e-5, 1 + 1e-5));
    }
}
