using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Targets;
using Graph.Compiler.Training;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Modules.Elaboration;
using Graph.Compiler.Passes;
using Graph.Operations;
using Xunit;

namespace Graph.Tests.Passes;

public sealed class SkipNonFiniteTests
{
    // loss = Σ √w + Σ log x: its gradient is not finite where w is 0, its value where x is 0, and neither depends on the other.
    const string Model = """
        program P version 1
        dim N ≤ 1000 ~ 10
        param w : f32[3] = zeros
        state mean : f32[2] = zeros

        """ + RandomProgram.Optimizer + """
        func forward_loss(x: f32[2], seed: i64[]) -> (loss: f32[])
          %0 = sqrt @w : f32[3]
          %1 = sum %0 {axes=[0], keep=false} : f32[]
          %2 = log x : f32[2]
          %3 = sum %2 {axes=[0], keep=false} : f32[]
          %4 = add %1, %3 : f32[]
          %5 = add @mean, x : f32[2]
          state mean = %5
          return %4

        """;

    static readonly Program Parsed = ProgramParser.Parse(Model, OperationTable.Set);

    [Theory]
    [InlineData(1, 4, true)]
    [InlineData(0, 4, false)] // the loss is −∞, its gradient ½ · w^(−½)
    [InlineData(1, 0, false)] // the loss is finite, its gradient ∞
    [InlineData(double.NaN, 4, false)]
    [InlineData(double.PositiveInfinity, 4, false)]
    [InlineData(1, double.NaN, false)]
    public void A_step_is_made_when_loss_and_gradients_are_finite(double x, double w, bool made)
    {
        foreach (var clip in new double?[] { null, 0.5 })
        {
            var program = CompilerPipeline.Run(Parsed, new TrainingProgram(ClipNorm: clip), KnownTargets.Cpu, verify: true).Final;
            var step = program.Find("train_step")!;
            var binding = DimBinding.Typical(program.Dims);
            var arguments = Running.Arguments(step, binding, 3);
            arguments[0] = new(DType.F64, [2], [1, x]);
            var states = Running.States(program, 3);
            states["w"] = new(DType.F64, [3], [4, w, 4]);
            var result = new Interpreter(program, float64: true).Run("train_step", arguments, states, binding);
            Assert.Equal(made, result.Results.All(r => double.IsFinite(r.Real[0])));
            Assert.Equal(["mean", "optimizer.m.w", "optimizer.step", "optimizer.v.w", "w"], result.States.Keys.Order());
            foreach (var (path, value) in result.States) Assert.Equal(!made, path == "optimizer.step" ? value.Int.SequenceEqual(states[path].Int) : value.Real.SequenceEqual(states[path].Real));
        }
    }

    [Fact]
    public void The_choice_is_made_inside_of_the_update_kernel()
    {
        var program = CompilerPipeline.Run(Parsed, new TrainingProgram(ClipNorm: 1), KnownTargets.Cpu).Find("Decomposed")!;
        Assert.Equal(["gradient_scale", "loss_is_finite", "norm_is_finite"], program.Find("update")!.Parameters.Skip(6).Select(p => p.Name));
        var choices = program.Find("train_step")!.Nodes.Where(n => n.Is("where"));
        Assert.Equal(4, choices.Count()); // of the running mean and of the count of steps, by either flag
    }

    [Fact]
    public void A_program_that_is_not_trained_stays_as_it_is()
    {
        Assert.Same(Parsed, new SkipNonFinite().Run(Parsed));
    }
}
