using System;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Passes;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Runtime.Execution;
using Graph.Tests.Lowering;
using Xunit;

namespace Graph.Tests.Elaboration;

/// <summary>An optimizer's rule sees each parameter as one row: what would depend on its shape is an error, what does not works.</summary>
public sealed class FlatParameterTests
{
    static string Model(string body, string members = "") => $$"""
        [Module] public partial class Rule
        {
            {{members}}
            public (Tensor Value, Tensor M) Update(Tensor value, Tensor gradient, [State] Tensor m, Tensor learningRate, Tensor step) { {{body}} }
        }
        [Model] public partial class M
        {
            readonly Linear layer = new(3, 4);
            [Loss] public Tensor Loss([Shape(8, 3)] Tensor x) => layer.Forward(x).Square().Mean();
            [Train] public static Rule Optimizer() => new();
        }
        """;

    [Theory]
    [InlineData("return (value.Rank > 1 ? value * 0.9f : value, m);", "Rank is not that of the parameter")]
    [InlineData("return (gradient.Shape.Length > 1 ? value * 0.9f : value, m);", "Shape is not that of the parameter")]
    [InlineData("return (value / m.Shape[0], m);", "Shape is not that of the parameter")]
    [InlineData("return (value - gradient / gradient.Norm(), m);", "Norm is no arithmetic on single elements")]
    [InlineData("return (value, m + gradient.Abs().Sum());", "Sum is no arithmetic on single elements")]
    [InlineData("return (value * value.Max(), m);", "Max is no arithmetic on single elements")]
    [InlineData("return (value * gradient.Mean(), m);", "Mean is no arithmetic on single elements")]
    [InlineData("return (value - gradient.Sum(0), m);", "Sum is no arithmetic on single elements")]
    [InlineData("return (value - gradient.Mean([0], keep: true), m);", "Mean is no arithmetic on single elements")]
    [InlineData("return (value - gradient.Norm(-1, keep: true), m);", "Norm is no arithmetic on single elements")]
    [InlineData("return (value - value.MatMul(gradient), m);", "Matmul is no arithmetic on single elements")]
    [InlineData("return (value - value.Softmax(), m);", "Softmax is no arithmetic on single elements")]
    [InlineData("return (value - gradient.CumSum(), m);", "Cumsum is no arithmetic on single elements")]
    [InlineData("return (value.Reshape(-1), m);", "Reshape is no arithmetic on single elements")]
    [InlineData("return (value.Transpose(0, 0), m);", "Transpose is no arithmetic on single elements")]
    [InlineData("return (value.Flatten(), m);", "Flatten is no arithmetic on single elements")]
    [InlineData("return (value - gradient.Slice(0, 0, 1), m);", "Slice is no arithmetic on single elements")]
    [InlineData("return (value - gradient.ArgMax(), m);", "Argmax is no arithmetic on single elements")]
    [InlineData("return (value - Tensor.Concat([gradient, m], 0).Sum(), m);", "Concat is no arithmetic on single elements")]
    [InlineData("return (value - (gradient * 2 + m).Std(0), m);", "Std is no arithmetic on single elements")]
    public void What_is_no_arithmetic_on_elements_is_refused(string body, string message)
    {
        var error = Elaborate.Error(Model(body));
        Assert.Equal("GR2020", error.Id);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void The_error_lies_at_the_expression()
    {
        var source = Model("return (Decays(value) ? value * 0.9f : value, m);", "static bool Decays(Tensor y) => y.Rank > 1;");
        var (result, at) = Elaborate.Placed(source);
        var error = Assert.Single(result.Diagnostics);
        Assert.Equal("GR2020", error.Id);
        var place = at(error);
        Assert.Equal("Rank", place.SourceTree!.GetText().ToString(place.SourceSpan));
    }

    [Theory]
    [InlineData("return (value - learningRate * gradient.Sign(), m);")]
    [InlineData("return (value * 0.999f - gradient.Clamp(-1, 1) * learningRate, Tensor.Where(gradient > 0, m, gradient).MaskedFill(gradient.NotEqualTo(m), 0));")]
    [InlineData("return (value - gradient / value.Length, m);")]
    [InlineData("m = m * 0.5f + gradient; return (value - m * learningRate, m);")]
    public void What_does_not_is_computed(string body)
    {
        var model = Elaborate.Model(Model(body));
        var stages = CompilerPipeline.Run(model.Program, model.Training, verify: true);
        var lowered = Lowerer.Lower(stages.Final);
        using var instance = new ModelInstance(new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address, 0.05f), seed: 7, threads: 2);
        instance.Store.StartTraining();
        var reference = new Interpreter(stages.Find("Differentiated")!);
        var states = instance.Store.ToDictionary(t => t.Path, t => new TensorData(DType.F32, t.Declaration.Type.Shape.Evaluate(DimBinding.Empty), [.. t.Read<float>().ToArray().Select(v => (double)v)]));
        for (var step = 1; step <= 3; step++)
        {
            float[] x = [.. Enumerable.Range(0, 24).Select(i => (i * 7 + step) % 11 / 5f - 1)];
            Step(instance, x);
            var expected = reference.Run(
                "train_step", [new(DType.F32, [8, 3], [.. x.Select(v => (double)v)]), TensorData.Scalar((double)0.05f, DType.F32), TensorData.Scalar((long)step), TensorData.Scalar(ModelInstance.StepSeed(7, step))],
                states, DimBinding.Empty);
            foreach (var (path, value) in expected.States) states[path] = value;
        }
        foreach (var tensor in instance.Store)
            foreach (var (expected, actual) in states[tensor.Path].Real.Zip(tensor.Read<float>().ToArray()))
                Assert.True(Math.Abs(expected - actual) <= 1e-4 * Math.Max(1, Math.Abs(expected)), $"{tensor.Path}: {actual}, expected {expected}");
    }

    static unsafe void Step(ModelInstance instance, float[] x)
    {
        fixed (void* p = x) instance.TrainStep([new(p, x.Length)]);
    }
}
