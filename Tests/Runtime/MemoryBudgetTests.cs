using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Planning;
using Graph.Examples.Digits;
using Graph.Nn;
using Graph.Runtime.Execution;
using Graph.Tests.Generators;
using Graph.Yardsticks;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Models that run within a memory budget: every number has the bits that it has without.</summary>
public sealed class MemoryBudgetTests
{
    static readonly Dictionary<string, (Func<IModel> Create, Func<IModel, StepResult> Step)> models = new()
    {
        ["cnn"] = (() => Cnn.Create(seed: 1, threads: 2), m => ((Cnn)m).TrainStep(Reals(32 * 784), Labels(32, 10))),
        ["nanogpt"] = (() => NanoGpt.Create(seed: 1, threads: 2), m => ((NanoGpt)m).TrainStep(Labels(12 * 64, 65), Labels(12 * 64, 65), 12)),
        // Dropout, batch norm; in 16 bits masters and a scale that moves.
        ["digits"] = (() => DigitReader.Create(seed: 1, threads: 2), m => ((DigitReader)m).TrainStep(Reals(32 * 64), Labels(32, 10))),
        ["digits in fp16"] = (() => DigitReader.Create(Precision.Float16, seed: 1, threads: 2), m => ((DigitReader)m).TrainStep(Reals(32 * 64), Labels(32, 10))),
    };

    public static TheoryData<string> Models => [.. models.Keys];

    static float[] Reals(int count)
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    static int[] Labels(int count, int classes)
    {
        var random = new Random(4);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(classes))];
    }

    static byte[] Bits(IModel model) => [.. model.Parameters.SelectMany(t => t.Raw(0, int.MaxValue).ToArray())];

    [Theory, MemberData(nameof(Models))]
    public void Training_in_half_the_memory_and_in_the_least_keeps_every_bit(string name)
    {
        var (create, step) = models[name];
        using var free = create();
        double[] losses = [.. Enumerable.Range(0, 3).Select(_ => step(free).Loss)];
        var bits = Bits(free);
        var plan = free.Instance.Session.PlanOf("train_step");
        var least = Rematerializer.Smallest(plan.Source, plan.Binding);
        Assert.True(least.ArenaBytes <= 0.8 * plan.ArenaBytes, $"{least.ArenaBytes:N0} of {plan.ArenaBytes:N0}");
        var stored = free.Parameters.Bytes;
        foreach (var arena in new[] { (long)(0.9 * plan.ArenaBytes), (long)(0.5 * plan.ArenaBytes), least.Budget!.Value }.Where(a => a >= least.Budget))
        {
            using var model = create();
            model.MemoryBudget = stored + arena;
            Assert.Equal(losses, Enumerable.Range(0, 3).Select(_ => step(model).Loss));
            Assert.Equal(bits, Bits(model));
            var within = model.Instance.Session.PlanOf("train_step");
            PlanVerifier.Verify(within);
            Assert.InRange(within.Repeated, 1, int.MaxValue);
            Assert.Equal(within.ArenaBytes, model.Instance.Session.ArenaBytes);
            Assert.InRange(model.Instance.Session.ArenaBytes, 0, arena);
            Assert.Equal(free.Instance.Model.PlanFingerprint, model.Instance.Model.PlanFingerprint); // equal bits
        }
    }

    [Fact]
    public void Nanogpt_at_batch_64_trains_in_half_of_its_memory()
    {
        int[] tokens = Labels(64 * 64, 65), targets = Labels(64 * 64, 65);
        using var free = NanoGpt.Create(seed: 1, threads: 2);
        var loss = free.TrainStep(tokens, targets, 64).Loss;
        var all = ((IModel)free).Instance.Session.ArenaBytes;
        using var model = NanoGpt.Create(seed: 1, threads: 2);
        model.MemoryBudget = free.Parameters.Bytes + all / 2;
        Assert.Equal(loss, model.TrainStep(tokens, targets, 64).Loss);
        Assert.InRange(((IModel)model).Instance.Session.ArenaBytes, 1, all / 2);
        var plan = ((IModel)model).Instance.Session.PlanOf("train_step");
        Assert.InRange((double)plan.Flops / ((IModel)free).Instance.Session.PlanOf("train_step").Flops, 1, 1.2); // a third would be all of the forward pass
    }

    [Fact]
    public void A_budget_may_change_between_steps_and_too_small_a_one_leaves_the_model_as_it_was()
    {
        var (create, step) = models["digits"];
        using var free = create();
        using var model = create();
        Assert.Equal(step(free).Loss, step(model).Loss);
        var all = model.Instance.Session.ArenaBytes;
        model.MemoryBudget = model.Parameters.Bytes + 3 * all / 4;
        Assert.Equal(step(free).Loss, step(model).Loss);
        Assert.InRange(model.Instance.Session.ArenaBytes, 1, 3 * all / 4);
        model.MemoryBudget = model.Parameters.Bytes + 100_000;
        var error = Assert.Throws<InsufficientMemoryException>(() => step(model));
        Assert.Matches(@"^train_step needs [\d,]+ bytes for its intermediates with B=32, .* leaves 100,000: the peak is at #\d+ .*\(ConvNet\.cs:\d+ ", error.Message);
        model.MemoryBudget = 1000; // less than what is stored
        Assert.Throws<InsufficientMemoryException>(() => step(model));
        model.MemoryBudget = null;
        Assert.Equal(step(free).Loss, step(model).Loss);
        Assert.Equal(all, model.Instance.Session.ArenaBytes);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.MemoryBudget = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.MemoryBudget = -1);
    }

    [Fact]
    public void The_answer_before_anything_is_allocated_knows_of_a_budget()
    {
        var free = DigitReader.Memory(B: 64, threads: 1)["train_step"];
        var memory = DigitReader.Memory(B: 64, threads: 1, budget: free.Stored + (free.Arena * 3 / 4))["train_step"];
        Assert.InRange(memory.Arena, 1, free.Arena * 3 / 4);
        Assert.InRange(memory.Repeated, 1, int.MaxValue);
        Assert.Equal(0, free.Repeated);
        Assert.Throws<InsufficientMemoryException>(() => DigitReader.Memory(B: 64, budget: 1000));
        Assert.Throws<ArgumentOutOfRangeException>(() => DigitReader.Memory(budget: 0));
    }

    const string Budgeted = """
        [Model, MemoryBudget("BUDGET")]
        [Dim("B", Max = 512, Typical = 256)]
        public partial class M
        {
            readonly Linear first = new(32, 256), second = new(256, 256), third = new(256, 10);
            [Loss] public Tensor Loss([Shape("B", 32)] Tensor x, [Shape("B")] Tensor<int> label)
            {
                var y = first.Forward(x).Gelu();
                y = second.Forward(y).Gelu() + y;
                return third.Forward(y.Tanh()).CrossEntropy(label);
            }
            [Train] public static AdamW Optimizer() => new(1e-3);
        }
        """;

    static Compilation Generated(string budget, bool ofTraining = false) => Harness.Generate(Harness.Compile(
        "Test", [("File0.cs", Harness.Usings + "using Graph.Nn;\n" + (ofTraining ? Budgeted.Replace(", MemoryBudget(\"BUDGET\")", "", StringComparison.Ordinal).Replace("[Train]", "[Train, MemoryBudget(\"BUDGET\")]", StringComparison.Ordinal) : Budgeted).Replace("BUDGET", budget, StringComparison.Ordinal))], [MetadataReference.CreateFromFile(typeof(Linear).Assembly.Location)])).Compilation;

    [Fact]
    public void A_class_with_a_budget_starts_from_plans_within_it()
    {
        // A little less than what a step needs without.
        var free = Assert.Single(Running.With(Generated("1 GB"), model => MemoryEstimate.Of(model.Instance.Model, 1, null, [])["train_step"]));
        var wanted = free.Stored + 9 * free.Arena / 10;
        var checks = Running.With(Generated(wanted.ToString(System.Globalization.CultureInfo.InvariantCulture)), model =>
        {
            var step = model.Instance.Model["train_step"];
            var limit = model.MemoryBudget!.Value;
            var plan = step.Plan([256], limit);
            return (limit, plan.Repeated, step.Plans.Made);
        });
        var (limit, repeated, made) = Assert.Single(checks);
        Assert.Equal(wanted, limit);
        Assert.InRange(repeated, 1, int.MaxValue);
        Assert.Equal(0, made);
    }

    [Fact]
    public void A_training_program_has_a_budget_of_its_own()
    {
        var free = Assert.Single(Running.With(Generated("1 GB"), model => MemoryEstimate.Of(model.Instance.Model, 1, null, [])["train_step"]));
        var wanted = free.Stored + 9 * free.Arena / 10;
        var checks = Running.With(Generated(wanted.ToString(System.Globalization.CultureInfo.InvariantCulture), ofTraining: true), model =>
        {
            var step = model.Instance.Model["train_step"];
            var (all, less) = (step.Plan([256], null), step.Plan([256], wanted - 10_000)); // the smaller of both holds
            return (model.MemoryBudget, model.Training().MemoryBudget, all.Budget, Repeated: all.Repeated, More: step.Plan([256], long.MaxValue / 2).Budget, Less: less.Budget, Loss: model.Instance.Model["loss"].Plan([256], null).Budget, step.Plans.Made);
        });
        var found = Assert.Single(checks);
        Assert.Equal((null, wanted, (long?)(wanted - free.Stored)), (found.Item1, found.Item2, found.Item3));
        Assert.InRange(found.Repeated, 1, int.MaxValue);
        Assert.Equal((found.Item3, found.Item3 - 10_000, null), (found.More, found.Less, found.Loss));
        Assert.Equal(2, found.Made); // the one for less, from the one without a bound
    }

    [Fact]
    public void A_training_program_that_cannot_keep_its_budget_does_not_build()
    {
        Assert.Single(Harness.Analyze(Generated("1.1 MB", ofTraining: true)), d => d.Id == "GR2120" && d.GetMessage(System.Globalization.CultureInfo.InvariantCulture).StartsWith("M.train_step needs", StringComparison.Ordinal));
        Assert.Contains(Harness.Analyze(Generated("1.1 megs", ofTraining: true)), d => d.Id == "GR2121" && d.GetMessage(System.Globalization.CultureInfo.InvariantCulture).StartsWith("The memory budget of Optimizer is \"1.1 megs\"", StringComparison.Ordinal));
    }

    [Fact]
    public void A_class_that_cannot_keep_its_budget_does_not_build_and_the_line_of_its_peak_is_marked()
    {
        var error = Assert.Single(Harness.Analyze(Generated("1.1 MB")), d => d.Id == "GR2120" && d.GetMessage(System.Globalization.CultureInfo.InvariantCulture).Contains("train_step", StringComparison.Ordinal));
        Assert.Equal(DiagnosticSeverity.Error, error.Severity);
        Assert.Matches(@"^M\.train_step needs .* for its intermediates at B=256, however much is computed again; of the memory budget of .* leave .*\. The peak is at #\d+ .*\.$", error.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(error.Location.GetLineSpan().StartLinePosition.Line, 7, 14);
    }
}
