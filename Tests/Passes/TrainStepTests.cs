using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class TrainStepTests
{
    // y = relu(x w + c) v with a running mean; `idle` is never used, `frozen` only where no gradient passes.
    const string Model = """
        program P version 1
        dim B ≤ 8 ~ 3
        dim N ≤ 1000 ~ 10
        param v : f32[3] = zeros
        param w : f32[4,3] = zeros
        param c : f32[3] = zeros
        param idle : f32[2] = zeros
        param frozen : f32[3] = zeros
        state mean : f32[3] = zeros

        """ + RandomProgram.Optimizer + """
        func forward_loss(x: f32[B,4], seed: i64[]) -> (loss: f32[])
          %0 = matmul x, @w : f32[B,3]
          %1 = add %0, @c : f32[B,3]
          %2 = relu %1 : f32[B,3]
          %3 = mul %2, @v : f32[B,3]
          %4 = less %3, @frozen : f32[B,3]
          %5 = cast %4 {dtype="f32"} : f32[B,3]
          %6 = mul %3, %5 : f32[B,3]
          %7 = sum %6 {axes=[0,1], keep=false} : f32[]
          %8 = mean %1 {axes=[0], keep=false} : f32[3]
          %9 = add @mean, %8 : f32[3]
          state mean = %9
          return %7

        """;

    static Program Parse() => ProgramParser.Parse(Model.Replace("less %3, @frozen : f32[B,3]", "less %3, @frozen : bool[B,3]", StringComparison.Ordinal), OperationTable.Set);

    static Program Differentiated(TrainingProgram training) => CompilerPipeline.Run(Parse(), training, KnownTargets.Cpu, verify: true).Find("Differentiated")!;

    [Fact]
    public void The_step_has_the_arguments_of_the_loss_and_of_the_optimizer()
    {
        var program = Differentiated(new());
        Assert.Null(program.Find("forward_loss"));
        Assert.Null(program.Find("gradients"));
        var step = program.Find("train_step")!;
        Assert.Equal(["x", "learning_rate", "seed"], step.Parameters.Select(p => p.Name));
        Assert.Equal(["loss", "gradient_norm"], step.ResultNames.ToArray());
        Assert.Equal(["f32[]", "f32[]"], step.Results.Select(r => r.Type.ToString()));
    }

    [Fact]
    public void Parameters_with_a_gradient_get_optimizer_states_and_others_are_left_alone()
    {
        var program = Differentiated(new());
        Assert.Equal(
            ["optimizer.m.v", "optimizer.v.v", "optimizer.m.w", "optimizer.v.w", "optimizer.m.c", "optimizer.v.c"],
            program.States.Where(s => s.Kind == StateKind.Optimizer).Select(s => s.Path));
        Assert.Equal("f32[4,3]", program.FindState("optimizer.m.w")!.Type.ToString());
        var updated = program.Find("train_step")!.Updates.Select(u => u.Path).ToArray();
        Assert.Equal(11, updated.Length);
        Assert.Contains("optimizer.step", updated);
        Assert.DoesNotContain("idle", updated);
        Assert.DoesNotContain("frozen", updated);
        // One node for all three, and none for each.
        var update = Assert.Single(program.Find("train_step")!.Nodes, n => n.Is("update"));
        Assert.Equal(["f32[3]", "f32[3]", "f32[3]", "f32[4,3]", "f32[4,3]", "f32[4,3]", "f32[3]", "f32[3]", "f32[3]"], update.Outputs.Select(o => o.Type.ToString()));
        Assert.DoesNotContain(program.Find("train_step")!.Nodes, n => n.Is("call") || (n.Is("reshape") && n.Inputs[0].State is not null));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0.5)]
    [InlineData(1e6)]
    public void The_step_does_what_its_parts_say(double? clip)
    {
        const int Seed = 4;
        var program = Differentiated(new(ClipNorm: clip));
        var result = Running.Run(program, "train_step", Seed);

        var gradients = new Differentiate().Run(Parse() with { Training = [new()] });
        var parts = Running.Run(gradients, "gradients", Seed);
        Assert.Equal(parts.Results[0].Real[0], result.Results[0].Real[0], 1e-14);
        var norm = Math.Sqrt(parts.Results.Skip(1).Sum(g => g.Real.Sum(x => x * x)));
        Assert.Equal(norm, result.Results[1].Real[0], 1e-12);
        Running.Same(parts.States["mean"], result.States["mean"], "the running mean");

        var scale = clip is { } limit ? Math.Min(1, limit / (norm + 1e-6)) : 1;
        var states = Running.States(program, Seed);
        var rate = Running.Arguments(program.Find("train_step")!, Running.Binding(program), Seed)[1].Real[0];
        foreach (var (path, index) in new[] { ("v", 1), ("w", 2), ("c", 3) })
        {
            var (value, m, v) = (states[path].Real, states["optimizer.m." + path].Real, states["optimizer.v." + path].Real);
            for (var i = 0; i < value.Length; i++)
            {
                var g = parts.Results[index].Real[i] * scale;
                var (newM, newV) = (0.9 * m[i] + 0.1 * g, 0.9 * v[i] + 0.1 * g * g);
                Assert.Equal(newM, result.States["optimizer.m." + path].Real[i], 1e-12);
                Assert.Equal(newV, result.States["optimizer.v." + path].Real[i], 1e-12);
                Assert.Equal(value[i] - newM / (Math.Sqrt(newV) + 0.001) * rate / 3, result.States[path].Real[i], 1e-12);
            }
        }
    }

    [Fact]
    public void Clipping_happens_inside_of_the_update_kernel()
    {
        var program = Differentiated(new(ClipNorm: 1));
        Assert.Equal("gradient_scale", program.Find("update")!.Parameters[^1].Name);
        // Only scalars are scaled outside.
        Assert.DoesNotContain(program.Find("train_step")!.Nodes, n => n.Is("minimum") && n.Output.Shape.Rank > 0);
    }

    [Fact]
    public void Training_without_an_optimizer_says_what_is_missing()
    {
        var program = Parse();
        program = program with { Functions = program.Functions.RemoveAll(f => f.Name == "update") };
        Assert.Contains("update", Assert.Throws<ArgumentException>(() => CompilerPipeline.Run(program, new TrainingProgram(), KnownTargets.Cpu)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_not_trained_keeps_its_functions()
    {
        var program = CompilerPipeline.Run(Parse(), KnownTargets.Cpu, verify: true).Final;
        Assert.Equal(["update", "forward_loss"], program.Functions.Select(f => f.Name));
    }
}
