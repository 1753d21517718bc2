using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Tests.Elaboration;
using Graph.Tests.Models;
using Graph.Tests.Passes;
using Xunit;

namespace Graph.Tests.Loops;

/// <summary><c>Tensor.If</c>, from models to numbers.</summary>
public sealed class BranchTests
{
    static string Model(string forward, string more = "") => $$"""
        [Model]
        [Dim("B", Max = 8, Typical = 3)]
        public partial class M
        {
            readonly Linear first = new(4, 5);
            readonly Linear second = new(4, 5);
            {{more}}

            public Tensor Forward(Tensor x)
            {
                {{forward}}
            }

            [Entry] public Tensor Predict([Shape("B", 4)] Tensor x) => Forward(x);
            [Loss] public Tensor Loss([Shape("B", 4)] Tensor x) => Forward(x).Square().Mean();
            [Train] public static Sgd Optimizer() => new(learningRate: 0.01f);
        }
        """;

    const string Choice = "return Tensor.If(x.Sum() > 0, () => first.Forward(x).Tanh() * 2, () => { var y = second.Forward(x); return y.Square() + y; });";

    // Two signs of one sum: both sides are taken.
    static TensorData[] Signs(float sign) => [new(DType.F64, [3, 4], [.. Enumerable.Range(0, 12).Select(i => (double)(sign * (0.1f + MathF.Sin(i) * MathF.Sin(i))))])];

    static TensorData Run(Program program, float sign) =>
        new Interpreter(program, float64: true).Run("predict", Signs(sign), Running.States(program, 1), DimBinding.Empty.With("B", 3)).Results[0];

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_call_computes_the_side_that_its_condition_says(float sign)
    {
        var branch = Elaborate.Model(Model(Choice)).Program;
        var side = Elaborate.Model(Model(sign > 0 ? "return first.Forward(x).Tanh() * 2;" : "var y = second.Forward(x); return y.Square() + y;")).Program;
        Running.Same(Run(side, sign), Run(branch, sign), "side");
    }

    [Fact]
    public void Both_sides_train_as_the_reference_does() => Assert.InRange(SourceModel.Lower(Model(Choice)).Train(8), 0, 1e-4);

    [Fact]
    public void Branches_stand_in_loops_and_loops_in_branches() => Assert.InRange(SourceModel.Lower(Model("""
        var (last, all) = Tensor.Scan(Tensor.Zeros(4), x, (h, row) =>
        {
            var (next, kept) = Tensor.If(row.Sum() > h.Sum(), () => (h + row.Tanh(), row), () =>
            {
                var (inner, _) = Tensor.Scan(h, x * 0.5f, (g, r) => ((g * r).Sin(), g));
                return (inner - row, row * h);
            });
            return (next, kept);
        });
        return first.Forward(all * last);
        """)).Train(4), 0, 1e-4);

    [Fact]
    public void A_state_that_one_side_assigns_keeps_its_value_on_the_other()
    {
        var program = Elaborate.Model(Model("return Tensor.If(x.Sum() > 0, () => { count.Assign(count + 1); return x * 2; }, () => x);", "readonly State count = new([2], Init.Zeros);")).Program;
        foreach (var sign in (float[])[1, -1])
        {
            var states = Running.States(program, 1);
            var result = new Interpreter(program, float64: true).Run("predict", Signs(sign), states, DimBinding.Empty.With("B", 3));
            Assert.Equal(states["count"][0] + (sign > 0 ? 1 : 0), result.States["count"][0]);
        }
    }

    [Fact]
    public void A_while_ends_when_its_condition_does()
    {
        const string Newton = "var (root, steps) = Tensor.While((x.Square() + 1, Tensor.Zeros(1)), s => (s.Item1.Square() - x.Square() - 1).Abs().Max() > 0.001f, s => ((s.Item1 + (x.Square() + 1) / s.Item1) / 2, s.Item2 + 1), most: 20);";
        var program = Elaborate.Model(Model(Newton + " return Tensor.Concat([root.Reshape(x.Shape[0] * 4), steps], 0);")).Program;
        var result = Run(program, 1);
        var x = Signs(1)[0];
        for (var i = 0; i < 12; i++) Assert.Equal(Math.Sqrt(x[i] * x[i] + 1), result[i], 1e-3);
        Assert.InRange(result[12], 2, 6);
        Assert.InRange(SourceModel.Lower(Model(Newton + " return first.Forward(root) + steps;")).Train(3), 0, 1e-4);

        // The same step by step, and by its gradient: that of the root.
        Tensor eager = Tensor.From([0.5f, 2f]);
        Assert.Equal([MathF.Sqrt(0.5f), MathF.Sqrt(2)], Tensor.While(eager, y => (y * y - eager).Abs().Max() > 1e-6f, y => (y + eager / y) / 2, most: 30).ToArray().Select(v => MathF.Round(v, 5)), (a, b) => Math.Abs(a - b) < 1e-4);
    }

    // What each side needs alone, it takes from the same memory.
    [Fact]
    public void Both_sides_are_planned_in_one_arena()
    {
        var model = SourceModel.Lower(Model("return Tensor.If(x.Sum() > 0, () => first.Forward(x).Softmax(1).MatMul(first.Forward(x).T), () => second.Forward(x).Softmax(1).MatMul(second.Forward(x).T)).MatMul(first.Forward(x));"));
        var predict = model.Lowered.Functions.Single(f => f.Name == "predict");
        Graph.Tests.Lowering.LoweredTextTests.ReadsBackEqual(model.Lowered);
        var branch = predict.Launches.OfType<BranchLaunch>().Single();
        Assert.Equal(branch.Then, branch.Else);
        var binding = DimBinding.Empty.With("B", 8);
        var plan = Graph.Compiler.Planning.Planner.Plan(predict, binding);
        var at = predict.Launches.IndexOf(branch);
        long Written(int from, int count) => predict.Launches.Skip(from).Take(count).SelectMany(l => l.Operands).Where(o => o.IsWritten && o.Buffer.Kind == BufferKind.Arena).Select(o => o.Buffer).Distinct().Sum(b => b.BytesAt(binding));
        Assert.True(plan.ArenaBytes < Written(at + 1, branch.Then) + Written(at + 1 + branch.Then, branch.Else), $"{plan.ArenaBytes}");
    }

    [Fact]
    public void Eager_code_takes_one_side()
    {
        var x = Tensor.From([1f, -3f]);
        Assert.Equal([-1f, 3f], Tensor.If(x.Sum() > 0, () => throw new InvalidOperationException("not taken"), () => -x).ToArray());
        Assert.Throws<ArgumentException>(() => Tensor.If(x > 0, () => x, () => x));
    }

    [Theory]
    [InlineData("return Tensor.If(x > 0, () => x, () => x);", "GR2056", "x > 0", "bool[B,4]")]
    [InlineData("return Tensor.While(x, y => y > 0, y => y - 1, 5);", "GR2056", "y > 0", "bool[B,4]")]
    [InlineData("return Tensor.While(x, y => y.Sum() > 0, y => y.Sum(0), 5);", "GR2050", "Sum(0)", "it begins as [B, 4], but the step makes [4]")]
    [InlineData("return Tensor.If(x.Sum() > 0, () => x, () => x.Sum(0));", "GR2057", "Sum(0)", "f32[B,4] and the other f32[4]")]
    [InlineData("Tensor y = x; var z = Tensor.If(x.Sum() > 0, () => y = x * 2, () => x); return y * 3;", "GR2053", "y", "body of the loop or branch")]
    public void A_mistake_is_named_where_it_is(string forward, string id, string span, string message)
    {
        var (result, at) = Elaborate.Placed(Model(forward));
        var error = Assert.Single(result.Diagnostics.DistinctBy(d => (d.Id, d.Location)));
        Assert.Equal(id, error.Id);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        var location = at(error);
        Assert.Equal(span, location.SourceTree!.GetText().ToString(location.SourceSpan));
    }
}
