using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Collections.Immutable;
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

    const string MetadataKey = "__metadata__";
    const int Alignment = 8;

    static readonly (string Name, DType Type)[] Types =
    [
        ("F64", DType.F64), ("F32", DType.F32), ("F16", DType.F16), ("BF16", DType.BF16), ("I64", DType.I64), ("I32", DType.I32), ("I8", DType.I8), ("BOOL", DType.Bool),
    ];

    public required ImmutableArray<SafetensorsEntry> Entries { get; init; }

    public required ImmutableDictionary<string, string> Metadata { get; init; }

    /// <summary>Where the tensors' bytes begin in the file.</summary>
    public long DataStart { get; private init; }

    /// <summary>The bytes of the head, padded with spaces so that the data is aligned.</summary>
    public byte[] Write()
    {
        using var memory = new MemoryStream();
        memory.Write(stackalloc byte[8]);
        using (var json = new Utf8JsonWriter(memory))
        {
            json.WriteStartObject();
            if (Metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in Metadata.OrderBy(p => p.Key, StringComparer.Ordinal)) json.WriteString(key, value);
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
            return header;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or OverflowException)
        {
            throw new CheckpointException(path, $"is no safetensors file: its header is damaged ({e.Message})", e);
        }
    }

    static SafetensorsHeader Parse(byte[] bytes, long dataStart, string path)
    {
        var entries = ImmutableArray.CreateBuilder<SafetensorsEntry>();
        var metadata = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var json = new Utf8JsonReader(bytes);
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            if (!names.Add(name)) throw new CheckpointException(path, $"holds two tensors named {name}.");
            Expect(ref json, JsonTokenType.StartObject);
            if (name == MetadataKey)
            {
                while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
                {
                    var key = json.GetString()!;
                    Expect(ref json, JsonTokenType.String);
                    metadata[key] = json.GetString()!;
                }
                continue;
            }
            entries.Add(Entry(ref json, name, path));
        }
        return new() { Entries = entries.ToImmutable(), Metadata = metadata.ToImmutable(), DataStart = dataStart };
    }

    static SafetensorsEntry Entry(ref Utf8JsonReader json, string name, string path)
    {
        DType? type = null;
        ImmutableArray<long> shape = default, offsets = default;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            switch (json.GetString())
            {
                case "dtype":
                    Expect(ref json, JsonTokenType.String);
                    var text = json.GetString();
                    if (!Types.Any(t => t.Name == text)) throw new CheckpointException(path, $"holds {name} of the type {text}, which this library does not know.");
                    type = Types.First(t => t.Name == text).Type;
                    break;
                case "shape": shape = Numbers(ref json); break;
                case "data_offsets": offsets = Numbers(ref json); break;
                default: json.Skip(); break;
            }
        }
        if (type is not { } known || shape.IsDefault || offsets.IsDefault || offsets.Length != 2) throw new FormatException($"{name} lacks dtype, shape or data_offsets");
        return new(name, known, shape, offsets[0], offsets[1]);
    }

    static ImmutableArray<long> Numbers(ref Utf8JsonReader json)
    {
        var numbers = ImmutableArray.CreateBuilder<long>();
        Expect(ref json, JsonTokenType.StartArray);
        while (json.Read() && json.TokenType == JsonTokenType.Number)
        {
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

    void CheckRanges(long dataBytes, string path)
    {
        long next = 0;
        foreach (var entry in Entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            var bytes = entry.Shape.Aggregate((long)entry.Type.Size(), (product, size) => checked(product * size));
            if (entry.End - entry.Begin != bytes) throw new CheckpointException(path, $"holds {entry.Name} of {entry.Description} in {entry.End - entry.Begin} bytes, expected {bytes}.");
            if (entry.Begin < next) throw new CheckpointException(path, $"is damaged: {entry.Name} overlaps another tensor at byte {entry.Begin}.");
            if (entry.Begin > next) throw new CheckpointException(path, $"is damaged: {entry.Begin - next} bytes before {entry.Name} belong to no tensor.");
            next = entry.End;
        }
        if (next > dataBytes) throw new CheckpointException(path, $"is truncated: its tensors need {next} bytes, but {dataBytes} follow the header.");
        if (next < dataBytes) throw new CheckpointException(path, $"is damaged: {dataBytes - next} bytes at its end belong to no tensor.");
    }
}
