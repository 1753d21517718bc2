using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Operations;
using Graph.Tests.Passes;
using Xunit;

namespace Graph.Tests.Calls;

/// <summary>Which methods become functions, and what they take and give.</summary>
public class OutlineTests
{
    static string[] Functions(string source) => [.. CallModels.Elaborated(source).Functions.Select(f => f.Name)];

    [Fact]
    public void Blocks_of_a_transformer_are_one_function_for_all_functions_of_the_model()
    {
        var program = CallModels.Elaborated(CallModels.Gpt(12));
        Assert.Equal(["Block.Forward", "logits", "loss", "forward_loss", "update"], program.Functions.Select(f => f.Name));
        foreach (var function in new[] { "logits", "loss", "forward_loss" }) Assert.Equal(12, CallModels.Calls(program, function, "Block.Forward"));
        Assert.Equal(
            "x norm1.weight norm1.bias attention.weight attention.bias projection.weight projection.bias norm2.weight norm2.bias expand.weight expand.bias contract.weight contract.bias",
            string.Join(" ", program.Find("Block.Forward")!.Parameters.Select(p => p.Name)));
    }

    [Fact]
    public void Training_and_evaluation_differ_where_the_method_does()
    {
        var program = CallModels.Elaborated(CallModels.Gpt(4, dropout: 0.25));
        Assert.Equal(["Block.Forward", "Block.Forward.2", "logits", "loss", "forward_loss", "update"], program.Functions.Select(f => f.Name));
        Assert.Equal(4, CallModels.Calls(program, "loss", "Block.Forward"));
        Assert.Equal(4, CallModels.Calls(program, "forward_loss", "Block.Forward.2"));
        Assert.Equal(2, program.Find("Block.Forward.2")!.Parameters.Count(p => p.Name is "first#0" or "second#0"));
    }

    [Fact]
    public void Three_calls_stay_where_they_are() => Assert.DoesNotContain("Block.Forward", Functions(CallModels.Gpt(3)));

    [Theory]
    [InlineData("", "return only.Forward(x).Relu() + x;")]
    [InlineData("readonly BatchNorm norm = new(6), second = new(6);", "return (second.Forward(norm.Forward(only.Forward(x)).Relu() * 0.5f + 0.1f) + x).Tanh() - 0.1f * x.Sigmoid();")]
    public void A_layer_stays_where_it_is_however_often_it_is_called(string more, string body) =>
        Assert.Equal(["predict", "loss", "forward_loss", "update"], Functions(CallModels.Blocks("readonly Linear only = new(6, 6); " + more, body, calls: 8)));

    [Fact]
    public void Other_hyper_parameters_are_another_function()
    {
        var source = CallModels.Gpt(8).Replace("new Block(8, 2,", "new Block(8, _ % 2 == 0 ? 2 : 4,");
        var program = CallModels.Elaborated(source);
        Assert.Equal(["Block.Forward", "Block.Forward.2"], program.Functions.Select(f => f.Name).Where(n => n.StartsWith("Block", System.StringComparison.Ordinal)));
        foreach (var name in new[] { "Block.Forward", "Block.Forward.2" }) Assert.Equal(4, CallModels.Calls(program, "loss", name));
        // Of three with other heads each, none is called often enough.
        Assert.DoesNotContain(Functions(source.Replace("Range(0, 8)", "Range(0, 6)")), n => n.StartsWith("Block", System.StringComparison.Ordinal));
    }

    [Fact]
    public void The_outermost_method_wins_and_calls_in_turn()
    {
        var program = CallModels.Elaborated(Nested);
        Assert.Equal(["Inner.Forward", "Block.Forward"], program.Functions.Take(2).Select(f => f.Name));
        Assert.Equal(4, CallModels.Calls(program, "Block.Forward", "Inner.Forward"));
        Assert.Equal(4, CallModels.Calls(program, "loss", "Block.Forward"));
    }

    /// <summary>Blocks of blocks.</summary>
    internal static readonly string Nested = """
        [Module] public sealed partial class Inner
        {
            readonly Linear a = new(6, 5), b = new(5, 6);
            readonly LayerNorm norm = new(6);
            public Tensor Forward(Tensor x) => (b.Forward((a.Forward(norm.Forward(x)).Tanh() * 2 - 0.5f).Sigmoid()) + x).Tanh();
        }

        """ + CallModels.Blocks("readonly Inner[] inner = Enumerable.Range(0, 4).Select(_ => new Inner()).ToArray();", "foreach (var i in inner) x = i.Forward(x) + x; return x;");

    [Fact]
    public void What_is_read_behind_a_call_is_a_result_of_it()
    {
        var program = CallModels.Elaborated("""
            [Module] public sealed partial class Cell
            {
                readonly Linear input = new(6, 24), hidden = new(6, 24, bias: false);
                public (Tensor, Tensor) Forward(Tensor x, Tensor h, Tensor c)
                {
                    var gates = (input.Forward(x) + hidden.Forward(h)).Split(6, axis: 1);
                    var next = gates[0].Sigmoid() * c + gates[1].Sigmoid() * gates[2].Tanh();
                    return (gates[3].Sigmoid() * next.Tanh(), next);
                }
            }
            [Model] [Dim("B", Max = 8, Typical = 3)] public partial class M
            {
                readonly Cell cell = new();
                [Loss] public Tensor Loss([Shape("B", 5, 6)] Tensor x)
                {
                    var (h, c) = (Tensor.Zeros(x.Shape[0], 6), Tensor.Zeros(x.Shape[0], 6));
                    for (var t = 0; t < 5; t++) (h, c) = cell.Forward(x.Select(1, t), h, c);
                    return h.Square().Mean();
                }
                [Train] static Sgd Optimizer() => new(0.1);
            }
            """);
        Assert.Equal(2, program.Find("Cell.Forward")!.Results.Length);
        Assert.Equal(5, CallModels.Calls(program, "loss", "Cell.Forward"));
    }

    [Fact]
    public void Every_stage_reads_back_equal_and_runs_alike()
    {
        var compiled = CallModels.Compiled(CallModels.Elaborated(CallModels.Gpt(4, dropout: 0.25)));
        foreach (var stage in compiled.Stages)
        {
            var text = ProgramPrinter.Print(stage.Program);
            var read = ProgramParser.Parse(text, OperationTable.Set);
            Assert.Equal(text, ProgramPrinter.Print(read));
            Verifier.Verify(read);
        }
        Running.Same(Running.Run(compiled.Stages[0].Program, "loss", 3), Running.Run(compiled.Final, "loss", 3), "loss", 1e-9);
    }

    [Fact]
    public void A_call_names_its_module_and_origins_of_a_callee_begin_there()
    {
        var program = CallModels.Elaborated(CallModels.Gpt(4));
        Assert.Equal(["blocks.0", "blocks.1", "blocks.2", "blocks.3"], program.Find("logits")!.Nodes.Where(n => n.Operation == StructureOperations.Call).Select(n => n.Origins.Single().Path));
        Assert.Contains("norm1", program.Find("Block.Forward")!.Nodes.SelectMany(n => n.Origins).Select(o => o.Path));
        var flat = CallModels.Flat(program);
        Assert.Contains("blocks.2.norm1", flat.Find("logits")!.Nodes.SelectMany(n => n.Origins).Select(o => o.Path));
    }
}
