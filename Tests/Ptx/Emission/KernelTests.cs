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
    internal static Program Parse(string text) => KernelProgram.Parse(text);

    internal static LoweredProgram Lower(Program program, TargetModel? target = null) => Lowerer.Lower(CompilerPipeline.Run(program, target ?? KnownTargets.Ptx, verify: true));

    /// <summary>Runs every function of a program in both, and compares all bits; a NaN is one whatever its bits.</summary>
    internal static void Agree(Program program, IEnumerable<(int B, int T)> sizes, ulong seed = 1, Func<string, DType, Random, double>? draw = null, bool isWide = false, PtxVariant? variant = null, PtxTensorTile? tile = null) =>
        Agree(program, new("", "", [.. sizes], draw), seed, isWide, variant, tile);

    static void Agree(Program program, KernelProgram numbers, ulong seed = 1, bool isWide = false, PtxVariant? variant = null, PtxTensorTile? tile = null)
    {
        var lowered = Lower(program);
        var interpreter = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => Graph.Runtime.Cpu.VectorMath.Exp((float)x) };
        var machine = new EmulatedMachine(lowered, new() { Seed = seed }, isWide, variant: variant, tile: tile);
        foreach (var function in lowered.Functions)
            foreach (var (binding, arguments) in numbers.Runs(function.Signature.Parameters))
            {
                var expected = interpreter.Run(function.Name, binding, arguments);
                var actual = machine.Run(function.Name, binding, arguments);
                for (var r = 0; r < expected.Length; r++) Same(expected[r], actual[r], $"{function.Name}({binding}), result {r}");
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

    public static TheoryData<string> Programs => [.. KernelProgram.All.Select(p => p.Name)];

    /// <summary>Each kind of kernel, at the edges of warps, blocks and tiles.</summary>
    [Theory, MemberData(nameof(Programs))]
    public void Kernels_have_the_bits_of_the_interpreter(string name)
    {
        var program = KernelProgram.Find(name);
        Agree(program.Parse(), program);
    }

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

    /// <summary>
    /// Accesses of four elements: of rows, columns, maps along rows and products, in launches whose operands, strides and ends are multiples of four; the binding says which function that is, or tells a product.
    /// A function that is started elsewhere is found out.
    /// </summary>
    [Fact]
    public void The_binding_chooses_how_wide_accesses_are()
    {
        var program = Lower(Parse("""
            func f(x: f32[B,T], h: f16[B,T], z: f32[T], w: f32[T,8]) -> (f32[B,T], f32[T], f32[B,T], f32[B,8], f32[B,T])
              %0 = softmax x {axis=1}
              %1 = sum x {axes=[0], keep=false}
              %2 = add x, z
              %3 = matmul x, w
              %4 = cast h {dtype="f32"}
              %5 = mul %4, z
              return %0, %1, %2, %3, %5
            """));
        var texts = PtxTarget.Functions(program).ToDictionary(f => f.Name, f => f.Text);
        List<PtxLaunch> At(int t) => [.. PtxSequence.Of(program.Functions[0], DimBinding.Empty.With("B", 6).With("T", t)).Select(s => s.Call)];
        var (wide, narrow) = (At(64), At(63));
        Assert.Equal(narrow.Select(l => l.Function).Where(f => !f.StartsWith("product", StringComparison.Ordinal)).Select(f => f + "_by4"), wide.Select(l => l.Function).Where(f => !f.StartsWith("product", StringComparison.Ordinal)));
        int Count(string function, string access) => System.Text.RegularExpressions.Regex.Matches(texts[function], $@"\b{access}\.").Count;
        foreach (var launch in narrow.Where(l => !l.Function.StartsWith("product", StringComparison.Ordinal))) Assert.Equal((0, 0), (Count(launch.Function, "ld.global.v4"), Count(launch.Function, "st.global.v4")));
        // Of a row the pass for the largest and the one that writes; sums in lanes keep their order, an element a lane.
        Assert.Equal((2, 1), (Count("row0_by4", "ld.global.v4"), Count("row0_by4", "st.global.v4")));
        foreach (var launch in wide.Where(l => l.Function.StartsWith("column", StringComparison.Ordinal) || l.Function.StartsWith("map", StringComparison.Ordinal)))
            Assert.True(Count(launch.Function, "ld.global.v4") > 0 && Count(launch.Function, "st.global.v4") > 0, texts[launch.Function]);
        // A product is told of each operand: rows of 63 are none, columns of 8 are.
        var product = Assert.Single(wide, l => l.Function.StartsWith("product", StringComparison.Ordinal));
        Assert.Equal(2, Count(product.Function, "ld.global.v4"));
        var names = System.Text.RegularExpressions.Regex.Matches(texts[product.Function], @"\.param \.u64 (\w+)").Select(m => m.Groups[1].Value).ToList();
        (long, long) Told(List<PtxLaunch> launches) => launches.Single(l => l.Function == product.Function).Arguments is var a ? (a[names.IndexOf("left_by4")].Number, a[names.IndexOf("right_by4")].Number) : default;
        Assert.Equal(((1L, 1L), (0L, 1L)), (Told(wide), Told(narrow)));

        var session = new Session(PtxTarget.Module(PtxTarget.Functions(program)), new());
        var column = wide.Single(l => l.Function.StartsWith("column", StringComparison.Ordinal));
        var (from, to) = (session.Upload(new float[6 * 64 + 1], "x"), session.Allocate<float>(64, "sums"));
        object[] Arguments(ulong x) => [.. column.Arguments.Select(a => a.IsOperand ? (object)(a.Operand == 0 ? x : to) : a.Number)];
        session.Launch(column.Function, new Dim3((int)column.Blocks), column.Threads, 0, Arguments(from));
        Assert.Equal(FaultKind.Misaligned, Assert.Throws<PtxFaultException>(() => session.Launch(column.Function, new Dim3((int)column.Blocks), column.Threads, 0, Arguments(from + 4))).Fault.Kind);
    }

    /// <summary>Which operands and results of products, convolutions and attention are one access of four in a launch: what sizes and strides say, each by itself.</summary>
    [Theory]
    [InlineData("func f(a: f32[B,8], b: f32[8,T], c: f32[T]) -> (f32[B,T])\n  %0 = matmul a, b\n  %1 = add %0, c\n  return %1\n", 3, 12, "left=1 right=1 result=1")]
    [InlineData("func f(a: f32[B,8], b: f32[8,T], c: f32[T]) -> (f32[B,T])\n  %0 = matmul a, b\n  %1 = add %0, c\n  return %1\n", 3, 13, "left=1 right=0 result=0")]
    [InlineData("func f(a: f32[B,T], b: f32[T,8]) -> (f32[B,8])\n  %0 = matmul a, b\n  return %0\n", 3, 13, "left=0 right=1 result=1")]
    [InlineData("func f(x: f32[B,4,6,6], w: f32[8,4,3,3]) -> (f32[B,8,6,6])\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}\n  return %0\n", 3, 1, "left=1 result=1")]
    [InlineData("func f(x: f32[B,3,6,6], w: f32[8,3,3,3]) -> (f32[B,8,6,6])\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}\n  return %0\n", 3, 1, "left=0 result=1")]
    [InlineData("func f(x: f32[B,8,5,7], w: f32[8,8,1,1]) -> (f32[B,8,5,7])\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}\n  return %0\n", 3, 1, "left=1 right=0 result=0")]
    [InlineData("func f(x: f32[B,8,4,7], w: f32[8,8,1,1]) -> (f32[B,8,4,7])\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}\n  %1 = relu %0\n  return %1\n", 3, 1, "left=1 right=1 result=1")]
    [InlineData("func f(x: f32[B,4,4,7], dy: f32[B,8,4,7]) -> (f32[8,4,1,1])\n  %0 = conv2d_grad_weight x, dy {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1], shape=[8,4,1,1]}\n  return %0\n", 3, 1, "left=1 right=1 result=1")]
    [InlineData("func f(q: f32[B,2,T,16], k: f32[B,2,T,16], v: f32[B,2,T,12]) -> (f32[B,T,2,12])\n  %0, %1 = scaled_dot_product_attention q, k, v {causal=false, scale=0.25}\n  return %0\n", 2, 5, "query=1 key=1 value=1 output=1")]
    [InlineData("func f(q: f32[B,2,T,16], k: f32[B,2,T,16], v: f32[B,2,T,10]) -> (f32[B,T,2,10])\n  %0, %1 = scaled_dot_product_attention q, k, v {causal=false, scale=0.25}\n  return %0\n", 2, 5, "query=1 key=1 value=0 output=0")]
    public void Each_operand_and_result_is_told_whether_four_are_one_access(string text, int b, int t, string told)
    {
        var program = Lower(Parse(text));
        var call = Assert.Single(PtxSequence.Of(program.Functions[0], DimBinding.Empty.With("B", b).With("T", t))).Call;
        var function = PtxTarget.Functions(program).Single(f => f.Name == call.Function).Text;
        var names = System.Text.RegularExpressions.Regex.Matches(function, @"\.param \.u64 (\w+)").Select(m => m.Groups[1].Value).ToList();
        Assert.Equal(told, string.Join(' ', names.Index().Where(n => n.Item.EndsWith("_by4", StringComparison.Ordinal)).Select(n => $"{n.Item[..^4]}={call.Arguments[n.Index].Number}")));
        if (told.Contains("result=1", StringComparison.Ordinal) || told.Contains("output=1", StringComparison.Ordinal)) Assert.Contains("st.global.v4.f32", function, StringComparison.Ordinal);
    }

    /// <summary>Sums in 32 lanes: four elements of a lane are read before the first of them is added.</summary>
    [Fact]
    public void Rows_read_ahead_of_their_sums()
    {
        var text = PtxTarget.Functions(Lower(Parse("func f(x: f32[B,T]) -> (f32[B])\n  %0 = sum x {axes=[1], keep=false}\n  return %0\n")))[0].Text;
        Assert.Matches(@"(\s*ld\.global\.f32 [^\n]*\n(?:(?!\s*(?:add\.rn|ld\.global))[^\n]*\n)*){4}\s*add\.rn\.f32", text);
        foreach (var t in (int[])[127, 128, 129, 160, 256, 259]) Agree(Parse("func f(x: f32[B,T], h: f16[B,T]) -> (f32[B], f32[B,T], f16[B])\n  %0 = sum x {axes=[1], keep=false}\n  %1 = softmax x {axis=1}\n  %2 = sum h {axes=[1], keep=false}\n  return %0, %1, %2\n"), [(3, t)], seed: (ulong)t);
    }

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
        func f(x: f32[B,T], y: f32[T,B], z: f32[B,1600], u: f32[1600,T], n: i32[B,T]) -> (f32[B,T], f32[B,B], f32[B,T], f32[T], i64[B], f32[T,B])
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
