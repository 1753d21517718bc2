using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Tests.Ops;
using Graph.Tests.Passes;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Weights of convolutions and tables of embeddings: a kernel reads them wherever they lie, and nothing is copied for its sake.</summary>
public sealed class StridedLibraryTests
{
    const string Plain = "dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]", Odd = "dilation=[2,1], groups=2, padding=[2,1], stride=[2,3]";

    // Parameters, the views in front of the operation, the operation with its result's type.
    static readonly Dictionary<string, string> Programs = new(StringComparer.Ordinal)
    {
        ["a convolution by a transposed weight"] = $$"""
            func f(x: TYPE[B,5,9,8], w: TYPE[5,7,3,3]) -> TYPE[B,7,9,8]
              %0 = transpose w {order=[1,0,2,3]} : TYPE[7,5,3,3]
              %1 = conv2d x, %0 { {{Plain}} }
              return %1
            """,
        ["a convolution by a window turned on its side"] = $$"""
            func f(x: TYPE[B,5,9,8], w: TYPE[7,5,3,3]) -> TYPE[B,7,9,8]
              %0 = transpose w {order=[0,1,3,2]} : TYPE[7,5,3,3]
              %1 = conv2d x, %0 { {{Plain}} }
              return %1
            """,
        ["a convolution by a flipped weight"] = $$"""
            func f(x: TYPE[B,6,9,11], w: TYPE[4,3,3,2]) -> TYPE[B,4,5,4]
              %0 = flip w {axes=[2,3]} : TYPE[4,3,3,2]
              %1 = conv2d x, %0 { {{Odd}} }
              return %1
            """,
        ["a convolution by a slice of the window, and of the channels"] = $$"""
            func f(x: TYPE[B,5,9,8], w: TYPE[9,8,3,5]) -> TYPE[B,7,9,8]
              %0 = slice w {axis=3, end=[4], start=[1]} : TYPE[9,8,3,3]
              %1 = slice %0 {axis=1, end=[7], start=[2]} : TYPE[9,5,3,3]
              %2 = slice %1 {axis=0, end=[8], start=[1]} : TYPE[7,5,3,3]
              %3 = conv2d x, %2 { {{Plain}} }
              return %3
            """,
        ["a convolution of one pixel by a transposed matrix"] = """
            func f(x: TYPE[B,5,6,7], w: TYPE[5,9,1,1]) -> TYPE[B,9,6,7]
              %0 = transpose w {order=[1,0,2,3]} : TYPE[9,5,1,1]
              %1 = conv2d x, %0 {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}
              return %1
            """,
        ["the gradient of its image by a transposed weight"] = $$"""
            func f(y: TYPE[B,7,9,8], w: TYPE[5,7,3,3]) -> TYPE[B,5,9,8]
              %0 = transpose w {order=[1,0,2,3]} : TYPE[7,5,3,3]
              %1 = conv2d_grad_input y, %0 { {{Plain}}, shape=[B,5,9,8] }
              return %1
            """,
        ["the gradient of its image by a flipped part of a weight"] = $$"""
            func f(y: TYPE[B,4,5,4], w: TYPE[4,5,3,3]) -> TYPE[B,6,9,11]
              %0 = flip w {axes=[1,2,3]} : TYPE[4,5,3,3]
              %1 = slice %0 {axis=3, end=[2], start=[0]} : TYPE[4,5,3,2]
              %2 = slice %1 {axis=1, end=[4], start=[1]} : TYPE[4,3,3,2]
              %3 = conv2d_grad_input y, %2 { {{Odd}}, shape=[B,6,9,11] }
              return %3
            """,
        ["rows of a transposed table"] = """
            func f(t: TYPE[6,10], i: i32[B,3]) -> TYPE[B,3,6]
              %0 = transpose t {order=[1,0]} : TYPE[10,6]
              %1 = embedding %0, i
              return %1
            """,
        ["rows of a part of a table"] = """
            func f(t: TYPE[14,9], i: i64[B]) -> TYPE[B,6]
              %0 = slice t {axis=1, end=[8], start=[2]} : TYPE[14,6]
              %1 = slice %0 {axis=0, end=[13], start=[3]} : TYPE[10,6]
              %2 = embedding %1, i
              return %2
            """,
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var name in Programs.Keys)
                foreach (var type in (string[])["f32", "f64", "f16"]) data.Add(name, type);
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Nothing_is_copied_for_them(string name, string type)
    {
        var source = ProgramParser.Parse("program Test version 1\ndim B ≤ 8 ~ 3\n" + Programs[name].Replace("TYPE", type, StringComparison.Ordinal) + "\n", OperationTable.Set);
        using var one = new CompiledFunctions(source, threads: 1);
        using var two = new CompiledFunctions(source, threads: 2);
        var launches = one.Lowered.Functions[0].Launches;
        // What makes float32 of 16 bits while it is packed reads windows that lie behind one another.
        if (type != "f16" || name.StartsWith("rows", StringComparison.Ordinal)) Assert.Equal(source.Functions[0].Nodes.Count(n => n.Operation.Kind is OpKind.Convolution or OpKind.Library), launches.Length);
        var toy = new ToyMachine(one.Lowered);
        foreach (var batch in (int[])[1, 3])
        {
            var binding = DimBinding.Empty.With("B", batch);
            TensorData[] arguments = [.. source.Functions[0].Parameters.Select(p => Drawn(p, binding, batch))];
            var expected = one.Reference("f", binding, arguments);
            var (actual, again, toyed) = (one.Run("f", binding, arguments), two.Run("f", binding, arguments), toy.Run("f", binding, arguments));
            var tolerance = type switch { "f64" => 1e-12, "f32" => 1e-5, _ => 1e-2 };
            for (var r = 0; r < expected.Length; r++)
                for (long i = 0; i < expected[r].Size; i++)
                {
                    Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= tolerance * (1 + Math.Abs(expected[r][i])), $"result {r}[{i}] is {actual[r][i]:R}, expected {expected[r][i]:R}");
                    Assert.True(actual[r][i].Equals(again[r][i]) && actual[r][i].Equals(toyed[r][i]), $"result {r}[{i}] is {actual[r][i]:R}, {again[r][i]:R} on two threads, {toyed[r][i]:R} on the toy");
                }
        }
    }

    static TensorData Drawn(Value parameter, DimBinding binding, int seed)
    {
        var data = new TensorData(parameter.DType, parameter.Shape.Evaluate(binding));
        var random = new Random(seed + parameter.Name![0]);
        for (long i = 0; i < data.Size; i++) data[i] = parameter.DType.IsFloat() ? Rounding.Round(random.NextDouble() * 2 - 1, parameter.DType) : random.Next(10);
        return data;
    }
}
