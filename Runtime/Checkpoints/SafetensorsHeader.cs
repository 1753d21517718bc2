using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;

namespace Graph.Runtime.Checkpoints;

/// <summary>One tensor of a file: where its bytes lie, counted from the end of the header.</summary>
sealed record SafetensorsEntry(string Name, DType Type, ImmutableArray<long> Shape, long Begin, long End)
{
    public string Description => $"{Type.Name()}[{string.Join(",", Shape)}]";
}

/// <summary>
/// The head of a safetensors file: its length as 8 bytes little-endian, then JSON with a name, type, shape and byte range for each tensor and an optional map of texts under <c>__metadata__</c>.
/// The format is that of https://github.com/huggingface/safetensors.
/// </summary>
sealed class SafetensorsHeader
{
    /// <summary>No header is longer: the limit of the reference implementation.</summary>
    public const long MostHeaderBytes = 100_000_000;

    /// <summary>
    /// No file that is read holds more tensors, more metadata, a tensor of more axes or a name of more bytes, so that a header of nonsense takes no more memory than a few times its length.
    /// </summary>
    public const int MostTensors = 1 << 18, MostMetadata = 1 << 16, MostAxes = 64, MostNameBytes = 1 << 12;

    const string MetadataKey = "__metadata__", ChecksKey = "crc32c";
    const int Alignment = 8, MostShown = 200, PieceBytes = 1 << 20;

    static readonly (string Name, DType Type)[] Types =
    [
        ("F64", DType.F64), ("F32", DType.F32), ("F16", DType.F16), ("BF16", DType.BF16), ("I64", DType.I64), ("I32", DType.I32), ("I8", DType.I8), ("U8", DType.U8), ("BOOL", DType.Bool),
    ];

    public required ImmutableArray<SafetensorsEntry> Entries { get; init; }

    public required ImmutableDictionary<string, string> Metadata { get; init; }

    /// <summary>
    /// The <see cref="Crc32C"/> of each entry's bytes, in the order of <see cref="Entries"/>; none when left out. In the file they are one text of the metadata, <c>crc32c</c>: eight hexadecimal digits for
    /// the head itself without this text, as <see cref="Write()"/> would write it, then eight for each tensor in the order of their bytes. Other libraries take it for metadata like any other.
    /// </summary>
    public ImmutableArray<uint> Checks { get; init; } = [];

    /// <summary>Where the tensors' bytes begin in the file.</summary>
    public long DataStart { get; private init; }

    /// <summary>The bytes of the head, padded with spaces so that the data is aligned.</summary>
    public byte[] Write()
    {
        if (Checks.IsEmpty) return Write(Metadata);
        var ordered = Entries.Zip(Checks).OrderBy(p => p.First.Begin).ThenBy(p => p.First.End).Select(p => p.Second);
        return Write(Metadata.Add(ChecksKey, string.Join(" ", ordered.Prepend(OwnCheck()).Select(check => check.ToString("x8", CultureInfo.InvariantCulture)))));
    }

    // Of what the head says and not of its characters: a tool that writes the same in another order or with other spaces does no damage.
    uint OwnCheck() => Crc32C.Of(new SafetensorsHeader { Entries = [.. Entries.OrderBy(e => e.Begin).ThenBy(e => e.End).ThenBy(e => e.Name, StringComparer.Ordinal)], Metadata = Metadata }.Write());

    byte[] Write(ImmutableDictionary<string, string> metadata)
    {
        using var memory = new MemoryStream();
        memory.Write(stackalloc byte[8]);
        using (var json = new Utf8JsonWriter(memory))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var entry in Entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", Types.First(t => t.Type == entry.Type).Name);
                json.WriteStartArray("shape");
                foreach (var size in entry.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(entry.Begin);
                json.WriteNumberValue(entry.End);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (memory.Length % Alignment != 0) memory.WriteByte((byte)' ');
        var bytes = memory.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - 8);
        return bytes;
    }

    /// <summary>Reads and checks the head: byte ranges must fit types and shapes and cover the rest of the file without holes or overlaps.</summary>
    /// <exception cref="CheckpointException">The file is no safetensors file or is damaged.</exception>
    public static SafetensorsHeader Read(Stream stream, string path)
    {
        if (stream.Length < 8) throw new CheckpointException(path, $"is no safetensors file: it has {stream.Length} bytes, less than the length of a header.");
        Span<byte> head = stackalloc byte[8];
        stream.ReadExactly(head);
        var length = BinaryPrimitives.ReadInt64LittleEndian(head);
        if (length < 2 || length > MostHeaderBytes) throw new CheckpointException(path, $"is no safetensors file: its header would have {(ulong)length} bytes, expected 2 to {MostHeaderBytes}.");
        if (length > stream.Length - 8) throw new CheckpointException(path, $"is truncated or no safetensors file: its header would have {length} bytes, but only {stream.Length - 8} follow.");
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        if (bytes[0] != (byte)'{') throw new CheckpointException(path, "is no safetensors file: its header does not begin with '{'.");
        try
        {
            var header = Parse(bytes, 8 + length, path);
            header.CheckRanges(stream.Length - 8 - length, path);
            return header.WithChecks(path);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or OverflowException)
        {
            throw new CheckpointException(path, $"is no safetensors file: its header is damaged ({e.Message})", e);
        }
    }

    static SafetensorsHeader Parse(byte[] bytes, long dataStart, string path)
    {
        var entries = ImmutableArray.CreateBuilder<SafetensorsEntry>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var json = new Utf8JsonReader(bytes);
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = Name(ref json);
            if (!names.Add(name)) throw new CheckpointException(path, $"holds two tensors named {Shown(name)}.");
            Expect(ref json, JsonTokenType.StartObject);
            if (name == MetadataKey) ReadMetadata(ref json, metadata, path);
            else if (entries.Count < MostTensors) entries.Add(Entry(ref json, name, path));
            else throw new CheckpointException(path, $"holds more than {MostTensors} tensors.");
        }
        if (json.Read()) throw new FormatException("something follows its closing brace");
        return new() { Entries = entries.ToImmutable(), Metadata = metadata.ToImmutableDictionary(StringComparer.Ordinal), DataStart = dataStart };
    }

    static void ReadMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata, string path)
    {
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var key = Name(ref json);
            Expect(ref json, JsonTokenType.String);
            if (!metadata.TryAdd(key, json.GetString()!)) throw new FormatException($"its metadata holds two texts named {Shown(key)}");
            if (metadata.Count > MostMetadata) throw new CheckpointException(path, $"holds more than {MostMetadata} texts of metadata.");
        }
    }

    static SafetensorsEntry Entry(ref Utf8JsonReader json, string name, string path)
    {
        DType? type = null;
        ImmutableArray<long> shape = default, offsets = default;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("dtype"u8))
            {
                Once(type is null, name, "dtype");
                Expect(ref json, JsonTokenType.String);
                var text = Name(ref json);
                if (!Types.Any(t => t.Name == text)) throw new CheckpointException(path, $"holds {Shown(name)} of the type {Shown(text)}, which this library does not know.");
                type = Types.First(t => t.Name == text).Type;
            }
            else if (json.ValueTextEquals("shape"u8))
            {
                Once(shape.IsDefault, name, "shape");
                shape = Numbers(ref json, MostAxes);
            }
            else if (json.ValueTextEquals("data_offsets"u8))
            {
                Once(offsets.IsDefault, name, "data_offsets");
                offsets = Numbers(ref json, 2);
            }
            else json.Skip(); // the reference implementation passes over what it does not know
        }
        if (type is not { } known || shape.IsDefault || offsets.IsDefault || offsets.Length != 2) throw new FormatException($"{Shown(name)} lacks dtype, shape or data_offsets");
        return new(name, known, shape, offsets[0], offsets[1]);
    }

    static void Once(bool isFirst, string name, string field)
    {
        if (!isFirst) throw new FormatException($"{Shown(name)} has two fields {field}");
    }

    static string Name(ref Utf8JsonReader json) => json.ValueSpan.Length <= MostNameBytes ? json.GetString()! : throw new FormatException($"a name has {json.ValueSpan.Length} bytes, expected at most {MostNameBytes}");

    static ImmutableArray<long> Numbers(ref Utf8JsonReader json, int most)
    {
        var numbers = ImmutableArray.CreateBuilder<long>();
        Expect(ref json, JsonTokenType.StartArray);
        while (json.Read() && json.TokenType == JsonTokenType.Number)
        {
            if (numbers.Count == most) throw new FormatException($"a list has more than {most} numbers");
            var number = json.GetInt64();
            if (number < 0) throw new FormatException($"{number} is negative");
            numbers.Add(number);
        }
        if (json.TokenType != JsonTokenType.EndArray) throw new FormatException("a list of numbers holds something else");
        return numbers.ToImmutable();
    }

    static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        if (!json.Read() || json.TokenType != type) throw new FormatException($"expected {type}, but found {json.TokenType}");
    }

    // A name from a damaged file may be of any length and hold anything, and it goes into messages.
    static string Shown(string name)
    {
        var shown = name.Length <= MostShown ? name : $"{name.AsSpan(0, MostShown)}… ({name.Length} characters)";
        return shown.Any(char.IsControl) ? string.Concat(shown.Select(c => char.IsControl(c) ? '�' : c)) : shown;
    }

    void CheckRanges(long dataBytes, string path)
    {
        long next = 0;
        foreach (var entry in Entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            var name = Shown(entry.Name);
            var bytes = entry.Type.Bytes(entry.Shape.Aggregate(1L, (product, size) => checked(product * size)));
            if (entry.End - entry.Begin != bytes) throw new CheckpointException(path, $"holds {name} of {entry.Description} in {entry.End - entry.Begin} bytes, expected {bytes}.");
            if (entry.Begin < next) throw new CheckpointException(path, $"is damaged: {name} overlaps another tensor at byte {entry.Begin}.");
            if (entry.Begin > next) throw new CheckpointException(path, $"is damaged: {entry.Begin - next} bytes before {name} belong to no tensor.");
            next = entry.End;
        }
        if (next > dataBytes) throw new CheckpointException(path, $"is truncated: its tensors need {next} bytes, but {dataBytes} follow the header.");
        if (next < dataBytes) throw new CheckpointException(path, $"is damaged: {dataBytes - next} bytes at its end belong to no tensor.");
    }

    // The same head with the checks taken out of its metadata.
    SafetensorsHeader WithChecks(string path)
    {
        if (!Metadata.TryGetValue(ChecksKey, out var text)) return this;
        var words = text.Split(' ', Entries.Length + 2);
        if (words.Length != Entries.Length + 1) throw new CheckpointException(path, $"is damaged: its metadata {ChecksKey} has not one check for its header and one for each of {Entries.Length} tensors.");
        var checks = new uint[words.Length];
        for (var i = 0; i < words.Length; i++)
            if (words[i].Length != 8 || !uint.TryParse(words[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out checks[i]))
                throw new CheckpointException(path, $"is damaged: its metadata {ChecksKey} holds '{Shown(words[i])}', expected eight hexadecimal digits.");
        var entries = Entries.OrderBy(e => e.Begin).ThenBy(e => e.End).ToImmutableArray();
        var header = new SafetensorsHeader { Entries = entries, Metadata = Metadata.Remove(ChecksKey), DataStart = DataStart, Checks = [.. checks.Skip(1)] };
        if (header.OwnCheck() != checks[0]) throw new CheckpointException(path, $"is damaged: its header is not the one that was written. ({Remedy})");
        return header;
    }

    const string Remedy = "A tool that changes a file on purpose has to leave out the metadata " + ChecksKey + ".";

    /// <summary>Reads the bytes of some tensors, one behind the other, and compares them with their checks if the file has any.</summary>
    /// <param name="target">Memory for all of them.</param>
    /// <exception cref="CheckpointException">Some are not what was written.</exception>
    public unsafe void ReadData(Stream stream, IEnumerable<SafetensorsEntry> entries, byte* target, string path)
    {
        var expected = Checks.IsEmpty ? null : Entries.Zip(Checks).ToDictionary(p => p.First.Name, p => p.Second, StringComparer.Ordinal);
        var damaged = new List<string>();
        foreach (var entry in entries)
        {
            stream.Position = DataStart + entry.Begin;
            var check = Crc32C.Start;
            for (var left = entry.End - entry.Begin; left > 0;)
            {
                var part = new Span<byte>(target, (int)Math.Min(left, PieceBytes));
                stream.ReadExactly(part);
                if (expected is not null) check = Crc32C.Append(check, part);
                left -= part.Length;
                target += part.Length;
            }
            if (expected is not null && expected[entry.Name] != check) damaged.Add(Shown(entry.Name));
        }
        if (damaged.Count > 0)
            throw new CheckpointException(path, $"is damaged: the bytes of {string.Join(", ", damaged.Take(5))}{(damaged.Count > 5 ? $" and {damaged.Count - 5} more" : "")} are not those that were written. ({Remedy})");
    }
}
