using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Runtime.Execution;
using Graph.Tests.Mixed;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Weights in 16, 32 and 64 bits between Graph and PyTorch, both ways: what PyTorch saved is loaded here, and what is saved here is what PyTorch has read (Tests/Goldens/golden_halves.py).</summary>
public sealed class PyTorchHalvesTests : IDisposable
{
    readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    static string Golden(string name) => Path.Combine(Repository.Root, "Tests", "Goldens", "Files", name);

    static JsonElement Said(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Golden(name + ".json")));
        return document.RootElement.Clone();
    }

    static double[] Numbers(JsonElement values) => [.. values.EnumerateArray().Select(v => v.GetDouble())];

    // As golden_halves.weights.
    static readonly (string Path, double[] Values)[] weights =
    [
        ("layer.weight", [.. Enumerable.Range(1, 32).Select(i => Math.Sin(i))]),
        ("layer.bias", [1 + Math.ScaleB(1, -11), 1 + 3 * Math.ScaleB(1, -11), Math.ScaleB(1, -24), 60000]),
    ];

    [Theory]
    [InlineData("f16", Precisions.Float32)]
    [InlineData("bf16", Precisions.Float32)]
    [InlineData("f64", Precisions.Float32)]
    [InlineData("f16", Precisions.Float16)]
    [InlineData("f64", Precisions.BFloat16)]
    public void What_PyTorch_saved_is_loaded_with_a_stated_cast(string type, string precision)
    {
        var said = Said("torch_" + type);
        using var mixed = MixedModel.Of(typeof(LinearClassifier), precision, threads: 1);
        var model = ModelInstance.Wrap<LinearClassifier>(mixed.Instance);
        var info = model.Load(Golden($"torch_{type}.safetensors"));
        Assert.Equal(["layer.weight", "layer.bias"], info.Converted.Select(c => c.ToString().Split(':')[0]));
        Assert.All(info.Converted, c => Assert.EndsWith($": {type} → f32", c.ToString(), StringComparison.Ordinal));
        foreach (var (name, _) in weights) Assert.Equal(Numbers(said.GetProperty(name)).Select(v => (float)v), model.Parameters[name].Values.ToArray());
    }

    [Theory]
    [InlineData(ElementType.F16, "float16")]
    [InlineData(ElementType.BF16, "bfloat16")]
    [InlineData(ElementType.F32, "float32")]
    [InlineData(ElementType.F64, "float64")]
    public void What_is_saved_is_what_PyTorch_reads(ElementType type, string torch)
    {
        using var model = LinearClassifier.Create();
        foreach (var (name, values) in weights) model.Parameters[name].Write<float>([.. values.Select(v => (float)v)]);
        model.Save(path, type);
        // The file that PyTorch was given has the same tensors, byte by byte.
        var golden = "graph_" + type.ToString().ToLowerInvariant();
        if (Environment.GetEnvironmentVariable("GRAPH_ACCEPT_SNAPSHOTS") == "1") File.Copy(path, Golden(golden + ".safetensors"), overwrite: true);
        Assert.Equal(Tensors(Golden(golden + ".safetensors")), Tensors(path));
        var said = Said(golden);
        Assert.Equal(torch, said.GetProperty("dtype").GetString());
        foreach (var (name, values) in weights) Assert.Equal(values.Select(v => Rounding.Round((float)v, Enum.Parse<DType>(type.ToString()))), Numbers(said.GetProperty(name)));
    }

    // What stands in a safetensors file, but for its metadata.
    static List<string> Tensors(string file)
    {
        var bytes = File.ReadAllBytes(file);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(Encoding.UTF8.GetString(bytes, 8, length));
        return
        [
            .. header.RootElement.EnumerateObject().Where(p => p.Name != "__metadata__").Select(p =>
            {
                var at = p.Value.GetProperty("data_offsets").EnumerateArray().Select(v => v.GetInt32()).ToArray();
                return $"{p.Name} {p.Value.GetProperty("dtype")} {p.Value.GetProperty("shape")} {Convert.ToHexString(bytes.AsSpan(8 + length + at[0], at[1] - at[0]))}";
            }),
        ];
    }
}
