using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Lowering;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Indices, labels and divisors that a model computes are looked at when they are there; a call that throws then has changed nothing.</summary>
public sealed class ComputedIndexTests
{
    static ModelInstance Create(string members, string train = "[Train] static AdamW Optimizer() => new();")
    {
        var model = Elaborate.Model($$"""
            [Model] public partial class M
            {
                readonly Linear layer = new(2, 3);
                readonly State seen = new([2], Init.Zeros);
                readonly State count = new([1], Init.Zeros);
                {{members}}
                {{train}}
            }
            """);
        var lowered = Lowerer.Lower(CompilerPipeline.Run(model.Program, KnownTargets.Cpu, verify: true));
        return new(new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed: 3, threads: 2);
    }

    static unsafe StepResult Step(ModelInstance model, float[] x, int[] index)
    {
        fixed (void* a = x, b = index) return model.TrainStep([new(a, x.Length), new(b, index.Length)]);
    }

    static unsafe float[] Run(ModelInstance model, string function, float[] x, int[] index, int results)
    {
        var result = new float[results];
        fixed (void* a = x, b = index, r = result) model.Run(function, [new(a, x.Length), new(b, index.Length), new(r, results)]);
        return result;
    }

    static (string, string)[] Numbers(ModelInstance model) => [.. model.Store.Select(t => (t.Path, string.Join(",", t.Read<float>().ToArray()))).Append(("step", $"{model.Store.Step}"))];

    [Theory]
    // Only a state needs what is picked, so nothing else holds the launch that picks back.
    [InlineData("seen.Assign(x.Gather(index + 1, 0).Reshape(2)); return layer.Forward(x).Square().Mean();", "Gather's index")]
    [InlineData("count.Assign(count + 1); return layer.Forward(x.Gather(index + 1, 0)).Square().Mean();", "Gather's index")]
    [InlineData("count.Assign(count + 1); return layer.Forward(x.Embedding((index + 1).Reshape(-1))).Square().Mean();", "index")]
    [InlineData("count.Assign(count + 1); return layer.Forward(x).CrossEntropy(index.Reshape(-1) + 1);", "CrossEntropy's label")]
    [InlineData("count.Assign(count + 1); return (layer.Forward(x) * (index.Reshape(-1) + 1).OneHot(3)).Mean();", "OneHot's class")]
    [InlineData("count.Assign(count + (7 % (index - 3)).Max().Cast(ElementType.F32)); return layer.Forward(x).Square().Mean();", "")]
    public void A_step_that_throws_changes_nothing(string loss, string message)
    {
        using var model = Create($$"""[Loss] public Tensor Loss([Shape(2, 2)] Tensor x, [Shape(1, 2)] Tensor<int> index) { {{loss}} }""");
        float[] x = [1, 2, 3, 4];
        Step(model, x, [0, -1]);
        var before = Numbers(model);
        Assert.Contains(before, n => n == ("step", "1"));
        for (var i = 0; i < 2; i++)
        {
            var error = Assert.ThrowsAny<Exception>(() => Step(model, x, [0, 3]));
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
            Assert.True(error is ArgumentOutOfRangeException or DivideByZeroException or AggregateException, error.ToString());
            Assert.True(model.Store.IsSound);
            Assert.Equal(before, Numbers(model));
            Assert.Equal(1, model.Store.Attempts); // repeated, it draws the same
        }
        Assert.True(Step(model, x, [0, -1]).IsFinite);
        Assert.Equal(2, model.Store.Step);
    }

    [Fact]
    public void An_entry_that_throws_keeps_its_sessions_states()
    {
        using var model = Create("""
            [Entry] public Tensor Predict([Shape(2, 2)] Tensor x, [Shape(1, 2)] Tensor<int> index)
            {
                count.Assign(count + 1);
                return x.Gather(index + 1, 0) + count;
            }
            """, "");
        using var session = model.NewSession();
        float[] x = [1, 2, 3, 4];
        Assert.Equal([2, 3], Run(session, "predict", x, [-1, -1], 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Run(session, "predict", x, [0, 3], 2));
        Assert.Equal([1], session.Store["count"].Read<float>().ToArray());
        Assert.Equal([5, 6], Run(session, "predict", x, [0, 0], 2));
    }

    [Fact]
    public void What_the_caller_gives_is_checked_before_the_call_and_not_again()
    {
        using var model = Create("""
            [Entry] public Tensor Predict([Shape(2, 2)] Tensor x, [Shape(1, 2)] Tensor<int> index) => layer.Forward(x).CrossEntropy(index.Reshape(-1)) + index.OneHot(3).Sum();
            """, "");
        Assert.DoesNotContain(model.Model["predict"].Lowered.Launches, l => l.Title == "check_index");
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Run(model, "predict", [1, 2, 3, 4], [0, 3], 1));
        Assert.Contains("index[1] is 3, expected 0 to 2", error.Message, StringComparison.Ordinal);
    }
}
