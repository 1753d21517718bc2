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

    /// <summary>In 16 bits, with the gradients of two parts added up in each step, and steps that are skipped: twenty processes, each killed a few steps after what the one before has left.</summary>
    [Fact]
    public async Task Twenty_kills_under_fp16_with_micro_batches_change_no_bit()
    {
        const int Kills = 20;
        var reports = new List<(long Step, int Loss)>();
        long saved = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            var every = 1 + kill % 3;
            var part = await TrainAndKill(every, threads: 1 + kill % 2, atStep: saved + 4 + kill % 4, "parts");
            Assert.Equal(saved + 1, part[0].Step);
            reports.AddRange(part);
            using var model = NoisyParts.Create();
            var info = model.Load(Checkpoint);
            Assert.True(info.IsTraining && info.SamePlan);
            // Steps that are skipped are batches too.
            var position = info.Position!.Epoch * Training.Batches().Batches + info.Position.Batch;
            Assert.InRange(position, saved + 1, part[^1].Step);
            saved = position;
        }
        using var resumed = NoisyParts.Create(seed: 3, threads: 2);
        await Training.RunAsync(resumed, saved + 5, Checkpoint, every: 4, p => reports.Add((p.Step, BitConverter.SingleToInt32Bits((float)p.Loss))), data: Training.Batches(loud: true));

        var losses = new Dictionary<long, int>();
        using var straight = NoisyParts.Create(seed: 3, threads: 1);
        await Training.RunAsync(straight, Math.Max(saved + 5, reports.Max(r => r.Step)), checkpoint: null, every: 1, p =>
        {
            losses.Add(p.Step, BitConverter.SingleToInt32Bits((float)p.Loss));
            if (p.Step == saved + 5) Assert.Equal(Bits(straight), Bits(resumed));
        }, data: Training.Batches(loud: true));
        Assert.All(reports, p => Assert.Equal(losses[p.Step], p.Loss));
        Assert.InRange(resumed.Training().SkippedSteps, 1, saved); // some of the bits are those of a scale that came down
    }

    static (string, string)[] Bits(IModel model) => [.. model.Parameters.Select(t => (t.Path, Convert.ToHexString(t.Raw(0, int.MaxValue))))];

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
    async Task<List<(long Step, int Loss)>> TrainAndKill(int every, int threads, long atStep, params string[] how)
    {
        using var process = new ChildProcess(
            typeof(NoisyClassifier), [Checkpoint, every.ToString(CultureInfo.InvariantCulture), threads.ToString(CultureInfo.InvariantCulture), .. how]);
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
