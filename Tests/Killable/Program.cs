using System;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;

namespace Graph.Killable;

/// <summary>
/// Trains without end. After every step it prints the step and the bits of its loss; the checkpoint of a step is written before the next step is printed. A signal ends it by way of a checkpoint.
/// </summary>
static class Program
{
    static async Task<int> Main(string[] args)
    {
        if (args is not [var checkpoint, var every, var threads, .. var more])
        {
            Console.Error.WriteLine("usage: Killable CHECKPOINT EVERY THREADS [step|evaluation|deaf|parts]");
            return 2;
        }
        using var permission = new ManualResetEventSlim();
        // Whoever started it holds its input open: when that process is gone, this one ends too. A line lets go on what waits.
        _ = Task.Factory.StartNew(
            () =>
            {
                while (Console.In.ReadLine() is not null) permission.Set();
                Environment.Exit(3);
            },
            TaskCreationOptions.LongRunning);

        using var signals = new ShutdownSignals(signal => Console.WriteLine($"signal {signal}"));
        var workers = int.Parse(threads, CultureInfo.InvariantCulture);
        var isInParts = more is ["parts"];
        using IModel model = isInParts ? NoisyParts.Create(seed: 3, threads: workers) : NoisyClassifier.Create(seed: 3, threads: workers);
        var data = Training.Batches(loud: isInParts);
        FitOptions options = new();
        switch (more)
        {
            case [] or ["parts"]: break;
            // A step that takes as long as it is not permitted to go on, and looks at no token.
            case ["step"]: data = new Obstacle(data, atRead: 4, () => Wait("step", permission.Wait)); break;
            case ["evaluation"]: options = new() { EvalEvery = 3, Metrics = [new("wait", cancel => Wait("evaluation", () => permission.Wait(cancel)))] }; break;
            case ["deaf"]: options = new() { EvalEvery = 3, Metrics = [new("wait", () => Wait("evaluation", permission.Wait))] }; break;
        }
        try
        {
            await Training.RunAsync(
                model, long.MaxValue, checkpoint, int.Parse(every, CultureInfo.InvariantCulture),
                progress => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{progress.Step} {BitConverter.SingleToInt32Bits((float)progress.Loss):X8}")), options, data, signals.Token);
            return 0;
        }
        catch (OperationCanceledException)
        {
            return signals.ExitCode;
        }
    }

    static double Wait(string where, Action wait)
    {
        Console.WriteLine($"in {where}");
        wait();
        return 0;
    }
}
