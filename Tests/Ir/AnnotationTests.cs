using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Passes;
using Xunit;

namespace Graph.Tests.Ir;

/// <summary>What is said of arguments and states, and the order of effects, come through printing, parsing and every pass.</summary>
public sealed class AnnotationTests
{
    const string Sharded = """
        program P version 1
        dim B ≤ 64 ~ 16
        dim N ≤ 1024 ~ 64
        param w : f32[8,4] sharding(-,model) = normal(0.5)
        state table : i8[16,8] scale(0.05,-3) = zeros

        func update(value: f32[N], gradient: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N])
          %0 = mul gradient, learning_rate : f32[N]
          %1 = sub value, %0 : f32[N]
          return %1

        func forward_loss(x: f32[B,8] sharding(data,-), ids: i32[B], seed: i64[]) -> (loss: f32[])
          %0 = embedding @table, ids
          %1 = cast %0 {dtype="f32"}
          %2 = add %1, x
          %3 = matmul %2, @w
          %4 = softmax %3 {axis=1}
          %5 = mul %4, %4
          %6 = sum %5 {axes=[0,1], keep=false}
          return %6
        """;

    [Theory]
    [InlineData("f32[B,8] sharding(data,-)")]
    [InlineData("i8[4] scale(0.1,0)")]
    [InlineData("i8[4,B] sharding(-,model) scale(1E-05,-128)")]
    [InlineData("f32[] sharding()")]
    [InlineData("token[]")]
    public void A_type_reads_back_as_it_was_printed(string type)
    {
        var text = $"program P version 1\ndim B ≤ 8 ~ 4\n\nfunc f(x: {type}) -> ({type})\n  return x\n";
        var program = Verifier.Verify(ProgramParser.Parse(text, OperationTable.Set));
        Assert.Equal(text, ProgramPrinter.Print(program));
        Assert.Equal(program.Functions[0].Parameters[0].Type, ProgramParser.Parse(ProgramPrinter.Print(program), OperationTable.Set).Functions[0].Parameters[0].Type);
    }

    [Fact]
    public void A_sharding_names_each_axis() =>
        Assert.Contains("names 1 axes", Assert.Throws<FormatException>(() => ProgramParser.Parse("program P version 1\nfunc f(x: f32[2,2] sharding(data)) -> f32[2,2]\n  return x\n", OperationTable.Set)).Message, StringComparison.Ordinal);

    [Fact]
    public void Annotations_are_part_of_a_type_and_not_of_its_shape()
    {
        var plain = new TensorType(DType.I8, Shape.Of(4, 2));
        var scaled = plain with { Scale = new(0.5, 1), Sharding = new(["data", "-"]) };
        Assert.NotEqual(plain, scaled);
        Assert.True(plain.IsLike(scaled));
        Assert.Equal(scaled, plain with { Scale = new(0.5, 1), Sharding = new(["data", "-"]) });
        Assert.Equal("i8[8] scale(0.5,1)", scaled.With(Shape.Of(8)).ToString()); // cut up along other axes, if at all
    }

    [Fact]
    public void Every_pass_keeps_what_is_said_of_arguments_and_states()
    {
        var program = Verifier.Verify(ProgramParser.Parse(Sharded, OperationTable.Set)) with { Training = [new(ClipNorm: 1)] };
        foreach (var pass in CompilerPipeline.Stages(KnownTargets.Cpu).SelectMany(s => s.Passes))
        {
            var before = program.Functions.ToDictionary(f => f.Name, f => Running.Run(program, f.Name, 3));
            program = pass.RunVerified(program);
            Assert.Equal("f32[8,4] sharding(-,model)", program.FindState("w")!.Type.ToString());
            Assert.Equal("i8[16,8] scale(0.05,-3)", program.FindState("table")!.Type.ToString());
            foreach (var function in program.Functions.Where(f => f.Name != "update"))
            {
                Assert.Equal("f32[B,8] sharding(data,-)", function.Parameters[0].Type.ToString());
                Assert.All(function.States, s => Assert.Equal(program.FindState(s.State!)!.Type, s.Type));
                if (before.TryGetValue(function.Name, out var expected)) Running.Same(expected, Running.Run(program, function.Name, 3), pass.Name);
            }
            var text = ProgramPrinter.Print(program);
            Assert.Equal(text, ProgramPrinter.Print(ProgramParser.Parse(text, OperationTable.Set)));
        }
        Assert.NotNull(program.Find("train_step"));
    }

    /// <summary>Says aloud what it is given, when its turn has come.</summary>
    sealed class Send(List<double> log) : Operation
    {
        public override string Name => "send";
        public override OpKind Kind => OpKind.Library;
        public override bool IsPure => false;

        public override ImmutableArray<TensorType> Infer(InferContext context)
        {
            context.Expect(Name, 2);
            return context[0].DType == DType.Token ? [context[0]] : throw new ShapeException("send needs a token first");
        }

        public override void Evaluate(Evaluation e)
        {
            log.Add(e[1][0]);
            e.Create(0);
        }
    }

    // Twice the same number, one effect whose token nobody takes, and arithmetic between that passes would like to move, merge and drop.
    const string Effects = """
        program P version 1
        dim B ≤ 64 ~ 16

        func talk(first: token[], x: f32[B,4]) -> (y: f32[], last: token[])
          %0 = sum x {axes=[0,1], keep=false}
          %1 = send first, %0
          %2 = mul x, x
          %3 = sum %2 {axes=[0,1], keep=false}
          %4 = send %1, %3
          %5 = sum x {axes=[0,1], keep=false}
          %6 = send %4, %5
          %7 = send %6, %5
          %8 = add %3, %5
          %9 = neg %8
          %10 = send %7, %9
          return %8, %7
        """;

    [Fact]
    public void Tokens_order_effects_through_every_pass()
    {
        var log = new List<double>();
        var operations = new OperationSet(OperationTable.Set.All.Where(o => o.Kind != OpKind.Structure).Append(new Send(log)));
        var program = Verifier.Verify(ProgramParser.Parse(Effects, operations));
        double[] Said()
        {
            log.Clear();
            var x = new TensorData(DType.F64, [2, 4], [1.0, 2, 3, 4, 5, 6, 7, 8]);
            new Interpreter(program, float64: true).Run("talk", [new TensorData(DType.Token, []), x], ImmutableDictionary<string, TensorData>.Empty, DimBinding.Empty.With("B", 2));
            return [.. log];
        }
        double[] expected = [36, 204, 36, 36, -240];
        Assert.Equal(expected, Said());
        foreach (var pass in CompilerPipeline.Stages(KnownTargets.Cpu).SelectMany(s => s.Passes))
        {
            program = pass.RunVerified(program);
            Assert.Equal((pass.Name, string.Join(" ", expected)), (pass.Name, string.Join(" ", Said())));
            Assert.Equal(5, program.Functions[0].Nodes.Count(n => n.Name == "send"));
        }
    }

    [Fact]
    public void There_is_no_arithmetic_on_tokens()
    {
        Assert.Equal(0, DType.Token.Size());
        Assert.Throws<ShapeException>(() => DTypes.Promote(DType.Token, DType.F32));
        var program = new Program("p", [], [], [], OperationTable.Set);
        var b = new Builder(program, "f");
        var token = b.Argument(new(DType.Token, Shape.Scalar), "t");
        Assert.ThrowsAny<Exception>(() => b.Add(token, token));
    }

    // The table of docs/architecture.md: floats win over integers, the wider over the narrower, f16 with bf16 gives f32.
    [Fact]
    public void Every_pair_of_numbers_has_one_promotion()
    {
        DType[] all = [DType.F64, DType.F32, DType.F16, DType.BF16, DType.I64, DType.I32, DType.I8, DType.Bool];
        foreach (var a in all)
            foreach (var b in all)
            {
                var type = DTypes.Promote(a, b);
                Assert.Equal(type, DTypes.Promote(b, a));
                Assert.Equal(type, DTypes.Promote(type, a));
                Assert.Equal(a.IsFloat() || b.IsFloat(), type.IsFloat());
                var expected = a == b ? a : (a, b) is (DType.F16, DType.BF16) or (DType.BF16, DType.F16) ? DType.F32
                    : a.IsFloat() == b.IsFloat() ? (a.Size() >= b.Size() && a != DType.Bool ? a : b) : a.IsFloat() ? a : b;
                Assert.Equal(expected, type);
            }
    }
}
