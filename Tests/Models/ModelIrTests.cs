using System;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Examples.Digits;
using Graph.Examples.Gpt;
using Graph.Operations;
using Graph.Yardsticks;
using Graph.Yardsticks.Small;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Models;

/// <summary>What models become on their way from C# to C#, as <c>Model.Ir</c> shows it: the snapshots are what a reader of the compiler looks at first.</summary>
public sealed class ModelIrTests
{
    static readonly string[] Names = ["module", "elaborated", "graph", "differentiated", "decomposed", "fused", "scheduled", "planned", "kernels", "csharp"];

    static ModelIr Ir(string model) => model switch
    {
        nameof(LinearClassifier) => LinearClassifier.Ir,
        nameof(ConvolutionBlock) => ConvolutionBlock.Ir,
        nameof(NormalizedRows) => NormalizedRows.Ir,
        nameof(CausalAttention) => CausalAttention.Ir,
        nameof(Mlp) => Mlp.Ir,
        nameof(Cnn) => Cnn.Ir,
        nameof(DigitReader) => DigitReader.Ir,
        nameof(MnistReader) => MnistReader.Ir,
        nameof(CharacterGpt) => CharacterGpt.Ir,
        _ => throw new ArgumentException(model),
    };

    public static TheoryData<string, string> SmallModels => EveryStage(nameof(LinearClassifier), nameof(ConvolutionBlock), nameof(NormalizedRows), nameof(CausalAttention));

    public static TheoryData<string, string> ExampleModels => EveryStage(nameof(DigitReader), nameof(MnistReader), nameof(CharacterGpt));

    static TheoryData<string, string> EveryStage(params string[] models)
    {
        var data = new TheoryData<string, string>();
        foreach (var model in models)
            foreach (var stage in Names)
                data.Add(model, stage);
        return data;
    }

    [Theory, MemberData(nameof(SmallModels))]
    public Task Small_models(string model, string stage) => Verify(Text(model, stage), $"model={model}_stage={stage}");

    /// <summary>What a card's driver compiles, of models whose kernels are all there.</summary>
    [Theory]
    [InlineData(nameof(LinearClassifier))]
    [InlineData(nameof(NormalizedRows))]
    public Task Small_models_on_the_card(string model) => Verify(Ir(model).Ptx, $"model={model}_stage=ptx");

    [Theory, MemberData(nameof(ExampleModels))]
    public Task Examples(string model, string stage) => Verify(Text(model, stage), $"model={model}_stage={stage}");

    [Theory]
    [InlineData(nameof(Mlp), "graph")]
    [InlineData(nameof(Mlp), "fused")]
    [InlineData(nameof(Mlp), "planned")]
    [InlineData(nameof(Cnn), "graph")]
    [InlineData(nameof(Cnn), "fused")]
    [InlineData(nameof(Cnn), "planned")]
    public Task Yardsticks(string model, string stage) => Verify(Text(model, stage), $"model={model}_stage={stage}");

    [Fact]
    public void Every_stage_has_a_name_and_a_text()
    {
        var stages = LinearClassifier.Ir.Stages.ToList();
        Assert.Equal(Names, stages.Select(s => s.Name));
        Assert.All(stages, s => Assert.NotEmpty(s.Text));
        var all = LinearClassifier.Ir.ToString();
        Assert.All(stages, s => Assert.Contains(s.Text, all, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("elaborated")]
    [InlineData("graph")]
    [InlineData("differentiated")]
    [InlineData("decomposed")]
    [InlineData("fused")]
    [InlineData("scheduled")]
    public void Programs_read_back_from_their_texts(string stage)
    {
        foreach (var model in new[] { nameof(LinearClassifier), nameof(ConvolutionBlock), nameof(CausalAttention), nameof(Cnn) })
        {
            var text = Stage(model, stage);
            var program = ProgramParser.Parse(text, OperationTable.Set);
            Verifier.Verify(program);
            Assert.Equal(text, ProgramPrinter.Print(program));
        }
    }

    static string Stage(string model, string stage) => Ir(model).Stages.Single(s => s.Name == stage).Text;

    // The numbers of nodes say nothing to a reader.
    static string Text(string model, string stage) => stage == "module" ? Regex.Replace(Stage(model, stage), " @[0-9/:+]*(?=[ )\n])", "") : Stage(model, stage);
}
