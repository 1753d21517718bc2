using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Arithmetic in front of matrix products: which of it the products do while they pack, and that this changes no value.</summary>
public class PrologueTests
{
    const string Head = """
        program Test version 1
        dim B ≤ 64 ~ 32
        session weight : f32[32,48] = zeros
        session scale : f32[32] = ones
        session shift : f32[32] = zeros
        session gain : f32[48] = ones

        """;

    /// <summary>Programs by name, with the titles of their launches without the kernels' numbers.</summary>
    static readonly Dictionary<string, (string[] Titles, string Text)> Programs = new(StringComparer.Ordinal)
    {
        ["the left operand"] = (["a:tile+contract"], """
            func f(x: f32[B,32]) -> f32[B,48]
              %0 = mul x, @scale : f32[B,32]
              %1 = add %0, @shift : f32[B,32]
              %2 = matmul %1, @weight : f32[B,48]
              return %2
            """),
        ["the right operand"] = (["b:tile+contract"], """
            func f(x: f32[B,32]) -> f32[B,48]
              %0 = mul @weight, @gain : f32[32,48]
              %1 = matmul x, %0 : f32[B,48]
              return %1
            """),
        ["both operands, and an epilogue"] = (["a:tile+b:tile+contract+tile"], """
            func f(x: f32[B,32]) -> f32[B,48]
              %0 = mul x, @scale : f32[B,32]
              %1 = mul @weight, @gain : f32[32,48]
              %2 = matmul %0, %1 : f32[B,48]
              %3 = add %2, @gain : f32[B,48]
              %4 = tanh %3 : f32[B,48]
              return %4
            """),
        ["the same operand twice"] = (["a:tile+b:tile+contract"], """
            func f(x: f32[B,32]) -> f32[B,B]
              %0 = mul x, @scale : f32[B,32]
              %1 = transpose %0 {order=[1,0]} : f32[32,B]
              %2 = matmul %0, %1 : f32[B,B]
              return %2
            """),
        ["a transposed left operand"] = (["a:tile+contract"], """
            func f(x: f32[B,32], y: f32[B,48]) -> f32[32,48]
              %0 = mul x, @scale : f32[B,32]
              %1 = transpose %0 {order=[1,0]} : f32[32,B]
              %2 = matmul %1, y : f32[32,48]
              return %2
            """),
        ["behind a reshape of the batch"] = (["a:tile+contract"], """
            func f(x: f32[B,7,32]) -> f32[B,7,48]
              %0 = mul x, @scale : f32[B,7,32]
              %1 = reshape %0 {shape=[B*7,32]} : f32[B*7,32]
              %2 = matmul %1, @weight : f32[B*7,48]
              %3 = reshape %2 {shape=[B,7,48]} : f32[B,7,48]
              return %3
            """),
        ["a summed axis of two"] = (["b:tile+contract"], """
            func f(x: f32[B,7,32], y: f32[B*7,48]) -> f32[48,32]
              %0 = mul x, @scale : f32[B,7,32]
              %1 = reshape %0 {shape=[B*7,32]} : f32[B*7,32]
              %2 = transpose y {order=[1,0]} : f32[48,B*7]
              %3 = matmul %2, %1 : f32[48,32]
              return %3
            """),
        ["a batch of products"] = (["a:tile+b:tile+contract"], """
            func f(q: f32[B,3,5,32], k: f32[B,3,9,32]) -> f32[B,3,5,9]
              %0 = mul q, @scale : f32[B,3,5,32]
              %1 = add k, @shift : f32[B,3,9,32]
              %2 = transpose %1 {order=[0,1,3,2]} : f32[B,3,32,9]
              %3 = matmul %0, %2 : f32[B,3,5,9]
              return %3
            """),
        ["integers"] = (["a:tile+contract"], """
            func f(x: i32[B,32]) -> f32[B,48]
              %0 = cast x {dtype="f32"} : f32[B,32]
              %1 = constant {dtype="f32", value=0.003921569} : f32[]
              %2 = mul %0, %1 : f32[B,32]
              %3 = matmul %2, @weight : f32[B,48]
              return %3
            """),
        ["an index"] = (["a:tile+contract"], """
            func f() -> f32[32,48]
              %0 = iota {axis=0, dtype="i32", shape=[32,32]} : i32[32,32]
              %1 = iota {axis=1, dtype="i32", shape=[32,32]} : i32[32,32]
              %2 = less_equal %1, %0 : bool[32,32]
              %3 = cast %2 {dtype="f32"} : f32[32,32]
              %4 = matmul %3, @weight : f32[32,48]
              return %4
            """),
        ["several products"] = (["a:tile+contract", "a:tile+contract"], """
            func f(x: f32[B,32]) -> (f32[B,48], f32[32,48])
              %0 = mul x, @scale : f32[B,32]
              %1 = matmul %0, @weight : f32[B,48]
              %2 = transpose %0 {order=[1,0]} : f32[32,B]
              %3 = matmul %2, %1 : f32[32,48]
              return %1, %3
            """),
        ["normalized rows"] = (["row", "a:tile+contract"], """
            func f(x: f32[B,32]) -> f32[B,48]
              %0 = layer_norm x, @scale, @shift {epsilon=1E-05} : f32[B,32]
              %1 = matmul %0, @weight : f32[B,48]
              return %1
            """),
        ["two tensors for one product"] = (["a:tile+contract"], """
            func f(x: f32[B,32], y: f32[B,32]) -> f32[B,48]
              %0 = add x, y : f32[B,32]
              %1 = matmul %0, @weight : f32[B,48]
              return %1
            """),
        ["behind a product it is the epilogue"] = (["contract+tile", "contract"], """
            func f(x: f32[B,32]) -> f32[B,32]
              %0 = matmul x, @weight : f32[B,48]
              %1 = relu %0 : f32[B,48]
              %2 = transpose @weight {order=[1,0]} : f32[48,32]
              %3 = matmul %1, %2 : f32[B,32]
              return %3
            """),
        ["a result is written anyway"] = (["map", "contract"], """
            func f(x: f32[B,32]) -> (f32[B,32], f32[B,48])
              %0 = mul x, @scale : f32[B,32]
              %1 = matmul %0, @weight : f32[B,48]
              return %0, %1
            """),
        ["dear arithmetic is done once"] = (["map", "contract"], """
            func f(x: f32[B,32]) -> f32[B,48]
              %0 = exp x : f32[B,32]
              %1 = matmul %0, @weight : f32[B,48]
              return %1
            """),
        ["a softmax stays one row"] = (["row", "contract"], """
            func f(x: f32[B,32]) -> f32[B,48]
              %0 = softmax x {axis=1} : f32[B,32]
              %1 = matmul %0, @weight : f32[B,48]
              return %1
            """),
        ["a broadcast operand is made once"] = (["map", "contract"], """
            func f(x: f32[B,3,32]) -> f32[B,3,48]
              %0 = mul @weight, @gain : f32[32,48]
              %1 = matmul x, %0 : f32[B,3,48]
              return %1
            """),
        ["a slice is made whole"] = (["map", "contract"], """
            func f(x: f32[B,64]) -> f32[B,48]
              %0 = abs x : f32[B,64]
              %1 = slice %0 {axis=1, end=[48], start=[16]} : f32[B,32]
              %2 = matmul %1, @weight : f32[B,48]
              return %2
            """),
    };

    public static TheoryData<string, int> Cases
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var name in Programs.Keys)
                foreach (var batch in new[] { 1, 13, 61 })
                    data.Add(name, batch);
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Products_make_what_is_cheap_and_agree_with_the_reference(string name, int batch)
    {
        var (titles, text) = Programs[name];
        var source = ProgramParser.Parse(Head + text + "\n", OperationTable.Set);
        var compiled = CompilerPipeline.Run(source, KnownTargets.Cpu, verify: true).Final;
        var lowered = Lowerer.Lower(compiled, KnownTargets.Cpu);
        Assert.Equal(titles, lowered.Functions[0].Launches.Select(l => new string([.. l.Title.Where(c => !char.IsDigit(c))])));

        var binding = DimBinding.Empty.With("B", batch);
        var random = new Random(batch);
        TensorData Draw(TensorType type) => RandomData(type, binding, random);
        var arguments = source.Functions[0].Parameters.Select(p => Draw(p.Type)).ToArray();
        var states = source.States.ToDictionary(s => s.Path, s => Draw(s.Type));
        var expected = new Interpreter(source, float64: false).Run("f", arguments, states, binding).Results;
        var actual = TestExecutor.Run(lowered, KernelAssembly.Compile(lowered.Kernels), "f", arguments, states, binding).Results;
        for (var r = 0; r < expected.Length; r++)
            for (long i = 0; i < expected[r].Size; i++)
                Assert.True(Math.Abs(expected[r][i] - actual[r][i]) <= 1e-4 * (1 + Math.Abs(expected[r][i])), $"result {r}[{i}] is {actual[r][i]:R}, expected {expected[r][i]:R}");
    }

    [Theory]
    [InlineData("%0 = matmul @state, @other : f32[8,8]")]
    [InlineData("%1 = mul @state, @row : f32[8,8]\n  %0 = matmul %1, @other : f32[8,8]")]
    public void A_state_is_not_overwritten_while_a_product_reads_it(string body)
    {
        var source = ProgramParser.Parse($"""
            program Test version 1
            state state : f32[8,8] = zeros
            state other : f32[8,8] = zeros
            state row : f32[8] = zeros
            func f(x: f32[]) -> f32[]
              {body}
              state state = %0
              return x

            """, OperationTable.Set);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(source, KnownTargets.Cpu, verify: true));
        var random = new Random(7);
        var states = source.States.ToDictionary(s => s.Path, s => RandomData(s.Type, DimBinding.Empty, random));
        TensorData[] arguments = [new(DType.F32, [])];
        var expected = new Interpreter(source, float64: false).Run("f", arguments, states, DimBinding.Empty).States["state"];
        var actual = TestExecutor.Run(lowered, KernelAssembly.Compile(lowered.Kernels), "f", arguments, states, DimBinding.Empty).States["state"];
        for (long i = 0; i < expected.Size; i++) Assert.Equal(expected[i], actual[i], 1e-4);
        var product = Assert.Single(lowered.Functions[0].Launches.OfType<ContractLaunch>());
        Assert.DoesNotContain(product.Operands.Where(o => o.IsWritten), w => product.Operands.Any(r => !r.IsWritten && r.Buffer == w.Buffer));
    }

    static TensorData RandomData(TensorType type, DimBinding binding, Random random)
    {
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++) data[i] = type.DType == DType.F32 ? (float)(random.NextDouble() * 2 - 1) : random.Next(256);
        return data;
    }
}
