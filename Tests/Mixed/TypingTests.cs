using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Elaboration;
using Graph.Yardsticks;
using Graph.Yardsticks.Small;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Mixed;

/// <summary>Which types a model of 16 bits computes in, and the casts between them.</summary>
public sealed class TypingTests
{
    static Program Typed(Program program, string precision = Precisions.Float16) =>
        CompilerPipeline.Run(MixedModel.In(program, precision), KnownTargets.Cpu, verify: true).Find("Typed")!;

    static Program Typed(string body, string declarations = "", string precision = Precisions.Float16) => Typed(ProgramParser.Parse($$"""
        program Example version 1
        dim B ≤ 64 ~ 16
        dim N ≤ 1024 ~ 64
        param w : f32[8,8] = zeros
        param gain : f32[8] = ones
        {{declarations}}
        train {loss="loss"}

        func update(value: f32[N], gradient: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N])
          %0 = mul gradient, learning_rate : f32[N]
          %1 = sub value, %0 : f32[N]
          return %1

        func forward_loss(x: f32[B,8], seed: i64[]) -> (loss: f32[])
        {{body}}

        """, OperationTable.Set), precision);

    static IEnumerable<Node> All(Function function) => function.Nodes.SelectMany(n => n.Regions.SelectMany(All).Prepend(n));

    [Fact]
    public Task A_convolution_block_says_why_each_cast_is_there() => Verify(ProgramPrinter.Print(Typed(Elaborate.Built(typeof(ConvolutionBlock)).Program), origins: false));

    [Fact]
    public Task Attention_says_why_each_cast_is_there() => Verify(ProgramPrinter.Print(Typed(Elaborate.Built(typeof(CausalAttention)).Program, Precisions.BFloat16), origins: false));

    [Theory]
    [InlineData(typeof(Mlp))]
    [InlineData(typeof(Cnn))]
    [InlineData(typeof(NanoGpt))]
    [InlineData(typeof(ResNet18))]
    public void No_value_is_cast_to_one_type_twice_nor_there_and_back(Type model)
    {
        foreach (var function in Typed(Elaborate.Built(model).Program).Functions)
        {
            var casts = All(function).Where(n => n.Is("cast") && n.Attributes.Has("why")).ToList();
            Assert.Equal(casts.Count, casts.Select(n => (n.Inputs[0], n.Output.DType)).Distinct().Count());
            Assert.DoesNotContain(casts, n => n.Inputs[0].Producer is { } p && p.Is("cast") && p.Inputs[0].DType == n.Output.DType && n.Output.DType.IsNarrowFloat());
            Assert.DoesNotContain(casts, n => n.Inputs[0].State is not null && n.Output.DType.IsNarrowFloat() && function.Name != DerivedStates.Function); // that is what working copies are there for
            Assert.All(casts, n => Assert.NotEqual("", n.Attributes.Text("why")));
        }
    }

    // An operation, what its operands are (w: the parameter, h: 16 bits, x: 32 bits), what it computes in and what it gives.
    [Theory]
    [InlineData("matmul x, @w", "f16", "f16")]
    [InlineData("linear x, @w", "f16", "f16")]
    [InlineData("exp %h", "f32", "f32")]
    [InlineData("log %h", "f32", "f32")]
    [InlineData("rsqrt %h", "f32", "f32")]
    [InlineData("softplus %h", "f32", "f32")]
    [InlineData("sum %h {axes=[1], keep=true}", "f32", "f32")]
    [InlineData("mean %h {axes=[1], keep=true}", "f32", "f32")]
    [InlineData("log_softmax %h {axis=1}", "f32", "f32")]
    [InlineData("cumsum %h {axis=1}", "f32", "f32")]
    [InlineData("softmax %h {axis=1}", "f32", "f16")]
    [InlineData("layer_norm %h, @gain {epsilon=1E-05}", "f32", "f16")]
    [InlineData("gelu %h {approximate=\"none\"}", "f32", "f16")]
    [InlineData("silu %h", "f32", "f16")]
    [InlineData("relu %h", "f16", "f16")]
    [InlineData("add %h, %h", "f16", "f16")]
    [InlineData("add %h, x", "f32", "f32")]
    [InlineData("mul %h, @gain", "f16", "f16")]
    [InlineData("mul x, @gain", "f32", "f32")]
    [InlineData("max %h {axes=[1], keep=true}", "f16", "f16")]
    [InlineData("maximum %h, @gain", "f16", "f16")]
    public void Operations_follow_the_table(string operation, string computes, string gives)
    {
        var name = operation.Split(' ')[0];
        var program = Typed($$"""
              %0 = matmul x, @w
              %1 = {{operation.Replace("%h", "%0", StringComparison.Ordinal)}}
              %2 = relu %1
              %3 = sum %2 {axes=[0,1], keep=false}
              return %3
            """);
        var loss = program.Find("forward_loss")!;
        var node = loss.Nodes.Last(n => n.Is(name) && (name != "sum" || n.Output.Shape.Rank > 0));
        Assert.All(node.Inputs, v => Assert.Equal(computes, v.DType.Name()));
        Assert.Equal(gives, loss.Nodes.Last(n => n.Is("relu")).Inputs[0].DType.Name());
    }

    [Fact]
    public void What_only_the_caller_reads_is_not_rounded()
    {
        var predict = Typed(Elaborate.Built(typeof(LinearClassifier)).Program).Find("predict")!;
        Assert.Equal(["cast", "linear", "cast", "softmax"], predict.Nodes.Select(n => n.Name));
        Assert.Equal(DType.F32, predict.Results[0].DType);
    }

    [Theory]
    [InlineData(1e-8, "f32")] // vanishes in float16
    [InlineData(1e6, "f32")] // overflows
    [InlineData(0.5, "f16")]
    [InlineData(double.NegativeInfinity, "f16")]
    public void A_number_that_16_bits_cannot_hold_makes_its_operation_wide(double number, string type)
    {
        var loss = Typed($$"""
              %0 = matmul x, @w
              %1 = constant {value={{new Attr.Real(number)}}, dtype="f32"}
              %2 = maximum %0, %1
              %3 = sum %2 {axes=[0,1], keep=false}
              return %3
            """).Find("forward_loss")!;
        Assert.Equal(type, loss.Nodes.Single(n => n.Is("maximum")).Output.DType.Name());
    }

    [Fact]
    public void A_bfloat16_model_keeps_numbers_that_float16_cannot_hold()
    {
        var loss = Typed("""
              %0 = matmul x, @w
              %1 = constant {value=1E-08, dtype="f32"}
              %2 = maximum %0, %1
              %3 = sum %2 {axes=[0,1], keep=false}
              return %3
            """, precision: Precisions.BFloat16).Find("forward_loss")!;
        Assert.Equal(DType.BF16, loss.Nodes.Single(n => n.Is("maximum")).Output.DType);
    }

    [Fact]
    public void Attention_takes_16_bits_and_normalizes_in_32()
    {
        var loss = Typed("""
              %0 = reshape x {shape=[1,1,B,8]}
              %1, %2 = scaled_dot_product_attention %0, %0, %0 {causal=true, scale=0.5}
              %3 = sum %1 {axes=[0,1,2,3], keep=false}
              return %3
            """).Find("forward_loss")!;
        var attention = loss.Nodes.Single(n => n.Is("scaled_dot_product_attention"));
        Assert.All(attention.Inputs, i => Assert.Equal(DType.F16, i.DType));
        Assert.Equal([DType.F16, DType.F32], attention.Outputs.Select(o => o.DType));
    }

    [Fact]
    public void A_loop_carries_32_bits_and_multiplies_in_16()
    {
        var program = Typed("""
              %0 = loop x, @w {carries=1, scanned=0, count=[3]}
                region(i: i64[], h: f32[B,8], v: f32[8,8])
                  %0 = matmul h, v
                  %1 = tanh %0
                  return %1
              %1 = sum %0 {axes=[0,1], keep=false}
              return %1
            """);
        var loop = program.Find("forward_loss")!.Nodes.Single(n => n.Is("loop"));
        Assert.Equal("w#f16", loop.Inputs[1].State);
        Assert.Equal(DType.F32, loop.Output.DType);
        Assert.Equal(DType.F16, loop.Regions[0].Nodes.Single(n => n.Is("matmul")).Output.DType);
    }

    [Fact]
    public void A_module_of_its_own_precision_computes_in_that()
    {
        var program = Elaborate.Built(typeof(Mlp)).Program;
        var typed = Typed(program with { Precisions = [new("last", Precisions.Float32), new("second", Precisions.BFloat16)] });
        var linear = typed.Find("logits")!.Nodes.Where(n => n.Is("linear")).ToList();
        Assert.Equal([DType.F16, DType.BF16, DType.F32], linear.Select(n => n.Output.DType));
        Assert.Equal(["first.weight#f16", "second.weight#bf16", "last.weight"], linear.Select(n => n.Inputs[1].State!));
    }

    [Fact]
    public void What_computes_in_32_bits_is_left_as_it_is()
    {
        var program = Elaborate.Built(typeof(Mlp)).Program;
        Assert.Same(program, new AssignTypes().Run(program));
        Assert.Null(CompilerPipeline.Run(program, KnownTargets.Cpu).Find("Typed"));
    }

    [Fact]
    public void The_text_of_a_program_keeps_precisions_scale_and_copies()
    {
        var program = MixedModel.In(Elaborate.Built(typeof(Mlp)).Program, Precisions.Float16) with { Precisions = [new("last", Precisions.Float32)] };
        foreach (var stage in CompilerPipeline.Run(program, KnownTargets.Cpu).Stages)
        {
            var text = ProgramPrinter.Print(stage.Program, origins: false);
            Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set), origins: false));
        }
    }
}
