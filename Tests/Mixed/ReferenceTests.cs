using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Planning;
using Graph.Compiler.Training;
using Graph.Tests.Goldens;
using Graph.Yardsticks;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Mixed;

/// <summary>Compiled steps in 16 bits beside the strict reference and beside PyTorch.</summary>
public sealed class ReferenceTests
{
    static Array Numbers(TensorType type, DimBinding binding, Random random)
    {
        var count = (int)type.Shape.Size.Evaluate(binding);
        return type.DType == DType.F32 ? Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1)).ToArray() : Enumerable.Range(0, count).Select(_ => random.Next(4)).ToArray();
    }

    // The interpreter on the typed program before fusion rounds every result to its type; the compiled step keeps some of them in registers and adds up in another order.
    [Theory]
    [InlineData(typeof(LinearClassifier), Precisions.Float16)]
    [InlineData(typeof(LinearClassifier), Precisions.BFloat16)]
    [InlineData(typeof(ConvolutionBlock), Precisions.Float16)]
    [InlineData(typeof(CausalAttention), Precisions.Float16)]
    [InlineData(typeof(CausalAttention), Precisions.BFloat16)]
    [InlineData(typeof(NormalizedRows), Precisions.Float16)]
    public void A_compiled_step_is_that_of_the_interpreter_which_rounds_every_result(Type type, string precision)
    {
        using var model = MixedModel.Of(type, precision);
        var program = model.Compiled.Find("Differentiated")!;
        var step = program.Find("train_step")!;
        var (random, binding) = (new Random(4), DimBinding.Typical(program.Dims).With("B", 4));
        Array[] arguments = [.. model.Arguments.Select(a => Numbers(a.Type, binding, random))];
        model.Instance.Store.StartTraining();
        var states = model.Instance.Store.All.ToDictionary(t => t.Path, t => t.Type == DType.I64 ? new TensorData(t.Type, [.. t.Shape], t.Read<long>().ToArray()) : new TensorData(t.Type, [.. t.Shape], Reals(t)));
        var given = step.Parameters.Select(p => p.Name switch
        {
            TrainingSignature.LearningRate => TensorData.Scalar((double)(float)model.Instance.LearningRate, DType.F32),
            TrainingSignature.Seed => TensorData.Scalar(0L),
            _ => Data(p.Type, arguments[step.Parameters.IndexOf(p)], binding),
        }).ToList();
        var expected = new Interpreter(program).Run("train_step", given, states, binding);
        var result = model.Step(arguments, [.. new DimSolver(model.Arguments, model.Lowered.Dims).Undetermined.Select(d => binding[d])]);

        var unit = precision == Precisions.Float16 ? Math.ScaleB(1, -11) : Math.ScaleB(1, -8);
        Assert.Equal(expected.Results[0][0], result.Loss, 4 * unit * Math.Max(1, Math.Abs(result.Loss)));
        Assert.Equal(expected.Results[1][0], result.GradientNorm, 8 * unit * Math.Max(1, result.GradientNorm));
        foreach (var tensor in model.Instance.Store.All.Where(t => t.Kind != StateKind.Derived))
        {
            var (was, wanted, got) = (states[tensor.Path], expected.States.TryGetValue(tensor.Path, out var now) ? now : states[tensor.Path], Reals(tensor));
            // By the largest change of the tensor: the optimizer's first step makes every element's change as large as the rate, whatever its gradient.
            var largest = Enumerable.Range(0, got.Length).Max(i => Math.Abs(wanted[i] - was[i]));
            var apart = Enumerable.Range(0, got.Length).Max(i => Math.Abs(wanted[i] - got[i]));
            Assert.True(apart <= 64 * unit * largest + 1e-12, $"{tensor.Path} is {apart:E1} from the reference after a change of {largest:E1}.");
        }
    }

    static double[] Reals(StoredTensor t) => t.Type switch
    {
        DType.F32 => [.. t.Values.ToArray().Select(v => (double)v)],
        DType.I64 => [.. t.Read<long>().ToArray().Select(v => (double)v)],
        DType.F16 => [.. t.Read<Half>().ToArray().Select(v => (double)v)],
        DType.BF16 => [.. t.Read<ushort>().ToArray().Select(v => (double)BitConverter.UInt32BitsToSingle((uint)v << 16))],
        _ => throw new NotSupportedException(t.Path),
    };

    static TensorData Data(TensorType type, Array values, DimBinding binding) =>
        values is float[] reals ? new(type.DType, type.Shape.Evaluate(binding), [.. reals.Select(v => (double)v)]) : new(type.DType, type.Shape.Evaluate(binding), [.. ((int[])values).Select(v => (long)v)]);

    // PyTorch's own distance is the largest of its back ends: for most models that of oneDNN; ten steps of resnet18 on two images are chaotic (its back ends' losses are 0.07 and 1.8 from those in float32).
    [Theory]
    [InlineData(typeof(Mlp), "mlp")]
    [InlineData(typeof(CnnWithoutDropout), "cnn")]
    [InlineData(typeof(NanoGpt), "nanogpt")]
    [InlineData(typeof(ResNet18), "resnet18")]
    [InlineData(typeof(Gpt2Short), "gpt2")]
    public void Ten_steps_in_bfloat16_lie_no_further_from_float32_than_three_times_what_autocast_does(Type type, string name)
    {
        var (golden, autocast) = (Golden.Training(name), Golden.Mixed(name));
        var (exact, single) = Run(type, Precisions.Float32, golden);
        var (rounded, mixed) = Run(type, Precisions.BFloat16, golden);
        Assert.All(autocast.Runs, r => Assert.Equal(r.Float32[0], single[0], 1e-5)); // the same model
        Assert.True(Distance(single, mixed) <= 3 * autocast.LossDistance, $"The losses of {name} are {Distance(single, mixed):E2} apart, those of PyTorch {autocast.LossDistance:E2}.");
        Assert.True(Distance(exact, rounded) <= 3 * autocast.ParameterDistance, $"The parameters of {name} are {Distance(exact, rounded):E2} apart, those of PyTorch {autocast.ParameterDistance:E2}.");
    }

    static double Distance(IReadOnlyList<double> a, IReadOnlyList<double> b) => Math.Sqrt(Enumerable.Range(0, a.Count).Sum(i => (a[i] - b[i]) * (a[i] - b[i])));

    static (double[] Parameters, double[] Losses) Run(Type type, string precision, TrainingGolden golden)
    {
        using var model = MixedModel.Of(type, precision);
        foreach (var parameter in golden.Parameters) model.Instance.Store[parameter.Name].Write<float>([.. parameter.Reals().Select(v => (float)v)]);
        model.Instance.LearningRate = golden.Optimizer.LearningRate;
        var binding = golden.Inputs.SelectMany((input, i) => model.Arguments[i].Type.Shape.Select((dim, axis) => (dim, Size: (long)input.Shape[axis])))
            .Where(p => p.dim.IsSymbol(out _)).Aggregate(DimBinding.Empty, (b, p) => b.With(p.dim.ToString(), p.Size));
        long[] dims = [.. new DimSolver(model.Arguments, model.Lowered.Dims).Undetermined.Select(d => binding[d])];
        var losses = Enumerable.Range(1, golden.Steps).Select(step => model.Step(golden.Inputs.Select(input => (Array)(
            input.IsInteger ? input.Integers(golden.BatchSeed(input, step)).Select(v => (int)v).ToArray() : input.Reals(golden.BatchSeed(input, step)).Select(v => (float)v).ToArray())), dims).Loss).ToArray();
        return ([.. golden.Parameters.SelectMany(p => Reals(model.Instance.Store[p.Name]))], losses);
    }
}
