using System;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Tests.Goldens;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>The yardstick models are those that PyTorch runs: the same parameters, the same losses.</summary>
public class YardstickTests
{
    // What sum(p.numel() for p in model.parameters()) says of the models in PyTorch.
    [Theory]
    [InlineData(typeof(Mlp), 669_706)]
    [InlineData(typeof(Cnn), 421_738)]
    [InlineData(typeof(NanoGpt), 809_856)]
    [InlineData(typeof(ResNet18), 11_173_962)]
    [InlineData(typeof(Gpt2), 124_439_808)]
    public void Parameter_counts_equal_PyTorch(Type model, long expected) => Assert.Equal(
        expected, Elaborate.Built(model).Program.States.Where(s => s.Kind == StateKind.Parameter).Sum(s => s.Type.Shape.Size.Constant));

    [Theory]
    [InlineData(typeof(Mlp), "mlp")]
    [InlineData(typeof(CnnWithoutDropout), "cnn")]
    [InlineData(typeof(NanoGpt), "nanogpt")]
    [InlineData(typeof(ResNet18), "resnet18")]
    [InlineData(typeof(Gpt2Short), "gpt2")]
    public void Parameters_have_the_names_and_shapes_that_PyTorch_lists(Type model, string golden)
    {
        var states = Elaborate.Built(model).Program.States.Where(s => s.Kind == StateKind.Parameter);
        var expected = Golden.Training(golden).Parameters;
        Assert.Equal(
            expected.Select(p => $"{p.Name} [{string.Join(", ", p.Shape)}]").Order(StringComparer.Ordinal),
            states.Select(s => $"{s.Path} {s.Type.Shape}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Elaborating_gpt2_takes_well_under_half_a_second()
    {
        Elaborate.Built(typeof(Gpt2));
        var best = TimeSpan.MaxValue;
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var watch = Stopwatch.StartNew();
            Elaborate.Built(typeof(Gpt2));
            if (watch.Elapsed < best) best = watch.Elapsed;
        }
        Assert.True(best < TimeSpan.FromSeconds(0.5), $"It took {best.TotalMilliseconds} ms.");
    }

    [Theory]
    [InlineData(typeof(Mlp), "mlp")]
    [InlineData(typeof(CnnWithoutDropout), "cnn")]
    [InlineData(typeof(NanoGpt), "nanogpt")]
    public void The_first_loss_in_double_precision_equals_that_of_PyTorch(Type model, string name)
    {
        var golden = Golden.Training(name);
        var program = Elaborate.Built(model).Program;
        var states = program.States.ToImmutableDictionary(s => s.Path, s => Start(s, golden));
        var arguments = golden.Inputs.Select(input => Input(input, golden.BatchSeed(input, 1))).Append(TensorData.Scalar(0L)).ToArray();
        var forward = program.Find("forward_loss")!;
        var binding = new DimBinding(StructureOperations.Unify(forward, [.. arguments.Select(a => new TensorType(a.DType == DType.F64 ? DType.F32 : a.DType, new(a.Shape.Select(d => (Dim)d))))])
            .Select(p => new System.Collections.Generic.KeyValuePair<string, long>(p.Key, p.Value.Constant)));
        var loss = new Interpreter(program, float64: true).Run("forward_loss", arguments, states, binding).Results[0][0];
        Assert.Equal(1, loss / golden.Losses[0], 1e-10);
    }

    static TensorData Start(StateDecl state, TrainingGolden golden)
    {
        var shape = state.Type.Shape.Select(d => d.Constant).ToArray();
        var values = golden.Parameters.FirstOrDefault(p => p.Name == state.Path)?.Reals()
            ?? [.. Enumerable.Repeat(state.Init.Kind == "ones" ? 1.0 : 0.0, (int)state.Type.Shape.Size.Constant)];
        return new(DType.F64, shape, values);
    }

    static TensorData Input(GoldenInput input, string seed)
    {
        long[] shape = [.. input.Shape.Select(d => (long)d)];
        return input.IsInteger ? new(DType.I32, shape, input.Integers(seed)) : new(DType.F64, shape, input.Reals(seed));
    }
}
