using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Operations;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Ops;

/// <summary>Integers of 8 bits without a sign, and of 4 bits, two in a byte: every number, lengths and offsets that end within a byte, in loops, products and convolutions.</summary>
public sealed class SmallIntegerTests
{
    static Program Parse(string text) => ProgramParser.Parse("program Test version 1\n" + text, OperationTable.Set);

    // Every number of the type, over and over, in an order that no vector repeats.
    static TensorData Numbers(TensorType type, int seed)
    {
        var (data, random) = (new TensorData(type.DType, type.Shape.Evaluate(DimBinding.Empty)), new Random(seed));
        var order = type.DType.IsFloat() ? [] : Enumerable.Range(0, 1 << Math.Min(8, type.DType.Bits())).Select(i => type.DType.Wrap(i)).OrderBy(_ => random.Next()).ToArray();
        for (long i = 0; i < data.Size; i++) data[i] = type.DType.IsFloat() ? Rounding.Round((random.NextDouble() - 0.5) * 2, type.DType) : order[i % order.Length];
        return data;
    }

    static TensorData[] Arguments(Program program) => [.. program.Functions[0].Parameters.Select((p, i) => Numbers(p.Type, i + 1))];

    static void Same(IReadOnlyList<TensorData> expected, IReadOnlyList<TensorData> actual, double tolerance)
    {
        for (var r = 0; r < expected.Count; r++)
        {
            Assert.Equal((expected[r].DType, expected[r].Size), (actual[r].DType, actual[r].Size));
            var scale = Enumerable.Range(0, (int)expected[r].Size).Select(i => Math.Abs(expected[r][i])).DefaultIfEmpty(0).Max() + 1e-30;
            for (long i = 0; i < expected[r].Size; i++)
                Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= (expected[r].DType.IsFloat() ? tolerance * scale : 0), $"result {r}, element {i}: {actual[r][i]:R}, but the reference says {expected[r][i]:R}");
        }
    }

    // By the CPU's kernels of one width, and by the target that knows kernel values alone.
    static LoweredProgram Compare(string text, int width, double tolerance = 1e-6)
    {
        var program = Parse(text);
        using var compiled = new CompiledFunctions(program, width);
        var x = Arguments(program);
        var expected = compiled.Reference("f", x);
        Same(expected, compiled.Run("f", x), tolerance);
        if (width == 512) Same(expected, new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(program, ToyTarget.Model, verify: true))).Run("f", DimBinding.Empty, x), tolerance);
        return compiled.Lowered;
    }

    static string[] Titles(LoweredProgram program) => [.. program.Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))]))];

    public static TheoryData<string, int> TypesAndWidths => new() { { "i4", 128 }, { "i4", 256 }, { "i4", 512 }, { "u8", 128 }, { "u8", 256 }, { "u8", 512 }, { "i8", 256 } };

    /// <summary>Loads from and stores to places within bytes: offsets and lengths of either parity, strides, other orders, parts of one result.</summary>
    [Theory]
    [MemberData(nameof(TypesAndWidths))]
    public void Elements_are_read_and_written_wherever_they_lie(string type, int width) => Compare($$"""
        func f(x: {{type}}[131], y: {{type}}[7,9], n: f32[70]) -> (f32[131], f32[130], f32[65], {{type}}[131], {{type}}[129], f32[43,1], {{type}}[138], {{type}}[9,7], {{type}}[70], {{type}}[71])
          %0 = cast x {dtype="f32"} : f32[131]
          %1 = slice x {axis=0,end=131,start=1} : {{type}}[130]
          %2 = cast %1 {dtype="f32"} : f32[130]
          %3 = slice x {axis=0,end=68,start=3} : {{type}}[65]
          %4 = cast %3 {dtype="f32"} : f32[65]
          %5 = add x, x : {{type}}[131]
          %6 = slice x {axis=0,end=131,start=2} : {{type}}[129]
          %7 = reshape %6 {shape=[43,3]} : {{type}}[43,3]
          %20 = slice %7 {axis=1,end=2,start=1} : {{type}}[43,1]
          %8 = cast %20 {dtype="f32"} : f32[43,1]
          %9 = slice x {axis=0,end=5,start=0} : {{type}}[5]
          %10 = slice x {axis=0,end=131,start=1} : {{type}}[130]
          %11 = slice x {axis=0,end=131,start=128} : {{type}}[3]
          %12 = concat %9, %10, %11 {axis=0} : {{type}}[138]
          %13 = transpose y {order=[1,0]} : {{type}}[9,7]
          %14 = constant {dtype="f32",value=7.0} : f32[]
          %15 = mul n, %14 : f32[70]
          %16 = abs %15 : f32[70]
          %17 = cast %16 {dtype="{{type}}"} : {{type}}[70]
          %18 = slice x {axis=0,end=1,start=0} : {{type}}[1]
          %19 = concat %18, %17 {axis=0} : {{type}}[71]
          return %0, %2, %4, %5, %6, %8, %12, %13, %17, %19
        """, width);

    /// <summary>Neighbouring halves of a byte are written by different threads.</summary>
    [Fact]
    public void Threads_that_share_a_byte_both_write_their_half()
    {
        var program = Parse("""
            func f(x: f32[65537], y: i4[1]) -> i4[65538]
              %0 = cast x {dtype="i4"} : i4[65537]
              %1 = concat y, %0 {axis=0} : i4[65538]
              return %1
            """);
        using var compiled = new CompiledFunctions(program, threads: 4);
        TensorData[] x = [new(DType.F32, [65537], [.. Enumerable.Range(0, 65537).Select(i => (double)(i * 7 % 16 - 8))]), new(DType.I4, [1], new long[] { 5 })];
        var expected = compiled.Reference("f", x)[0];
        for (var i = 0; i < 20; i++) Assert.Equal(expected.Int, compiled.Run("f", x)[0].Int);
    }

    const string Linear = """
        func f(x: f32[37,70], weight: i4[70,51], scale: f32[51], zero: f32[51]) -> f32[37,51]
          %0 = cast weight {dtype="f32"} : f32[70,51]
          %1 = sub %0, zero : f32[70,51]
          %2 = mul %1, scale : f32[70,51]
          %3 = matmul x, %2 : f32[37,51]
          return %3
        """;

    // As PyTorch lays the weights of a layer out.
    const string Transposed = """
        func f(x: f32[37,70], weight: i4[51,70], scale: f32[51,1]) -> f32[37,51]
          %0 = cast weight {dtype="f32"} : f32[51,70]
          %1 = mul %0, scale : f32[51,70]
          %2 = transpose %1 {order=[1,0]} : f32[70,51]
          %3 = matmul x, %2 : f32[37,51]
          return %3
        """;

    // A scale and a zero point for each 14 inputs of an output.
    const string Groups = """
        func f(x: f32[37,70], weight: i4[51,70], scale: f32[51,5,1], zero: f32[51,5,1]) -> f32[37,51]
          %0 = reshape weight {shape=[51,5,14]} : i4[51,5,14]
          %1 = cast %0 {dtype="f32"} : f32[51,5,14]
          %2 = sub %1, zero : f32[51,5,14]
          %3 = mul %2, scale : f32[51,5,14]
          %4 = reshape %3 {shape=[51,70]} : f32[51,70]
          %5 = transpose %4 {order=[1,0]} : f32[70,51]
          %6 = matmul x, %5 : f32[37,51]
          return %6
        """;

    /// <summary>Weights stay 4 bits in memory and become numbers while the product packs them: one launch, whose kernel reads them.</summary>
    [Theory]
    [InlineData(Linear, 128)]
    [InlineData(Linear, 256)]
    [InlineData(Linear, 512)]
    [InlineData(Transposed, 128)]
    [InlineData(Transposed, 512)]
    [InlineData(Groups, 256)]
    [InlineData(Groups, 512)]
    public void Weights_of_4_bits_are_unpacked_while_a_product_packs_them(string text, int width)
    {
        var lowered = Compare(text, width);
        Assert.Equal(["b:tile+contract"], Titles(lowered));
        Assert.Contains(" i4 [", lowered.Generated.Single().Text, StringComparison.Ordinal);
    }

    [Fact]
    public void They_go_with_activations_of_16_bits()
    {
        var lowered = Compare(Transposed.Replace("f32[", "bf16[", StringComparison.Ordinal).Replace("\"f32\"", "\"bf16\"", StringComparison.Ordinal), 512, tolerance: 1.0 / 128);
        Assert.Single(lowered.Functions[0].Launches);
    }

    /// <summary>The result of a product is written in 4 bits, or 8 without a sign, before it leaves the cache.</summary>
    [Theory]
    [InlineData("i4", -8, 7)]
    [InlineData("u8", 0, 255)]
    public void Results_of_products_are_stored_in_few_bits(string type, int least, int greatest) => Assert.Single(Compare($$"""
        func f(x: i8[33,300], weight: i8[300,41], scale: f32[], zero: f32[41]) -> {{type}}[33,41]
          %0 = matmul x, weight : i32[33,41]
          %1 = cast %0 {dtype="f32"} : f32[33,41]
          %2 = constant {dtype="f32",value=0.001} : f32[]
          %3 = mul %1, %2 : f32[33,41]
          %4 = round %3 : f32[33,41]
          %5 = clamp %4 {max={{greatest}}.0,min={{least}}.0} : f32[33,41]
          %6 = cast %5 {dtype="{{type}}"} : {{type}}[33,41]
          return %6
        """, 512).Functions[0].Launches);

    /// <summary>Products of integers of any two types of up to 32 bits are exact.</summary>
    [Theory]
    [InlineData("u8", "u8")]
    [InlineData("u8", "i8")]
    [InlineData("i8", "i4")]
    [InlineData("i4", "i4")]
    [InlineData("i32", "u8")]
    public void Products_of_small_integers_are_exact(string left, string right) => Compare($$"""
        func f(x: {{left}}[2,17,301], y: {{right}}[2,301,19]) -> i32[2,17,19]
          %0 = matmul x, y : i32[2,17,19]
          return %0
        """, 512);

    /// <summary>So are convolutions, with strides, padding, dilation and groups.</summary>
    [Theory]
    [InlineData("u8", "i8", "")]
    [InlineData("i8", "i8", "dilation=[2,1],groups=2,padding=[1,2],stride=[2,1]")]
    [InlineData("u8", "i4", "groups=2,padding=[2,0],stride=[1,3]")]
    [InlineData("i32", "i32", "padding=[1,1]")]
    public void Convolutions_of_small_integers_are_exact(string image, string weight, string attributes)
    {
        var program = new Program("Test", [], [], [], OperationTable.Set);
        var groups = attributes.Contains("groups", StringComparison.Ordinal) ? 2 : 1;
        var builder = new Builder(program, "f");
        DTypes.TryParse(image, out var left);
        DTypes.TryParse(weight, out var right);
        var (x, w) = (builder.Argument(new(left, Shape.Of(2, 4, 11, 10)), "x"), builder.Argument(new(right, Shape.Of(6, 4 / groups, 3, 3)), "w"));
        var y = builder.Apply("conv2d", [x, w], AttributeMap.Of(("stride", Pair("stride")), ("padding", Pair("padding")), ("dilation", Pair("dilation")), ("groups", groups)))[0];
        Assert.Equal(DType.I32, y.DType);
        program = program with { Functions = [builder.Build([y])] };
        using var compiled = new CompiledFunctions(program);
        Assert.Single(compiled.Lowered.Functions[0].Launches);
        var numbers = Arguments(program);
        var expected = compiled.Reference("f", numbers);
        Same(expected, compiled.Run("f", numbers), 0);
        Same(expected, new ToyMachine(Lowerer.Lower(CompilerPipeline.Run(program, ToyTarget.Model, verify: true))).Run("f", DimBinding.Empty, numbers), 0);

        int[] Pair(string name)
        {
            var at = attributes.IndexOf(name + "=[", StringComparison.Ordinal);
            return at < 0 ? (name == "padding" ? [0, 0] : [1, 1]) : [.. attributes[(at + name.Length + 2)..attributes.IndexOf(']', at)].Split(',').Select(int.Parse)];
        }
    }

    /// <summary>Weights of 4 bits in a convolution of floats: numbers of them are made while it packs.</summary>
    [Fact]
    public void A_convolution_reads_weights_of_4_bits_and_images_of_8()
    {
        var lowered = Compare("""
            func f(x: u8[2,3,9,9], weight: i4[8,3,3,3], scale: f32[8,1,1,1]) -> f32[2,8,7,7]
              %0 = cast weight {dtype="f32"} : f32[8,3,3,3]
              %1 = mul %0, scale : f32[8,3,3,3]
              %2 = cast x {dtype="f32"} : f32[2,3,9,9]
              %3 = constant {dtype="f32",value=0.00392156862745098} : f32[]
              %4 = mul %2, %3 : f32[2,3,9,9]
              %5 = conv2d %4, %1 : f32[2,8,7,7]
              return %5
            """, 512);
        Assert.Single(lowered.Functions[0].Launches);
    }

    [Fact]
    public void Arithmetic_wraps_around_in_the_type()
    {
        foreach (var type in new[] { "u8", "i4", "i8" })
            Compare($$"""
                func f(x: {{type}}[256], y: {{type}}[256]) -> ({{type}}[256], {{type}}[256], {{type}}[256], {{type}}[256], {{type}}[256], bool[256], i64[])
                  %0 = add x, y : {{type}}[256]
                  %1 = sub x, y : {{type}}[256]
                  %2 = mul x, y : {{type}}[256]
                  %3 = neg x : {{type}}[256]
                  %4 = maximum x, y : {{type}}[256]
                  %5 = less x, y : bool[256]
                  %6 = sum x {axes=[0]} : i64[]
                  return %0, %1, %2, %3, %4, %5, %6
                """, 512);
    }
}
