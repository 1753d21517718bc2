using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Tests.Elaboration;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>What 16 bits save: planned bytes at the typical sizes.</summary>
public sealed class MemoryTests
{
    static long ArenaBytes(Program program, string precision)
    {
        var lowered = Lowerer.Lower(CompilerPipeline.Run(MixedModel.In(program, precision), KnownTargets.Cpu));
        return Planner.PlanTypical(lowered.Find("train_step")!, lowered.Dims).ArenaBytes;
    }

    [Theory]
    [InlineData(typeof(Mlp))]
    [InlineData(typeof(Cnn))]
    [InlineData(typeof(NanoGpt))]
    [InlineData(typeof(ResNet18))]
    [InlineData(typeof(Gpt2))]
    public void A_step_in_16_bits_takes_six_tenths_of_the_memory(Type model)
    {
        var program = Elaborate.Built(model).Program;
        var (single, half) = (ArenaBytes(program, Precisions.Float32), ArenaBytes(program, Precisions.Float16));
        Assert.True(half <= 0.6 * single, $"{model.Name}: {half:N0} bytes are {(double)half / single:0.000} of {single:N0}.");
    }

    [Fact]
    public void A_parameter_takes_14_bytes_with_AdamW_and_12_where_no_product_reads_it()
    {
        var program = CompilerPipeline.Run(MixedModel.In(Elaborate.Built(typeof(NanoGpt)).Program, Precisions.Float16), KnownTargets.Cpu).Final;
        foreach (var parameter in program.States.Where(s => s.Kind == StateKind.Parameter))
        {
            var bytes = program.States.Where(s => s.Path == parameter.Path || s.Path.StartsWith(parameter.Path + "#", StringComparison.Ordinal) || s.Path.StartsWith("optimizer.", StringComparison.Ordinal) && s.Path.EndsWith("." + parameter.Path, StringComparison.Ordinal)).Sum(s => s.Type.DType.Size());
            Assert.Equal(parameter.Path.Contains("norm", StringComparison.Ordinal) ? 12 : 14, bytes);
        }
    }
}
