using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Json;
using Graph.Yardsticks.Small;

namespace Graph.Benchmarks.Fuzz;

/// <summary>
/// Checkpoints of a small model: in training, weights alone, and without checks as other libraries write them. What is loaded is what stands in the file, and with checks it is what was saved; what is
/// refused changes nothing.
/// </summary>
sealed class SafetensorsTarget : FileTarget
{
    readonly LinearClassifier model = LinearClassifier.Create(seed: 1, threads: 1);
    readonly byte[][] seeds;
    readonly HashSet<string> saved = [];
    byte[] before = [];

    public SafetensorsTarget()
    {
        using var trained = LinearClassifier.Create(seed: 2, threads: 1);
        trained.TrainStep(new float[16], new int[2]);
        model.TrainStep(new float[16], new int[2]); // so that optimizer states exist, and loading makes none
        trained.Save(File);
        var training = System.IO.File.ReadAllBytes(File);
        trained.Save(File, weightsOnly: true);
        var weights = System.IO.File.ReadAllBytes(File);
        seeds = [training, weights, WithoutChecks(training), WithoutChecks(weights)];
        foreach (var seed in seeds)
            foreach (var (name, type, begin, end) in Tensors(seed)) saved.Add(name + type + Convert.ToHexString(seed.AsSpan(begin, end - begin)));
    }

    static byte[] WithoutChecks(byte[] bytes)
    {
        var copy = (byte[])bytes.Clone();
        copy[copy.AsSpan().IndexOf("\"crc32c\""u8) + 1] = (byte)'x';
        return copy;
    }

    static int HeaderEnd(byte[] bytes) => (int)Math.Min(bytes.Length, 8 + BinaryPrimitives.ReadInt64LittleEndian(bytes));

    protected override byte[] Make(Random random, out long unpacked)
    {
        unpacked = 0;
        var bytes = seeds[random.Next(seeds.Length)];
        var end = HeaderEnd(bytes);
        var (from, to) = random.Next(8) switch { 0 => (0, 8), 1 or 2 => (end, bytes.Length), 3 => (0, bytes.Length), _ => (8, end) };
        var length = bytes.Length;
        bytes = ByteMutations.Mutate(bytes, seeds[random.Next(seeds.Length)], from, to, random);
        // A header whose length fits is read further.
        if (from == 8 && bytes.Length > 8 && random.Next(4) > 0) BinaryPrimitives.WriteInt64LittleEndian(bytes, Math.Max(0, end - 8 + bytes.Length - length));
        return bytes;
    }

    protected override void Read(Random random)
    {
        before = Numbers();
        model.Load(File, new() { WeightsOnly = random.Next(2) == 0 });
    }

    byte[] Numbers() => [.. model.Parameters.SelectMany(t => System.Runtime.InteropServices.MemoryMarshal.AsBytes(t.Read<float>()).ToArray()), .. BitConverter.GetBytes(model.Step), .. BitConverter.GetBytes(model.LearningRate)];

    protected override bool IsDocumented(Exception exception) => exception is CheckpointException;

    protected override void CheckRefused()
    {
        if (!before.AsSpan().SequenceEqual(Numbers())) throw new FuzzFailure("a refused file changed the model");
    }

    protected override void CheckRead(byte[] bytes)
    {
        var hasChecks = Encoding.UTF8.GetString(bytes.AsSpan(8, HeaderEnd(bytes) - 8)).Contains("\"crc32c\":", StringComparison.Ordinal);
        var loaded = 0;
        foreach (var (name, type, begin, end) in Tensors(bytes))
        {
            if (name.StartsWith("optimizer.", StringComparison.Ordinal)) continue;
            var data = bytes.AsSpan(begin, end - begin);
            if (type != "F32" || !System.Runtime.InteropServices.MemoryMarshal.AsBytes(model.Parameters[name].Read<float>()).SequenceEqual(data)) throw new FuzzFailure($"{name} is not what stands in the file");
            if (hasChecks && !saved.Contains(name + type + Convert.ToHexString(data))) throw new FuzzFailure($"{name} was damaged, and its check said nothing");
            loaded++;
        }
        if (loaded != model.Parameters.Count(t => !t.Path.StartsWith("optimizer.", StringComparison.Ordinal))) throw new FuzzFailure($"{loaded} tensors were read");
    }

    // Another reader's view of the file.
    static IEnumerable<(string Name, string Type, int Begin, int End)> Tensors(byte[] bytes)
    {
        var start = HeaderEnd(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, start - 8));
        return [.. header.RootElement.EnumerateObject().Where(p => p.Name != "__metadata__").Select(p =>
            (p.Name, p.Value.GetProperty("dtype").GetString()!, start + p.Value.GetProperty("data_offsets")[0].GetInt32(), start + p.Value.GetProperty("data_offsets")[1].GetInt32()))];
    }

    public override void Dispose()
    {
        model.Dispose();
        base.Dispose();
    }
}
