using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets.CSharp;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Ops;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Quantization;

/// <summary>
/// A storage type is not the type that is computed in: what makes one of the other is a scalar expression with operands of its own, a part of the kernel that reads or writes, in every kind of kernel. A second target, which knows
/// kernel values alone, does the same.
/// </summary>
public sealed class StorageTypeTests
{
    static Program Parse(string text) => ProgramParser.Parse("program Test version 1\n" + text, OperationTable.Set);

    static TensorData[] Arguments(Program program) => [.. program.Functions[0].Parameters.Select((p, n) =>
    {
        var (data, random) = (new TensorData(p.Type.DType, p.Type.Shape.Evaluate(DimBinding.Empty)), new Random(n + 1));
        for (long i = 0; i < data.Size; i++) data[i] = p.Type.DType switch { DType.I64 => random.Next(5), DType.Bool => 1, var t when t.IsFloat() => Rounding.Round(random.NextDouble() - 0.4, t), var t => t.Wrap(random.Next(256)) };
        return data;
    })];

    static void Near(TensorData expected, TensorData actual, double tolerance)
    {
        Assert.Equal((expected.DType, expected.Size), (actual.DType, actual.Size));
        var scale = Enumerable.Range(0, (int)expected.Size).Max(i => Math.Abs(expected[i])) + 1e-30;
        for (long i = 0; i < expected.Size; i++)
            // Half of a step may be rounded to either side, where sums are in another order.
            Assert.True(Math.Abs(expected[i] - actual[i]) <= (expected.DType.IsFloat() ? tolerance * scale : 1), $"element {i} is {actual[i]:R}, but the reference says {expected[i]:R}");
    }

    static LoweredProgram Compare(string text, double tolerance = 2e-6)
    {
        var program = Parse(text);
        using var compiled = new CompiledFunctions(program);
        var x = Arguments(program);
        var toy = new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(program, ToyTarget.Model, verify: true)));
        var expected = compiled.Reference("f", x);
        foreach (var actual in new[] { compiled.Run("f", x), toy.Run("f", DimBinding.Empty, x) })
            for (var r = 0; r < expected.Length; r++) Near(expected[r], actual[r], tolerance);
        Assert.Equal(LoweredText.Write(compiled.Lowered), LoweredText.Write(LoweredText.Read(LoweredText.Write(compiled.Lowered))));
        return compiled.Lowered;
    }

    // %2 = (x − zero) · scale, with a scale and a zero point for each place along an axis.
    static string Made(string shape) => $$"""
          %0 = cast x {dtype="f32"} : f32[{{shape}}]
          %1 = sub %0, zero : f32[{{shape}}]
          %2 = mul %1, scale : f32[{{shape}}]

        """;

    // Limited to the type and rounded: what a store converts by, of a real %from and a zero point.
    static string Stored(string from, string shape, string type, int least, int greatest) => $$"""
          %90 = mul {{from}}, inverse : f32[{{shape}}]
          %91 = round %90 : f32[{{shape}}]
          %92 = add %91, point : f32[{{shape}}]
          %93 = clamp %92 {max={{greatest}}.0,min={{least}}.0} : f32[{{shape}}]
          %94 = cast %93 {dtype="{{type}}"} : {{type}}[{{shape}}]

        """;

    /// <summary>A loop over elements: a load with a scale and a zero point a channel, a store with others.</summary>
    [Theory]
    [InlineData("i8", "u8", 0, 255)]
    [InlineData("u8", "i8", -128, 127)]
    [InlineData("i4", "i4", -8, 7)]
    public void A_loop_converts_what_it_reads_and_writes(string from, string to, int least, int greatest)
    {
        var lowered = Compare($"func f(x: {from}[9,7,20], scale: f32[7,1], zero: f32[7,1], inverse: f32[9,1,1], point: f32[9,1,1]) -> {to}[9,7,20]\n{Made("9,7,20")}{Stored("%2", "9,7,20", to, least, greatest)}  return %94\n");
        var kernel = Assert.IsType<LoopLaunch>(Assert.Single(lowered.Functions[0].Launches)).Kernel;
        Assert.Contains($"{from} [", kernel.Text, StringComparison.Ordinal);
        Assert.Contains($"{to} [", kernel.Text, StringComparison.Ordinal);
    }

    /// <summary>Loops that sum rows or columns read the storage type too: nothing is written between.</summary>
    [Theory]
    [InlineData("softmax %2 {axis=1} : f32[33,70]", "f32[33,70]")]
    [InlineData("sum %2 {axes=[1]} : f32[33]", "f32[33]")]
    [InlineData("sum %2 {axes=[0]} : f32[70]", "f32[70]")]
    public void A_reduction_converts_what_it_reads(string operation, string result)
    {
        var lowered = Compare($"func f(x: i8[33,70], scale: f32[70], zero: f32[70]) -> {result}\n{Made("33,70")}  %3 = {operation}\n  return %3\n");
        Assert.DoesNotContain(lowered.Functions[0].Buffers, b => b.Kind == BufferKind.Arena && b.DType == DType.F32 && b.Elements.Constant == 33 * 70);
        Assert.Contains(lowered.Generated, k => k.Text.Contains("i8 [", StringComparison.Ordinal));
    }

    /// <summary>A product: the left operand by rows, the right one by columns, and a store by columns, in one kernel.</summary>
    [Fact]
    public void A_product_converts_both_operands_and_its_result()
    {
        var lowered = Compare($$"""
            func f(a: u8[37,70], x: i8[70,50], rows: f32[37,1], scale: f32[50], zero: f32[50], inverse: f32[50], point: f32[50]) -> i8[37,50]
            {{Made("70,50")}}  %10 = cast a {dtype="f32"} : f32[37,70]
              %11 = mul %10, rows : f32[37,70]
              %12 = matmul %11, %2 : f32[37,50]
            {{Stored("%12", "37,50", "i8", -128, 127)}}  return %94

            """);
        var kernel = Assert.IsType<ContractLaunch>(Assert.Single(lowered.Functions[0].Launches)).Kernel;
        Assert.Equal((null, null, null), (kernel.A, kernel.B, kernel.C));
        Assert.Contains("u8 [", kernel.MakesA!.Body.Text, StringComparison.Ordinal);
        Assert.Contains("i8 [", kernel.MakesB!.Body.Text, StringComparison.Ordinal);
        Assert.Contains("i8 [", kernel.Epilogue!.Text, StringComparison.Ordinal);
        // The bodies are named in the product's text, and what they do is a part of the program's.
        Assert.Contains(kernel.MakesB.Body.Name, kernel.Text, StringComparison.Ordinal);
    }

    /// <summary>A convolution: the image by channels, with a zero point that padding does not have; the weight by filters; a store by filters.</summary>
    [Theory]
    [InlineData("f32", 2e-6)]
    [InlineData("f64", 1e-12)]
    public void A_convolution_converts_image_weight_and_result(string type, double tolerance)
    {
        var text = $$"""
            func f(x: u8[2,4,9,8], w: i8[6,2,3,3], scale: f32[4,1,1], zero: f32[4,1,1], filters: f32[6,1,1,1], inverse: f32[6,1,1], point: f32[6,1,1]) -> (i8[2,6,5,8])
            {{Made("2,4,9,8")}}  %10 = cast w {dtype="f32"} : f32[6,2,3,3]
              %11 = mul %10, filters : f32[6,2,3,3]
              %12 = conv2d %2, %11 {groups=2,padding=[1,1],stride=[2,1]} : f32[2,6,5,8]
            {{Stored("%12", "2,6,5,8", "i8", -128, 127)}}  return %94

            """;
        var lowered = Compare(text.Replace("f32", type, StringComparison.Ordinal), tolerance);
        var kernel = Assert.IsType<ConvolutionLaunch>(Assert.Single(lowered.Functions[0].Launches)).Kernel;
        Assert.Contains("u8 [", kernel.Operands[0].Maker!.Text, StringComparison.Ordinal);
        Assert.Contains("i8 [", kernel.Operands[1].Maker!.Text, StringComparison.Ordinal);
        Assert.Contains("i8 [", kernel.Epilogue!.Text, StringComparison.Ordinal);
    }

    /// <summary>A table stays as it is: rows are picked in the storage type, and only what was picked becomes numbers.</summary>
    [Fact]
    public void An_embedding_picks_rows_in_the_storage_type()
    {
        var lowered = Compare("""
            func f(ids: i64[3], table: i8[5,40], scale: f32[5,1]) -> f32[3,40]
              %0 = embedding table, ids : i8[3,40]
              %1 = embedding scale, ids : f32[3,1]
              %2 = cast %0 {dtype="f32"} : f32[3,40]
              %3 = mul %2, %1 : f32[3,40]
              return %3
            """);
        Assert.DoesNotContain(lowered.Functions[0].Buffers, b => b.DType == DType.F32 && b.Elements.Constant == 200);
    }

    /// <summary>A library kernel has no bodies: what a pool reads is made by a loop in front of it.</summary>
    [Fact]
    public void A_pool_reads_what_a_loop_makes()
    {
        var lowered = Compare($"func f(x: u8[2,3,8,8], scale: f32[3,1,1], zero: f32[3,1,1]) -> f32[2,3,4,4]\n{Made("2,3,8,8")}  %3 = avg_pool2d %2 {{kernel=[2,2],padding=[0,0],stride=[2,2]}} : f32[2,3,4,4]\n  return %3\n");
        Assert.Equal([typeof(LoopLaunch), typeof(LibraryLaunch)], lowered.Functions[0].Launches.Select(l => l.GetType()));
    }

    /// <summary>Convolutions of doubles make what they read while they pack it, gradients too, and give the reference's numbers.</summary>
    [Theory]
    [InlineData("x: f64[2,4,9,8], y: f64[6,2,3,3], s: f64[4,1,1], t: f64[6,1,1,1]", "f64[2,4,9,8]", "f64[6,2,3,3]", "conv2d %1, %2 {groups=2,padding=[1,2],stride=[2,1]} : f64[2,6,5,10]")]
    [InlineData("x: f64[2,4,9,8], y: f64[6,4,3,2], s: f64[4,1,1], t: f64[6,1,1,1]", "f64[2,4,9,8]", "f64[6,4,3,2]", "conv2d %1, %2 {dilation=[2,3]} : f64[2,6,5,5]")]
    [InlineData("x: f64[2,6,5,10], y: f64[6,2,3,3], s: f64[6,1,1], t: f64[6,1,1,1]", "f64[2,6,5,10]", "f64[6,2,3,3]", "conv2d_grad_input %1, %2 {groups=2,padding=[1,2],shape=[2,4,9,8],stride=[2,1]} : f64[2,4,9,8]")]
    [InlineData("x: f64[2,4,9,8], y: f64[2,6,5,10], s: f64[4,1,1], t: f64[6,1,1]", "f64[2,4,9,8]", "f64[2,6,5,10]", "conv2d_grad_weight %1, %2 {groups=2,padding=[1,2],shape=[6,2,3,3],stride=[2,1]} : f64[6,2,3,3]")]
    public void Convolutions_of_doubles_make_their_operands(string arguments, string left, string right, string operation)
    {
        var lowered = Compare($"func f({arguments}) -> {operation[(operation.LastIndexOf(':') + 2)..]}\n  %0 = mul x, s : {left}\n  %1 = relu %0 : {left}\n  %2 = mul y, t : {right}\n  %3 = {operation}\n  return %3\n", 1e-12);
        Assert.IsType<ConvolutionLaunch>(Assert.Single(lowered.Functions[0].Launches));
    }

    const string Doubles = """
        func f(x: f64[33,70], y: f64[33,70], z: f64[70,33], k: bool[]) -> (f64[33,70], f64[70], f64[33,70], f64[33])
          %0 = mul x, y : f64[33,70]
          %1 = relu %0 : f64[33,70]
          %2 = transpose z {order=[1,0]} : f64[33,70]
          %3 = sub %1, %2 : f64[33,70]
          %4 = sqrt %1 : f64[33,70]
          %5 = less %3, %4 : bool[33,70]
          %6 = where %5, %3, x : f64[33,70]
          %7 = where k, %6, y : f64[33,70]
          %8 = sum %0 {axes=[0]} : f64[70]
          %9 = maximum x, y : f64[33,70]
          %10 = sum x {axes=[1]} : f64[33]
          return %7, %8, %9, %10
        """;

    /// <summary>Loops over doubles run in vectors of them, with the same bits at every width.</summary>
    [Fact]
    public void Loops_over_doubles_run_in_vectors()
    {
        var program = Parse(Doubles);
        var x = Arguments(program);
        x[0][5] = double.NaN;
        x[1][75] = double.NaN;
        TensorData[]? first = null;
        foreach (var width in new[] { 128, 256, 512 })
        {
            using var compiled = new CompiledFunctions(program, width);
            var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++)
                    Assert.True(expected[r][i].Equals(actual[r][i]) || Math.Abs(expected[r][i] - actual[r][i]) <= 1e-12, $"{width}: result {r}, element {i}: {actual[r][i]:R}, but the reference says {expected[r][i]:R}");
            first ??= actual;
            for (var r = 0; r < first.Length; r++) Assert.Equal(first[r].Real!.Select(BitConverter.DoubleToInt64Bits), actual[r].Real!.Select(BitConverter.DoubleToInt64Bits));
            var source = CSharpTarget.Emit([.. compiled.Lowered.Kernels], KnownTargets.Cpu, "", "Kernels");
            Assert.Contains($"Vector{width}<double>.Zero", source, StringComparison.Ordinal);
        }
    }
}
