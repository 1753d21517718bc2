using System.Text;
using System.Threading.Tasks;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Operations;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Passes;

/// <summary>What one operation becomes, stage by stage: the snapshots are the documentation.</summary>
public sealed class StageTests
{
    static string Stages(string state, string body)
    {
        var program = ProgramParser.Parse($$"""
            program Example version 1
            dim B ≤ 64 ~ 16
            dim N ≤ 1024 ~ 64
            {{state}}

            func update(value: f32[N], gradient: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N])
              %0 = mul gradient, learning_rate : f32[N]
              %1 = sub value, %0 : f32[N]
              return %1

            {{body}}
            """, OperationTable.Set);
        var compiled = CompilerPipeline.Run(program, new TrainingProgram(), KnownTargets.Cpu, verify: true);
        var text = new StringBuilder();
        foreach (var stage in new[] { "Graph", "Differentiated", "Decomposed" })
        {
            text.Append("=== ").Append(stage).Append('\n');
            foreach (var function in compiled.Find(stage)!.Functions)
                if (function.Name != "update") text.Append(ProgramPrinter.Print(function));
        }
        return text.ToString();
    }

    [Fact]
    public Task Relu() => Verify(Stages("param w : f32[8] = zeros", """
        func forward_loss(x: f32[B,8], seed: i64[]) -> (loss: f32[])
          %0 = mul x, @w
          %1 = relu %0
          %2 = sum %1 {axes=[0,1], keep=false}
          return %2
        """));

    [Fact]
    public Task Linear() => Verify(Stages("param w : f32[4,8] = zeros\nparam b : f32[4] = zeros", """
        func forward_loss(x: f32[B,8], seed: i64[]) -> (loss: f32[])
          %0 = linear x, @w, @b
          %1 = sum %0 {axes=[0,1], keep=false}
          return %1
        """));

    [Fact]
    public Task Softmax() => Verify(Stages("param w : f32[8] = zeros", """
        func forward_loss(x: f32[B,8], seed: i64[]) -> (loss: f32[])
          %0 = mul x, @w
          %1 = softmax %0 {axis=1}
          %2 = mul %1, x
          %3 = sum %2 {axes=[0,1], keep=false}
          return %3
        """));

    [Fact]
    public Task Layer_norm() => Verify(Stages("param w : f32[8] = ones\nparam b : f32[8] = zeros", """
        func forward_loss(x: f32[B,8], seed: i64[]) -> (loss: f32[])
          %0 = layer_norm x, @w, @b {epsilon=1E-05}
          %1 = mul %0, x
          %2 = sum %1 {axes=[0,1], keep=false}
          return %2
        """));

    [Fact]
    public Task Batch_norm() => Verify(Stages("param w : f32[3] = ones\nparam b : f32[3] = zeros\nstate mean : f32[3] = zeros", """
        func forward_loss(x: f32[B,3,4,4], seed: i64[]) -> (loss: f32[])
          %0, %1, %2 = batch_norm x, @w, @b {epsilon=1E-05}
          %3 = relu %0
          %4 = sum %3 {axes=[0,1,2,3], keep=false}
          state mean = %1
          return %4
        """));

    [Fact]
    public Task Cross_entropy() => Verify(Stages("param w : f32[10,8] = zeros", """
        func forward_loss(x: f32[B,8], label: i32[B], seed: i64[]) -> (loss: f32[])
          %0 = linear x, @w
          %1 = cross_entropy %0, label {ignore_index=-100, label_smoothing=0.0, reduction="mean"}
          return %1
        """));

    [Fact]
    public Task Dropout() => Verify(Stages("param w : f32[8] = zeros", """
        func forward_loss(x: f32[B,8], seed: i64[]) -> (loss: f32[])
          %0 = mul x, @w
          %1 = random_stream {name="drop#0"}
          %2 = constant {dtype="i64", value=0}
          %3 = dropout %0, seed, %1, %2 {rate=0.5}
          %4 = sum %3 {axes=[0,1], keep=false}
          return %4
        """));

    [Fact]
    public Task Convolution_and_pooling() => Verify(Stages("param w : f32[4,1,3,3] = zeros", """
        func forward_loss(x: f32[B,1,8,8], seed: i64[]) -> (loss: f32[])
          %0 = conv2d x, @w {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
          %1 = relu %0
          %2, %3 = max_pool2d %1 {kernel=[2,2], padding=[0,0], stride=[2,2]}
          %4 = sum %2 {axes=[0,1,2,3], keep=false}
          return %4
        """));

    [Fact]
    public Task Embedding() => Verify(Stages("param table : f32[100,8] = zeros", """
        func forward_loss(ids: i32[B], seed: i64[]) -> (loss: f32[])
          %0 = embedding @table, ids
          %1 = mul %0, %0
          %2 = sum %1 {axes=[0,1], keep=false}
          return %2
        """));

    [Fact]
    public Task Split_and_join() => Verify(Stages("param w : f32[6] = zeros", """
        func forward_loss(x: f32[B,6], seed: i64[]) -> (loss: f32[])
          %0 = mul x, @w
          %1 = slice %0 {axis=1, end=[2], start=[0]}
          %2 = slice %0 {axis=1, end=[4], start=[2]}
          %3 = slice %0 {axis=1, end=[6], start=[4]}
          %4 = mul %1, %2
          %5 = mul %4, %3
          %6 = sum %5 {axes=[0,1], keep=false}
          return %6
        """));

    [Fact]
    public Task Loop() => Verify(Stages("param w : f32[8,8] = zeros", """
        func forward_loss(x: f32[5,B,8], seed: i64[]) -> (loss: f32[])
          %0 = constant {dtype="f32", value=0.0}
          %1 = expand %0 {shape=[B,8]}
          %2 = loop %1, x, @w {carries=1, count=[5], scanned=1}
            region(i: i64[], h: f32[B,8], x: f32[B,8], w: f32[8,8])
              %0 = matmul h, w
              %1 = add %0, x
              %2 = tanh %1
              return %2
          %3 = sum %2 {axes=[0,1], keep=false}
          return %3
        """));
}
