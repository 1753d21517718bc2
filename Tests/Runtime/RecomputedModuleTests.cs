using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Lowering;
using Graph.Tests.Models;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Modules that are marked [Checkpoint]: their inside is computed again in the backward pass, and no number changes.</summary>
public sealed class RecomputedModuleTests
{
    static string Source(string onClass, string onField) => $$"""
        [Module] {{onClass}}
        public partial class Block(int width)
        {
            readonly LayerNorm norm = new(width);
            readonly Linear expand = new(width, 4 * width), contract = new(4 * width, width);
            public Tensor Forward(Tensor x) => x + contract.Forward(expand.Forward(norm.Forward(x)).Gelu().Dropout(0.1));
        }
        [Model, Dim("B", Max = 512, Typical = 512)]
        public partial class M
        {
            readonly Linear first = new(16, 32), head = new(32, 3);
            {{onField}} readonly Block[] blocks = [new(32), new(32), new(32)];
            [Loss] public Tensor Loss([Shape("B", 16)] Tensor x, [Shape("B")] Tensor<int> label)
            {
                var y = first.Forward(x);
                foreach (var block in blocks) y = block.Forward(y);
                return head.Forward(y).CrossEntropy(label);
            }
            [Train(ClipNorm = 1)] static AdamW Optimizer() => new(1e-3);
        }
        """;

    // The kernels of a marked model are those of the unmarked one.
    static readonly Lazy<(LoweredProgram Lowered, Func<int, nint> Address)> plain = new(() => SourceModel.Lower(Source("", "")).Lowered is var lowered ? (lowered, KernelAssembly.Compile(lowered.Kernels).Address) : default);

    static LoweredProgram Marked(params string[] paths) => plain.Value.Lowered with { Functions = [.. plain.Value.Lowered.Functions.Select(f => f with { Checkpoints = [.. paths] })] };

    static unsafe (double[] Losses, MemoryPlan Plan) Train(LoweredProgram lowered)
    {
        var random = new Random(5);
        float[] x = [.. Enumerable.Range(0, Rows * 16).Select(_ => (float)(2 * random.NextDouble() - 1))];
        int[] labels = [.. Enumerable.Range(0, Rows).Select(_ => random.Next(3))];
        using var model = new ModelInstance(new CompiledModel("M", lowered, plain.Value.Address), seed: 3, threads: 2);
        var losses = new double[3];
        fixed (void* a = x, b = labels)
            for (var i = 0; i < losses.Length; i++) losses[i] = model.TrainStep([new(a, x.Length), new(b, labels.Length)]).Loss;
        return (losses, PlanVerifier.Verify(model.Session.PlanOf("train_step")));
    }

    const int Rows = 512;

    [Fact]
    public void A_marked_module_keeps_nothing_of_its_inside_and_every_loss_keeps_its_bits()
    {
        var (losses, free) = Train(plain.Value.Lowered);
        Assert.Equal(0, free.Repeated);
        var (same, marked) = Train(Marked("blocks.0", "blocks.1", "blocks.2"));
        Assert.Equal(losses, same);
        Assert.InRange(marked.ArenaBytes, 1, 4 * free.ArenaBytes / 5);
        // Of each block what leads to its large product; not the whole forward pass, nothing that no block is, and nothing twice: one block is made from the one before, and not all from the beginning.
        Assert.InRange(marked.Repeated, 3, 12);
        Assert.All(marked.Order.GroupBy(l => l).Where(g => g.Count() > 1), g => Assert.All(marked.Source.Launches[g.Key].Origins, o => Assert.StartsWith("blocks.", o.Path, StringComparison.Ordinal)));
        Assert.All(marked.Order.GroupBy(l => l), g => Assert.InRange(g.Count(), 1, 2));
    }

    [Fact]
    public void Marks_are_paths_of_modules_that_texts_keep()
    {
        var program = Elaborate.Model(Source("", "[Checkpoint]")).Program;
        Assert.Equal("blocks.0 blocks.1 blocks.2", string.Join(" ", program.Checkpoints));
        Assert.Equal("blocks.0 blocks.1 blocks.2", string.Join(" ", ProgramParser.Parse(ProgramPrinter.Print(program), OperationTable.Set, []).Checkpoints));
        Assert.Equal("blocks.0 blocks.1 blocks.2", string.Join(" ", Elaborate.Model(Source("[Checkpoint]", "")).Program.Checkpoints));
        var lowered = Lowerer.Lower(CompilerPipeline.Run(program, KnownTargets.Cpu));
        Assert.Equal("blocks.0 blocks.1 blocks.2", string.Join(" ", LoweredText.Read(LoweredText.Write(lowered)).Find("train_step")!.Checkpoints));
        Assert.Equal(KernelFingerprint.OfPlan(plain.Value.Lowered, ""), KernelFingerprint.OfPlan(lowered, "")); // equal bits
    }

    [Fact]
    public void A_budget_goes_on_from_where_the_marks_are_not_enough()
    {
        var lowered = Marked("blocks.0", "blocks.1", "blocks.2");
        var function = lowered.Find("train_step")!;
        var binding = new DimSolver(function, lowered.Dims).Symbols is var used ? DimBinding.Typical(used) : DimBinding.Empty;
        var marked = Planner.Plan(function, binding);
        Assert.Equal(string.Join(" ", marked.Order), string.Join(" ", Rematerializer.Plan(function, binding, marked.ArenaBytes, out _)!.Order));
        var less = Rematerializer.Plan(function, binding, (long)(0.8 * marked.ArenaBytes), out var smallest) ?? smallest;
        PlanVerifier.Verify(less);
        Assert.InRange(less.ArenaBytes, Planner.LargestLaunchBytes(function, binding), marked.ArenaBytes);
    }
}
