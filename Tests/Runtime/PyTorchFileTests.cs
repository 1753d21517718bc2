using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Files as <c>safetensors.torch.save_file(model.state_dict(), path)</c> writes them: names of modules, wider types first, and counts of batches that nothing here needs.</summary>
public sealed class PyTorchFileTests : IDisposable
{
    static readonly (string Name, string Type, int[] Shape)[] stateDict =
    [
        ("net.1.num_batches_tracked", "I64", []), ("net.0.bias", "F32", [4]), ("net.0.weight", "F32", [4, 1, 3, 3]), ("net.1.bias", "F32", [4]), ("net.1.running_mean", "F32", [4]),
        ("net.1.running_var", "F32", [4]), ("net.1.weight", "F32", [4]), ("net.5.bias", "F32", [3]), ("net.5.weight", "F32", [3, 16]),
    ];

    readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    // The elements of every tensor count from 1.
    void Write(IEnumerable<(string Name, string Type, int[] Shape)> tensors)
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        var data = new List<byte>();
        foreach (var (name, type, shape) in tensors)
        {
            var begin = data.Count;
            var count = shape.Aggregate(1, (product, size) => product * size);
            for (var i = 1; i <= count; i++) data.AddRange(Bytes(type, i));
            header.Append($",\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(",", shape)}],\"data_offsets\":[{begin},{data.Count}]}}");
        }
        var text = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        text = [.. text, .. Enumerable.Repeat((byte)' ', -text.Length & 7)];
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(path, [.. length, .. text, .. data]);
    }

    static byte[] Bytes(string type, int number) => type switch
    {
        "I64" => BitConverter.GetBytes((long)number),
        "F64" => BitConverter.GetBytes((double)number),
        "F32" => BitConverter.GetBytes((float)number),
        "F16" => BitConverter.GetBytes((Half)number),
        "BF16" => BitConverter.GetBytes((float)number)[2..],
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    static IEnumerable<(string, string, int[])> Renamed(Func<string, string> name) => stateDict.Select(t => (name(t.Name), t.Type, t.Shape));

    static void AssertLoaded(SequentialNet model)
    {
        Assert.Equal(["net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias", "net.1.running_mean", "net.1.running_var", "net.5.weight", "net.5.bias"], model.Parameters.Select(t => t.Path));
        Assert.All(model.Parameters, t => Assert.Equal(Enumerable.Range(1, (int)t.Length).Select(i => (float)i), t.Read<float>().ToArray()));
    }

    [Fact]
    public void A_state_dict_loads_as_it_is()
    {
        Write(stateDict);
        using var model = SequentialNet.Create();
        var info = model.Load(path);
        Assert.Empty(info.Missing);
        Assert.Empty(info.Unexpected);
        AssertLoaded(model);
        var logits = new float[3];
        model.Predict(new float[16], logits);
        Assert.All(logits, v => Assert.True(float.IsFinite(v)));
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    [InlineData("F64")]
    public void Weights_of_another_precision_are_rounded_to_the_models(string type)
    {
        Write(stateDict.Select(t => t.Type == "F32" ? (t.Name, type, t.Shape) : t));
        using var model = SequentialNet.Create();
        model.Load(path);
        AssertLoaded(model);
    }

    [Fact]
    public void Other_names_load_by_a_table_or_a_function_and_the_message_says_which()
    {
        Write(Renamed(n => "module." + n));
        using var model = SequentialNet.Create();
        var error = Assert.Throws<CheckpointException>(() => model.Load(path));
        Assert.StartsWith("every name of the file begins with module.: Name = LoadOptions.Renaming(", error.Problems[0], StringComparison.Ordinal);
        model.Load(path, new() { Name = LoadOptions.Renaming(new Dictionary<string, string> { ["module."] = "" }) });
        AssertLoaded(model);

        Write(Renamed(n => n["net.".Length..])); // nn.Sequential itself was saved
        using var second = SequentialNet.Create();
        Assert.StartsWith("every name of the file lacks net.: Name", Assert.Throws<CheckpointException>(() => second.Load(path)).Problems[0], StringComparison.Ordinal);
        second.Load(path, new() { Name = name => "net." + name });
        AssertLoaded(second);

        Write(Renamed(n => n == "net.5.bias" ? "head.bias" : n));
        using var third = SequentialNet.Create();
        third.Load(path, new() { Name = LoadOptions.Renaming(new Dictionary<string, string> { ["head.bias"] = "net.5.bias" }) });
        AssertLoaded(third);
    }

    [Fact]
    public void A_name_that_is_nearly_right_is_suggested()
    {
        Write(Renamed(n => n.Replace("weight", "wieght", StringComparison.Ordinal)));
        using var model = SequentialNet.Create();
        var error = Assert.Throws<CheckpointException>(() => model.Load(path));
        Assert.Contains("missing: net.0.weight f32[4,1,3,3] (the file has net.0.wieght)", error.Problems);
        Assert.Contains("unexpected: net.5.wieght f32[3,16] (did you mean net.5.weight?)", error.Problems);
        Assert.Contains("Did you mean net.5.weight?", Assert.Throws<KeyNotFoundException>(() => model.Parameters["net.5.wieght"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_strictness_what_fits_is_read_and_the_rest_is_reported()
    {
        Write(stateDict.Where(t => t.Name != "net.5.bias").Append(("extra.scale", "F32", [2])));
        using var model = SequentialNet.Create();
        var bias = model.Parameters["net.5.bias"].Read<float>().ToArray();
        Assert.Throws<CheckpointException>(() => model.Load(path));
        var info = model.Load(path, new() { Strict = false });
        Assert.Equal(["net.5.bias"], info.Missing.AsEnumerable());
        Assert.Equal(["extra.scale"], info.Unexpected.AsEnumerable());
        Assert.Equal(bias, model.Parameters["net.5.bias"].Read<float>().ToArray());
        Assert.Equal(3 * 16, model.Parameters["net.5.weight"].Read<float>()[^1]);
    }

    [Fact]
    public void Another_shape_or_one_name_for_two_is_refused_even_without_strictness()
    {
        Write(stateDict.Select(t => t.Name == "net.5.weight" ? (t.Name, t.Type, [16, 3]) : t));
        using var model = SequentialNet.Create();
        var before = model.Parameters["net.0.weight"].Read<float>().ToArray();
        Assert.Equal(["another shape: net.5.weight is f32[16,3], expected f32[3,16]"], Assert.Throws<CheckpointException>(() => model.Load(path, new() { Strict = false })).Problems.ToArray());
        Write(stateDict);
        var twice = Assert.Throws<CheckpointException>(() => model.Load(path, new() { Strict = false, Name = name => name.EndsWith(".bias", StringComparison.Ordinal) ? "net.0.bias" : name }));
        Assert.Contains("twice: net.0.bias and net.1.bias are both called net.0.bias by the name map", twice.Problems);
        Assert.Equal(before, model.Parameters["net.0.weight"].Read<float>().ToArray());
    }

    [Fact]
    public void A_tensor_can_be_left_out()
    {
        Write(stateDict);
        using var model = SequentialNet.Create();
        var info = model.Load(path, new() { Strict = false, Name = name => name.StartsWith("net.5.", StringComparison.Ordinal) ? null : name });
        Assert.Equal(["net.5.weight", "net.5.bias"], info.Missing.AsEnumerable());
        Assert.Empty(info.Unexpected);
    }
}
