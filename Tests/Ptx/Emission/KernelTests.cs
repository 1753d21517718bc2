using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.PtxEmulator;
using Graph.Tests.Toy;
using Xunit;
using Rounding = Graph.Compiler.Ir.Rounding;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Emitted kernels on the emulated device beside an interpreter of the same kernels: the same bits, under adversarial schedules, at the edges of warps, blocks and tiles.</summary>
public sealed class KernelTests
{
    internal static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 300 ~ 3\ndim T ≤ 300 ~ 5\n" + text, OperationTable.Set);

    internal static LoweredProgram Lower(Program program) => Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Ptx, verify: true));

    /// <summary>Runs every function of a program in both, and compares all bits; a NaN is one whatever its bits.</summary>
    internal static void Agree(Program program, IEnumerable<(int B, int T)> sizes, ulong seed = 1, Func<string, DType, Random, double>? draw = null, bool isWide = false, PtxVariant? variant = null, PtxTensorTile? tile = null)
    {
        var lowered = Lower(program);
        var interpreter = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => Graph.Runtime.Cpu.VectorMath.Exp((float)x) };
        var machine = new EmulatedMachine(lowered, new() { Seed = seed }, isWide, variant: variant, tile: tile);
        foreach (var (batch, time) in sizes)
            foreach (var function in lowered.Functions)
            {
                var binding = DimBinding.Empty.With("B", batch).With("T", time);
                TensorData[] arguments = [.. function.Signature.Parameters.Select(p => Draw(p.Type, p.Name!, binding, new(31 * batch + time + p.Name!.Length), draw))];
                var expected = interpreter.Run(function.Name, binding, arguments);
                var actual = machine.Run(function.Name, binding, arguments);
                for (var r = 0; r < expected.Length; r++) Same(expected[r], actual[r], $"{function.Name}({batch}, {time}), result {r}");
            }
    }

    internal static void Same(TensorData expected, TensorData actual, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        for (long i = 0; i < expected.Size; i++)
            if (expected.DType.IsFloat())
                Assert.True(BitConverter.DoubleToInt64Bits(expected.Real[i]) == BitConverter.DoubleToInt64Bits(actual.Real[i]) || (double.IsNaN(expected.Real[i]) && double.IsNaN(actual.Real[i])), FormattableString.Invariant($"{what}[{i}] is {actual.Real[i]:R}, expected {expected.Real[i]:R}."));
            else Assert.True(expected.Int[i] == actual.Int[i], FormattableString.Invariant($"{what}[{i}] is {actual.Int[i]}, expected {expected.Int[i]}."));
    }

    internal static TensorData Draw(TensorType type, string name, DimBinding binding, Random random, Func<string, DType, Random, double>? draw)
    {
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
        {
            var value = draw?.Invoke(name, type.DType, random) ?? (type.DType == DType.Bool ? random.Next(2) : type.DType.IsInteger() ? random.Next(-9, 10) : (random.NextDouble() - 0.5) * 4);
            if (type.DType.IsFloat()) data.Real[i] = Rounding.Round(value, type.DType);
            else data.Int[i] = (long)value;
        }
        return data;
    }

    /// <summary>1, 2 and what lies around warps, blocks and tiles.</summary>
    static readonly (int, int)[] Edges = [(1, 1), (2, 31), (1, 33), (33, 2), (31, 47), (5, 64), (3, 97), (64, 17), (65, 63), (129, 1)];

    [Fact]
    public void Maps_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], y: f32[B,T], z: f32[T], n: i32[B,T], h: f16[B,T], g: bf16[B,T]) -> (f32[B,T], f32[B,T], f32[T,B], i32[B,T], f16[B,T], bf16[B,T], f32[B,T], f16[B,T])
          %0 = mul x, y
          %1 = add %0, z
          %2 = div %1, y
          %3 = sqrt x
          %4 = add %3, %2
          %5 = maximum x, y
          %6 = transpose %5 {order=[1,0]}
          %7 = mul n, n
          %8 = add h, h
          %9 = mul %8, h
          %10 = div g, g
          %11 = add %10, g
          %12 = mul h, x
          %13 = floor %12
          %14 = mul h, %13
          return %2, %4, %6, %7, %9, %11, %14, %9
        """), Edges);

    /// <summary>Elements by four where a launch's operands begin at a multiple of four, one by one elsewhere: the same bits, whole blocks and ends of one, two and three.</summary>
    [Fact]
    public void Elements_are_read_by_four_where_they_begin_so()
    {
        var program = Parse("""
            func f(x: f32[1029], y: f32[1030], h: f16[1029], n: i32[1029]) -> (f32[1029], f32[1029], f16[1029], i32[1029], f32[1029])
              %0 = tanh x
              %1 = slice y {axis=0, end=[1030], start=[1]}
              %2 = mul %1, %1
              %3 = mul h, h
              %4 = mul n, n
              %5 = slice y {axis=0, end=[1029], start=[0]}
              %6 = add %5, x
              return %0, %2, %3, %4, %6
            """);
        var functions = Lower(program).Functions[0].Launches.SelectMany(l => PtxLaunches.Of(l, DimBinding.Empty)).Select(l => l.Function).ToList();
        Assert.Contains(functions, f => f.EndsWith("_by4", StringComparison.Ordinal));
        Assert.Contains(functions, f => !f.EndsWith("_by4", StringComparison.Ordinal));
        Agree(program, [(1, 1)]);
        foreach (var n in (int[])[1, 2, 3, 4, 7, 1024])
            Agree(Parse($"func f(x: f32[{n}], g: bf16[{n}], a: f32[]) -> (f32[{n}], bf16[{n}])\n  %0 = mul x, a\n  %1 = add g, g\n  return %0, %1\n"), [(1, 1)], seed: (ulong)n);
    }

    [Fact]
    public void Rows_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], w: f32[T], b: f32[T]) -> (f32[B,T], f32[B], f32[B], f32[B,T], f32[])
          %0 = softmax x {axis=1}
          %1 = sum x {axes=[1], keep=false}
          %2 = max x {axes=[1], keep=false}
          %3 = layer_norm x, w, b {epsilon=0.00001}
          %4 = sum x {axes=[0,1], keep=false}
          return %0, %1, %2, %3, %4
        """), Edges);

    [Fact]
    public void Columns_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], y: f32[B,T]) -> (f32[T], f32[T], f32[T])
          %0 = sum x {axes=[0], keep=false}
          %1 = mul x, y
          %2 = sum %1 {axes=[0], keep=false}
          %3 = min y {axes=[0], keep=false}
          return %0, %2, %3
        """), Edges);

    [Fact]
    public void Products_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(a: f32[B,T], b: f32[T,B], c: f32[B], d: f32[2,B,T], e: f32[2,T,7]) -> (f32[B,B], f32[T,T], f32[B,B], f32[2,B,7])
          %0 = matmul a, b
          %1 = add %0, c
          %2 = relu %1
          %3 = transpose a {order=[1,0]}
          %4 = transpose b {order=[1,0]}
          %5 = matmul %3, %4
          %6 = mul a, a
          %7 = matmul %6, b
          %8 = matmul d, e
          return %2, %5, %7, %8
        """), Edges);

    [Fact]
    public void Integers_of_8_bits_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(a: i8[B,T], b: i8[T,B], c: i32[B,T], d: i32[T,7], u: u8[B,T], v: u8[T,3], x: f32[B,T]) -> (i32[B,B], i32[B,7], i32[B,3], u8[B,T], i8[B,T], u8[B,T], f32[B,T], u8[B,T], i64[B,T], i64[B])
          %0 = matmul a, b
          %1 = matmul c, d
          %2 = matmul u, v
          %3 = mul u, u
          %4 = mul a, a
          %5 = cast x {dtype="u8"}
          %6 = cast u {dtype="f32"}
          %7, %8 = sort u {axis=1, descending=true}
          %9 = sum u {axes=[1], keep=false}
          return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9
        """), [(1, 1), (3, 33), (65, 17)], draw: (_, type, random) => type == DType.U8 ? random.Next(256) : type == DType.I8 ? random.Next(-128, 128) : type.IsFloat() ? (random.NextDouble() - 0.2) * 300 : random.Next(-9, 10));

    [Theory]
    [InlineData("f16")]
    [InlineData("bf16")]
    public void Convolutions_and_pools_of_16_bits_have_the_bits_of_the_interpreter(string type) => Agree(Parse($$"""
        func f(x: {{type}}[B,4,9,7], w: {{type}}[6,4,3,3], dy: {{type}}[B,6,9,7], dz: {{type}}[B,4,5,4], da: {{type}}[B,4,4,2])
          -> ({{type}}[B,6,9,7], {{type}}[B,4,9,7], {{type}}[6,4,3,3], {{type}}[B,4,5,4], {{type}}[B,4,9,7], {{type}}[B,4,4,2], {{type}}[B,4,9,7], {{type}}[B,4,4,3])
          %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
          %1 = conv2d_grad_input dy, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1], shape=[B,4,9,7]}
          %2 = conv2d_grad_weight x, dy {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1], shape=[6,4,3,3]}
          %3, %4 = max_pool2d x {kernel=[3,3], padding=[1,1], stride=[2,2]}
          %5 = max_pool2d_grad dz, %4 {shape=[B,4,9,7]}
          %6 = avg_pool2d x {kernel=[2,3], padding=[0,0], stride=[2,3]}
          %7 = avg_pool2d_grad da {kernel=[2,3], padding=[0,0], shape=[B,4,9,7], stride=[2,3]}
          %8 = max_pool2d x {kernel=[2,2], padding=[0,0], places=0, stride=[2,2]}
          return %0, %1, %2, %3, %5, %6, %7, %8
        """.Replace(")\n  ->", ") ->", StringComparison.Ordinal)), [(1, 1), (3, 1)]);

    [Fact]
    public void Sorted_lines_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,T], y: f16[B,3,T], n: i32[T,B], m: i64[B,T], c: bool[B,T]) -> (f32[B,T], i64[B,T], f16[B,3,T], i64[B,3,T], i32[T,B], i64[T,B], i64[B,T], i64[B,T], bool[B,T], i64[B,T], f32[T,B])
          %0, %1 = sort x {axis=1, descending=false}
          %2, %3 = sort y {axis=0, descending=true}
          %4, %5 = sort n {axis=0, descending=true}
          %6, %7 = sort m {axis=1, descending=false}
          %8, %9 = sort c {axis=1, descending=true}
          %10 = transpose x {order=[1,0]}
          %11, %12 = sort %10 {axis=0, descending=true}
          return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %11
        """), [(1, 1), (2, 31), (33, 2), (5, 64), (3, 97), (2, 300)], draw: (_, type, random) => type.IsFloat() ? random.Next(8) switch { 0 => double.NaN, 1 => -0.0, 2 => 0, 3 => double.NegativeInfinity, _ => random.Next(-3, 4) * 0.5 } : type == DType.Bool ? random.Next(2) : random.Next(-3, 4));

    [Fact]
    public void Picks_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(table: f32[37,T], ids: i64[B], dy: f32[B,T], half: f16[37,T], onto: f32[37,T], picks: i32[B,3], x: f32[B,T], wide: f32[T,40], across: i32[B,5], few: i32[3]) -> (f32[B,T], f32[37,T], f16[B,T], f32[37,T], f32[B,3], f32[B,11], f32[B,T], f32[37,T], f32[3,B], f32[T+13,B], i32[6,B])
          %0 = embedding table, ids
          %1 = embedding_grad dy, ids {rows=[37]}
          %2 = embedding half, ids
          %3 = embedding_grad dy, ids, onto {rows=[37]}
          %4 = pad x {after=[11], axis=1, before=[2], value=0.5}
          %5 = gather %4, picks {axis=1}
          %6 = gather_grad %5, picks {axis=1, size=[11]}
          %7 = transpose wide {order=[1,0]}
          %8 = slice %7 {axis=0, end=[39], start=[2]}
          %9 = flip %8 {axes=[0,1]}
          %10 = embedding %9, ids
          %11 = slice across {axis=1, end=[5], start=[2]} : i32[B,3]
          %12 = flip %11 {axes=[1]} : i32[B,3]
          %13 = transpose wide {order=[1,0]} : f32[40,T]
          %14 = slice %13 {axis=0, end=[3], start=[0]} : f32[3,T]
          %15 = embedding_grad %14, few {rows=[37]}
          %16 = transpose %4 {order=[1,0]} : f32[T+13,B]
          %17 = transpose %12 {order=[1,0]} : i32[3,B]
          %18 = gather %16, %17 {axis=0}
          %19 = gather_grad %18, %17 {axis=0, size=[T+13]}
          %20 = pad %17 {after=[1], axis=0, before=[2]}
          return %0, %1, %2, %3, %5, %6, %10, %15, %18, %19, %20
        """), [(1, 1), (2, 31), (33, 5), (257, 3), (300, 2), (5, 300)], draw: (name, _, random) => name is "ids" or "few" ? random.Next(37) : name is "picks" or "across" ? random.Next(11) : random.NextDouble() - 0.5);

    [Theory]
    [InlineData(4, 6, 3, 1, 1, 1, 1)]
    [InlineData(3, 5, 3, 2, 0, 1, 1)]
    [InlineData(4, 6, 3, 2, 1, 1, 2)]
    [InlineData(3, 4, 2, 1, 2, 3, 1)]
    [InlineData(20, 65, 1, 1, 0, 1, 1)]
    public void Convolutions_and_their_gradients_have_the_bits_of_the_interpreter(int channels, int filters, int kernel, int stride, int padding, int dilation, int groups)
    {
        var (height, width) = (9, 7);
        int Map(int size) => (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
        var window = $"dilation=[{dilation},{dilation}], groups={groups}, padding=[{padding},{padding}], stride=[{stride},{stride}]";
        var (image, weight, map) = ($"B,{channels},{height},{width}", $"{filters},{channels / groups},{kernel},{kernel}", $"B,{filters},{Map(height)},{Map(width)}");
        Agree(Parse($$"""
            func f(image: f32[{{image}}], weight: f32[{{weight}}], dy: f32[{{map}}], bias: f32[{{filters}},1,1]) -> (f32[{{map}}], f32[{{image}}], f32[{{weight}}], f32[{{map}}])
              %0 = conv2d image, weight {{{window}}}
              %1 = conv2d_grad_input dy, weight {{{window}}, shape=[{{image}}]}
              %2 = conv2d_grad_weight image, dy {{{window}}, shape=[{{weight}}]}
              %3 = relu image
              %4 = conv2d %3, weight {{{window}}}
              %5 = add %4, bias
              %6 = relu %5
              return %0, %1, %2, %6
            """), [(1, 1), (3, 1)]);
    }

    [Fact]
    public void Pools_have_the_bits_of_the_interpreter() => Agree(Parse("""
        func f(x: f32[B,3,9,7], dy: f32[B,3,5,4], dz: f32[B,3,4,2], last: f32[B,9,7,3], turned: f32[4,B,5,3], wide: f32[B,3,8,6]) -> (f32[B,3,5,4], i32[B,3,5,4], f32[B,3,9,7], f32[B,3,4,2], f32[B,3,9,7], f32[B,3,5,4], f32[B,3,9,7], f32[B,3,9,7])
          %0, %1 = max_pool2d x {kernel=[3,3], padding=[1,1], stride=[2,2]}
          %2 = max_pool2d_grad dy, %1 {shape=[B,3,9,7]}
          %3 = avg_pool2d x {kernel=[2,3], padding=[0,0], stride=[2,3]}
          %4 = avg_pool2d_grad dz {kernel=[2,3], padding=[0,0], shape=[B,3,9,7], stride=[2,3]}
          %5 = transpose last {order=[0,3,1,2]} : f32[B,3,9,7]
          %6, %7 = max_pool2d %5 {kernel=[3,3], padding=[1,1], stride=[2,2]}
          %8 = transpose turned {order=[1,3,2,0]} : f32[B,3,5,4]
          %9 = max_pool2d_grad %8, %7 {shape=[B,3,9,7]}
          %10 = slice wide {axis=2, end=[7], start=[3]} : f32[B,3,4,6]
          %11 = slice %10 {axis=3, end=[3], start=[1]} : f32[B,3,4,2]
          %12 = avg_pool2d_grad %11 {kernel=[2,3], padding=[0,0], shape=[B,3,9,7], stride=[2,3]}
          return %0, %1, %2, %3, %4, %6, %9, %12
        """), [(1, 1), (4, 1)]);

    /// <summary>What is drawn, and what is computed of it, has the bits of the definition: at edges of blocks, in other iterations, for seeds of 53 bits.</summary>
    [Fact]
    public void Random_numbers_have_the_bits_of_the_definition()
    {
        foreach (var (seed, stream, iteration, count) in new[] { (0L, 0L, 0L, 1), (9007199254740991L, 5L, 0L, 257), (-3L, long.MaxValue, 12345L, 700) })
        {
            Scalar Number(int source) => Scalar.Input(source, DType.I64);
            var kernel = new LoopKernel(
                "draws", KernelForm.Map, [new(AxisRole.Lane, false, Compiler.Kernels.Extent.Zero)], [new(0, DType.I64, false, [Compiler.Kernels.Extent.Zero]), new(1, DType.F32, true, [Compiler.Kernels.Extent.One])],
                [new Source.Load(0), new Source.Size(Compiler.Kernels.Extent.Argument(0)), new Source.Size(Compiler.Kernels.Extent.Argument(1))],
                [new([], [], [new(1, Scalar.Uniform(Number(0), Scalar.AxisIndex(0), Number(1), Number(2)))])], [], null, true);
            foreach (var isWide in (bool[])[false, true])
            {
                var session = new Session(PtxTarget.Module(PtxTarget.Functions(kernel, isSegmented: false, isGuarded: false, isWide)), new());
                var (from, to) = (session.Upload([seed], "seed"), session.Allocate<float>(count, "numbers"));
                session.Launch("draws", new Dim3((count + 255) / 256), 256, 0, from, to, stream, iteration, (long)count);
                session.Expect(to, [.. Enumerable.Range(0, count).Select(i => Philox.Uniform((ulong)seed, Philox.Stream(stream, iteration), (ulong)i))], "numbers");
            }
        }
    }

    /// <summary>Rows and sums of products under other schedules, and with places of 64 bits: the same bits.</summary>
    [Theory]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    public void Schedules_and_widths_of_places_change_nothing(ulong seed, bool isWide) => Agree(Parse("""
        func f(x: f32[B,T], y: f32[T,B], z: f32[B,1100], u: f32[1100,T], n: i32[B,T]) -> (f32[B,T], f32[B,B], f32[B,T], f32[T], i64[B], f32[T,B])
          %0 = softmax x {axis=1}
          %1 = matmul x, y
          %2 = gelu %1
          %3 = matmul z, u
          %4 = sum x {axes=[0], keep=false}
          %5 = sum n {axes=[1], keep=false}
          %6 = transpose x {order=[1,0]}
          %7 = mul %6, y
          return %0, %2, %3, %4, %5, %7
        """), [(1, 33), (65, 2), (31, 65)], seed, isWide: isWide);

    /// <summary>A table of more than 2³² elements: 64 bits are chosen because the bounds say so, and reach its end.</summary>
    [Fact]
    public void A_table_beyond_32_bits_is_read_at_its_end()
    {
        var program = Lower(ProgramParser.Parse("""
            program P version 1
            dim B ≤ 8 ~ 3
            func f(table: f32[1100000000,4], ids: i64[B]) -> (f32[B,4])
              %0 = embedding table, ids
              return %0
            """, OperationTable.Set));
        var launch = program.Find("f")!.Launches.Single();
        Assert.True(PtxLaunches.IsWide(launch, DimBinding.Empty.With("B", 3)));
        var session = new Session(PtxTarget.Emit(program), new());
        var table = session.Device.Allocate(1100000000L * 16, "table");
        long[] ids = [1099999999, 0, 1073741824];
        for (var i = 0; i < ids.Length; i++) session.Device.Write<float>(table + (ulong)ids[i] * 16, [i, i + 0.25f, i + 0.5f, i + 0.75f]);
        var (from, to, record) = (session.Upload(ids, "ids"), session.Allocate<float>(12, "rows"), session.Upload<long>([0, 0, 0], "record"));
        var call = PtxLaunches.Of(launch, DimBinding.Empty.With("B", 3)).Single();
        session.Launch(call.Function, new Dim3((int)call.Blocks), call.Threads, 0, [table, from, to, .. call.Arguments.Where(a => !a.IsOperand && !a.IsRecord).Select(a => (object)a.Number), record]);
        session.Expect(to, [.. Enumerable.Range(0, 12).Select(i => i / 4 + i % 4 * 0.25f)], "rows");
        session.Expect<long>(record, [0, 0, 0], "record");
    }
}
