using System;
using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Passes;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Lowering;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>An optimizer's rule sees each parameter as it is: its shape, its path, its elements together; what does the same to every element is still one kernel over all parameters.</summary>
public sealed class UpdateRuleTests
{
    static string Model(string body, string members = "", string path = "") => $$"""
        [Module] public partial class Rule
        {
            {{members}}
            public (Tensor Value, Tensor M) Update(Tensor value, Tensor gradient, [State] Tensor m, Tensor learningRate, Tensor step{{path}}) { {{body}} }
        }
        [Model] public partial class M
        {
            readonly Linear layer = new(3, 4);
            readonly LayerNorm norm = new(4);
            [Loss] public Tensor Loss([Shape(8, 3)] Tensor x) => norm.Forward(layer.Forward(x)).Square().Mean() + layer.Forward(x).Square().Mean();
            [Train(ClipNorm = 1)] public static Rule Optimizer() => new();
        }
        """;

    [Theory]
    // Element by element.
    [InlineData("return (value - learningRate * gradient.Sign(), m);", "")]
    [InlineData("return (value * 0.999f - gradient.Clamp(-1, 1) * learningRate, Tensor.Where(gradient > 0, m, gradient).MaskedFill(gradient.NotEqualTo(m), 0));", "")]
    [InlineData("return (value - gradient / value.Length, m);", "")]
    [InlineData("m = m * 0.5f + gradient; return (value - m * learningRate, m);", "")]
    [InlineData("return (value - gradient * learningRate / step, m + step);", "")]
    // The whole parameter.
    [InlineData("return (value - gradient / (gradient.Norm() + 1) * learningRate, m);", "")]
    [InlineData("return (value, m + gradient.Abs().Sum());", "")]
    [InlineData("return (value * 0.9f / (value.Abs().Max() + 1), m);", "")]
    [InlineData("m = m * 0.9f + gradient; return (value - m * (learningRate * value.Norm() / (m.Norm() + 1e-3f)), m);", "")]
    // Its axes and its shape.
    [InlineData("return (value.Rank > 1 ? value * 0.9f - gradient * learningRate : value - gradient * learningRate, m);", "")]
    [InlineData("return (value - gradient * learningRate / value.Shape[0], m);", "")]
    [InlineData("return (value - gradient.Mean(-1, keep: true) * learningRate, m + gradient.Softmax(-1));", "")]
    [InlineData("return (value.Rank == 2 ? value - value.MatMul(gradient.T).MatMul(value) * learningRate : value - gradient * learningRate, m);", "")]
    [InlineData("return (value - gradient.Reshape(-1).CumSum(0).Reshape(value.Shape) * learningRate, m);", "")]
    [InlineData("return (value + Tensor.Arange(value.Shape[value.Rank - 1]) * gradient, m);", "")]
    [InlineData("return (Tensor.Zeros(value.Shape) - gradient * learningRate, m);", "")]
    // Its path.
    [InlineData("return (path.EndsWith(\".bias\") ? value : value - gradient * learningRate, m);", ", string path")]
    [InlineData("return (value - gradient * (path.StartsWith(\"norm\") ? 0.1f : 1) * learningRate, m);", ", string path")]
    public void What_a_rule_says_is_computed(string body, string path)
    {
        var model = Elaborate.Model(Model(body, path: path));
        var stages = CompilerPipeline.Run(model.Program, KnownTargets.Cpu, verify: true);
        var lowered = Lowerer.Lower(stages);
        using var instance = new ModelInstance(new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed: 7, threads: 2) { LearningRate = 0.05f };
        instance.Store.StartTraining();
        var reference = new Interpreter(stages.Find("Differentiated")!);
        var states = instance.Store.ToDictionary(t => t.Path, t => new TensorData(DType.F32, t.Declaration.Type.Shape.Evaluate(DimBinding.Empty), [.. t.Read<float>().ToArray().Select(v => (double)v)]));
        states["optimizer.step"] = TensorData.Scalar(0L);
        for (var step = 1; step <= 3; step++)
        {
            float[] x = [.. Enumerable.Range(0, 24).Select(i => (i * 7 + step) % 11 / 5f - 1)];
            Step(instance, x);
            var expected = reference.Run(
                "train_step", [new(DType.F32, [8, 3], [.. x.Select(v => (double)v)]), TensorData.Scalar((double)0.05f, DType.F32), TensorData.Scalar(ModelInstance.StepSeed(7, step))],
                states, DimBinding.Empty);
            foreach (var (name, value) in expected.States) states[name] = value;
        }
        Assert.Equal(3, states["optimizer.step"].Int[0]);
        Assert.Equal(3, instance.Store.Step);
        foreach (var tensor in instance.Store)
            foreach (var (expected, actual) in states[tensor.Path].Real.Zip(tensor.Read<float>().ToArray()))
                Assert.True(Math.Abs(expected - actual) <= 1e-4 * Math.Max(1, Math.Abs(expected)), $"{tensor.Path}: {actual}, expected {expected}");
    }

    static unsafe void Step(ModelInstance instance, float[] x)
    {
        fixed (void* p = x) instance.TrainStep([new(p, x.Length)]);
    }

    [Fact]
    public void Rules_by_element_are_one_kernel_and_others_have_their_own()
    {
        Program Program(string body, string path = "") => Elaborate.Model(Model(body, path: path)).Program;
        string[] Rules(Program program) => [.. program.Training.Single().Rules.Select(r => $"{r.Function} {program.Find(r.Function)!.Parameters[0].Type}: {string.Join(" ", r.Parameters)}")];
        Assert.Equal(["update f32[N]: layer.weight layer.bias norm.weight norm.bias"], Rules(Program("return (value - gradient, m + gradient);")));
        // Decay by rank: two rules, both by element.
        Assert.Equal(
            ["update f32[N]: layer.weight", "update.1 f32[N]: layer.bias norm.weight norm.bias"], Rules(Program("return (value.Rank > 1 ? value * 0.9f - gradient : value - gradient, m + gradient);")));
        // A norm: by shape.
        Assert.Equal(["update f32[4,3]: layer.weight", "update.1 f32[4]: layer.bias norm.weight norm.bias"], Rules(Program("return (value - gradient / gradient.Norm(), m + gradient);")));
        // A state that one rule uses and the other does not is kept where it is used.
        var some = Program("return value.Rank > 1 ? (value - gradient, m + gradient) : (value - gradient, m);").Training.Single().Rules;
        Assert.Equal(["m", ""], some.Select(r => string.Join(" ", r.States)));
    }

    [Theory]
    [InlineData("return (value.Reshape(-1), m);", "Update returns f32[12] for the value of layer.weight, which has to keep its type f32[4,3]")]
    [InlineData("return (value, m.Sum(0));", "Update returns f32[3] for the state m of layer.weight, which has to keep its type f32[4,3]")]
    [InlineData("return (value - own, m);", "reads the parameter or state")]
    public void A_rule_that_does_not_fit_is_refused(string body, string message)
    {
        var error = Elaborate.Error(Model(body, body.Contains("own") ? "readonly Parameter own = new([1], Init.Zeros);" : ""));
        Assert.True(error.Id is "GR3010" or "GR1035", error.Message);
        if (error.Id == "GR3010") Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
