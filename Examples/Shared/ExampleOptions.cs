using System;
using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Graph.Runtime.Checkpoints;

namespace Graph.Examples;

/// <summary>What every example understands on its command line.</summary>
sealed record ExampleOptions(
    string? Data, int? Steps, int? Epochs, ulong Seed, int Threads, Device Device, Precision Precision, ResumeMode Resume, RunChanges Accept, DirectoryInfo Out, FileInfo? Metrics, bool Memory)
{
    /// <summary>
    /// Parses the command line, runs the example, and gives the process's exit code: 0 done, 1 failed with a message, 2 a wrong command line, 128 + n stopped by signal n (130 for Ctrl-C).
    /// </summary>
    public static async Task<int> RunAsync(
        string[] args, string description, string data, string output, Func<ExampleOptions, CancellationToken, Task> run, params Option[] more)
    {
        var dataOption = new Option<string?>("--data") { Description = data };
        var steps = new Option<int?>("--steps") { Description = "Stop after so many training steps." };
        var epochs = new Option<int?>("--epochs") { Description = "Stop after so many passes over the data." };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the weights, the order of the data and every random number.", DefaultValueFactory = _ => 42 };
        var threads = new Option<int>("--threads") { Description = "CPU threads; 0 takes one a core. The results do not depend on it.", DefaultValueFactory = _ => 0 };
        var device = new Option<string>("--device") { Description = "best, cpu, or an NVIDIA card: cuda, or cuda:1 for the second one.", DefaultValueFactory = _ => "best" };
        var precision = new Option<string>("--precision") { Description = "fp32, or mixed precision in 16 bits: fp16 or bf16.", DefaultValueFactory = _ => "fp32" };
        var resume = new Option<bool>("--resume") { Description = "Go on from the checkpoint in the --out folder, with the same data, seed and sizes; --steps and --epochs may be more." };
        var accept = new Option<string?>("--accept") { Description = "In what a resumed run may differ: data, seed, batches, schedule, facts, plan, model, unrecorded or all, with commas between." };
        var outOption = new Option<DirectoryInfo>("--out") { Description = "Folder for checkpoints and reports.", DefaultValueFactory = _ => new DirectoryInfo(output) };
        var metrics = new Option<FileInfo?>("--metrics") { Description = "Write the final figures to this file as JSON." };
        var memory = new Option<bool>("--memory") { Description = "Say what the model will take in memory, by kind, and where its peak is, and train nothing." };
        Require(steps, n => n is null or >= 1, "a number of at least 1");
        Require(epochs, n => n is null or >= 1, "a number of at least 1");
        Require(threads, n => n >= 0, "a number of at least 0");
        Require(accept, text => text is null || Changes(text) is not null, "some of data, seed, batches, schedule, facts, plan, model, unrecorded or all");
        Require(device, text => text is not null && IsDevice(text), "best, cpu, cuda or cuda:N");
        precision.AcceptOnlyFromAmong("fp32", "fp16", "bf16");

        var command = new RootCommand(description) { dataOption, steps, epochs, seed, threads, device, precision, resume, accept, outOption, metrics, memory };
        foreach (var option in more) command.Options.Add(option);
        using var signals = new ShutdownSignals(_ => Console.Error.WriteLine("Stopping: what was reached is saved first. Once more ends at once and saves nothing."));
        command.SetAction(async (result, cancel) =>
        {
            Parsed = result;
            try
            {
                // Found out now, and not after the training.
                var folder = result.GetValue(outOption)!;
                using var held = RunLock.OfFolder(folder.FullName);
                if (result.GetValue(metrics) is { } file) CheckWritable(file);
                await run(
                    new(result.GetValue(dataOption), result.GetValue(steps), result.GetValue(epochs), result.GetValue(seed), result.GetValue(threads),
                        Device.Parse(result.GetValue(device)!),
                        result.GetValue(precision) switch { "fp16" => Precision.Float16, "bf16" => Precision.BFloat16, _ => Precision.Float32 }, result.GetValue(resume) ? ResumeMode.Always : ResumeMode.Never,
                        result.GetValue(accept) is { } text ? Changes(text)!.Value : RunChanges.None, folder, result.GetValue(metrics), result.GetValue(memory)),
                    cancel);
                return 0;
            }
            catch (OperationCanceledException) when (signals.Received is not null)
            {
                Say("Stopped.");
                return signals.ExitCode;
            }
            // What the user can mend: a missing or foreign file, an impossible size. Anything else is a defect and keeps its stack trace.
            catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or UnauthorizedAccessException or PlatformNotSupportedException or CheckpointException)
            {
                Say("error: " + e.Message);
                if (e is CheckpointException { Changes: not RunChanges.None } other) Say($"On this command line: --accept {other.Changes.ToString().ToLowerInvariant().Replace(" ", "")}");
                if (e.CheckpointFailure is { } second) Say("error: what was reached could not be saved: " + second.Message);
                return 1;
            }
        });
        var parsed = command.Parse(args);
        // Its own way with signals ends the process two seconds after one, whatever is being written.
        return parsed.Errors.Count > 0 ? Complain(parsed) : await parsed.InvokeAsync(new() { ProcessTerminationTimeout = null }, signals.Token);
    }

    /// <summary>The parsed command line, for an example's own options.</summary>
    public static ParseResult Parsed { get; private set; } = null!;

    /// <summary>The path of a file in the <c>--out</c> folder, which can be written there.</summary>
    /// <exception cref="IOException">A folder, a pipe or a device is in its place.</exception>
    /// <exception cref="UnauthorizedAccessException">There is a file that is read-only.</exception>
    public string File(string name)
    {
        var path = Path.Combine(Out.FullName, name);
        AtomicFile.Target(path);
        return path;
    }

    static bool IsDevice(string text)
    {
        try
        {
            Device.Parse(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    static RunChanges? Changes(string text) =>
        Enum.TryParse<RunChanges>(text, ignoreCase: true, out var changes) && (changes & ~RunChanges.All) == 0 && !char.IsAsciiDigit(text.Trim()[0]) ? changes : null;

    /// <summary>Refuses values of an option, with a message that says what it needs; what is no value at all has its own message.</summary>
    public static void Require<T>(Option<T> option, Func<T?, bool> holds, string need) => option.Validators.Add(result =>
    {
        try
        {
            var value = result.GetValueOrDefault<T>();
            if (!holds(value)) result.AddError($"{option.Name} needs {need}, not {value}.");
        }
        catch (InvalidOperationException)
        {
            // No value of that type at all: the library says so.
        }
    });

    static void CheckWritable(FileInfo file)
    {
        try
        {
            AtomicFile.Target(file.FullName);
            file.Directory?.Create();
            System.IO.File.Create(Path.Combine(file.DirectoryName!, Path.GetRandomFileName()), 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"--metrics {file}: nothing can be written there: {e.Message}", e);
        }
    }

    // A terminal that was closed sends a signal and takes no more text.
    static void Say(string text)
    {
        try
        {
            Console.Error.WriteLine(text);
        }
        catch (IOException)
        {
            // The exit code says it, too.
        }
    }

    static int Complain(ParseResult parsed)
    {
        foreach (var error in parsed.Errors) Console.Error.WriteLine("error: " + error.Message);
        Console.Error.WriteLine("--help lists the options.");
        return 2;
    }
}
