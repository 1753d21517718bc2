using System;
using System.Linq;
using Graph.Benchmarks.Fuzz;

namespace Graph.Benchmarks;

/// <summary>Runs one of the benchmarks. Each prints one JSON object a line.</summary>
static class Program
{
    static readonly (string Name, string Arguments, Func<string[], int> Run)[] commands =
    [
        ("compile", "[mlp|cnn|nanogpt|resnet18|gpt2|editor|depth|targets]...", CompileCommand.Run),
        ("start", "[--threads N] [--runs R] [MODEL]...", StartCommand.Run),
        ("steps", "[--precision fp32|fp16|bf16] [--threads N] [--seconds S] [--peer COMMAND] [MODEL]...", StepsCommand.Run),
        ("profile", "[--device cpu|cuda|cuda:N] [--precision fp32|fp16|bf16] [--batch N] [--threads N] [--seconds S] [MODEL]...", ProfileCommand.Run),
        ("seeds", "[--seeds N] [--metric NAME] EXAMPLE.dll [ARGUMENT]...", SeedsCommand.Run),
        ("memory", "[--batch N] [--threads N] [--seconds S] [--svg FILE] [MODEL]", MemoryCommand.Run),
        ("gemm", "[--layout nn|nt|tn] [--threads N] [--ways] [M N K]...", GemmCommand.Run),
        ("sums", "[--threads N] [M N K]...", SumsCommand.Run),
        ("conv", "[--threads N] [--rounds R] [--peer COMMAND] [BATCH CHANNELS SIZE FILTERS KERNEL STRIDE]...", ConvCommand.Run),
        ("inference", "[--threads N] [--seconds S] [--peer COMMAND] [--profile] [MODEL|MODEL:BATCH]...", InferenceCommand.Run),
        ("decode", "[--threads N] [--seconds S] [KEPT]...", DecodeCommand.Run),
        ("ptx", "--out FOLDER [--sm N] [MODEL]...", PtxCommand.Run),
        ("attention", "[--threads N] [--queries N] [BATCH HEADS KEY_HEADS LENGTH WIDTH]...", AttentionCommand.Run),
        ("fuzz", "safetensors|idx|csv|sources|programs [--count N] [--seed S]", FuzzCommand.Run),
    ];

    static int Main(string[] args)
    {
        var command = commands.FirstOrDefault(c => args.Length > 0 && c.Name == args[0]);
        if (command.Run is not null)
        {
            try
            {
                return command.Run(args[1..]);
            }
            catch (FormatException e)
            {
                Console.Error.WriteLine("error: " + e.Message);
            }
        }
        var asked = args.Length > 0 && args[0] is "--help" or "-h";
        var output = asked ? Console.Out : Console.Error;
        foreach (var (name, arguments, _) in commands)
            output.WriteLine($"usage: Benchmarks {name} {arguments}");
        return asked ? 0 : 2;
    }
}
