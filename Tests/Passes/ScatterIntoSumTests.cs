using System.Linq;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class ScatterIntoSumTests
{
    const string Head = """
        program Example version 1
        dim B ≤ 64 ~ 16

        """;

    static Function Function(Program program) => program.Functions[0];

    static string[] Names(Program program) => [.. Function(program).Nodes.Select(n => n.Name)];

    static Program Check(string text)
    {
        var before = ProgramParser.Parse(Head + text + "\n", OperationTable.Set);
        var after = new ScatterIntoSum().RunVerified(before);
        Running.Same(Running.Run(before, "f", 1), Running.Run(after, "f", 1), "f");
        return after;
    }

    [Theory]
    [InlineData("add %1, %0")]
    [InlineData("add %0, %1")]
    public void A_tied_table_gets_the_looked_up_rows_onto_its_dense_gradient(string sum)
    {
        var after = Check($$"""
            func f(dy: f32[B,4], ids: i32[B], h: f32[B,4], logits: f32[5,B]) -> f32[5,4]
              %0 = embedding_grad dy, ids {rows=[5]} : f32[5,4]
              %1 = matmul logits, h : f32[5,4]
              %2 = {{sum}} : f32[5,4]
              return %2
            """);
        Assert.Equal(["matmul", "embedding_grad"], Names(after));
        Assert.Equal("matmul", Function(after).Nodes[1].Inputs[2].Producer!.Name);
    }

    [Fact]
    public void A_table_looked_up_twice_is_filled_once()
    {
        var after = Check("""
            func f(dy: f32[B,4], ids: i32[B], dz: f32[B,4], others: i32[B]) -> f32[5,4]
              %0 = embedding_grad dy, ids {rows=[5]} : f32[5,4]
              %1 = embedding_grad dz, others {rows=[5]} : f32[5,4]
              %2 = add %0, %1 : f32[5,4]
              return %2
            """);
        Assert.Equal(["embedding_grad", "embedding_grad"], Names(after));
        Assert.Equal([2, 3], Function(after).Nodes.Select(n => n.Inputs.Length));
    }

    [Theory]
    [InlineData("%1 = matmul logits, h : f32[5,4]", "%1")] // the dense part is read again: it would be copied
    [InlineData("%1 = matmul logits, h : f32[5,4]", "%0")] // so is the scattered one
    [InlineData("%1 = transpose turned {order=[1,0]} : f32[5,4]", "%2")] // a view has no memory of its own
    public void What_others_read_stays(string dense, string second)
    {
        var after = Check($$"""
            func f(dy: f32[B,4], ids: i32[B], h: f32[B,4], logits: f32[5,B], turned: f32[4,5]) -> (f32[5,4], f32[5,4])
              %0 = embedding_grad dy, ids {rows=[5]} : f32[5,4]
              {{dense}}
              %2 = add %1, %0 : f32[5,4]
              return %2, {{second}}
            """);
        Assert.Contains("add", Names(after));
    }

    [Fact]
    public void A_tied_model_adds_up_no_tables()
    {
        var program = ProgramParser.Parse(Head + """
            dim N ≤ 1024 ~ 64
            param table : f32[50,8] = zeros

            func update(value: f32[N], gradient: f32[N], learning_rate: f32[], step: i64[]) -> (value: f32[N])
              %0 = mul gradient, learning_rate : f32[N]
              %1 = sub value, %0 : f32[N]
              return %1

            func forward_loss(ids: i32[B], targets: i32[B], seed: i64[]) -> (loss: f32[])
              %0 = embedding @table, ids : f32[B,8]
              %1 = linear %0, @table : f32[B,50]
              %2 = cross_entropy %1, targets {ignore_index=-100, label_smoothing=0.0, reduction="mean"} : f32[]
              return %2

            """, OperationTable.Set);
        var step = CompilerPipeline.Run(program, new TrainingProgram(), KnownTargets.Cpu, verify: true).Find("Decomposed")!.Find("train_step")!;
        Assert.DoesNotContain(step.Nodes, n => n.Is("add") && n.Output.Shape.ToString() == "[50,8]");
        Assert.Single(step.Nodes, n => n.Is("embedding_grad") && n.Inputs.Length == 3);
    }

    [Fact]
    public void Adding_onto_another_shape_is_refused() =>
        Assert.Contains("embedding_grad adds onto f32[5,4], but got f32[4,5]", Assert.ThrowsAny<System.Exception>(() => ProgramParser.Parse(Head + """
            func f(dy: f32[B,4], ids: i32[B], into: f32[4,5]) -> f32[5,4]
              %0 = embedding_grad dy, ids, into {rows=[5]} : f32[5,4]
              return %0

            """, OperationTable.Set)).Message, System.StringComparison.Ordinal);
}
