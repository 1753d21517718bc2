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
using Graph.Tests.Lowering;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Planning;

/// <summary>What products and convolutions work in is memory of the plan: by their sizes, for their launch alone.</summary>
public sealed class WorkspaceTests
{
    const string Text = """
        program Test version 1
        dim B ≤ 4096 ~ 256
        param weight : f32[320,200] = zeros
        param kernel : f32[24,6,3,3] = zeros
        func product(x: f32[B,320]) -> f32[B,200]
          %0 = matmul x, @weight : f32[B,200]
          return %0
        func sums(x: f32[B,16], y: f32[B,24]) -> f32[16,24]
          %0 = transpose x {order=[1,0]} : f32[16,B]
          %1 = matmul %0, y : f32[16,24]
          return %1
        func gradient(x: f32[B,6,9,9], y: f32[B,24,9,9]) -> f32[24,6,3,3]
          %0 = conv2d_grad_weight x, y {dilation=[1,1], groups=1, padding=[1,1], shape=[24,6,3,3], stride=[1,1]} : f32[24,6,3,3]
          return %0
        func map(x: f32[B,6,9,9]) -> f32[B,24,9,9]
          %0 = conv2d x, @kernel {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]} : f32[B,24,9,9]
          return %0

        """;

    // What is packed once needs no workspace.
    static LoweredProgram Lower(PackingModel? packing = null) =>
        Lowerer.Lower(CompilerPipeline.Run(ProgramParser.Parse(Text, OperationTable.Set), (KnownTargets.Cpu with { Packs = PackedOperands.None }) is var target && packing is not null ? target with { Packing = packing } : target, verify: true));

    static DimBinding Of(long batch) => DimBinding.Empty.With("B", batch);

    [Fact]
    public void A_workspace_is_a_buffer_of_its_launch_that_the_plan_counts()
    {
        foreach (var function in Lower().Functions)
        {
            var launch = Assert.Single(function.Launches);
            var pointer = launch.Workspace!.Pointer!.Value;
            var buffer = launch.Operands[pointer].Buffer;
            Assert.True(launch.Operands[pointer].IsWritten);
            Assert.Equal(BufferKind.Arena, buffer.Kind);
            foreach (var batch in new long[] { 1, 256, 4096 })
            {
                var plan = PlanVerifier.Verify(Planner.Plan(function, Of(batch)));
                Assert.Equal(launch.WorkspaceBytes(Of(batch)), plan.Bytes[buffer.Id]);
                Assert.Equal(new Life(0, 0), plan.Lives[buffer.Id]);
                Assert.True(plan.ArenaBytes >= plan.WorkspaceBytes && plan.WorkspaceBytes == plan.Bytes[buffer.Id], $"{function.Name}: {plan.ArenaBytes} bytes hold {plan.WorkspaceBytes}");
                Assert.Equal(4 << 20, plan.ThreadBytes);
            }
            Assert.Contains("a thread 4,194,304 B", PlanPrinter.Print(Planner.Plan(function, Of(256)), "Test", []), StringComparison.Ordinal);
        }
    }

    /// <summary>What is too small to be shared at any size that a caller may choose, and what each thread computes for itself, has no buffer.</summary>
    [Theory]
    [InlineData("func f(x: f32[B,20], w: f32[20,10]) -> f32[B,10]\n  %0 = matmul x, w : f32[B,10]\n  return %0", 4 << 20)]
    [InlineData("func f(x: f64[B,900], w: f64[900,800]) -> f64[B,800]\n  %0 = matmul x, w : f64[B,800]\n  return %0", 4 << 20)]
    [InlineData("func f(x: f64[B,3,9,9], w: f64[4,3,3,3]) -> f64[B,4,7,7]\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}\n  return %0", 4 << 20)]
    [InlineData("func f(y: bf16[B,1,150,200]) -> bf16[B,1,300,400]\n  %0 = avg_pool2d_grad y {kernel=[2,2], padding=[0,0], shape=[B,1,300,400], stride=[2,2]}\n  return %0", 4 * (300 * 400 + 150 * 200))] // a plane of sums, and one of what is read, both in float32
    [InlineData("func f(y: f16[B,5], i: i32[B,5]) -> f16[B,70]\n  %0 = gather_grad y, i {axis=1, size=[70]}\n  return %0", 4 * 70)]
    [InlineData("func f(x: f32[B,1000]) -> (f32[B,1000], i64[B,1000])\n  %0, %1 = sort x {axis=1, descending=false}\n  return %0, %1", 16 * 1000)]
    [InlineData("func f(x: f64[B,1000]) -> (f64[B,1000], i64[B,1000])\n  %0, %1 = sort x {axis=1, descending=false}\n  return %0, %1", 32 * 1000)]
    [InlineData("func f(x: f32[B,2,600,500], w: f32[1,2,600,500]) -> f32[B,1,1,1]\n  %0 = conv2d x, w {dilation=[1,1], groups=1, padding=[0,0], stride=[1,1]}\n  return %0", 4 << 20)]
    public void What_threads_have_for_themselves_is_planned_too(string function, long bytes)
    {
        var source = ProgramParser.Parse("program Test version 1\ndim B ≤ 64 ~ 8\n" + function + "\n", OperationTable.Set);
        using var compiled = new CompiledFunctions(source, threads: 2);
        LoweredTextTests.ReadsBackEqual(compiled.Lowered);
        var lowered = Assert.Single(compiled.Lowered.Functions);
        Assert.DoesNotContain(lowered.Buffers, b => b.Kind == BufferKind.Arena && b.Elements.Is(0));
        Assert.DoesNotContain(lowered.Launches, l => l.Workspace?.Pointer is not null);
        TensorData[] arguments = [.. source.Functions[0].Parameters.Select(p => new TensorData(p.DType, p.Shape.Evaluate(Of(2))))];
        compiled.Run("f", Of(2), arguments);
        Assert.Equal(bytes, compiled.PlanOf("f").ThreadBytes);
    }

    [Fact]
    public void How_much_it_is_follows_from_sizes_and_target()
    {
        var (packing, sums) = (KnownTargets.Cpu.Packing, KnownTargets.Cpu.Products);
        // The smaller operand: in panels of 6 rows, each row of 8 floats and each panel a cache line longer than it need be, it takes more than in those of 14 rows or of 32 columns.
        Assert.Equal((320 * 8 + 16) * 34 * 4, packing.ProductBytes(sums, 1, 256, 200, 320));
        Assert.Equal(packing.ProductBytes(sums, 1, 256, 200, 320), packing.ProductBytes(sums, 1, 4096, 200, 320));
        Assert.Equal(0, packing.ProductBytes(sums, 1, 10, 10, 10));
        Assert.Equal(packing.MostBytes, packing.ProductBytes(sums, 1, 50257, 50257, 768));
        // A long sum of few elements: its slices.
        Assert.Equal(4 * 16 * 24 * 4, packing.ProductBytes(sums, 1, 16, 24, 4096));
        Assert.Equal(0, PackingModel.None.ProductBytes(sums, 1, 50257, 50257, 768));
        Assert.Equal(packing, PackingModel.Parse(packing.Text));
        Assert.Equal(PackingModel.None, PackingModel.Parse(PackingModel.None.Text));
        Assert.Throws<FormatException>(() => PackingModel.Parse("most=1 least=2"));
        var lowered = Lower();
        Assert.Equal(LoweredText.Write(lowered), LoweredText.Write(LoweredText.Read(LoweredText.Write(lowered))));
    }

    /// <summary>A kernel that was compiled for less memory: where every thread can pack for itself the bits are the same, where partial sums or weights have no place it is refused.</summary>
    [Fact]
    public unsafe void With_none_of_it_products_have_the_same_bits_and_partial_sums_are_refused()
    {
        float[] Run(PackingModel? packing, string function, long results, params long[] sizes)
        {
            var lowered = Lower(packing);
            using var instance = new ModelInstance(new("Test", lowered, KernelAssembly.Compile(lowered.Kernels).Address), seed: 3, threads: 2);
            var random = new Random(5);
            var arrays = sizes.Append(results).Select(size => Enumerable.Range(0, (int)size).Select(_ => random.NextSingle() - 0.5f).ToArray()).ToArray();
            foreach (var weight in new[] { "weight", "kernel" })
                for (var i = 0; i < 320; i++) ((float*)instance.Store[weight].Pointer)[i] = random.NextSingle();
            var handles = arrays.Select(a => new Memory<float>(a).Pin()).ToArray();
            instance.Run(function, [.. arrays.Select((a, i) => new CallArgument(handles[i].Pointer, a.Length))]);
            foreach (var handle in handles) handle.Dispose();
            return arrays[^1];
        }
        Assert.Equal(Run(null, "product", 256 * 200, 256 * 320), Run(PackingModel.None, "product", 256 * 200, 256 * 320));
        Assert.Contains("workspace", Assert.Throws<InvalidOperationException>(() => Run(PackingModel.None, "sums", 16 * 24, 4096 * 16, 4096 * 24)).Message, StringComparison.Ordinal);
        Assert.Contains("workspace", Assert.Throws<InvalidOperationException>(() => Run(PackingModel.None, "gradient", 24 * 6 * 9, 2 * 6 * 81, 2 * 24 * 81)).Message, StringComparison.Ordinal);
        Assert.Contains("workspace", Assert.Throws<InvalidOperationException>(() => Run(PackingModel.None, "map", 2 * 24 * 81, 2 * 6 * 81)).Message, StringComparison.Ordinal);
    }
}
