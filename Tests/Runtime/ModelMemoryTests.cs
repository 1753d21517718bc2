using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Examples.Digits;
using Graph.Examples.Gpt;
using Graph.Runtime.Memory;
using Graph.Tests.Generators;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>What a model says of its memory before anything is allocated, and what it takes then.</summary>
public sealed class ModelMemoryTests
{
    static DigitReader Trained(Precision precision, int rows, int threads)
    {
        var model = DigitReader.Create(precision, seed: 1, threads: threads);
        float[] images = [.. Enumerable.Range(0, rows * 64).Select(i => i % 17 / 16f)];
        model.TrainStep(images, [.. Enumerable.Range(0, rows).Select(i => i % 10)]);
        return model;
    }

    [Theory]
    [InlineData(Precision.Float32, 64)]
    [InlineData(Precision.Float32, 17)]
    [InlineData(Precision.Float16, 64)]
    public void A_class_says_what_a_step_and_a_prediction_take_before_there_is_a_model(Precision precision, int rows)
    {
        var memory = DigitReader.Memory(B: rows, precision: precision, threads: 1);
        using var model = Trained(precision, rows, threads: 1);
        Assert.Equal(((IModel)model).Instance.Session.ArenaBytes, memory["train_step"].Arena);
        Assert.Equal(model.Parameters.Bytes, memory["train_step"].Stored);
        model.Predict(new float[rows * 64], new float[rows * 10]);
        Assert.Equal(model.Parameters.Bytes, memory.Weights + memory.Masters + memory.Moments + memory.Derived);
        Assert.Equal(memory["train_step"], memory.Largest);
        Assert.Equal(memory.Total, memory.Largest.Stored + memory.Largest.Arena + memory.Largest.Threads);
        Assert.Equal(precision == Precision.Float16, memory.Masters > 0);
    }

    sealed class Counting : NativeAllocator
    {
        public int Count { get; private set; }

        protected override void Before(long bytes, string purpose) => Count++;
    }

    [Fact]
    public void Asking_allocates_nothing_of_the_model()
    {
        var counting = new Counting();
        NativeAllocator.Current = counting;
        try
        {
            _ = DigitReader.Memory(B: 33);
        }
        finally
        {
            NativeAllocator.Current = null!;
        }
        Assert.Equal(0, counting.Count);
    }

    [Fact]
    public void The_peak_is_the_highest_moment_and_names_its_line_and_what_lives_there()
    {
        var step = DigitReader.Memory(B: 64)["train_step"];
        var highest = step.Timeline.MaxBy(m => m.Total)!;
        Assert.Equal(highest.Total, step.Activations + step.Gradients + step.Workspaces);
        Assert.Equal(highest.Total, step.AtPeak.Sum(t => t.Bytes));
        Assert.Equal(step.Timeline[step.Peak!.Launch], highest);
        Assert.Matches(@"^ConvNet\.cs:\d+ ", step.Peak.Source);
        Assert.Equal(step.AtPeak.OrderByDescending(t => t.Bytes), step.AtPeak);
        Assert.InRange(highest.Total, step.LargestOperation, step.Arena);
        // Before the optimizer's kernel every gradient is there: a number of 4 bytes for each parameter, and as many weights are running statistics.
        Assert.InRange(step.Timeline.Max(m => m.Gradients), 0.98 * DigitReader.Memory().Weights, DigitReader.Memory().Weights);
    }

    [Fact]
    public void Threads_count_for_themselves_and_sizes_are_held_to_their_bounds()
    {
        var (one, four) = (CharacterGpt.Memory(threads: 1), CharacterGpt.Memory(threads: 4));
        Assert.Equal(4 * one["train_step"].Threads, four["train_step"].Threads);
        Assert.Equal(one["train_step"].Arena, four["train_step"].Arena);
        Assert.Equal(CharacterGpt.Memory(B: 12).ToString(), CharacterGpt.Memory().ToString()); // what is left out is typical
        Assert.Contains("B of CharacterGpt is expected to be 1 to 64", Assert.Throws<ArgumentOutOfRangeException>("B", () => CharacterGpt.Memory(B: 65)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => CharacterGpt.Memory(threads: -1));
        Assert.Contains("train_step", Assert.Throws<KeyNotFoundException>(() => CharacterGpt.Memory()["nothing"]).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => CharacterGpt.Memory(precision: Precision.Float64));
    }

    [Fact]
    public void The_table_has_every_kind_and_the_peak()
    {
        var text = CharacterGpt.Memory(B: 12, precision: Precision.Float16, threads: 2).ToString();
        foreach (var word in new[] { "CharacterGpt  B=12 T=1, 2 threads", "weights", "masters", "moments", "train_step", "activations", "peak at #", "Transformer.cs:" }) Assert.Contains(word, text, StringComparison.Ordinal);
        Assert.Matches(@"\d,\d{3} B", text);
    }

    [Theory]
    [InlineData("public int Memory => 3;")]
    [InlineData("public static string Memory(int B) => \"mine\";")]
    [InlineData("public int Memory;")]
    public void A_member_of_the_users_that_is_called_so_stays(string member)
    {
        var source = $$"""[Model] [Dim("B", Max = 8)] public partial class M { {{member}} [Entry] public Tensor F([Shape("B", 4)] Tensor x) => x.Relu(); }""";
        Assert.DoesNotContain(Harness.Diagnose(source), d => d.Severity == Microsoft.CodeAnalysis.DiagnosticSeverity.Error);
    }

    [Fact]
    public void Dimensions_may_be_called_like_the_other_arguments_or_like_words_of_CSharp()
    {
        const string source = """[Model] [Dim("threads", Max = 8), Dim("class", Max = 4, Typical = 2)] public partial class M { [Entry] public Tensor F([Shape("threads", "class")] Tensor x) => x.Relu(); }""";
        Assert.DoesNotContain(Harness.Diagnose(source), d => d.Severity == Microsoft.CodeAnalysis.DiagnosticSeverity.Error);
        var generated = Harness.Generate(Harness.Compile(Harness.Usings + source)).Compilation;
        Assert.Contains("Memory(int threads = ", generated.SyntaxTrees.Single(t => t.FilePath.EndsWith("M.Model.g.cs", StringComparison.Ordinal)).ToString(), StringComparison.Ordinal);
    }
}
