using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Runtime.Cpu;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Language;
using Graph.Tests.Lowering;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Inference;

/// <summary>Entries read weights that are packed once a version of the model's numbers.</summary>
public sealed class PackedWeightTests
{
    const string Source = """
        [Model] [Dim("B", Max = 32)] public partial class M
        {
            readonly Conv2d stem = new(3, 20, kernel: 3, padding: 1), deep = new(20, 16, kernel: 3, stride: 2, groups: 2, bias: false);
            readonly BatchNorm2d norm = new(16);
            readonly Parameter turned = new([3, 3, 16, 18], Init.Normal(0.1));
            readonly Linear hidden = new(18 * 4 * 3, 40), again = new(40, 40, bias: false), head = new(40, 7);
            readonly State scale = new([40, 40], Init.Ones);
            Tensor Run(Tensor x)
            {
                x = norm.Forward(deep.Forward(stem.Forward(x).Relu())).Relu().Conv2d(turned.Transpose(0, 3).Transpose(1, 2), padding: 1);
                x = hidden.Forward(x.Flatten(1)).Tanh();
                return head.Forward(Tensor.Scan(x, Tensor.Arange(3).Cast(ElementType.F32), (h, n) => ((again.Forward(h) * n).Tanh(), h)).Last);
            }
            [Entry] public Tensor Predict([Shape("B", 3, 9, 8)] Tensor x) => Run(x);
            [Entry] public Tensor Hidden([Shape("B", 40)] Tensor x) => head.Forward(x);
            [Entry] public Tensor Keep([Shape("B", 40)] Tensor x)
            {
                var y = x.MatMul(scale);
                scale.Assign(scale * 2);
                return y;
            }
            [Loss] public Tensor Loss([Shape("B", 3, 9, 8)] Tensor x) => Run(x).Square().Mean();
            [Train] public static Sgd Optimizer() => new(learningRate: 0.1);
        }
        """;

    static float[] Input(int rows, int size) => [.. Enumerable.Range(0, rows * size).Select(i => (i * 37 % 23 - 11) / 8f)];

    static CompiledModel Compile(TargetModel target, out LoweredProgram lowered)
    {
        lowered = Lowerer.Lower(CompilerPipeline.Run(Elaborate.Model(Source).Program, target, verify: true));
        foreach (var function in lowered.Functions) PlanVerifier.Verify(Planner.Plan(function, DimBinding.Typical(lowered.Dims)));
        return new("M", lowered, KernelAssembly.Compile(lowered.Kernels).Address);
    }

    static unsafe float[] Call(ModelInstance model, string function, float[] x, int results)
    {
        var result = new float[results];
        fixed (float* from = x, to = result) model.Run(function, [new(from, x.Length), new(to, results)]);
        return result;
    }

    [Fact]
    public void Calls_pack_nothing_and_keep_their_bits()
    {
        var packed = Compile(KnownTargets.Cpu, out var lowered);
        var plain = Compile(KnownTargets.Cpu with { Packs = PackedOperands.None }, out var without);
        var predict = lowered.Find("predict")!;
        Assert.Equal(3, predict.Launches.OfType<ConvolutionLaunch>().Count(c => c.Kernel.Operands[1].IsPacked));
        Assert.All(predict.Launches.OfType<ConvolutionLaunch>(), c => Assert.Equal(0, c.WorkspaceBytes(DimBinding.Empty.With("B", 1))));
        Assert.Equal(3, predict.Launches.OfType<ContractLaunch>().Count(c => c.Kernel.IsPackedB)); // one of them in the loop
        Assert.Equal(6, lowered.Find(DerivedStates.Function)!.Launches.OfType<PackLaunch>().Count()); // the head of both entries once
        Assert.DoesNotContain(predict.Buffers, b => b.Kind == BufferKind.State && b.Name is "stem.weight" or "hidden.weight");
        Assert.DoesNotContain(lowered.States, s => s.Type.Shape.Rank == 4 && s.Kind == StateKind.Derived); // the folded weight is on the way only

        // What changes in each call or is read about once a version is read as it is.
        foreach (var function in new[] { "keep", "loss", "train_step" })
            Assert.DoesNotContain(lowered.Find(function)!.Launches, l => l is ContractLaunch { Kernel.IsPackedB: true } || (l is ConvolutionLaunch c && c.Kernel.Operands[1].IsPacked));
        Assert.Empty(without.Functions.SelectMany(f => f.Launches).OfType<PackLaunch>());

        for (var threads = 1; threads <= 2; threads++)
        {
            using ModelInstance ours = new(packed, seed: 7, threads), theirs = new(plain, seed: 7, threads);
            foreach (var rows in new[] { 1, 5, 32 })
            {
                var x = Input(rows, 3 * 9 * 8);
                var expected = Call(theirs, "predict", x, rows * 7);
                Assert.Contains(expected, v => v != 0);
                Assert.Equal(expected, Call(ours, "predict", x, rows * 7));
                Assert.Equal(Call(theirs, "hidden", Input(rows, 40), rows * 7), Call(ours, "hidden", Input(rows, 40), rows * 7));
            }
            Assert.Equal(1, ours.Store.Derivations);
            foreach (var path in new[] { "stem.weight", "again.weight", "norm.running_mean", "turned", "head.weight" })
            {
                foreach (var model in new[] { ours, theirs }) model.Store[path].Write<float>(w => w[5] += 0.75f);
                Assert.Equal(Call(theirs, "predict", Input(3, 216), 21), Call(ours, "predict", Input(3, 216), 21));
            }
            Assert.Equal(6, ours.Store.Derivations);
        }
    }

    [Fact]
    public void Another_kind_of_processor_packs_anew()
    {
        using ModelInstance model = new(Compile(KnownTargets.Cpu, out _), seed: 7, threads: 1), plain = new(Compile(KnownTargets.Cpu with { Packs = PackedOperands.None }, out _), seed: 7, threads: 1);
        try
        {
            foreach (var width in new[] { VectorWidth.Bits512, VectorWidth.Bits256, VectorWidth.Bits128, VectorWidth.Bits256 }.Where(Machine.Supports))
            {
                Machine.Override = width;
                Assert.Equal(Call(plain, "predict", Input(2, 216), 14), Call(model, "predict", Input(2, 216), 14));
            }
        }
        finally
        {
            Machine.Override = null;
        }
    }

    [Fact]
    public void Other_machines_run_what_was_packed_for_this_one()
    {
        var model = Compile(KnownTargets.Cpu, out var lowered);
        using var instance = new ModelInstance(model, seed: 7, threads: 1);
        var x = Input(2, 216);
        var expected = Call(instance, "predict", x, 14);
        var states = instance.Store.ToDictionary(t => t.Path, t => new TensorData(DType.F32, [.. t.Shape], [.. t.Values.ToArray().Select(v => (double)v)]));
        TensorData[] arguments = [new(DType.F32, [2, 3, 9, 8], [.. x.Select(v => (double)v)])];
        var machine = new ToyMachine(lowered);
        foreach (var (path, value) in states) machine.Set(path, value);
        var toy = machine.Run("predict", DimBinding.Empty.With("B", 2), arguments)[0];
        var tested = TestExecutor.Run(lowered, KernelAssembly.Compile(lowered.Kernels), "predict", arguments, states, DimBinding.Empty.With("B", 2)).Results[0];
        for (var i = 0; i < 14; i++)
        {
            Assert.Equal(expected[i], toy[i], 1e-4);
            Assert.Equal(expected[i], tested[i], 1e-4);
        }
    }

    [Fact]
    public void Packed_operands_stand_in_the_text()
    {
        Compile(KnownTargets.Cpu, out var lowered);
        var text = LoweredText.Write(lowered);
        Assert.Contains(" packed\n", text, StringComparison.Ordinal);
        var read = LoweredText.Read(text);
        Assert.Equal(text, LoweredText.Write(read));
        Assert.Equal(lowered.Kernels.Select(k => k.Text), read.Kernels.Select(k => k.Text));
        Assert.Equal(lowered.Kernels.Length, lowered.Kernels.Select(k => k.Name).Distinct().Count());
        var used = lowered.Functions.SelectMany(f => f.Launches).Select(l => l is ConvolutionLaunch c ? c.Kernel : l is ContractLaunch p ? p.Kernel : default(Kernel)).OfType<Kernel>().ToHashSet();
        Assert.All(lowered.Kernels.Where(k => k is ProductKernel or ConvolutionKernel), k => Assert.Contains(k, used));
    }
}
