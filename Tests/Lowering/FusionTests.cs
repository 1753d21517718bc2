using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Modules.Elaboration;
using Graph.Operations;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Lowering;

/// <summary>What becomes of small programs: their fused nodes, launches and kernels.</summary>
public class FusionTests
{
    const string Update = """
        func update(value: f32[N], gradient: f32[N], m: f32[N], learning_rate: f32[], step: i64[]) -> (f32[N], f32[N])
          %0 = constant {dtype="f32", value=0.9} : f32[]
          %1 = mul m, %0 : f32[N]
          %2 = add %1, gradient : f32[N]
          %3 = mul %2, learning_rate : f32[N]
          %4 = sub value, %3 : f32[N]
          return %4, %2

        """;

    static Program Read(string text) => ProgramParser.Parse(text, OperationTable.Set);

    static Program Compile(string text, TrainingProgram? training = null) => (training is null ? CompilerPipeline.Run(Read(text), KnownTargets.Cpu, verify: true) : CompilerPipeline.Run(Read(text), training, KnownTargets.Cpu, verify: true)).Final;

    static string[] Archetypes(Program program, string function) =>
        [.. program.Find(function)!.Nodes.Where(n => n.Operation.Kind != OpKind.View).Select(n => n.Attributes.Text("archetype") ?? n.Name)];

    static Task Shows(Program program, [CallerMemberName] string member = "") => Verify(ProgramPrinter.Print(program) + "\n" + KernelDump.Print(Lowerer.Lower(program, KnownTargets.Cpu)), member: member);

    [Fact]
    public Task Cross_entropy_fuses_into_one_row_kernel()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            func loss(x: f32[B,100], label: i32[B]) -> f32[B]
              %0 = cross_entropy x, label {ignore_index=-100, label_smoothing=0.0, reduction="none"} : f32[B]
              return %0
            """);
        Assert.Equal(["row"], Archetypes(program, "loss"));
        return Shows(program);
    }

    [Fact]
    public Task Softmax_with_scale_and_causal_mask_is_one_row_kernel()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            func attend(q: f32[B,4,16,8], k: f32[B,4,16,8], v: f32[B,4,16,8]) -> f32[B,4,16,8]
              %0 = transpose k {order=[0,1,3,2]} : f32[B,4,8,16]
              %1 = matmul q, %0 : f32[B,4,16,16]
              %2 = constant {dtype="f32", value=0.35355339059327373} : f32[]
              %3 = mul %1, %2 : f32[B,4,16,16]
              %4 = iota {axis=1, dtype="i32", shape=[1,16]} : i32[1,16]
              %5 = iota {axis=0, dtype="i32", shape=[16,1]} : i32[16,1]
              %6 = less_equal %4, %5 : bool[16,16]
              %7 = constant {dtype="f32", value=-inf} : f32[]
              %8 = where %6, %3, %7 : f32[B,4,16,16]
              %9 = softmax %8 {axis=3} : f32[B,4,16,16]
              %10 = matmul %9, v : f32[B,4,16,8]
              return %10
            """);
        Assert.Equal(["matmul", "row", "matmul"], Archetypes(program, "attend"));
        return Shows(program);
    }

    [Fact]
    public Task Bias_and_activation_are_the_epilogue_of_a_product()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            param weight : f32[48,32] = zeros
            param bias : f32[48] = zeros
            func f(x: f32[B,7,32]) -> f32[B,7,48]
              %0 = linear x, @weight, @bias : f32[B,7,48]
              %1 = gelu %0 {approximate="tanh"} : f32[B,7,48]
              return %1
            """);
        Assert.Equal(["contract"], Archetypes(program, "f"));
        return Shows(program);
    }

    [Fact]
    public void A_residual_goes_into_the_epilogue_and_normalization_reads_the_sum()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            param weight : f32[32,32] = zeros
            func f(x: f32[B,32]) -> (f32[B,32], f32[B,32])
              %0 = linear x, @weight : f32[B,32]
              %1 = add x, %0 : f32[B,32]
              %2 = layer_norm %1 {epsilon=1E-05} : f32[B,32]
              return %1, %2
            """);
        Assert.Equal(["contract", "row"], Archetypes(program, "f"));
    }

    [Fact]
    public void Joining_the_heads_of_attention_copies_nothing()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            func f(a: f32[B,4,16,16], v: f32[B,4,16,8]) -> (f32[B,16,32], f32[B,16,32])
              %0 = matmul a, v : f32[B,4,16,8]
              %1 = transpose %0 {order=[0,2,1,3]} : f32[B,16,4,8]
              %2 = reshape %1 {shape=[B,16,32]} : f32[B,16,32]
              %3 = exp %2 : f32[B,16,32]
              return %2, %3
            """);
        // Even the arithmetic behind the reshape is the epilogue's.
        Assert.StartsWith("contract+", Assert.Single(Lowerer.Lower(program, KnownTargets.Cpu).Functions[0].Launches).Title, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_of_a_concatenation_are_written_into_the_whole()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            func f(x: f32[B,32], y: f32[B,16]) -> f32[B,48]
              %0 = exp x : f32[B,32]
              %1 = tanh y : f32[B,16]
              %2 = concat %0, %1 {axis=1} : f32[B,48]
              return %2
            """);
        Assert.Equal(2, Lowerer.Lower(program, KnownTargets.Cpu).Functions[0].Launches.Length);
    }

    [Fact]
    public Task Layer_norm_and_its_gradient_are_two_rows_and_a_column_sum()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            dim N ≤ 1048576 ~ 1024
            param norm.weight : f32[256] = ones
            param norm.bias : f32[256] = zeros
            param weight : f32[256,256] = zeros
            func forward_loss(x: f32[B,256], seed: i64[]) -> f32[]
              %0 = linear x, @weight : f32[B,256]
              %1 = layer_norm %0, @norm.weight, @norm.bias {epsilon=1E-05} : f32[B,256]
              %2 = linear %1, @weight : f32[B,256]
              %3 = mul %2, %2 : f32[B,256]
              %4 = sum %3 {axes=[0,1], keep=false} : f32[]
              return %4

            """ + Update, new TrainingProgram());
        var kinds = Archetypes(program, "train_step");
        Assert.Equal(2, kinds.Count(k => k == "row"));
        Assert.Equal(1, kinds.Count(k => k == "update"));
        Assert.Single(program.Find("train_step")!.Nodes, n => n.Is("gradient_norm"));
        return Shows(program);
    }

    [Fact]
    public Task Batch_norm_and_its_gradient_are_one_row_kernel_each()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            dim N ≤ 1048576 ~ 1024
            param norm.weight : f32[16] = ones
            param norm.bias : f32[16] = zeros
            param kernel : f32[16,3,3,3] = zeros
            func forward_loss(x: f32[B,3,8,8], seed: i64[]) -> f32[]
              %0 = conv2d x, @kernel {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,16,8,8]
              %1, %2, %3 = batch_norm %0, @norm.weight, @norm.bias {epsilon=1E-05} : f32[B,16,8,8], f32[16], f32[16]
              %4 = relu %1 : f32[B,16,8,8]
              %5, %6 = max_pool2d %4 {kernel=[2,2], padding=[0,0], stride=[2,2]} : f32[B,16,4,4], i32[B,16,4,4]
              %7 = sum %5 {axes=[0,1,2,3], keep=false} : f32[]
              return %7

            """ + Update, new TrainingProgram());
        Assert.Equal(2, Archetypes(program, "train_step").Count(k => k == "row"));
        return Shows(program);
    }

    [Fact]
    public void All_parameters_are_updated_in_one_launch_over_their_states_in_place()
    {
        var program = Compile("""
            program Test version 1
            dim B ≤ 64 ~ 32
            dim N ≤ 1048576 ~ 1024
            param a : f32[64,32] = zeros
            param b : f32[16,64] = zeros
            param c : f32[4,16] = zeros
            func forward_loss(x: f32[B,32], seed: i64[]) -> f32[]
              %0 = linear x, @a : f32[B,64]
              %1 = linear %0, @b : f32[B,16]
              %2 = linear %1, @c : f32[B,4]
              %3 = sum %2 {axes=[0,1], keep=false} : f32[]
              return %3

            """ + Update, new TrainingProgram(ClipNorm: 1));
        var f = Lowerer.Lower(program, KnownTargets.Cpu).Functions.Single(x => x.Name == "train_step");
        var update = Assert.Single(f.Launches.OfType<SegmentedLaunch>(), l => l.Operands.Any(o => o.IsWritten && o.Buffer.Kind == BufferKind.State));
        Assert.Equal(3, update.Segments.Length);
        Assert.All(update.Operands.Where(o => o.IsWritten), o => Assert.Equal(BufferKind.State, o.Buffer.Kind));
        Assert.Equal(update, f.Launches[^1]);
    }

    [Fact]
    public void Values_that_do_not_share_an_iteration_space_stay_apart()
    {
        var program = Compile("""
            program Test version 1
            func f(x: f32[16,16]) -> f32[16,16]
              %0 = exp x : f32[16,16]
              %1 = transpose %0 {order=[1,0]} : f32[16,16]
              %2 = add %0, %1 : f32[16,16]
              return %2
            """);
        Assert.Equal(["map", "map"], Archetypes(program, "f"));
    }
}
