using System;
using System.Linq;
using System.Threading.Tasks;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Tests.Models;
using Graph.Tests.Passes;
using Xunit;
using static Graph.Tests.Snapshots.Snapshot;

namespace Graph.Tests.Loops;

/// <summary>What training keeps of a loop's iterations, and what it makes again or behind the loop.</summary>
public sealed class LoopMemoryTests
{
    static string Model(string layer, int hidden = 128) => $$"""
        [Model]
        [Dim("B", Max = 64, Typical = 32)]
        [Dim("T", Max = 200, Typical = 100)]
        public partial class M
        {
            readonly {{layer}} layer = new(64, {{hidden}}, batchFirst: true);
            readonly Linear head = new({{hidden}}, 3);
            [Loss] public Tensor Loss([Shape("B", "T", 64)] Tensor x, [Shape("B")] Tensor<int> label) => head.Forward(layer.Forward(x).Item1.Mean(1)).CrossEntropy(label);
            [Train] static AdamW Optimizer() => new(learningRate: 1e-3);
        }
        """;

    static Function Step(SourceModel model, string stage = "Decomposed") => model.Stages.Find(stage)!.Find("train_step")!;

    static Node[] Loops(Function function) => [.. function.Nodes.Where(n => n.Operation == StructureOperations.Loop)];

    // Of an LSTM: the products of its inputs (4 tensors of the hidden states' size), the four gates, the cells and the states. Neither the states before each step, nor tanh of the cells.
    [Theory]
    [InlineData("Lstm", 10)]
    [InlineData("Rnn", 2)]
    public void The_arena_of_a_training_step_is_what_has_to_be_kept(string layer, int tensors)
    {
        var model = SourceModel.Lower(Model(layer));
        var binding = DimBinding.Typical(model.Lowered.Dims);
        var plan = Planner.Plan(model.Lowered.Functions.Single(f => f.Name == "train_step"), binding);
        var kept = plan.ArenaBytes - plan.Peak!.WorkspaceBytes(binding); // without what the product at the peak works in
        Assert.InRange((double)kept / (32 * 100 * 128 * sizeof(float)), tensors, tensors + 0.1);
    }

    [Fact]
    public void What_is_cheap_is_made_again_in_the_backward_loop()
    {
        var loops = Loops(Step(SourceModel.Lower(Model("Lstm"))));
        var (_, scanned, _) = LoopOperation.Shape(loops[1].Attributes);
        Assert.Equal(6, scanned); // the gradients of the outputs, the cells before, and four gates
        Assert.Contains(loops[1].Regions[0].Nodes, n => n.Is(ScalarOp.Tanh));
    }

    // d weight = Σ over the steps: one product over all of them, and no carry of the weight's size.
    [Fact]
    public void Weight_gradients_are_one_product_behind_the_backward_loop()
    {
        var function = Step(SourceModel.Lower(Model("Lstm")));
        var backward = Loops(function)[1];
        Assert.All(backward.Regions[0].Results, r => Assert.NotEqual(Shape.Of(512, 128), r.Shape));
        var product = Assert.Single(function.Nodes, n => n.Operation.Kind == OpKind.Contract && n.Output.Shape == Shape.Of(512, 128));
        Assert.Equal("B*T", product.Inputs[0].Shape[1].ToString());
    }

    // 32 rows in a step, and a weight of 16 × 8: what would be kept of the gradients is more than the weight's own gradient.
    [Fact]
    public void A_sum_that_is_smaller_than_its_terms_stays_in_the_loop()
    {
        var backward = Loops(Step(SourceModel.Lower("""
            [Model] [Dim("B", Max = 64, Typical = 32)] [Dim("T", Max = 200, Typical = 100)] public partial class M
            {
                readonly Parameter w = new([8, 8], Init.Normal(0.3)), b = new([8], Init.Zeros);
                [Loss] public Tensor Loss([Shape("T", "B", 8)] Tensor x) => Tensor.Scan(Tensor.Zeros(x.Shape[1], 8), x, (h, s) => ((h + s + b).MatMul(w).Tanh(), h)).Last.Square().Mean();
                [Train] static Sgd Optimizer() => new(learningRate: 1e-3);
            }
            """)))[1];
        Assert.Contains(backward.Regions[0].Results, r => r.Shape == Shape.Of(8, 8));
    }

    static Program Parse(string text) => ProgramParser.Parse("program P version 1\ndim B ≤ 4 ~ 2\ndim T ≤ 9 ~ 5\n" + text, OperationTable.Set);

    const string Sums = """
        func f(start: f32[3,4], bias: f32[4], xs: f32[T,2,3], ys: f32[T,2,4], w: f32[4]) -> (f32[3,4], f32[4], f32[2,4])
          %0 = constant {dtype="f32", value=0.0}
          %1 = expand %0 {shape=[4]}
          %2 = expand %0 {shape=[2,4]}
          %3, %4, %5 = loop start, %1, %2, xs, ys, w {carries=3, CONDITIONcount=[T], scanned=2}
            region(i: i64[], sum: f32[3,4], bias: f32[4], h: f32[2,4], x: f32[2,3], y: f32[2,4], w: f32[4])
              %0 = mul y, w
              %1 = add h, %0
              %2 = tanh %1
              %3 = transpose x {order=[1,0]}
              %4 = matmul %3, y
              %5 = add %4, sum
              %6 = matmul %3, %2
              %7 = add %5, %6
              %8 = sum y {axes=[0], keep=false}
              %9 = add bias, %8
              return %7, %9, %2
          return %3, %4, %5
        """;

    [Theory]
    [InlineData("")]
    [InlineData("reverse=true, ")]
    public Task Sums_over_iterations_stand_behind_the_loop(string reverse)
    {
        var program = Verifier.Verify(Parse(Sums.Replace("CONDITION", reverse, StringComparison.Ordinal)));
        var hoisted = new HoistSums().RunVerified(program);
        foreach (var time in (int[])[1, 4, 9])
            Running.Same(Running.Run(program, "f", time), Running.Run(hoisted, "f", time), "sums");
        Assert.Equal(1, LoopOperation.Shape(Loops(hoisted.Functions[0]).Single().Attributes).Carries);
        return reverse.Length > 0 ? Task.CompletedTask : Verify(ProgramPrinter.Print(CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true).Find("Decomposed")!));
    }

    // The second loop reads what the first has stacked, and the first's carry one step late.
    const string Chain = """
        func f(start: f32[2,4], xs: f32[T,2,4], w: f32[4,4]) -> (f32[2,4], f32[T,2,4])
          %0, %1, %2, %3 = loop start, xs, w {carries=1, count=[T], REVERSEscanned=1}
            region(i: i64[], h: f32[2,4], x: f32[2,4], w: f32[4,4])
              %0 = matmul h, w
              %1 = add %0, x
              %2 = sigmoid %1
              %3 = mul %2, %1
              %4 = sin %3
              return %4, h, %3, %4
          %4 = exp %3
          %5, %6 = loop start, %1, %2, %4 {carries=1, count=[T], scanned=3}
            region(i: i64[], g: f32[2,4], h: f32[2,4], y: f32[2,4], e: f32[2,4])
              %0 = mul g, y
              %1 = cos y
              %2 = add %0, %1
              %3 = mul h, e
              %4 = sub %2, %3
              %5 = tanh %4
              return %5, %4
          return %5, %6
        """;

    [Theory]
    [InlineData("", "0")]
    [InlineData("reverse=true, ", "1")]
    public void What_a_carry_was_is_what_it_became_one_step_on(string reverse, string start)
    {
        var program = Verifier.Verify(Parse(Chain.Replace("REVERSE", reverse, StringComparison.Ordinal)));
        var shifted = new ShiftStacks().RunVerified(program);
        Assert.Equal(3, Loops(shifted.Functions[0])[0].Outputs.Length);
        var slice = Assert.Single(shifted.Functions[0].Nodes, n => n.Attributes.Has("start"));
        Assert.Equal(start, slice.Attributes.Dims("start")[0].ToString());
        for (var seed = 1; seed < 4; seed++) Running.Same(Running.Run(program, "f", seed), Running.Run(shifted, "f", seed), "shifted");
        var remade = new RecomputeInLoops().RunVerified(program);
        for (var seed = 1; seed < 4; seed++) Running.Same(Running.Run(program, "f", seed), Running.Run(remade, "f", seed), "made again");
        var scheduled = CompilerPipeline.Run(program, KnownTargets.Cpu, verify: true).Final;
        for (var seed = 1; seed < 4; seed++) Running.Same(Running.Run(program, "f", seed), Running.Run(scheduled, "f", seed), "scheduled");
    }

    // Loops in loops: the inner backward loop makes again what the inner forward loop would have stacked T times.
    [Fact]
    public void Nested_loops_are_pairs_in_every_depth()
    {
        var model = SourceModel.Lower("""
            [Model] [Dim("B", Max = 8, Typical = 3)] [Dim("T", Max = 12, Typical = 6)] public partial class M
            {
                readonly Linear inner = new(4, 4), outer = new(4, 4);
                [Loss] public Tensor Loss([Shape("B", "T", 4)] Tensor x) => Tensor.Scan(Tensor.Zeros(x.Shape[0], 4), x, (h, slice) =>
                {
                    var (last, _) = Tensor.Scan(h, Tensor.Arange(5).Cast(ElementType.F32), (g, n) => ((inner.Forward(g) * n + slice).Tanh().Sin(), g));
                    return (outer.Forward(last).Sigmoid(), h);
                }, axis: 1).Last.Square().Mean();
                [Train] static Sgd Optimizer() => new(learningRate: 1e-2);
            }
            """);
        Assert.InRange(model.Train(3), 0, 1e-4);
        var inner = Loops(Loops(Step(model))[0].Regions[0]).Single();
        Assert.InRange(inner.Outputs.Length, 1, 3); // of an iteration: what came in, and tanh
    }
}
