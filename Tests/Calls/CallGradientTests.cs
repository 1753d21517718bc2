using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Planning;
using Graph.Tests.Language;
using Graph.Tests.Models;
using Graph.Tests.Passes;
using Xunit;

namespace Graph.Tests.Calls;

/// <summary>What a model with calls computes: the same as without, at every stage and compiled.</summary>
public class CallGradientTests
{
    public static TheoryData<string, string> Models => new()
    {
        { "transformer", CallModels.Gpt(4) },
        { "dropout", CallModels.Gpt(4, dropout: 0.25) },
        { "nested", OutlineTests.Nested },
        { "statistics", CallModels.Blocks("readonly Linear a = new(6, 5), b = new(5, 6); readonly BatchNorm norm = new(5), second = new(6);", "return (second.Forward(b.Forward(norm.Forward(a.Forward(x)).Relu() * 0.5f + 0.1f)) + x).Tanh();") },
        { "one module", CallModels.Blocks("readonly Linear a = new(6, 6), b = new(6, 6); readonly Dropout drop = new(0.3);", "return (b.Forward(drop.Forward(a.Forward(x).Gelu() * 0.7f)) + x).Tanh() - 0.1f * x;").Replace("Select(_ => new Block())", "Select(_ => new Block()).Take(1)").Replace("foreach (var block in blocks) x = block.Forward(x);", "for (var i = 0; i < 5; i++) x = blocks[0].Forward(x);") },
        { "around", CallModels.Blocks("readonly Linear a = new(6, 6), b = new(6, 6);", "return (b.Forward(a.Forward(x).Gelu() * 0.7f) + x).Tanh() - 0.1f * x.Sigmoid();", more: "readonly Parameter gain = new([6], Init.Ones);").Replace("x = block.Forward(x);", "x = block.Forward(x) * gain.Exp() + x;") },
        { "frozen", CallModels.Gpt(4, training: "[Train(Freezes = [\"token\", \"position\", \"blocks.0\"])] static Sgd Optimizer() => new(0.1, momentum: 0.9);") },
        { "loop", CallModels.Blocks("readonly Linear a = new(6, 6), b = new(6, 6);", "var y = Tensor.While(x, v => v.Abs().Max() > 100f, v => v * 0.5f, most: 3); return (b.Forward((a.Forward(y) * 0.3f).Tanh() + 0.1f) + x.Sigmoid()).Tanh();") },
        { "indices", CallModels.Blocks("readonly Linear a = new(6, 6), b = new(6, 6); readonly Embedding table = new(6, 6);", "return (b.Forward(a.Forward(x).Tanh() * 0.3f) + table.Forward(x.ArgMax(1))).Sigmoid() * 2f - x.Tanh();") },
    };

    [Theory, MemberData(nameof(Models))]
    public void Every_stage_computes_what_the_program_without_calls_does(string name, string source)
    {
        var program = CallModels.Elaborated(source);
        Assert.Contains(Callees.Of(program), c => c.Contains("Forward"));
        var (called, flat) = (CallModels.Compiled(program), CallModels.Compiled(CallModels.Flat(program)));
        // The same draws and states, bit by bit.
        foreach (var f in CallModels.Flat(program).Functions.Where(f => f.Name is not "update")) Running.Same(Running.Run(CallModels.Flat(program), f.Name, 1), Running.Run(program, f.Name, 1), $"{name}, elaborated {f.Name}", 0);
        var expected = Running.Run(flat.Find("Decomposed")!, "train_step", 1);
        foreach (var stage in called.Stages.Skip(1)) Running.Same(expected, Running.Run(stage.Program, "train_step", 1), $"{name}, {stage.Name}", 1e-9);
    }

    [Theory, MemberData(nameof(Models))]
    public void Compiled_steps_train_as_the_reference_does(string name, string source)
    {
        var difference = SourceModel.Lower(source).Train(3);
        Assert.True(difference <= 2e-4, $"{name}: {difference}");
    }

    [Fact]
    public void Twelve_blocks_are_one_function_forward_and_one_backward()
    {
        var compiled = CallModels.Compiled(CallModels.Elaborated(CallModels.Gpt(12)));
        foreach (var stage in compiled.Stages.Skip(1))
        {
            Assert.Equal(["Block.Forward", "Block.Forward/forward", "Block.Forward/backward"], stage.Program.Functions.Select(f => f.Name).Where(n => n.StartsWith("Block", System.StringComparison.Ordinal)));
            Assert.Equal(12, CallModels.Calls(stage.Program, "train_step", "Block.Forward/forward"));
            Assert.Equal(12, CallModels.Calls(stage.Program, "train_step", "Block.Forward/backward"));
            Assert.Equal(12, CallModels.Calls(stage.Program, "logits", "Block.Forward"));
        }
    }

    [Fact]
    public void A_first_layer_whose_operand_needs_no_gradient_has_a_pair_of_its_own()
    {
        var compiled = CallModels.Compiled(CallModels.Elaborated(CallModels.Gpt(5, training: "[Train(Freezes = [\"token\", \"position\"])] static Sgd Optimizer() => new(0.1);")));
        Assert.Equal(1, CallModels.Calls(compiled.Final, "train_step", "Block.Forward/backward"));
        Assert.Equal(4, CallModels.Calls(compiled.Final, "train_step", "Block.Forward/backward2"));
    }

    [Fact]
    public void Several_training_programs_share_a_pair()
    {
        var compiled = CallModels.Compiled(CallModels.Elaborated(CallModels.Gpt(4, training: "[Train] static Sgd Slow() => new(0.01); [Train(ClipNorm = 1)] static AdamW Fast() => new(0.1);")));
        Assert.Single(compiled.Final.Functions, f => f.Name.StartsWith("Block.Forward/backward", System.StringComparison.Ordinal));
        foreach (var step in new[] { "train_step.Slow", "train_step.Fast" }) Assert.Equal(4, CallModels.Calls(compiled.Final, step, "Block.Forward/backward"));
    }

    [Fact]
    public void A_call_takes_as_many_launches_and_as_much_memory_as_its_nodes_would()
    {
        var program = CallModels.Elaborated(CallModels.Gpt(6));
        LoweredFunction Step(Program p) => Lowerer.Lower(CallModels.Compiled(p)).Find("train_step")!;
        var (called, flat) = (Step(program), Step(CallModels.Flat(program)));
        Assert.InRange(called.Launches.Length, 1, flat.Launches.Length + 2);
        var binding = DimBinding.Typical(program.Dims);
        var plan = Planner.Plan(called, binding);
        PlanVerifier.Verify(plan);
        Assert.InRange(plan.ArenaBytes, 1, Planner.Plan(flat, binding).ArenaBytes * 1.02);
    }

    [Fact]
    public void Launches_of_a_call_are_named_by_its_module()
    {
        var step = SourceModel.Lower(CallModels.Gpt(4)).Lowered.Find("train_step")!;
        foreach (var layer in new[] { "blocks.0.norm1", "blocks.3.norm1", "blocks.3.contract" }) Assert.Contains(step.Launches, l => l.Origins.Any(o => o.Path == layer));
        Assert.DoesNotContain(step.Launches, l => l.Origins.Any(o => o.Path is "norm1" or "contract"));
    }

    [Fact]
    public void One_thread_and_two_give_the_same_bits()
    {
        float[] Trained(int threads)
        {
            using var model = RunningModel.Of(CallModels.Blocks("readonly Linear a = new(6, 60), b = new(60, 6); readonly LayerNorm norm = new(6); readonly Dropout drop = new(0.3);", "return (b.Forward(drop.Forward(a.Forward(norm.Forward(x)).Gelu() * 0.7f)) + x).Tanh() - 0.1f * x;"), threads: threads);
            model.Instance.Store.StartTraining();
            float[] x = [.. Enumerable.Range(0, 48).Select(i => (i % 11) / 5f - 1)], y = [.. Enumerable.Range(0, 16).Select(i => (i % 7) / 3f)];
            for (var step = 0; step < 3; step++) model.Step(x, y);
            return [.. model["blocks.3.a.weight"], .. model["blocks.0.b.weight"], .. model["last.weight"]];
        }
        Assert.Equal(Trained(1), Trained(2));
    }
}
