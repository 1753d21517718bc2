using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;

namespace Graph.Tests.Ptx.Emission;

/// <summary>A function that is made of kernels of one kind, in the types that they have, with sizes around the edges of warps, blocks and tiles: for the emulator and for a card.</summary>
/// <param name="Name">The kind.</param>
/// <param name="Text">The function <c>f</c> over the dimensions B and T.</param>
/// <param name="Sizes">What B and T are.</param>
/// <param name="Values">Draws an element of an argument; moderate numbers when left out.</param>
sealed record KernelProgram(string Name, string Text, (int B, int T)[] Sizes, Func<string, DType, Random, double>? Values = null)
{
    /// <summary>1, 2 and what lies around warps, blocks and tiles.</summary>
    public static readonly (int, int)[] Edges = [(1, 1), (2, 31), (1, 33), (33, 2), (31, 47), (5, 64), (3, 97), (64, 17), (65, 63), (129, 1), (3, 132), (36, 68)];

    public override string ToString() => Name;

    public Program Parse() => Parse(Text);

    public static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 300 ~ 3\ndim T ≤ 300 ~ 5\n" + text, OperationTable.Set);

    /// <summary>The sizes, with arguments for each.</summary>
    public IEnumerable<(DimBinding Binding, TensorData[] Arguments)> Runs(IEnumerable<NamedTensor> parameters) => Sizes.Select(size =>
    {
        var binding = DimBinding.Empty.With("B", size.B).With("T", size.T);
        return (binding, (TensorData[])[.. parameters.Select((p, i) => Draw(p.Type, p.Name!, binding, new(31 * size.B + size.T + 1009 * i), Values))]);
    });

    public static TensorData Draw(TensorType type, string name, DimBinding binding, Random random, Func<string, DType, Random, double>? draw)
    {
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
        {
            var value = draw?.Invoke(name, type.DType, random) ?? Moderate(type.DType, random);
            if (type.DType.IsFloat()) data.Real[i] = Rounding.Round(value, type.DType);
            else data.Int[i] = (long)value;
        }
        return data;
    }

    public static KernelProgram Find(string name) => All.Single(p => p.Name == name);

    /// <summary>Draws as another function does, but for numbers of 16 bits: those are small integers, whose sums of products have the same bits in whatever order they are added up.</summary>
    public static Func<string, DType, Random, double> Exact(Func<string, DType, Random, double>? draw) => (name, type, random) =>
        type is DType.F16 or DType.BF16 ? random.Next(-4, 5) : draw?.Invoke(name, type, random) ?? Moderate(type, random);

    static double Moderate(DType type, Random random) => type == DType.Bool ? random.Next(2) : type.IsInteger() ? random.Next(-9, 10) : (random.NextDouble() - 0.5) * 4;

    public static KernelProgram[] All { get; } =
    [
        new("maps", """
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
            """, Edges),
        new("rows", """
            func f(x: f32[B,T], w: f32[T], b: f32[T], h: f16[B,T], n: i32[B,T]) -> (f32[B,T], f32[B], f32[B], f32[B,T], f32[], f16[B,T], i32[B])
              %0 = softmax x {axis=1}
              %1 = sum x {axes=[1], keep=false}
              %2 = max x {axes=[1], keep=false}
              %3 = layer_norm x, w, b {epsilon=0.00001}
              %4 = sum x {axes=[0,1], keep=false}
              %5 = softmax h {axis=1}
              %6 = max n {axes=[1], keep=false}
              return %0, %1, %2, %3, %4, %5, %6
            """, Edges),
        new("columns", """
            func f(x: f32[B,T], y: f32[B,T], z: f32[3,B,T], h: bf16[B,T], n: i8[B,T]) -> (f32[T], f32[T], f32[T], f32[3,T], f32[B,T], f32[T], i64[T], f32[B,T])
              %0 = sum x {axes=[0], keep=false}
              %1 = mul x, y
              %2 = sum %1 {axes=[0], keep=false}
              %3 = min y {axes=[0], keep=false}
              %4 = sum z {axes=[1], keep=false}
              %5 = softmax x {axis=0}
              %6 = cast h {dtype="f32"}
              %7 = sum %6 {axes=[0], keep=false}
              %8 = sum n {axes=[0], keep=false}
              %9 = add x, %0
              return %0, %2, %3, %4, %5, %7, %8, %9
            """, Edges),
        new("products", """
            func f(a: f32[B,T], b: f32[T,B], c: f32[B], d: f32[2,B,T], e: f32[2,T,7], h: f16[B,T], g: f16[T,72]) -> (f32[B,B], f32[T,T], f32[B,B], f32[2,B,7], f16[B,72])
              %0 = matmul a, b
              %1 = add %0, c
              %2 = relu %1
              %3 = transpose a {order=[1,0]}
              %4 = transpose b {order=[1,0]}
              %5 = matmul %3, %4
              %6 = mul a, a
              %7 = matmul %6, b
              %8 = matmul d, e
              %9 = matmul h, g
              return %2, %5, %7, %8, %9
            """, Edges),
        new("integers", """
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
            """, [(1, 1), (3, 33), (65, 17), (64, 20)], (_, type, random) => type == DType.U8 ? random.Next(256) : type == DType.I8 ? random.Next(-128, 128) : type.IsFloat() ? (random.NextDouble() - 0.2) * 300 : random.Next(-9, 10)),
        Windows("f16"), Windows("bf16"),
        new("integer windows", """
            func f(x: i8[B,4,9,7], w: i8[6,4,3,3], u: u8[B,4,9,7], n: i32[B,3,6,5], v: i32[4,3,2,2], table: i8[11,T], ids: i64[B]) -> (i32[B,6,9,7], i32[B,6,5,4], i32[B,4,5,4], i8[B,T])
              %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
              %1 = conv2d u, w {dilation=[1,1], groups=1, padding=[1,1], stride=[2,2]}
              %2 = conv2d n, v {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}
              %3 = embedding table, ids
              return %0, %1, %2, %3
            """, [(1, 1), (3, 20)], (name, type, random) => name == "ids" ? random.Next(11) : type == DType.U8 ? random.Next(256) : type == DType.I8 ? random.Next(-128, 128) : random.Next(-9, 10)),
        new("sorts", """
            func f(x: f32[B,T], y: f16[B,3,T], n: i32[T,B], m: i64[B,T], c: bool[B,T]) -> (f32[B,T], i64[B,T], f16[B,3,T], i64[B,3,T], i32[T,B], i64[T,B], i64[B,T], i64[B,T], bool[B,T], i64[B,T], f32[T,B])
              %0, %1 = sort x {axis=1, descending=false}
              %2, %3 = sort y {axis=0, descending=true}
              %4, %5 = sort n {axis=0, descending=true}
              %6, %7 = sort m {axis=1, descending=false}
              %8, %9 = sort c {axis=1, descending=true}
              %10 = transpose x {order=[1,0]}
              %11, %12 = sort %10 {axis=0, descending=true}
              return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %11
            """, [(1, 1), (2, 31), (33, 2), (5, 64), (3, 97), (2, 300)], (_, type, random) => type.IsFloat() ? random.Next(8) switch { 0 => double.NaN, 1 => -0.0, 2 => 0, 3 => double.NegativeInfinity, _ => random.Next(-3, 4) * 0.5 } : type == DType.Bool ? random.Next(2) : random.Next(-3, 4)),
        new("picks", """
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
            """, [(1, 1), (2, 31), (33, 5), (257, 3), (300, 2), (5, 300)], (name, _, random) => name is "ids" or "few" ? random.Next(37) : name is "picks" or "across" ? random.Next(11) : random.NextDouble() - 0.5),
        new("pools", """
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
            """, [(1, 1), (4, 1)]),
        Convolution(4, 6, 3, 1, 1, 1, 1), Convolution(3, 5, 3, 2, 0, 1, 1), Convolution(4, 6, 3, 2, 1, 1, 2), Convolution(3, 4, 2, 1, 2, 3, 1), Convolution(20, 65, 1, 1, 0, 1, 1),
        // Planes of a multiple of four pixels, and weights of as many taps: by four where they lie so.
        Convolution(4, 8, 3, 1, 1, 1, 1, (6, 6)), Convolution(8, 12, 1, 1, 0, 1, 2, (4, 5)), Convolution(4, 6, 2, 2, 0, 1, 1, (8, 12)),
    ];

    // Convolutions, pools and their gradients in a type of 16 bits.
    static KernelProgram Windows(string type) => new("windows of " + type, $$"""
        func f(x: {{type}}[B,4,9,7], w: {{type}}[6,4,3,3], dy: {{type}}[B,6,9,7], dz: {{type}}[B,4,5,4], da: {{type}}[B,4,4,2]) -> ({{type}}[B,6,9,7], {{type}}[B,4,9,7], {{type}}[6,4,3,3], {{type}}[B,4,5,4], {{type}}[B,4,9,7], {{type}}[B,4,4,2], {{type}}[B,4,9,7], {{type}}[B,4,4,3])
          %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
          %1 = conv2d_grad_input dy, w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1], shape=[B,4,9,7]}
          %2 = conv2d_grad_weight x, dy {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1], shape=[6,4,3,3]}
          %3, %4 = max_pool2d x {kernel=[3,3], padding=[1,1], stride=[2,2]}
          %5 = max_pool2d_grad dz, %4 {shape=[B,4,9,7]}
          %6 = avg_pool2d x {kernel=[2,3], padding=[0,0], stride=[2,3]}
          %7 = avg_pool2d_grad da {kernel=[2,3], padding=[0,0], shape=[B,4,9,7], stride=[2,3]}
          %8 = max_pool2d x {kernel=[2,2], padding=[0,0], places=0, stride=[2,2]}
          return %0, %1, %2, %3, %5, %6, %7, %8
        """, [(1, 1), (3, 1)]);

    static KernelProgram Convolution(int channels, int filters, int kernel, int stride, int padding, int dilation, int groups, (int Height, int Width)? size = null)
    {
        var (height, width) = size ?? (9, 7);
        int Map(int size) => (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
        var window = $"dilation=[{dilation},{dilation}], groups={groups}, padding=[{padding},{padding}], stride=[{stride},{stride}]";
        var (image, weight, map) = ($"B,{channels},{height},{width}", $"{filters},{channels / groups},{kernel},{kernel}", $"B,{filters},{Map(height)},{Map(width)}");
        return new($"convolution of {channels}x{height}x{width} to {filters}, window {kernel}, stride {stride}, padding {padding}, dilation {dilation}, groups {groups}", $$"""
            func f(image: f32[{{image}}], weight: f32[{{weight}}], dy: f32[{{map}}], bias: f32[{{filters}},1,1]) -> (f32[{{map}}], f32[{{image}}], f32[{{weight}}], f32[{{map}}])
              %0 = conv2d image, weight {{{window}}}
              %1 = conv2d_grad_input dy, weight {{{window}}, shape=[{{image}}]}
              %2 = conv2d_grad_weight image, dy {{{window}}, shape=[{{weight}}]}
              %3 = relu image
              %4 = conv2d %3, weight {{{window}}}
              %5 = add %4, bias
              %6 = relu %5
              return %0, %1, %2, %6
            """, [(1, 1), (3, 1)]);
    }
}
