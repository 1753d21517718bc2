using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using Graph.Examples.Digits;
using Graph.Killable;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Training in processes that are asked to end: they save first, however long what they are at takes.</summary>
public sealed class SignalTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-signal-").FullName;

    string Checkpoint => Path.Combine(folder, "noisy.safetensors");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    ChildProcess Train(int every, params string[] how) => new(typeof(NoisyClassifier), [Checkpoint, $"{every}", "1", .. how]);

    long SavedStep()
    {
        using var model = NoisyClassifier.Create();
        return model.Load(Checkpoint).Step;
    }

    [Fact]
    public async Task A_step_ends_and_is_saved_however_long_it_takes_and_nobody_else_gets_the_file()
    {
        if (OperatingSystem.IsWindows()) return;
        using var process = Train(every: 1000, "step");
        await process.ReadUntil(line => line == "in step");

        // Before the training and not after it: another run has the file.
        using (var model = NoisyClassifier.Create(seed: 3))
        {
            var error = await Assert.ThrowsAsync<IOException>(() => Training.RunAsync(model, 5, Checkpoint, 1, _ => { }));
            Assert.StartsWith($"{Checkpoint}: another run is at work on it, which holds the lock {Path.Combine(folder, ".noisy.safetensors.lock")}.", error.Message, StringComparison.Ordinal);
            Assert.Equal(0, model.Step);
        }
        Assert.False(File.Exists(Checkpoint));

        process.Signal(ChildProcess.Terminate);
        await process.ReadUntil(line => line == "signal SIGTERM");
        process.WriteLine("go on");
        Assert.Equal(128 + ChildProcess.Terminate, (await process.Ended()).ExitCode);
        Assert.Equal(4, SavedStep());
        Assert.Equal([Checkpoint], Directory.GetFiles(folder)); // and the lock is gone
    }

    [Fact]
    public async Task An_evaluation_is_left_and_made_again_when_training_goes_on()
    {
        if (OperatingSystem.IsWindows()) return;
        using (var process = Train(every: 1000, "evaluation"))
        {
            await process.ReadUntil(line => line == "in evaluation");
            process.Signal(ChildProcess.Interrupt);
            Assert.Equal(128 + ChildProcess.Interrupt, (await process.Ended()).ExitCode);
        }
        Assert.Equal(3, SavedStep());

        var evaluations = 0;
        using var model = NoisyClassifier.Create(seed: 3);
        await Training.RunAsync(model, 4, Checkpoint, 1000, _ => { }, new() { EvalEvery = 3, Metrics = [new("wait", () => ++evaluations)] });
        Assert.Equal(2, evaluations); // at step 3, and at the end
    }

    [Fact]
    public async Task The_second_signal_ends_the_process_at_once()
    {
        if (OperatingSystem.IsWindows()) return;
        using var process = Train(every: 2, "deaf");
        await process.ReadUntil(line => line == "in evaluation");
        process.Signal(ChildProcess.Interrupt);
        await process.ReadUntil(line => line == "signal SIGINT");
        process.Signal(ChildProcess.Interrupt);
        Assert.Equal(128 + ChildProcess.Interrupt, (await process.Ended()).ExitCode);
        Assert.Equal(2, SavedStep()); // what was written before is whole
    }

    [Fact]
    public async Task A_process_that_only_writes_ends_with_a_whole_file_of_its_last_step()
    {
        if (OperatingSystem.IsWindows()) return;
        using var process = Train(every: 1);
        await process.ReadUntil(line => line.StartsWith("25 ", StringComparison.Ordinal));
        process.Signal(ChildProcess.Hangup);
        var (exit, output, error) = await process.Ended();
        Assert.Equal((128 + ChildProcess.Hangup, ""), (exit, error));
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var last = Array.FindLast(lines, line => !line.StartsWith("signal", StringComparison.Ordinal)) ?? "25 ";
        Assert.Equal(last.Split(' ')[0], $"{SavedStep()}");
    }

    // By way of a command-line library, which has an opinion of its own about signals.
    [Fact]
    public async Task An_example_that_is_stopped_goes_on_with_its_checkpoint()
    {
        if (OperatingSystem.IsWindows()) return;
        using (var process = new ChildProcess(typeof(DigitReader), "--out", folder, "--threads", "1", "--steps", "100000"))
        {
            await process.ReadUntil(line => line.StartsWith("step 1/", StringComparison.Ordinal));
            process.Signal(ChildProcess.Interrupt);
            var (exit, _, error) = await process.Ended();
            Assert.Equal(128 + ChildProcess.Interrupt, exit);
            Assert.Contains("Stopping", error, StringComparison.Ordinal);
        }
        using var model = DigitReader.Create();
        var step = model.Load(Path.Combine(folder, "checkpoint.safetensors")).Step;
        Assert.InRange(step, 1, 99_999);

        using var resumed = new ChildProcess(typeof(DigitReader), "--out", folder, "--threads", "1", "--steps", $"{step + 2}", "--resume", "--metrics", Path.Combine(folder, "metrics.json"));
        var ended = await resumed.Ended();
        Assert.Equal((0, ""), (ended.ExitCode, ended.Error));
        Assert.Contains($"\"steps\": {step + 2}", File.ReadAllText(Path.Combine(folder, "metrics.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Signals_have_their_usual_effect_before_and_after()
    {
        var signals = new ShutdownSignals();
        Assert.Equal((false, null, 0), (signals.Token.IsCancellationRequested, (PosixSignal?)signals.Received, signals.ExitCode));
        signals.Dispose();
        signals.Dispose();
        Assert.False(signals.Token.IsCancellationRequested);
    }
}
