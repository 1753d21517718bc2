using System;
using System.Globalization;
using System.Threading.Tasks;

namespace Graph.Killable;

/// <summary>Trains without end. After every step it prints the step and the bits of its loss; the checkpoint of a step is written before the next step is printed.</summary>
static class Program
{
    static async Task<int> Main(string[] args)
    {
        if (args is not [var checkpoint, var every, var threads])
        {
            Console.Error.WriteLine("usage: Killable CHECKPOINT EVERY THREADS");
            return 2;
        }
        // Whoever started it holds its input open: when that process is gone, this one ends too.
        _ = Task.Factory.StartNew(
            () =>
            {
                Console.In.ReadToEnd();
                Environment.Exit(3);
            },
            TaskCreationOptions.LongRunning);

        using var model = NoisyClassifier.Create(seed: 3, threads: int.Parse(threads, CultureInfo.InvariantCulture));
        await Training.RunAsync(
            model, long.MaxValue, checkpoint, int.Parse(every, CultureInfo.InvariantCulture),
            progress => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{progress.Step} {BitConverter.SingleToInt32Bits(progress.Loss):X8}")));
        return 0;
    }
}
