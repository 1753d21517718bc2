using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Tests.Loops;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Graph.Tests.Toy;
using Graph.Yardsticks;
using Xunit;
using RandomProgram = Graph.Tests.Property.RandomProgram;

namespace Graph.Tests.Targets;

/// <summary>A second target, which lies in one folder and knows kernel values alone, beside the reference interpreter in float64.</summary>
public sealed class ToyTests
{
    static LoweredProgram Lower(Program program, TargetModel target) => Lowerer.Lower(CompilerPipeline.Run(program, target, verify: true));

    // Numbers that float32 holds, of moderate size; moments far enough from 0 that updates do not hang on the last bit of a gradient.
    static TensorData Draw(TensorType type, string name, DimBinding binding, int step)
    {
        var random = new Random(name.Sum(c => c) * 31 + name.Length + 977 * step);
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
            data[i] = name switch
            {
                "seed" => 42 + step,
                "learning_rate" => (float)0.01,
                "optimizer.step" => 3,
                _ when type.DType.IsInteger() => random.Next(10),
                _ when name.StartsWith("optimizer.v", StringComparison.Ordinal) => (float)(1e-4 + random.NextDouble() * 1e-4),
                _ when name.StartsWith("optimizer.m", StringComparison.Ordinal) => (float)((random.NextDouble() - 0.5) * 1e-2),
                _ when name.Contains("running_var", StringComparison.Ordinal) => (float)(1 + random.NextDouble()),
                _ when name.Contains("norm", StringComparison.Ordinal) => (float)(1 + 0.1 * random.NextDouble()),
                _ => (float)((random.NextDouble() - 0.5) * (name == "image" ? 2 : 0.4)),
            };
        return data;
    }

    static TensorData Wide(TensorData data)
    {
        if (!data.DType.IsFloat()) return data;
        var wide = new TensorData(DType.F64, data.Shape);
        data.Real.CopyTo(wide.Real, 0);
        return wide;
    }

    static void Near(TensorData expected, TensorData actual, string what, double tolerance)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var scale = Enumerable.Range(0, (int)expected.Size).Select(i => Math.Abs(expected[i])).DefaultIfEmpty(0).Max() + 1e-9;
        for (long i = 0; i < expected.Size; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * scale || (double.IsNaN(expected[i]) && double.IsNaN(actual[i])), $"{what}[{i}] is {actual[i]:R}, expected {expected[i]:R} (largest {scale:R}).");
    }

    // Trains on the toy and in the reference, each from its own states.
    static void Trains(Program program, TargetModel target, DimBinding binding, double tolerance)
    {
        var compiled = CompilerPipeline.Run(program, target, verify: true);
        var toy = new ToyMachine(Lowerer.Lower(compiled));
        var reference = new Interpreter(compiled.Find("Differentiated")!, float64: true);
        var function = compiled.Final.Find("train_step")!;
        var states = compiled.Final.States.ToDictionary(s => s.Path, s => Draw(s.Type, s.Path, DimBinding.Empty, 0));
        foreach (var (path, value) in states) toy.Set(path, value);
        var expected = states.ToDictionary(s => s.Key, s => Wide(s.Value));
        for (var step = 1; step <= 2; step++)
        {
            TensorData[] arguments = [.. function.Parameters.Select(p => Draw(p.Type, p.Name!, binding, step))];
            var result = reference.Run("train_step", [.. arguments.Select(Wide)], expected, binding);
            var actual = toy.Run("train_step", binding, arguments);
            for (var i = 0; i < actual.Length; i++) Near(result.Results[i], actual[i], $"{function.ResultNames[i]} of step {step}", tolerance);
            foreach (var (path, value) in result.States)
            {
                expected[path] = value;
                Near(value, toy.State(path), $"{path} after step {step}", tolerance);
            }
        }
    }

    public static TheoryData<string> Yardsticks => ["mlp", "cnn", "nanogpt", "resnet18", "gpt2"];

    static Program Yardstick(string name) => Elaborate.With(typeof(BasicBlock).Assembly, ToyModels.Source(name)).Program;

    static DimBinding Sizes(Program program) => DimBinding.Typical(program.Dims).With("B", 3);

    /// <summary>Forward, backward and update, two steps, on the toy as itself and doing what was made for the CPU.</summary>
    [Theory]
    [MemberData(nameof(Yardsticks))]
    public void The_yardsticks_train_as_in_the_reference(string name)
    {
        var program = Yardstick(name);
        Trains(program, ToyTarget.Model, Sizes(program), 1e-5);
        Trains(program, KnownTargets.Cpu, Sizes(program), 1e-5);
    }

    /// <summary>The same on a machine that has no kernels but generated ones: no product, convolution, pool or gather, and no function but the square root.</summary>
    [Theory]
    [InlineData("cnn"), InlineData("nanogpt")]
    public void The_yardsticks_train_without_kernels_of_a_library(string name)
    {
        var program = Yardstick(name);
        Trains(program, ToyTarget.Model with { Library = KernelCatalog.Of([]), Attention = null, Missing = [ScalarOp.Exp, ScalarOp.Log, ScalarOp.Tanh, ScalarOp.Erf, ScalarOp.Sigmoid, ScalarOp.Rsqrt] }, Sizes(program), 1e-5);
    }

    [Theory]
    [InlineData("mlp")]
    [InlineData("resnet18")]
    public void Double_precision_trains_as_in_the_reference(string name)
    {
        var program = Elaborate.With(typeof(BasicBlock).Assembly, ToyModels.Source(name).Replace("[Train]", "[Train(Precision = Precision.Float64)]", StringComparison.Ordinal)).Program;
        Trains(program, ToyTarget.Model, Sizes(program), 1e-11);
    }

    /// <summary>Other limits, other kernels: what is one launch there is several here, and no kernel writes more than the toy allows.</summary>
    [Theory]
    [MemberData(nameof(Yardsticks))]
    public void What_is_fused_is_the_targets_own(string name)
    {
        var program = Yardstick(name);
        LoweredProgram[] lowered = [.. CompilerPipeline.Run(program, [ToyTarget.Model, KnownTargets.Cpu], verify: true).Select(c => Lowerer.Lower(c.Final, c.Target))];
        int Launches(int target) => lowered[target].Find("train_step")!.Launches.Length;
        int MostResults(int target) => lowered[target].Functions.SelectMany(f => f.Launches).OfType<LoopLaunch>().Max(l => ((LoopKernel)l.Kernel).Accesses.Count(a => a.Written));
        Assert.True(Launches(0) > Launches(1), $"{Launches(0)} launches, {Launches(1)} on the CPU");
        Assert.InRange(MostResults(0), 1, ToyTarget.Model.Kernels.Results);
        Assert.Contains(lowered[0].Kernels.OfType<LoopKernel>(), k => k.Lanes == ToyTarget.Model.Sums.Lanes);
        Assert.DoesNotContain(lowered[0].Kernels.OfType<LoopKernel>(), k => k.Lanes == KnownTargets.Cpu.Sums.Lanes);
    }

    static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 8 ~ 3\ndim T ≤ 9 ~ 5\n" + text, OperationTable.Set);

    // Every function of a program, its results rounded as their types are.
    static void Agrees(Program program, double tolerance, params (int B, int T)[] sizes)
    {
        foreach (var target in (TargetModel[])[ToyTarget.Model, KnownTargets.Cpu])
        {
            var toy = new ToyMachine(Lower(program, target));
            foreach (var (batch, time) in sizes)
                foreach (var function in program.Functions)
                {
                    var binding = DimBinding.Empty.With("B", batch).With("T", time);
                    TensorData[] arguments = [.. function.Parameters.Select(p => Rounded(Running.Random(p.Type, p.Name!, binding, new(batch * 10 + time + p.Name!.Length)), p.DType))];
                    var expected = new Interpreter(program).Run(function.Name, arguments, new Dictionary<string, TensorData>(), binding).Results;
                    var actual = toy.Run(function.Name, binding, arguments);
                    for (var i = 0; i < expected.Length; i++) Near(expected[i], actual[i], $"{function.Name} on {target.Title}, {batch} × {time}, result {i}", tolerance);
                }
        }
    }

    static TensorData Rounded(TensorData data, DType type)
    {
        if (!type.IsFloat()) return data;
        var rounded = new TensorData(type, data.Shape);
        for (long i = 0; i < data.Size; i++) rounded[i] = Rounding.Round(data[i], type);
        return rounded;
    }

    [Fact]
    public void Sixteen_bit_numbers_are_stored_as_such() => Agrees(Parse("""
        func f(x: f16[B,6], y: bf16[B,6], z: f32[B,6], w: f16[6,5], image: bf16[B,2,5,6], window: bf16[3,2,3,3]) -> (f16[B,6], bf16[B,6], f32[B,6], f16[B], bf16[6], f16[B,9], f16[B,5], bf16[B,3,5,6])
          %0 = tanh x
          %1 = mul %0, x
          %2 = mul y, y
          %3 = add %2, y
          %4 = add x, y
          %5 = mul %4, z
          %6 = sum %1 {axes=[1], keep=false}
          %7 = sum %3 {axes=[0], keep=false}
          %8 = pad %1 {after=[2], axis=1, before=[1], value=0.5}
          %9 = matmul %1, w
          %10 = conv2d image, window {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
          %11 = relu %10
          return %1, %3, %5, %6, %7, %8, %9, %11
        """), 5e-3, (3, 1), (8, 1));

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_loops_and_their_gradients_agree_with_the_reference(int seed)
    {
        var program = LoopProgram.Make(seed);
        var f = program.Functions[0];
        Agrees(program with { Functions = program.Functions.Add(Differentiate.Function(program, f, [.. f.Parameters.Where(p => p.DType.IsFloat())], "g")) }, 2e-4, (2, 5), (4, 9));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_programs_agree_with_the_reference(int seed)
    {
        var program = RandomProgram.Make(seed);
        var binding = DimBinding.Empty.With("B", 3);
        var (arguments, states) = RandomProgram.Values(program, seed, binding, DType.F32);
        var expected = new Interpreter(program, float64: false).Run("loss", arguments, states, binding).Results[0];
        var toy = new ToyMachine(Lower(program, ToyTarget.Model));
        foreach (var (path, value) in states) toy.Set(path, value);
        Near(expected, toy.Run("loss", binding, arguments)[0], "loss", 1e-4);
    }

    [Fact]
    public void A_loop_ends_when_its_condition_says() => Agrees(Parse("""
        func f(x: f32[]) -> (f32[], f32[12], f32[])
          %0 = constant {dtype="bool", value=1.0}
          %1 = constant {dtype="f32", value=1.0}
          %9 = mul x, x
          %10 = add %9, %1
          %2, %3, %4, %5 = loop %0, %1, %1, %10 {carries=3, conditional=true, count=[12], scanned=0}
            region(i: i64[], go: bool[], y: f32[], steps: f32[], x: f32[])
              %0 = div x, y
              %1 = add y, %0
              %2 = constant {dtype="f32", value=0.5}
              %3 = mul %1, %2
              %4 = sub %3, y
              %5 = abs %4
              %6 = constant {dtype="f32", value=0.0001}
              %7 = less %6, %5
              %8 = constant {dtype="f32", value=1.0}
              %9 = add steps, %8
              return %7, %3, %9, %3
          return %3, %5, %4
        """), 1e-5, (1, 1));

    [Theory]
    [InlineData("return Tensor.If(x.Sum() > 0, () => first.Forward(x).Tanh() * 2, () => { var y = second.Forward(x); return y.Square() + y; });")]
    [InlineData("return Tensor.If(x.Sum() < 0, () => first.Forward(x).Tanh() * 2, () => { var y = second.Forward(x); return y.Square() + y; });")]
    [InlineData("var (last, all) = Tensor.Scan(Tensor.Zeros(4), x, (h, row) => Tensor.If(row.Sum() > h.Sum(), () => (h + row.Tanh(), row), () => (row * h, h))); return first.Forward(all * last);")]
    public void Branches_and_loops_train_as_in_the_reference(string forward) => Trains(Elaborate.Model($$"""
        [Model]
        [Dim("B", Max = 8, Typical = 3)]
        public partial class M
        {
            readonly Linear first = new(4, 5);
            readonly Linear second = new(4, 5);

            public Tensor Forward(Tensor x)
            {
                {{forward}}
            }

            [Loss] public Tensor Loss([Shape("B", 4)] Tensor x) => Forward(x).Square().Mean();
            [Train] public static AdamW Optimizer() => new(learningRate: 0.01f);
        }
        """).Program, ToyTarget.Model, DimBinding.Empty.With("B", 3), 1e-5);

    /// <summary>What a kernel says is what the CPU does, bit by bit, where it computes nothing but sums, products and arithmetic that is rounded once.</summary>
    [Theory]
    [InlineData("""
        func f(x: f32[5,203], y: f32[203,5], z: f32[700,300], w: f32[B,7,40]) -> (f32[5], f32[203], f32[5], f32[700], f32[300], f32[], f32[B], f32[7], f32[B,7,40])
          %0 = sum x {axes=[1], keep=false}
          %1 = sum x {axes=[0], keep=false}
          %2 = sum y {axes=[0], keep=false}
          %3 = sum z {axes=[1], keep=false}
          %4 = sum z {axes=[0], keep=false}
          %5 = sum z {axes=[0,1], keep=false}
          %6 = sum w {axes=[1,2], keep=false}
          %7 = sum w {axes=[0,2], keep=false}
          %8 = mul w, w
          %9 = sum %8 {axes=[2], keep=true}
          %10 = div w, %9
          %11 = add %10, w
          return %0, %1, %2, %3, %4, %5, %6, %7, %11
        """)]
    [InlineData("""
        func f(a: f32[B,900], b: f32[900,30], c: f32[30], d: f32[3,17,410], e: f32[3,410,19], g: f32[6,3001], h: f32[3001,11]) -> (f32[B,30], f32[3,17,19], f32[6,11], f32[B,30], f32[11,6])
          %0 = matmul a, b
          %1 = add %0, c
          %2 = relu %1
          %3 = matmul d, e
          %4 = matmul g, h
          %5 = mul a, a
          %6 = matmul %5, b
          %7 = transpose g {order=[1,0]}
          %8 = transpose h {order=[1,0]}
          %9 = matmul %8, %7
          return %2, %3, %4, %6, %9
        """)]
    [InlineData("""
        func f(x: f32[B,64,9,11], w: f32[12,32,3,3], y: f32[B,12,5,6], z: f32[B,70,4,4], u: f32[5,70,1,1], s: f32[B,3,40,40], t: f32[B,4,40,40]) -> (f32[B,12,5,6], f32[B,64,9,11], f32[B,5,4,4], f32[B,70,4,4], f32[4,3,3,3])
          %0 = conv2d x, w {dilation=[1,1], groups=2, padding=[1,1], stride=[2,2]}
          %1 = add %0, y
          %2 = conv2d_grad_input y, w {dilation=[1,1], groups=2, padding=[1,1], shape=[B,64,9,11], stride=[2,2]}
          %3 = conv2d z, u {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}
          %4 = conv2d_grad_input %3, u {dilation=[1,1], groups=1, padding=[0,0], shape=[B,70,4,4], stride=[1,1]}
          %5 = conv2d_grad_weight s, t {dilation=[2,2], groups=1, padding=[2,2], shape=[4,3,3,3], stride=[1,1]}
          return %1, %2, %3, %4, %5
        """)]
    [InlineData("""
        func f(a: f64[B,900], b: f64[900,30], d: f64[3,17,410], e: f64[3,410,19], x: f64[B,6,9,11], w: f64[4,3,3,3], y: f64[B,4,5,6], p: f16[B,70], q: f16[70,9]) -> (f64[B,30], f64[3,17,19], f64[B,4,5,6], f64[B,6,9,11], f64[4,3,3,3], f16[B,9], f64[B])
          %0 = matmul a, b
          %1 = matmul d, e
          %2 = conv2d x, w {dilation=[1,1], groups=2, padding=[1,1], stride=[2,2]}
          %3 = conv2d_grad_input y, w {dilation=[1,1], groups=2, padding=[1,1], shape=[B,6,9,11], stride=[2,2]}
          %4 = conv2d_grad_weight x, y {dilation=[1,1], groups=2, padding=[1,1], shape=[4,3,3,3], stride=[2,2]}
          %5 = matmul p, q
          %6 = sum a {axes=[1], keep=false}
          return %0, %1, %2, %3, %4, %5, %6
        """)]
    public void The_CPUs_kernels_mean_what_the_CPU_computes(string text)
    {
        var program = Parse(text);
        using var compiled = new CompiledFunctions(program);
        var toy = new ToyMachine(compiled.Lowered);
        foreach (var batch in (int[])[3, 8])
        {
            var binding = DimBinding.Empty.With("B", batch);
            TensorData[] arguments = [.. program.Functions[0].Parameters.Select(p => Rounded(Running.Random(p.Type, p.Name!, binding, new(batch + p.Name![0])), p.DType))];
            var expected = compiled.Run("f", binding, arguments);
            var actual = toy.Run("f", binding, arguments);
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++) Assert.True(expected[r][i].Equals(actual[r][i]), $"Result {r} of {batch} rows, element {i}: {expected[r][i]:R} on the CPU, {actual[r][i]:R} as the kernel says.\n{KernelDump.Print(compiled.Lowered)}");
        }
    }
}
