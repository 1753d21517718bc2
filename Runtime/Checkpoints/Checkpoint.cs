using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Checkpoints;

/// <summary>
/// Models as safetensors files. Parameters and running statistics stand under their names; a file written in training also has the optimizer's states under <c>optimizer.</c> and,
/// in the metadata, step, seed, learning rate, position in the data and the plan's fingerprint.
/// </summary>
static unsafe class Checkpoint
{
    const int ChunkBytes = 16 << 20;
    const long MostSteps = 1L << 53; // as many as a double counts

    // Metadata keys.
    const string Format = "format", FormatName = "graph", Model = "model", Step = "step", Attempts = "attempts", Seed = "seed", Rate = "learning_rate", Epoch = "epoch", Batch = "batch", Fingerprint = "plan";

    /// <summary>What a file says beside its tensors.</summary>
    /// <param name="IsTraining">It has all that training needs to go on.</param>
    /// <param name="Step">How many steps were made, by all training programs together.</param>
    /// <param name="Attempts">How many were tried.</param>
    /// <param name="LearningRates">The rate of each training program, by its name.</param>
    /// <param name="Position">Where training stood; null when the file does not say.</param>
    /// <param name="Fingerprint">The plan it was trained with; null when the file does not say.</param>
    /// <param name="Metadata">All that it says, by key.</param>
    public sealed record Info(bool IsTraining, long Step, long Attempts, ulong Seed, ImmutableDictionary<string, double> LearningRates, TrainingPosition? Position, string? Fingerprint, ImmutableDictionary<string, string> Metadata);

    /// <summary>Writes the file, atomically.</summary>
    /// <param name="run">What a training run adds to the metadata.</param>
    /// <param name="weightsOnly">Leaves out what only training needs.</param>
    /// <param name="reals">What real numbers are rounded to; null writes them as they are.</param>
    /// <exception cref="OverflowException">A number is too large for <paramref name="reals"/>; nothing was written.</exception>
    public static void Save(
        string path, ParameterStore store, string model, string fingerprint, ImmutableDictionary<string, string> learningRates, TrainingPosition? position, ImmutableDictionary<string, string> run, bool weightsOnly,
        DType? reals = null)
    {
        AtomicFile.Write(path, stream =>
        {
            // Header, checks and numbers are of one step.
            using var inside = store.Gate.Share();
            store.ThrowIfDisposed();
            var tensors = store.All.Where(t => weightsOnly ? t.Kind.IsWeight() : t.Kind.IsSaved()).ToArray();
            var metadata = ImmutableDictionary<string, string>.Empty.Add(Format, FormatName).Add(Model, model);
            if (!weightsOnly && store.IsTraining)
            {
                metadata = metadata.Add(Step, Text(store.Step)).Add(Attempts, Text(store.Attempts)).Add(Seed, store.Seed.ToString(CultureInfo.InvariantCulture)).Add(Fingerprint, fingerprint)
                    .AddRange(learningRates.Select(r => KeyValuePair.Create(RateOf(r.Key), r.Value)));
                if (position is not null) metadata = metadata.Add(Epoch, Text(position.Epoch)).Add(Batch, Text(position.Batch));
                metadata = metadata.AddRange(run);
            }
            stream.Write(Header(tensors, metadata, reals).Write());
            foreach (var tensor in tensors) ForEachChunk(tensor, TypeOf(tensor, reals), stream.Write);
        });
    }

    static DType TypeOf(StoredTensor tensor, DType? reals) => reals is { } type && tensor.Type.IsFloat() ? type : tensor.Type;

    delegate void Chunk(ReadOnlySpan<byte> bytes);

    // The bytes of a tensor in a type, some at a time.
    static void ForEachChunk(StoredTensor tensor, DType type, Chunk use)
    {
        for (long at = 0; at < tensor.Bytes; at += ChunkBytes)
        {
            var raw = tensor.Raw(at, ChunkBytes);
            if (type == tensor.Type)
            {
                use(raw);
                continue;
            }
            var count = raw.Length / tensor.Type.Size();
            var rounded = new byte[type.Bytes(count)];
            fixed (byte* from = raw, to = rounded)
                if (!FloatConversion.Convert(from, tensor.Type, to, type, count)) throw new OverflowException($"{tensor.Path} has a number that is too large for {type.Name()}{(type == DType.F16 ? ", which ends at 65504: bf16 has the range of f32" : "")}.");
            use(rounded);
        }
    }

    // Of a training program; of a model's only one without its name, which is empty.
    static string RateOf(string training) => training.Length == 0 ? Rate : Rate + "." + training;

    static SafetensorsHeader Header(IReadOnlyList<StoredTensor> tensors, ImmutableDictionary<string, string> metadata, DType? reals)
    {
        var entries = ImmutableArray.CreateBuilder<SafetensorsEntry>();
        long offset = 0;
        foreach (var tensor in tensors)
        {
            var bytes = TypeOf(tensor, reals).Bytes(tensor.Length);
            entries.Add(new(tensor.Path, TypeOf(tensor, reals), tensor.Shape, offset, offset + bytes));
            offset += bytes;
        }
        return new() { Entries = entries.ToImmutable(), Metadata = metadata, Checks = [.. tensors.Select(t => CheckOf(t, TypeOf(t, reals)))] };
    }

    static uint CheckOf(StoredTensor tensor, DType type)
    {
        var check = Crc32C.Start;
        ForEachChunk(tensor, type, bytes => check = Crc32C.Append(check, bytes));
        return check;
    }

    static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads a file into the store. Either everything that fits is read or, when something does not, nothing.</summary>
    /// <exception cref="CheckpointException">The file is damaged or of another model.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static (Info Info, TensorMatch Match) Load(string path, ParameterStore store, string model, LoadOptions options)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1 << 16);
        var header = SafetensorsHeader.Read(stream, path);
        var info = ReadInfo(header, path);
        var training = info.IsTraining && !options.WeightsOnly;
        var match = TensorMatch.Of(header, store, model, path, training, options);
        // Read beside the model and then put in its place: a file that cannot be read to its end changes nothing, and nobody waits for a disk.
        using var read = NativeAllocator.Current.Allocate(Math.Max(1, match.Pairs.Sum(p => p.Entry.End - p.Entry.Begin)), alignment: 64, $"the tensors of {path}");
        header.ReadData(stream, match.Pairs.Select(p => p.Entry), read.Pointer, path);

        using var alone = store.Gate.Exclude();
        if (training) store.StartTraining();
        var place = read.Pointer;
        foreach (var (entry, declaration) in match.Pairs)
        {
            var tensor = store[declaration.Path];
            if (entry.Type == tensor.Type) System.Buffer.MemoryCopy(place, tensor.Pointer, tensor.Bytes, tensor.Bytes);
            else FloatConversion.Convert(place, entry.Type, (byte*)tensor.Pointer, tensor.Type, tensor.Length);
            place += entry.End - entry.Begin;
        }
        if (training)
        {
            store.Attempts = info.Attempts;
            store.Seed = info.Seed;
        }
        if (match.Pairs.Length == store.All.Length) store.IsSound = true; // a part mends nothing
        store.Touch();
        return (info with { IsTraining = training }, match);
    }

    /// <summary>Reads what a file says beside its tensors.</summary>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static Info ReadInfo(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        return ReadInfo(SafetensorsHeader.Read(stream, path), path);
    }

    static Info ReadInfo(SafetensorsHeader header, string path)
    {
        var metadata = header.Metadata;
        if (!metadata.ContainsKey(Step)) return new(false, 0, 0, 0, ImmutableDictionary<string, double>.Empty, null, null, metadata);
        try
        {
            var position = metadata.TryGetValue(Epoch, out var epoch) && metadata.TryGetValue(Batch, out var batch)
                ? new TrainingPosition((int)Count(Epoch, epoch, int.MaxValue - 1), (int)Count(Batch, batch, int.MaxValue)) : null;
            return new(
                true, Count(Step, metadata[Step], MostSteps), Count(Attempts, metadata.GetValueOrDefault(Attempts, metadata[Step]), MostSteps), ulong.Parse(metadata[Seed], NumberStyles.None, CultureInfo.InvariantCulture),
                metadata.Where(m => m.Key == Rate || m.Key.StartsWith(Rate + ".", StringComparison.Ordinal)).ToImmutableDictionary(m => m.Key[Rate.Length..].TrimStart('.'), m => ParseRate(m.Value)), position, metadata.GetValueOrDefault(Fingerprint), metadata);
        }
        catch (Exception e) when (e is FormatException or OverflowException or KeyNotFoundException)
        {
            throw new CheckpointException(path, $"has damaged metadata ({e.Message})", e);
        }
    }

    // A number that training would only meet later, as an overflow or a place that no data has.
    static long Count(string key, string text, long most) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= most ? count
            : throw new FormatException($"The {key} is {text}, expected a whole number from 0 to {most}.");

    static double ParseRate(string text) =>
        double.Parse(text, CultureInfo.InvariantCulture) is var rate && float.IsFinite((float)rate) ? rate : throw new FormatException($"The {Rate} is {text}, expected a finite number.");
}
