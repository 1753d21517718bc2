using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Tests.Elaboration;
using Graph.Yardsticks;
using Graph.Yardsticks.Architectures;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Whole training steps: emitted kernels against the reference interpreter in float32, every loss, norm, parameter and moment.</summary>
public class YardstickLoweringTests
{
    [Theory]
    [InlineData(typeof(Mlp), 5, 0)]
    [InlineData(typeof(Cnn), 3, 0)]
    [InlineData(typeof(NanoGpt), 2, 9)]
    [InlineData(typeof(Lstm), 3, 0)]
    [InlineData(typeof(UNet), 2, 0)]
    [InlineData(typeof(MobileNet), 3, 0)]
    [InlineData(typeof(VisionTransformer), 2, 0)]
    [InlineData(typeof(EncoderDecoder), 2, 0)]
    [InlineData(typeof(Contrastive), 5, 0)]
    [InlineData(typeof(MlpMixer), 3, 0)]
    [InlineData(typeof(RadianceField), 7, 0)]
    [InlineData(typeof(MixtureOfExperts), 5, 0)]
    public void A_training_step_agrees_with_the_reference(Type model, int batch, int length)
    {
        var elaborated = Elaborate.Built(model);
        var compiled = CompilerPipeline.Run(elaborated.Program, KnownTargets.Cpu, verify: true);
        var binding = DimBinding.Typical(compiled.Final.Dims).With("B", batch);
        if (length > 0) binding = binding.With("T", length);
        var lowered = Lowerer.Lower(compiled);
        var kernels = KernelAssembly.Compile(lowered.Kernels);
        var f = compiled.Final.Find("train_step")!;
        var arguments = f.Parameters.Select(p => Draw(p.Type, p.Name!, binding)).ToArray();
        var states = compiled.Final.States.ToDictionary(s => s.Path, s => Draw(s.Type, s.Path, binding));

        var reference = compiled.Find("Decomposed")!;
        var expected = new Interpreter(reference, float64: false).Run("train_step", arguments, states, binding);
        var actual = TestExecutor.Run(lowered, kernels, "train_step", arguments, states, binding);
        for (var i = 0; i < expected.Results.Length; i++) Near(expected.Results[i], actual.Results[i], f.ResultNames[i], 1e-4);
        foreach (var (path, value) in expected.States) Near(value, actual.States[path], path, path.StartsWith("optimizer.", StringComparison.Ordinal) ? 1e-3 : 1e-4);
        var again = TestExecutor.Run(lowered, kernels, "train_step", arguments, states, binding, grainFactor: 0.05);
        foreach (var (path, value) in actual.States) Assert.True(value.Real.AsSpan().SequenceEqual(again.States[path].Real), $"{path} depends on the size of the chunks.");
    }

    static TensorData Draw(TensorType type, string name, DimBinding binding)
    {
        var random = new Random(name.Sum(c => c) * 31 + name.Length);
        var data = new TensorData(type.DType, type.Shape.Evaluate(binding));
        for (long i = 0; i < data.Size; i++)
            data[i] = name switch
            {
                "step" => 3,
                "seed" => 42,
                "learning_rate" => 0.01,
                _ when type.DType.IsInteger() => random.Next(3), // the fewest classes of any model
                _ when name.StartsWith("optimizer.v", StringComparison.Ordinal) => (float)(random.NextDouble() * 1e-4),
                _ when name.StartsWith("optimizer.m", StringComparison.Ordinal) => (float)((random.NextDouble() - 0.5) * 1e-2),
                _ when name.Contains("running_var", StringComparison.Ordinal) => (float)(1 + random.NextDouble()),
                _ when name.Contains("norm", StringComparison.Ordinal) => (float)(1 + 0.1 * random.NextDouble()),
                _ => (float)((random.NextDouble() - 0.5) * (name == "image" || name == "x" ? 2 : 0.2)),
            };
        return data;
    }

    // Elements within a tolerance of the largest.
    static void Near(TensorData expected, TensorData actual, string name, double tolerance)
    {
        var scale = Enumerable.Range(0, (int)expected.Size).Max(i => Math.Abs(expected[i])) + 1e-12;
        for (long i = 0; i < expected.Size; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * scale, $"{name}[{i}] is {actual[i]:R}, expected {expected[i]:R} (largest {scale:R}).");
    }
}
