using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Graph.Killable;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Training in processes that are killed and go on from what they left on the disk.</summary>
public sealed class KillTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-kill-").FullName;

    string Checkpoint => Path.Combine(folder, "noisy.safetensors");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Training_goes_on_in_another_process_after_each_kill_with_the_same_bits()
    {
        var first = await TrainAndKill(every: 7, threads: 2, atStep: 16);
        Assert.Equal(1, first[0].Step);
        var saved = Saved(first, every: 7);

        // A checkpoint after every step: the process spends most of its time writing them.
        var second = await TrainAndKill(every: 1, threads: 1, atStep: saved + 40);
        Assert.Equal(saved + 1, second[0].Step);
        saved = Saved(second, every: 1);

        var third = new List<(long Step, int Loss)>();
        using var resumed = NoisyClassifier.Create(seed: 3, threads: 2);
        await Training.RunAsync(resumed, saved + 15, Checkpoint, every: 4, p => third.Add((p.Step, BitConverter.SingleToInt32Bits((float)p.Loss))));
        Assert.Equal(saved + 1, third[0].Step);
        Assert.Equal(saved + 15, third[^1].Step);
        Assert.Equal([Checkpoint], Directory.GetFiles(folder)); // whatever the kills left half written is gone

        var losses = new Dictionary<long, int>();
        using var straight = NoisyClassifier.Create(seed: 3, threads: 1);
        await Training.RunAsync(straight, Math.Max(saved + 15, first[^1].Step), checkpoint: null, every: 1, p =>
        {
            losses.Add(p.Step, BitConverter.SingleToInt32Bits((float)p.Loss));
            if (p.Step == saved + 15) Assert.Equal(Bits(straight), Bits(resumed));
        });
        Assert.All(first.Concat(second).Concat(third), p => Assert.Equal(losses[p.Step], p.Loss));
    }

    static (string, int)[] Bits(NoisyClassifier model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray().Select(v => (t.Path, BitConverter.SingleToInt32Bits(v))))];

    // The step that a killed process's file is of. Loading is strict: a file that is not whole would throw.
    long Saved(List<(long Step, int Loss)> reports, int every)
    {
        using var model = NoisyClassifier.Create();
        var info = model.Load(Checkpoint);
        Assert.True(info.IsTraining && info.SamePlan);
        var last = reports[^1].Step;
        Assert.Equal(0, info.Step % every);
        Assert.InRange(info.Step, (last - 1) / every * every, last);
        return info.Step;
    }

    // Starts the program, kills it while it trains on after the given step, and returns all that it said.
    async Task<List<(long Step, int Loss)>> TrainAndKill(int every, int threads, long atStep)
    {
        using var process = new ChildProcess(
            typeof(NoisyClassifier), Checkpoint, every.ToString(CultureInfo.InvariantCulture), threads.ToString(CultureInfo.InvariantCulture));
        var reports = new List<(long Step, int Loss)>();
        while (reports.Count == 0 || reports[^1].Step < atStep) reports.Add(Report(await process.ReadUntil(_ => true))!.Value);
        process.Kill();
        // What it said until it died; its last line may be cut.
        var (exit, output, _) = await process.Ended();
        foreach (var line in output.Split('\n'))
            if (Report(line) is { } report) reports.Add(report);
        Assert.Equal(OperatingSystem.IsWindows() ? -1 : 128 + 9, exit); // by the kill, not by itself
        return reports;
    }

    static (long Step, int Loss)? Report(string line) =>
        line.Split(' ') is [var step, { Length: 8 } loss] ? (long.Parse(step, CultureInfo.InvariantCulture), int.Parse(loss, NumberStyles.HexNumber, CultureInfo.InvariantCulture)) : null;
}
