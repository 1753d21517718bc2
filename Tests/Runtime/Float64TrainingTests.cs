using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Planning;
using Graph.Runtime.Execution;
using Graph.Tests.Goldens;
using Graph.Yardsticks;
using Graph.Yardsticks.Architectures;
using Graph.Yardsticks.Small;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Compiled training in double precision: the steps of PyTorch, and gradients against finite differences of the very loss that is compiled.</summary>
public sealed class Float64TrainingTests
{
    [Theory]
    [InlineData(typeof(Mlp), "mlp")]
    [InlineData(typeof(CnnWithoutDropout), "cnn")]
    [InlineData(typeof(NanoGpt), "nanogpt")]
    public void Ten_compiled_steps_are_those_of_PyTorch_in_float64(Type type, string name)
    {
        var golden = Golden.Training(name);
        using var training = Float64Training.Of(type);
        foreach (var parameter in golden.Parameters) training.Instance.Store[parameter.Name].Write<double>(parameter.Reals());
        training.Instance.LearningRate = golden.Optimizer.LearningRate;
        // An axis that is a symbol by itself gives its value, also where no length does.
        var binding = golden.Inputs.SelectMany((input, i) => training.Arguments[i].Type.Shape.Select((dim, axis) => (dim, Size: (long)input.Shape[axis])))
            .Where(p => p.dim.IsSymbol(out _)).Aggregate(DimBinding.Empty, (b, p) => b.With(p.dim.ToString(), p.Size));
        long[] dims = [.. new DimSolver(training.Arguments, training.Dims).Undetermined.Select(d => binding[d])];
        for (var step = 1; step <= golden.Steps; step++)
        {
            var result = training.Step(golden.Inputs.Select((input, i) => Input(input, golden.BatchSeed(input, step), training.Arguments[i].Type.DType)), dims);
            var difference = Math.Abs(result.Loss / golden.Losses[step - 1] - 1);
            Assert.True(difference <= 1e-10, $"The loss of step {step} is {result.Loss:R}, but PyTorch's is {golden.Losses[step - 1]:R}: {difference:E1} apart.");
            foreach (var row in golden.Digests.Where(digest => digest.Step == step).SelectMany(digest => digest.Rows))
            {
                difference = row.Difference(training.Instance.Store[row.Name].Read<double>());
                Assert.True(difference <= 1e-8, $"After step {step}, {row.Name} differs by {difference:E1} of its norm.");
            }
        }
    }

    static Array Input(GoldenInput input, string seed, DType type) => type switch
    {
        DType.F64 => input.Reals(seed),
        DType.I32 => input.Integers(seed).Select(v => (int)v).ToArray(),
        DType.I64 => input.Integers(seed),
        _ => throw new NotSupportedException($"{input.Name} is of {type.Name()}."),
    };

    // Central differences of the training loss (which batch norms see in training mode) at some elements of every parameter.
    [Theory]
    [InlineData(typeof(LinearClassifier))]
    [InlineData(typeof(ConvolutionBlock))]
    [InlineData(typeof(CausalAttention))]
    [InlineData(typeof(NormalizedRows))]
    [InlineData(typeof(MobileNet))]
    [InlineData(typeof(Lstm))]
    public void Gradients_of_compiled_steps_are_differences_of_the_loss(Type type)
    {
        const double H = 1e-6;
        using var training = Float64Training.Descending(type);
        var (model, random) = (training.Instance, new Random(5));
        var binding = DimBinding.Typical(training.Dims).With("B", 2);
        Array[] arguments = [.. training.Arguments.Select(a => Numbers(a.Type, binding, random))];
        long[] dims = [.. new DimSolver(training.Arguments, training.Dims).Undetermined.Select(d => binding[d])];
        var parameters = model.Store.Where(t => t.Kind == StateKind.Parameter).ToArray();
        // Away from the zeros and ones that parameters start with.
        foreach (var p in parameters) p.Write<double>([.. p.Read<double>().ToArray().Select(v => v + 0.2 * (random.NextDouble() - 0.5))]);
        var start = parameters.ToDictionary(p => p.Path, p => p.Read<double>().ToArray());
        StepResult Step(double rate)
        {
            (model.LearningRate, model.Store.Attempts) = (rate, 0);
            return training.Step(arguments, dims);
        }
        Assert.True(Step(1).IsFinite);
        var gradients = parameters.ToDictionary(p => p.Path, p => start[p.Path].Zip(p.Read<double>().ToArray(), (before, after) => before - after).ToArray());
        foreach (var p in parameters) p.Write<double>(start[p.Path]);
        var norm = Math.Sqrt(gradients.Values.Sum(g => g.Sum(v => v * v)));
        Assert.True(norm > 1e-3, $"The norm of the gradients is {norm}.");
        Assert.Equal(norm, Step(0).GradientNorm, 1e-9 * norm);
        var checks = 0;
        foreach (var p in parameters)
            foreach (var at in Enumerable.Range(0, 3).Select(_ => random.Next((int)p.Length)).Distinct())
            {
                double At(double offset)
                {
                    var values = start[p.Path].ToArray();
                    values[at] += offset;
                    p.Write<double>(values);
                    return Step(0).Loss;
                }
                var difference = (At(H) - At(-H)) / (2 * H);
                p.Write<double>(start[p.Path]);
                var actual = gradients[p.Path][at];
                Assert.True(Math.Abs(actual - difference) <= 2e-8 * Math.Max(1, norm), $"{p.Path}[{at}]: {actual:R}, expected {difference:R}");
                checks++;
            }
        Assert.True(checks >= parameters.Length);
    }

    static Array Numbers(TensorType type, DimBinding binding, Random random)
    {
        var count = type.Shape.Evaluate(binding).Aggregate(1L, (a, b) => a * b);
        return type.DType switch
        {
            DType.F64 => Enumerable.Range(0, (int)count).Select(_ => random.NextDouble() * 2 - 1).ToArray(),
            DType.I32 => Enumerable.Range(0, (int)count).Select(_ => random.Next(0, 3)).ToArray(),
            DType.I64 => Enumerable.Range(0, (int)count).Select(_ => random.NextInt64(0, 3)).ToArray(),
            _ => throw new NotSupportedException($"An argument is of {type.DType.Name()}."),
        };
    }
}
