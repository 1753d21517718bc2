using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Execution;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Arithmetic and views in front of convolutions: what the convolutions do while they pack, what stays a kernel of its own, and that no value changes.</summary>
public class ConvolutionPrologueTests
{
    const string Head = """
        program Test version 1
        dim B ≤ 64 ~ 32
        param weight : f32[8,6,3,3] = zeros
        param narrow : i8[8,6,3,3] = zeros
        param wide : f32[8,96,3,3] = zeros
        param scale : f32[6,1,1] = ones
        param shift : f32[6,1,1] = zeros
        param column : f32[10] = ones

        """;

    /// <summary>Programs by name, with the titles of their launches without the kernels' numbers.</summary>
    static readonly Dictionary<string, (string[] Titles, string Text)> Programs = new(StringComparer.Ordinal)
    {
        ["a normalized image"] = (["a:tile+conv.forward"], """
            func f(x: f32[B,6,10,10]) -> f32[B,8,10,10]
              %0 = mul x, @scale : f32[B,6,10,10]
              %1 = add %0, @shift : f32[B,6,10,10]
              %2 = relu %1 : f32[B,6,10,10]
              %3 = conv2d %2, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %3
            """),
        ["and a bias behind it"] = (["a:tile+conv.forward+tile"], """
            func f(x: f32[B,6,10,10]) -> f32[B,8,5,5]
              %0 = add x, @shift : f32[B,6,10,10]
              %1 = conv2d %0, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[2,2]} : f32[B,8,5,5]
              %2 = tanh %1 : f32[B,8,5,5]
              return %2
            """),
        ["weights stored as integers"] = (["b:tile+conv.forward"], """
            func f(x: f32[B,6,10,10]) -> f32[B,8,10,10]
              %0 = cast @narrow {dtype="f32"} : f32[8,6,3,3]
              %1 = constant {dtype="f32", value=0.0078125} : f32[]
              %2 = mul %0, %1 : f32[8,6,3,3]
              %3 = conv2d x, %2 {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %3
            """),
        ["bytes with channels last"] = (["a:tile+conv.forward"], """
            func f(x: i8[B,10,10,6]) -> f32[B,8,10,10]
              %0 = transpose x {order=[0,3,1,2]} : i8[B,6,10,10]
              %1 = cast %0 {dtype="f32"} : f32[B,6,10,10]
              %2 = add %1, @shift : f32[B,6,10,10]
              %3 = conv2d %2, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %3
            """),
        ["the gradient of an image"] = (["a:tile+b:tile+conv.imagegradient"], """
            func f(y: f32[B,8,10,10]) -> f32[B,6,10,10]
              %0 = square y : f32[B,8,10,10]
              %1 = cast @narrow {dtype="f32"} : f32[8,6,3,3]
              %2 = conv2d_grad_input %0, %1 {dilation=[1,1], groups=1, padding=[1,1], shape=[B,6,10,10], stride=[1,1]} : f32[B,6,10,10]
              return %2
            """),
        ["the gradient of an image reads the map for each residue of the stride"] = (["map", "b:tile+conv.imagegradient"], """
            func f(y: f32[B,8,5,5]) -> f32[B,6,9,9]
              %0 = square y : f32[B,8,5,5]
              %1 = cast @narrow {dtype="f32"} : f32[8,6,3,3]
              %2 = conv2d_grad_input %0, %1 {dilation=[1,1], groups=1, padding=[1,1], shape=[B,6,9,9], stride=[2,2]} : f32[B,6,9,9]
              return %2
            """),
        ["the gradient of a weight"] = (["a:tile+b:tile+conv.weightgradient"], """
            func f(x: f32[B,6,10,10], y: f32[B,8,10,10]) -> f32[8,6,3,3]
              %0 = add x, @shift : f32[B,6,10,10]
              %1 = square y : f32[B,8,10,10]
              %2 = conv2d_grad_weight %0, %1 {dilation=[1,1], groups=1, padding=[1,1], shape=[8,6,3,3], stride=[1,1]} : f32[8,6,3,3]
              return %2
            """),
        ["a gradient that packs the map three times has it made once"] = (["map", "conv.weightgradient"], """
            func f(x: f32[B,96,10,10], y: f32[B,8,10,10]) -> f32[8,96,3,3]
              %0 = square y : f32[B,8,10,10]
              %1 = conv2d_grad_weight x, %0 {dilation=[1,1], groups=1, padding=[1,1], shape=[8,96,3,3], stride=[1,1]} : f32[8,96,3,3]
              return %1
            """),
        ["dear arithmetic is done once"] = (["map", "conv.forward"], """
            func f(x: f32[B,6,10,10]) -> f32[B,8,10,10]
              %0 = exp x : f32[B,6,10,10]
              %1 = conv2d %0, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %1
            """),
        ["pixels that are no single axis are made first"] = (["map", "conv.forward"], """
            func f(x: f32[B,6,10,10]) -> f32[B,8,10,10]
              %0 = mul x, @column : f32[B,6,10,10]
              %1 = conv2d %0, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %1
            """),
        ["a part of the channels"] = (["conv.forward"], """
            func f(x: f32[B,9,10,10]) -> f32[B,8,10,10]
              %0 = slice x {axis=1, end=[8], start=[2]} : f32[B,6,10,10]
              %1 = conv2d %0, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %1
            """),
        ["a cut-out with rows and columns exchanged"] = (["conv.forward"], """
            func f(x: f32[B,12,10,6]) -> f32[B,8,10,10]
              %0 = slice x {axis=1, end=[11], start=[1]} : f32[B,10,10,6]
              %1 = transpose %0 {order=[0,3,2,1]} : f32[B,6,10,10]
              %2 = conv2d %1, @weight {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,8,10,10]
              return %2
            """),
        ["a mirrored image and its map"] = (["conv.weightgradient"], """
            func f(x: f32[B,6,10,10], y: f32[B,8,10,10]) -> f32[8,6,3,3]
              %0 = flip x {axes=[3]} : f32[B,6,10,10]
              %1 = flip y {axes=[2]} : f32[B,8,10,10]
              %2 = conv2d_grad_weight %0, %1 {dilation=[1,1], groups=1, padding=[1,1], shape=[8,6,3,3], stride=[1,1]} : f32[8,6,3,3]
              return %2
            """),
    };

    public static TheoryData<string> Names => [.. Programs.Keys];

    [Theory, MemberData(nameof(Names))]
    public unsafe void Convolutions_make_what_is_cheap_and_agree_with_the_reference(string name)
    {
        var (titles, text) = Programs[name];
        var source = ProgramParser.Parse(Head + text + "\n", OperationTable.Set);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(source, KnownTargets.Cpu, verify: true));
        Assert.Equal(titles, lowered.Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))])).Take(titles.Length));
        Assert.Equal(LoweredText.Write(lowered), LoweredText.Write(LoweredText.Read(LoweredText.Write(lowered))));

        var kernels = KernelAssembly.Compile(lowered.Kernels);
        using var instance = new ModelInstance(new("Test", LoweredText.Read(LoweredText.Write(lowered)), kernels.Address), seed: 0, threads: 2);
        foreach (var batch in new[] { 1, 7, 33 })
        {
            var binding = DimBinding.Empty.With("B", batch);
            var random = new Random(batch);
            TensorData Draw(TensorType type)
            {
                var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
                for (long i = 0; i < data.Size; i++) data[i] = type.DType == DType.F32 ? (float)(random.NextDouble() * 2 - 1) : random.Next(-128, 128);
                return data;
            }
            var arguments = source.Functions[0].Parameters.Select(p => Draw(p.Type)).ToArray();
            var states = source.States.ToDictionary(s => s.Path, s => Draw(s.Type));
            var expected = new Interpreter(source, float64: false).Run("f", arguments, states, binding).Results[0];
            Compare(expected, TestExecutor.Run(lowered, kernels, "f", arguments, states, binding).Results[0], "launch by launch");

            foreach (var state in source.States)
                if (state.Type.DType == DType.F32) instance.Store[state.Path].Write<float>([.. states[state.Path].Real.Select(v => (float)v)]);
                else instance.Store[state.Path].Write<sbyte>([.. states[state.Path].Int.Select(v => (sbyte)v)]);
            var memory = arguments.Select(Bytes).Append(new byte[expected.Size * 4]).ToArray();
            var handles = memory.Select(m => new System.Memory<byte>(m).Pin()).ToArray();
            instance.Run("f", [.. memory.Select((m, i) => new CallArgument(handles[i].Pointer, i < arguments.Length ? arguments[i].Size : expected.Size))]);
            var actual = new TensorData(DType.F32, expected.Shape);
            for (var i = 0; i < expected.Size; i++) actual[i] = ((float*)handles[^1].Pointer)[i];
            foreach (var handle in handles) handle.Dispose();
            Compare(expected, actual, "in the runtime");
        }
    }

    static void Compare(TensorData expected, TensorData actual, string how)
    {
        for (long i = 0; i < expected.Size; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-4 * (1 + Math.Abs(expected[i])), $"{how}: [{i}] is {actual[i]:R}, expected {expected[i]:R}");
    }

    static unsafe byte[] Bytes(TensorData data)
    {
        var bytes = new byte[data.Size * data.DType.Size()];
        fixed (byte* p = bytes) Fill(data, p);
        return bytes;
    }

    static unsafe void Fill(TensorData data, void* to)
    {
        for (long i = 0; i < data.Size; i++)
            if (data.DType == DType.F32) ((float*)to)[i] = (float)data[i];
            else ((sbyte*)to)[i] = (sbyte)data[i];
    }
}
