using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Tests.Goldens;
using Graph.Yardsticks.Programs;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Several training programs over one store, beside PyTorch in float64.</summary>
public sealed class TrainingProgramTests
{
    const double Tolerance = 1e-5;

    static void Start(IModel model, ProgramGolden golden)
    {
        var parameters = model.Parameters.Where(t => t.Kind == StateKind.Parameter).ToDictionary(t => t.Path);
        Assert.Equal(golden.Parameters.Select(p => p.Name).Order(), parameters.Keys.Order());
        foreach (var parameter in golden.Parameters) parameters[parameter.Name].Write<float>([.. parameter.Reals().Select(v => (float)v)]);
    }

    // Makes the golden's steps, and compares what each says and what is there in the end; what a program does not update must not change by a bit.
    static void Compare(IModel model, string name, Func<ProgramGolden, string, int, StepResult> step, Func<string, string, bool> updates)
    {
        var golden = Golden.Programs(name);
        Start(model, golden);
        var made = new Dictionary<string, int>();
        for (var i = 1; i <= golden.Steps.Length; i++)
        {
            var expected = golden.Steps[i - 1];
            var before = model.Parameters.Where(t => t.Kind == StateKind.Parameter && !updates(expected.Program, t.Path)).ToDictionary(t => t.Path, t => t.Read<float>().ToArray());
            var actual = step(golden, expected.Program, i);
            Near(expected.Loss, actual.Loss, $"loss of step {i}");
            Near(expected.GradientNorm, actual.GradientNorm, $"gradient norm of step {i}");
            made[expected.Program] = made.GetValueOrDefault(expected.Program) + 1;
            Assert.Equal(made[expected.Program], actual.Step);
            foreach (var (path, values) in before) Assert.Equal(values, model.Parameters[path].Read<float>().ToArray());
        }
        foreach (var tensor in golden.After)
            foreach (var (expected, actual) in tensor.Values!.Value.Zip(model.Parameters[tensor.Name].Read<float>().ToArray())) Near(expected, actual, tensor.Name);
        Assert.Equal(golden.Steps.Length, model.Step);
        foreach (var (program, steps) in made) Assert.Equal(steps, model.Training(program.Length == 0 ? null : program).Step);
    }

    static void Near(double expected, double actual, string what) =>
        Assert.True(Math.Abs(expected - actual) <= Tolerance * Math.Max(1, Math.Abs(expected)), $"{what}: {actual:R}, expected {expected:R}");

    static StepResult Step(Gan gan, ProgramGolden golden, string program, int step) => program == "Critic"
        ? gan.TrainCritic(golden.Reals("rows", step), golden.Reals("noise", step)) : gan.TrainGenerator(golden.Reals("noise", step));

    [Fact]
    public void A_gan_in_one_class_trains_as_in_PyTorch()
    {
        using var gan = Gan.Create(threads: 2);
        Compare(gan, "gan", (golden, program, step) => Step(gan, golden, program, step), (program, path) => path.StartsWith(program.ToLowerInvariant(), StringComparison.Ordinal));
    }

    [Fact]
    public void A_frozen_teacher_stays_beside_its_student()
    {
        using var model = Distillation.Create();
        Compare(model, "distillation", (golden, _, step) => model.TrainStep(golden.Reals("x", step)), (_, path) => path.StartsWith("student.", StringComparison.Ordinal));
        Assert.Equal(["optimizer.velocity.student.first.weight", "optimizer.velocity.student.first.bias", "optimizer.velocity.student.last.weight", "optimizer.velocity.student.last.bias"],
            model.Parameters.Where(t => t.Kind == StateKind.Optimizer).Select(t => t.Path));
        // Nothing is computed for the teacher's sake: its gradients are not there.
        Assert.DoesNotContain("teacher", string.Join(" ", Distillation.Ir.Differentiated.Split('\n').Where(l => l.Contains("rule ", StringComparison.Ordinal))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_is_trained_before_the_whole()
    {
        using var model = FineTuned.Create();
        Compare(
            model, "fine_tuned", (golden, program, step) => program == "Head" ? model.TrainHead(golden.Reals("x", step), golden.Integers("label", step)) : model.TrainWhole(golden.Reals("x", step), golden.Integers("label", step)),
            (program, path) => program == "Whole" || path.StartsWith("head.", StringComparison.Ordinal));
        Assert.Equal(3, model.Training("Head").Step);
        Assert.Contains(model.Parameters, t => t.Path == "optimizer.Head.velocity.head.weight");
        Assert.Contains(model.Parameters, t => t.Path == "optimizer.Whole.m.body.first.weight");
    }

    [Fact]
    public void Gradients_of_micro_batches_add_up_as_in_PyTorch()
    {
        using var model = InParts.Create(threads: 2);
        Compare(
            model, "in_parts", (golden, program, step) => program == "Halves" ? model.TrainHalves(golden.Reals("x", step), golden.Integers("label", step)) : model.TrainQuarters(golden.Reals("x", step), golden.Integers("label", step)), (_, _) => true);
    }

    [Fact]
    public void Optimizers_that_look_at_whole_tensors_agree_with_PyTorch()
    {
        using var model = ByTensor.Create();
        Compare(model, "by_tensor", (golden, program, step) =>
        {
            var (x, label) = (golden.Reals("x", step), golden.Integers("label", step));
            return program switch { "Lamb" => model.TrainLamb(x, label), "Lars" => model.TrainLars(x, label), "Muon" => model.TrainMuon(x, label), _ => model.TrainAdamW(x, label) };
        }, (_, _) => true);
        // Matrices have a momentum alone, everything else two moments.
        Assert.Equal(["first.weight"], model.Parameters.Where(t => t.Path.StartsWith("optimizer.Muon.m.", StringComparison.Ordinal)).Select(t => t.Path["optimizer.Muon.m.".Length..])
            .Except(model.Parameters.Where(t => t.Path.StartsWith("optimizer.Muon.v.", StringComparison.Ordinal)).Select(t => t.Path["optimizer.Muon.v.".Length..])));
    }

    [Fact]
    public void Low_rank_adaptation_of_an_unchanged_gpt_trains_as_in_PyTorch()
    {
        using var model = LoraGpt.Create(threads: 2);
        Compare(
            model, "lora_gpt", (golden, _, step) => model.TrainStep(golden.Integers("tokens", step), golden.Integers("targets", step), 2), (_, path) => path.Contains(".lora.", StringComparison.Ordinal));
        string[] adapted = [.. from block in new[] { 0, 1 } from part in new[] { "a", "b" } select $"blocks.{block}.attention.weight.lora.{part}"];
        Assert.Equal(adapted, model.Parameters.Where(t => t.Kind == StateKind.Optimizer && t.Path.StartsWith("optimizer.m.", StringComparison.Ordinal)).Select(t => t.Path["optimizer.m.".Length..]));
        Assert.Equal(adapted, model.Parameters.Where(t => t.Kind == StateKind.Optimizer && t.Path.StartsWith("optimizer.v.", StringComparison.Ordinal)).Select(t => t.Path["optimizer.v.".Length..]));
        Assert.Equal(8, model.Parameters.Count(t => t.Kind == StateKind.Optimizer));
        // No gradient of what is frozen is computed: not even of the weights that are adapted, but by way of A and B.
        Assert.DoesNotContain("state token.weight", LoraGpt.Ir.Differentiated, StringComparison.Ordinal);
    }

    [Fact]
    public void Adapted_weights_go_into_a_file_of_the_unchanged_gpt_and_come_from_one()
    {
        var folder = Directory.CreateTempSubdirectory("graph-lora-").FullName;
        try
        {
            var tokens = Enumerable.Range(0, 16).Select(i => i * 7 % 11).ToArray();
            float[] Logits(IModel model)
            {
                var result = new float[16 * 11];
                if (model is LoraGpt lora) lora.Logits(tokens, result, 2);
                else ((SmallGpt)model).Logits(tokens, result, 2);
                return result;
            }
            using var gpt = SmallGpt.Create(seed: 5);
            gpt.Save(Path.Combine(folder, "gpt.safetensors"));
            using var adapted = LoraGpt.Create(seed: 6);
            // A file of the plain model lacks the adaptation and nothing else, and B of zeros changes nothing.
            var read = adapted.Load(Path.Combine(folder, "gpt.safetensors"), new() { Strict = false });
            Assert.Equal(4, read.Missing.Length);
            Assert.All(read.Missing, name => Assert.Contains(".attention.weight.lora.", name, StringComparison.Ordinal));
            Assert.Empty(read.Unexpected);
            Assert.Equal(Logits(gpt), Logits(adapted));

            for (var step = 0; step < 5; step++) adapted.TrainStep(tokens, [.. tokens.Skip(1), 0], 2);
            var after = Logits(adapted);
            Assert.NotEqual(Logits(gpt), after);
            foreach (var tensor in gpt.Parameters) Assert.Equal(tensor.Values.ToArray(), adapted.Parameters[tensor.Path].Values.ToArray());

            adapted.SaveMerged(Path.Combine(folder, "merged.safetensors"));
            using var merged = SmallGpt.Create();
            merged.Load(Path.Combine(folder, "merged.safetensors")); // strict: exactly the names of the plain model
            foreach (var (expected, actual) in after.Zip(Logits(merged))) Near(expected, actual, "a score of the merged model");
            Assert.Equal(gpt.Parameters["blocks.0.projection.weight"].Values.ToArray(), merged.Parameters["blocks.0.projection.weight"].Values.ToArray());
            Assert.NotEqual(gpt.Parameters["blocks.0.attention.weight"].Values.ToArray(), merged.Parameters["blocks.0.attention.weight"].Values.ToArray());

            // The adaptation alone is a file too.
            adapted.Save(Path.Combine(folder, "all.safetensors"), weightsOnly: true);
            using var again = LoraGpt.Create();
            again.Load(Path.Combine(folder, "all.safetensors"));
            Assert.Equal(after, Logits(again));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_checkpoint_goes_on_with_every_program()
    {
        var golden = Golden.Programs("gan");
        var file = Path.Combine(Path.GetTempPath(), $"graph-{Guid.NewGuid():N}.safetensors");
        try
        {
            using var straight = Gan.Create(seed: 3);
            using var resumed = Gan.Create(seed: 4);
            for (var step = 1; step <= 8; step++)
            {
                Step(straight, golden, golden.Steps[step - 1].Program, step);
                if (step != 3) continue;
                straight.Training("Critic").LearningRate = 5e-4f;
                straight.Save(file);
                Assert.True(resumed.Load(file).IsTraining);
                Assert.Equal(5e-4f, resumed.Training("Critic").LearningRate);
                Assert.Equal(1e-3f, resumed.Training("Generator").LearningRate);
                Assert.Equal((2, 1), (resumed.Training("Critic").Step, resumed.Training("Generator").Step));
            }
            for (var step = 4; step <= 8; step++) Step(resumed, golden, golden.Steps[step - 1].Program, step);
            foreach (var tensor in straight.Parameters) Assert.Equal(tensor.Read<float>().ToArray(), resumed.Parameters[tensor.Path].Read<float>().ToArray());
            Assert.Equal(straight.Step, resumed.Step);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_program_is_named_where_there_are_several()
    {
        using var gan = Gan.Create();
        Assert.Contains("Critic, Generator", Assert.Throws<InvalidOperationException>(() => gan.LearningRate).Message, StringComparison.Ordinal);
        Assert.Contains("Critic, Generator", Assert.Throws<InvalidOperationException>(() => gan.Training()).Message, StringComparison.Ordinal);
        Assert.Contains("not trained by Judge, but by Critic, Generator", Assert.Throws<ArgumentException>(() => gan.Training("Judge")).Message, StringComparison.Ordinal);
        Assert.Contains("in one way only", Assert.Throws<ArgumentException>(() => Distillation.Create().Training("Optimizer")).Message, StringComparison.Ordinal);
        Assert.StartsWith("Critic: new AdamW(", gan.Training("Critic").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async System.Threading.Tasks.Task A_fit_names_its_program()
    {
        using var model = FineTuned.Create(seed: 1);
        var random = new Random(1);
        var data = new Graph.Data.BatchLoader(
            new Graph.Data.TableDataset().With("x", Enumerable.Range(0, 40 * 5).Select(_ => (float)random.NextDouble()).ToArray(), 5).With("label", Enumerable.Range(0, 40).Select(_ => random.Next(3)).ToArray()), 8);
        var body = model.Parameters["body.first.weight"].Read<float>().ToArray();
        Assert.Equal(5, (await model.FitAsync(data, new() { Program = nameof(FineTuned.Head) })).Steps);
        Assert.Equal(body, model.Parameters["body.first.weight"].Read<float>().ToArray());
        Assert.Equal((5, 0), (model.Training("Head").Step, model.Training("Whole").Step));
        await model.FitAsync(data, new() { Program = nameof(FineTuned.Whole), Schedule = Schedule.Constant(1e-2f) });
        Assert.NotEqual(body, model.Parameters["body.first.weight"].Read<float>().ToArray());
        await Assert.ThrowsAsync<InvalidOperationException>(() => model.FitAsync(data));
        await Assert.ThrowsAsync<ArgumentException>(() => model.FitAsync(data, new() { Program = "Body" }));
    }
}
