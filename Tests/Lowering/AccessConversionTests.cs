using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Ops;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Tensors that are stored in another type than is computed with: what an access converts by, on the way into a product or convolution and out of it.</summary>
public sealed class AccessConversionTests
{
    static Program Parse(string text) => ProgramParser.Parse("program Test version 1\n" + text, OperationTable.Set);

    static TensorData Numbers(TensorType type, int seed)
    {
        var (data, random) = (new TensorData(type.DType, type.Shape.Evaluate(DimBinding.Empty)), new Random(seed));
        for (long i = 0; i < data.Size; i++) data[i] = type.DType.IsFloat() ? Rounding.Round((random.NextDouble() - 0.5) * 2, type.DType) : random.Next(-128, 128);
        return data;
    }

    static TensorData[] Arguments(Program program) => [.. program.Functions[0].Parameters.Select((p, i) => Numbers(p.Type, i + 1))];

    // The largest difference, relative to the largest number.
    static double Difference(TensorData expected, TensorData actual)
    {
        Assert.Equal((expected.DType, expected.Size), (actual.DType, actual.Size));
        var scale = Enumerable.Range(0, (int)expected.Size).Max(i => Math.Abs(expected[i])) + 1e-30;
        return Enumerable.Range(0, (int)expected.Size).Max(i => Math.Abs(expected[i] - actual[i])) / scale;
    }

    static string[] Titles(LoweredProgram program) =>
        [.. program.Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))]))];

    // The weight is read as it lies in memory; what makes numbers of it is a part of the product.
    const string Linear = """
        func f(x: f32[37,70], weight: i8[70,50], scale: f32[50], zero: f32[50]) -> f32[37,50]
          %0 = cast weight {dtype="f32"} : f32[70,50]
          %1 = sub %0, zero : f32[70,50]
          %2 = mul %1, scale : f32[70,50]
          %3 = matmul x, %2 : f32[37,50]
          return %3
        """;

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void A_linear_layer_of_8_bit_weights_makes_numbers_of_them_while_it_packs(int width)
    {
        var program = Parse(Linear);
        using var compiled = new CompiledFunctions(program, width);
        Assert.Equal(["b:tile+contract"], Titles(compiled.Lowered));
        Assert.Contains("p0 i8 [", compiled.Lowered.Generated.Single().Text, StringComparison.Ordinal);
        var x = Arguments(program);
        Assert.InRange(Difference(compiled.Reference("f", x)[0], compiled.Run("f", x)[0]), 0, 1e-6);
    }

    // The gradient of a table that is a classifier's weight lies as the transpose of the product that makes it: rounded there, its rows would be stored number by number.
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void A_product_whose_rounded_result_lies_turned_is_solved_as_its_transpose(int width)
    {
        var program = Parse("""
            func f(x: f16[37,70], y: f16[37,50], z: f16[50,70]) -> (f16[50,70], f16[50,70], f32[70])
              %0 = transpose x {order=[1,0]} : f16[70,37]
              %1 = matmul %0, y : f16[70,50]
              %2 = transpose %1 {order=[1,0]} : f16[50,70]
              %3 = relu x : f16[37,70]
              %4 = transpose %3 {order=[1,0]} : f16[70,37]
              %5 = matmul %4, y : f16[70,50]
              %6 = transpose %5 {order=[1,0]} : f16[50,70]
              %7 = mul %6, z : f16[50,70]
              %8 = cast x {dtype="f32"} : f32[37,70]
              %9 = sum %8 {axes=[0], keep=false} : f32[70]
              return %2, %7, %9
            """);
        using var compiled = new CompiledFunctions(program, width);
        var products = compiled.Lowered.Functions[0].Launches.OfType<ContractLaunch>().ToList();
        Assert.Equal(2, products.Count);
        Assert.All(products, p => Assert.All(p.Kernel.Epilogue!.Accesses.Where(a => a.Written), a => Assert.True(a.Strides[^1].Is(1), p.Kernel.Text)));
        var x = Arguments(program);
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        for (var r = 0; r < expected.Length; r++) Assert.InRange(Difference(expected[r], actual[r]), 0, r == 2 ? 1e-6 : 1e-3);
    }

    // A right operand of many columns is made in rows over several panels: whole ones, and one that is cut off, over several blocks of the sum.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_operand_that_is_made_row_by_row_is_packed_as_one_that_lies_there(int threads)
    {
        var program = Parse("""
            func f(x: f16[200,500], y: f16[500,1100]) -> f32[200,1100]
              %0 = cast x {dtype="f32"} : f32[200,500]
              %1 = cast y {dtype="f32"} : f32[500,1100]
              %2 = matmul %0, %1 : f32[200,1100]
              return %2
            """);
        var plain = Parse("""
            func f(x: f32[200,500], y: f32[500,1100]) -> f32[200,1100]
              %0 = matmul x, y : f32[200,1100]
              return %0
            """);
        using var made = new CompiledFunctions(program, threads: threads);
        using var lies = new CompiledFunctions(plain, threads: threads);
        Assert.Equal(["a:tile+b:tile+contract"], Titles(made.Lowered));
        var x = Arguments(program);
        TensorData Wide(TensorData t)
        {
            var wide = new TensorData(DType.F32, t.Shape);
            Array.Copy(t.Real, wide.Real, t.Size);
            return wide;
        }
        Assert.Equal(lies.Run("f", Wide(x[0]), Wide(x[1]))[0].Real, made.Run("f", x)[0].Real);
    }

    [Fact]
    public void What_an_access_converts_by_is_a_part_of_the_kernel_and_of_its_text()
    {
        LoweredProgram Lower(string text) => Lowerer.Lower(CompilerPipeline.Run(Parse(text), KnownTargets.Cpu, verify: true).Final, KnownTargets.Cpu);
        var (channels, whole) = (Lower(Linear), Lower(Linear.Replace("f32[50], zero: f32[50]", "f32[], zero: f32[]", StringComparison.Ordinal)));
        Assert.Equal(LoweredText.Write(channels), LoweredText.Write(LoweredText.Read(LoweredText.Write(channels))));
        Assert.Equal(Titles(channels), Titles(whole));
        Assert.NotEqual(channels.Generated.Single().Text, whole.Generated.Single().Text);
        Assert.NotEqual(LoweredText.Write(channels), LoweredText.Write(whole));
    }

    // Sums of 8-bit products are 32-bit integers; a scale and a zero point of each channel make 8-bit numbers of them again before they leave the cache.
    const string Quantized = """
        func f(x: i8[33,300], weight: i8[300,41], scale: f32[41], zero: f32[41]) -> (i32[33,41], i8[33,41])
          %0 = matmul x, weight : i32[33,41]
          %1 = cast %0 {dtype="f32"} : f32[33,41]
          %2 = mul %1, scale : f32[33,41]
          %3 = round %2 : f32[33,41]
          %4 = add %3, zero : f32[33,41]
          %5 = clamp %4 {max=127.0,min=-128.0} : f32[33,41]
          %6 = cast %5 {dtype="i8"} : i8[33,41]
          return %0, %6
        """;

    static TensorData[] Quantities(Program program)
    {
        var x = Arguments(program);
        for (long i = 0; i < x[2].Size; i++) (x[2][i], x[3][i]) = ((float)(x[2][i] * 1e-3), Math.Round(x[3][i] * 5));
        return x;
    }

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Products_of_8_bit_integers_are_32_bit_and_are_made_8_bit_again_on_the_way_out(int width)
    {
        var program = Parse(Quantized);
        using var compiled = new CompiledFunctions(program, width);
        Assert.Equal(["a:tile+b:tile+contract+tile"], Titles(compiled.Lowered));
        Assert.Equal(DType.I32, compiled.Lowered.Kernels.OfType<ProductKernel>().Single().Accumulator);
        var x = Quantities(program);
        var (expected, actual) = (compiled.Reference("f", x), compiled.Run("f", x));
        Assert.Equal(expected[0].Int, actual[0].Int);
        Assert.Equal(expected[1].Int, actual[1].Int);
        Assert.True(actual[1].Int.Distinct().Count() > 50);
    }

    [Fact]
    public void Sums_of_integers_wrap_around()
    {
        var program = Parse("""
            func f(x: i32[5,7], y: i32[7,3]) -> i32[5,3]
              %0 = matmul x, y : i32[5,3]
              return %0
            """);
        using var compiled = new CompiledFunctions(program);
        var x = Arguments(program);
        foreach (var data in x)
            for (long i = 0; i < data.Size; i++) data[i] = data[i] * 7_777_777;
        Assert.Equal(compiled.Reference("f", x)[0].Int, compiled.Run("f", x)[0].Int);
    }

    public static TheoryData<string, string, string> Narrow()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var type in new[] { "f16", "bf16" })
        {
            data.Add(type, "x: T[37,70], y: T[70,50]", "matmul x, y : T[37,50]");
            data.Add(type, "x: T[2,3,5,70], y: T[3,70,9]", "matmul x, y : T[2,3,5,9]");
            data.Add(type, "x: T[2,1,5,70], y: T[1,3,70,9]", "matmul x, y : T[2,3,5,9]");
            data.Add(type, "x: T[4,900], y: T[900,1]", "matmul x, y : T[4,1]");
            data.Add(type, "x: T[2,4,9,8], y: T[6,2,3,3]", "conv2d x, y {groups=2,padding=[1,1],stride=[2,1]} : T[2,6,5,8]");
            data.Add(type, "x: T[2,6,5,8], y: T[6,2,3,3]", "conv2d_grad_input x, y {groups=2,padding=[1,1],shape=[2,4,9,8],stride=[2,1]} : T[2,4,9,8]");
            data.Add(type, "x: T[2,4,9,8], y: T[2,6,5,8]", "conv2d_grad_weight x, y {groups=2,padding=[1,1],shape=[6,2,3,3],stride=[2,1]} : T[6,2,3,3]");
        }
        return data;
    }

    // Sums are float32 and rounded once: half of the last place of the largest, and what float32 lost.
    [Theory]
    [MemberData(nameof(Narrow))]
    public void Products_and_convolutions_of_16_bits_add_up_in_float32(string type, string arguments, string operation)
    {
        var program = Parse($"func f({arguments}) -> {operation[(operation.LastIndexOf(':') + 2)..]}\n  %0 = {operation}\n  return %0\n".Replace("T[", type + "[", StringComparison.Ordinal));
        using var compiled = new CompiledFunctions(program);
        var launches = compiled.Lowered.Functions[0].Launches;
        Assert.True(launches.Length == 1 || operation.StartsWith("conv2d_grad_weight", StringComparison.Ordinal), string.Join(", ", Titles(compiled.Lowered)));
        var x = Arguments(program);
        Assert.InRange(Difference(compiled.Reference("f", x)[0], compiled.Run("f", x)[0]), 0, type == "f16" ? 1.001 / 2048 : 1.001 / 256);
    }

    [Fact]
    public void A_convolution_makes_numbers_of_8_bit_weights_while_it_packs()
    {
        var program = Parse("""
            func f(x: f32[2,3,9,9], weight: i8[8,3,3,3], scale: f32[8,1,1,1]) -> f32[2,8,7,7]
              %0 = cast weight {dtype="f32"} : f32[8,3,3,3]
              %1 = mul %0, scale : f32[8,3,3,3]
              %2 = conv2d x, %1 : f32[2,8,7,7]
              return %2
            """);
        using var compiled = new CompiledFunctions(program);
        Assert.Single(compiled.Lowered.Functions[0].Launches);
        var x = Arguments(program);
        Assert.InRange(Difference(compiled.Reference("f", x)[0], compiled.Run("f", x)[0]), 0, 1e-6);
    }

    // Axes in another order, whose pixels are one axis all the same, and a part of each row, whose pixels are not.
    [Theory]
    [InlineData("x: f16[2,9,8,4]", "transpose x {order=[0,3,1,2]}")]
    [InlineData("x: f16[2,4,9,9]", "slice x {axis=3,end=9,start=1}")]
    public void A_convolution_reads_16_bits_through_strides(string argument, string view)
    {
        var program = Parse($$"""
            func f({{argument}}, y: f16[6,4,3,3]) -> f16[2,6,7,6]
              %0 = {{view}} : f16[2,4,9,8]
              %1 = conv2d %0, y : f16[2,6,7,6]
              return %1
            """);
        using var compiled = new CompiledFunctions(program);
        var x = Arguments(program);
        Assert.InRange(Difference(compiled.Reference("f", x)[0], compiled.Run("f", x)[0]), 0, 1.001 / 2048);
    }

    /// <summary>A target that knows kernel values alone reads the conversions in them.</summary>
    [Theory]
    [InlineData(Linear, 1e-6)]
    [InlineData(Quantized, 0)]
    public void Another_target_converts_as_the_kernel_says(string text, double tolerance)
    {
        var program = Parse(text);
        var toy = new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(program, ToyTarget.Model, verify: true).Final, ToyTarget.Model));
        using var compiled = new CompiledFunctions(program);
        var x = text == Quantized ? Quantities(program) : Arguments(program);
        var (expected, actual) = (compiled.Reference("f", x), toy.Run("f", DimBinding.Empty, x));
        for (var r = 0; r < expected.Length; r++) Assert.InRange(Difference(expected[r], actual[r]), 0, tolerance);
    }
}
