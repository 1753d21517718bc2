using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Operations;
using Graph.Tests.Language;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Quantization;

/// <summary>Quantize and dequantize as PyTorch has them, and models whose weights are few bits in memory.</summary>
public sealed class QuantizationTests
{
    static readonly Lazy<Dictionary<string, JsonElement>> Goldens = new(() =>
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "Tests", "Goldens", "Quantization", "quantization.json")));
        return file.RootElement.GetProperty("cases").EnumerateArray().Concat(file.RootElement.GetProperty("fake").EnumerateArray()).ToDictionary(c => c.GetProperty("name").GetString()!, c => c.Clone());
    });

    public static TheoryData<string> Cases => [.. Goldens.Value.Where(c => c.Value.TryGetProperty("integers", out _)).Select(c => c.Key)];

    public static TheoryData<string> Fakes => [.. Goldens.Value.Where(c => c.Value.TryGetProperty("gradient", out _)).Select(c => c.Key)];

    static double[] Reals(JsonElement element) => element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().Select(v => v.GetDouble())] : [element.GetDouble()];

    /// <summary>Integers to the last bit, per tensor and per channel, by the compiled kernels and by the reference; the reals that they stand for in float32.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Integers_and_reals_are_those_of_PyTorch(string name)
    {
        var golden = Goldens.Value[name];
        long[] shape = [.. golden.GetProperty("shape").EnumerateArray().Select(v => v.GetInt64())];
        var (x, scale, zero) = (Reals(golden.GetProperty("x")), Reals(golden.GetProperty("scale")), Reals(golden.GetProperty("zero")));
        long[] channels = scale.Length == 1 ? [] : [scale.Length];
        var (dtype, axis) = (golden.GetProperty("dtype").GetString()!, golden.GetProperty("axis").GetInt32());
        TensorType Type(DType type, long[] sizes) => new(type, new(sizes.Select(s => (Dim)s)));
        using var compiled = CompiledFunctions.Of([Type(DType.F32, shape), Type(DType.F32, channels), Type(DType.I32, channels)], (b, v) =>
        {
            var q = b.Apply("quantize", [.. v], AttributeMap.Of(("dtype", dtype), ("axis", axis)))[0];
            return [q, b.Apply("dequantize", [q, v[1], v[2]], AttributeMap.Of(("axis", axis)))[0]];
        });
        TensorData[] arguments = [new(DType.F32, shape, x), new(DType.F32, channels, scale), new(DType.I32, channels, [.. zero.Select(z => (long)z)])];
        foreach (var results in new TensorData[][] { compiled.Run("f", arguments), [.. compiled.Reference("f", arguments)] })
        {
            Assert.Equal(Reals(golden.GetProperty("integers")).Select(v => (long)v), results[0].Int);
            var reals = Reals(golden.GetProperty("reals"));
            for (var i = 0; i < reals.Length; i++) Assert.Equal(reals[i], results[1][i], 1e-6 * Math.Max(1, Math.Abs(reals[i])));
        }
    }

    /// <summary>Forward what quantizing and dequantizing leave, backward the gradient where x is within the range: both PyTorch's, by compiled kernels.</summary>
    [Theory]
    [MemberData(nameof(Fakes))]
    public void Fake_quantization_has_the_value_and_the_gradient_of_PyTorch(string name)
    {
        var golden = Goldens.Value[name];
        float[] Values(string property) => [.. Reals(golden.GetProperty(property)).Select(v => (float)v)];
        int[] shape = [.. golden.GetProperty("shape").EnumerateArray().Select(v => v.GetInt32())], zero = [.. golden.GetProperty("zero").EnumerateArray().Select(v => v.GetInt32())];
        var (x, sizes) = (Values("x"), string.Join(", ", shape));
        var (of, scalar) = ($"({zero.Length})", zero.Length == 1 ? ".Sum()" : "");
        using var model = RunningModel.Of($$"""
            [Model] public partial class M
            {
                [Entry] public (Tensor, Tensor) Both([Shape({{sizes}})] Tensor x, [Shape({{sizes}})] Tensor weight, [Shape{{of}}] Tensor scale, [Shape{{of}}] Tensor<int> zero)
                {
                    var y = x.FakeQuantize(scale{{scalar}}, zero{{scalar}}, ElementType.{{golden.GetProperty("dtype").GetString()!.ToUpperInvariant()}}, axis: {{golden.GetProperty("axis").GetInt32()}});
                    return (y, Tensor.Gradient((y * weight).Sum(), x));
                }
            }
            """);
        var results = model.Call("both", [x.Length, x.Length], x, Values("weight"), Values("scale"), zero);
        var (y, gradient) = (Values("y"), Values("gradient"));
        for (var i = 0; i < x.Length; i++) Assert.Equal(y[i], results[0][i], 1e-6 * Math.Max(1, Math.Abs(y[i])));
        Assert.Equal(gradient, results[1]);
        Assert.Contains(0, gradient);
    }

    /// <summary>A weight that is rounded to sixteen steps while it is trained is what those integers stand for, and learns what they can say.</summary>
    [Fact]
    public void A_weight_that_is_quantized_while_it_trains_learns_in_steps()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("B", Max = 8, Typical = 4)] public partial class M
            {
                readonly Parameter weight = new([3], Init.Zeros);
                Tensor Steps() => weight.FakeQuantize(Tensor.Full([1], 0.25), dtype: ElementType.I4);
                [Entry] public Tensor Seen() => Steps();
                [Loss] public Tensor Loss([Shape("B", 3)] Tensor x, [Shape("B")] Tensor y) => ((x * Steps()).Sum(axis: 1) - y).Square().Mean();
                [Train] public static Sgd Optimizer() => new(learningRate: 0.1f);
            }
            """);
        float[] x = [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], y = [0.75f, -1.5f, 0.5f, -0.25f];
        for (var step = 0; step < 200; step++) model.Step(x, y);
        Assert.Equal([0.75f, -1.5f, 0.5f], model.Call("seen", 3));
    }

    /// <summary>Images as they are stored: arguments, constants and columns of bytes.</summary>
    [Fact]
    public void Bytes_are_arguments_constants_and_columns()
    {
        using var model = RunningModel.Of("""
            [Model] [Dim("B", Max = 8)] public partial class M
            {
                readonly Tensor dark = Tensor.From(new byte[] { 0, 100, 200, 250 });
                [Entry] public Tensor Brightness([Shape("B", 4)] Tensor<byte> image) => (image - dark).Cast(ElementType.F32) / 255;
            }
            """);
        byte[] image = [0, 101, 255, 251, 7, 99, 200, 249];
        // Arithmetic of bytes wraps around, as in PyTorch.
        Assert.Equal(image.Select((b, i) => (byte)(b - new byte[] { 0, 100, 200, 250 }[i % 4]) / 255f), model.Call("brightness", 8, image));
        Assert.Equal(DType.U8, model.Instance.Model.Lowered.Find("brightness")!.Signature.Parameters[0].Type.DType);

        var column = new Graph.Data.TableDataset().With("image", image, 4).Columns[0];
        Assert.Equal((DType.U8, 4), (column.Type, column.RowBytes));
    }

    [Theory]
    [InlineData("x.Quantize(scale)", "one scale, one for each place along an axis, or one for each block")]
    [InlineData("x.Quantize(x.Sum(axis: 0))", "each of the 4 places along axis 0")]
    [InlineData("x.Quantize(x.Reshape(3, 8), dtype: ElementType.F16)", "makes i4, i8, u8 or i32, but got f16")]
    [InlineData("x.Quantize(x.Reshape(3, 8))", "4 is not a multiple of 3")]
    [InlineData("x.Quantize(x, x.Sum())", "")]
    [InlineData("x.FakeQuantize(x.Sum(), dtype: ElementType.I32)", "knows i4, i8 and u8, but got i32")]
    [InlineData("x.FakeQuantize(scale)", "one scale, one for each place along an axis, or one for each block")]
    [InlineData("x.Dequantize(x)", "needs integers for x, but got f32")]
    [InlineData("x.Cast(ElementType.I8).Dequantize(x, x.Sum(axis: 0))", "zero point of the scale's shape")]
    public void What_does_not_fit_is_said(string expression, string message)
    {
        var source = $"[Model] public partial class M {{ [Entry] public Tensor F([Shape(4, 6)] Tensor x, [Shape(2, 3, 4)] Tensor scale) => {expression}.Cast(ElementType.F32); }}";
        if (message.Length == 0) Elaboration.Elaborate.Model(source);
        else Assert.Contains(message, Elaboration.Elaborate.Error(source).Message, StringComparison.Ordinal);
    }

    const string Net = """
        [Module] public partial class Net
        {
            readonly Linear first = new(64, 48), second = new(48, 32);
            readonly Conv2d filters = new(3, 4, 3);
            public Tensor Forward(Tensor x) => second.Forward(first.Forward(x).Relu());
            public Tensor Seen(Tensor image) => filters.Forward(image);
        }
        """;

    static string Model(string net) => Net + "[Model] [Dim(\"B\", Max = 8)] public partial class M { readonly Net net = " + net
        + "; [Entry] public Tensor Predict([Shape(\"B\", 64)] Tensor x) => net.Forward(x); [Entry] public Tensor Filter([Shape(\"B\", 3, 6, 6)] Tensor x) => net.Seen(x); }";

    // What a weight is rounded to, by hand.
    static double[] Rounded(ReadOnlySpan<float> weight, int columns, int group, int greatest)
    {
        var result = new double[weight.Length];
        for (var at = 0; at < weight.Length; at += group)
        {
            var most = 0f;
            for (var i = 0; i < group; i++) most = Math.Max(most, Math.Abs(weight[at + i]));
            var scale = Math.Max(most, 1e-30f) / greatest;
            for (var i = 0; i < group; i++) result[at + i] = Math.Clamp(MathF.Round(weight[at + i] * (1 / scale)), -greatest - 1, greatest) * scale;
        }
        Assert.Equal(0, columns % group);
        return result;
    }

    /// <summary>
    /// Layers that know nothing of it, quantized from outside: prediction keeps the weights in few bits, computed once for each version of the parameters, and its products and convolutions read those.
    /// </summary>
    [Theory]
    [InlineData("I4", 16, DType.I4)]
    [InlineData("I4", 0, DType.I4)]
    [InlineData("I8", 0, DType.I8)]
    [InlineData("U8", 32, DType.U8)]
    public void Weights_of_unchanged_layers_are_kept_in_few_bits(string type, int group, DType kept)
    {
        using var model = RunningModel.Of(Model($"Parametrize.Register(new Net(), \"{(group > 0 ? "first.weight" : "*.weight")}\", _ => new QuantizedWeight(ElementType.{type}, {group}))"));
        using var plain = RunningModel.Of(Model("new()"));
        var derived = model.Instance.Model.Lowered.States.Where(s => s.Kind == StateKind.Derived).ToList();
        Assert.Contains(derived, s => s.Type.DType == kept && s.Type.Shape.Size.Constant == 64 * 48);
        // Nothing as large as a quantized weight is kept in floats; the second one may stay as it is, and then it is kept packed.
        Assert.DoesNotContain(derived, s => s.Type.DType == DType.F32 && s.Type.Shape.Size.Constant >= (group > 0 ? 64 * 48 : 1000));
        float[] x = [.. Enumerable.Range(0, 3 * 64).Select(i => (i * 37 % 101 - 50) / 50f)], image = [.. Enumerable.Range(0, 2 * 108).Select(i => (i * 29 % 83 - 40) / 40f)];
        var greatest = kept == DType.I4 ? 7 : 127;
        void Compare()
        {
            foreach (var (path, columns) in new[] { ("net.first.weight", 64), ("net.second.weight", 48), ("net.filters.weight", 27) })
            {
                var own = model[path].ToArray();
                var changed = group == 0 || path == "net.first.weight";
                plain.Set(path, changed ? Rounded(own, columns, group == 0 ? columns : group, greatest) : own.Select(v => (double)v));
            }
            foreach (var (expected, actual) in plain.Call("predict", 3 * 32, x).Zip(model.Call("predict", 3 * 32, x))) Assert.Equal(expected, actual, 1e-4);
            foreach (var (expected, actual) in plain.Call("filter", 2 * 4 * 16, image).Zip(model.Call("filter", 2 * 4 * 16, image))) Assert.Equal(expected, actual, 1e-4);
        }
        Compare();
        // Another version of the numbers is rounded anew.
        model.Set("net.first.weight", model["net.first.weight"].ToArray().Select((v, i) => v * (1.0 + i % 3)));
        Compare();
        var predict = model.Instance.Model.Lowered.Functions.Single(f => f.Name == "predict");
        Assert.Equal(2, predict.Launches.Length); // the two products, and nothing in front of them
        Assert.Contains(predict.Launches.OfType<ContractLaunch>().SelectMany(l => l.Operands), o => o.Buffer.DType == kept);
    }
}
