using System;
using System.Collections.Immutable;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Operations;
using Graph.Runtime.Cpu;
using Graph.Runtime.Execution;
using Graph.Tests.Elaboration;
using Graph.Tests.Ops;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>What fingerprints say: equal ones mean equal bits, and nothing that changes no bit is part of them.</summary>
public sealed class FingerprintTests
{
    const string Source = """
        [Model] [Dim("B", Max = 8)] public partial class M
        {
            readonly Embedding table = new(9, 4);
            readonly Linear head = new(4, 5);
            [Entry] public Tensor Tail([Shape("B", 4)] Tensor x) => x.Slice(0, 2).Sum();
            [Loss] public Tensor Loss([Shape("B")] Tensor<int> id, [Shape("B")] Tensor<int> label) => head.Forward(table.Forward(id)).CrossEntropy(label);
            [Train] public static AdamW Optimizer() => new();
        }
        """;

    static LoweredProgram Lower(string source)
    {
        var model = Elaborate.Model(source);
        return Lowerer.Lower(CompilerPipeline.Run(model.Program, KnownTargets.Cpu));
    }

    [Fact]
    public void A_new_line_changes_no_fingerprint()
    {
        var (one, other) = (Lower(Source), Lower(Source.Replace("[Entry]", "\n\n// A comment.\n[Entry]", StringComparison.Ordinal).Replace("=> x", "=>\n x", StringComparison.Ordinal)));
        // The lines are there, in what a call needs and in every node.
        Assert.NotEqual(LoweredText.Write(one), LoweredText.Write(other));
        Assert.NotEmpty(one.Requirements);
        Assert.NotEmpty(one.Ranges);
        Assert.Equal(KernelFingerprint.OfPlan(one, ""), KernelFingerprint.OfPlan(other, ""));
    }

    [Theory]
    [InlineData("new(4, 5)", "new(4, 6)")]
    [InlineData("Max = 8", "Max = 9")]
    [InlineData("CrossEntropy(label)", "CrossEntropy(label, labelSmoothing: 0.1)")]
    [InlineData("AdamW Optimizer() => new()", "AdamW Optimizer() => new(beta1: 0.8)")]
    public void What_changes_the_plan_changes_its_fingerprint(string from, string to) =>
        Assert.NotEqual(KernelFingerprint.OfPlan(Lower(Source), ""), KernelFingerprint.OfPlan(Lower(Source.Replace(from, to, StringComparison.Ordinal)), ""));

    [Fact]
    public void What_the_library_adds_up_by_is_part_of_it()
    {
        var lowered = Lower(Source);
        Assert.Contains(Contract.DepthBlock.ToString(System.Globalization.CultureInfo.InvariantCulture), Numerics.Text, StringComparison.Ordinal);
        Assert.NotEqual(Numerics.Describe(isFused: true), Numerics.Describe(isFused: false));
        Assert.NotEqual(KernelFingerprint.OfPlan(lowered, Numerics.Describe(isFused: true)), KernelFingerprint.OfPlan(lowered, Numerics.Describe(isFused: false)));
        Assert.DoesNotContain("512", Numerics.Text.Replace("1536", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    // Cutting a sum into other parts adds it up in another order, though every kernel has the same text.
    [Fact]
    public void The_cuts_of_a_sum_are_part_of_it()
    {
        using var compiled = Of(1 << 18, (b, x) => [b.Sum(x[0], [0], keep: false)]);
        var lowered = compiled.Lowered;
        var launch = Assert.IsType<LoopLaunch>(lowered.Functions[0].Launches[0]);
        Assert.NotNull(((LoopKernel)launch.Kernel).Split);
        var cut = lowered with { Functions = [lowered.Functions[0] with { Launches = lowered.Functions[0].Launches.SetItem(0, launch with { Extent = launch.Extent + 1 }) }] };
        var grain = lowered with { Functions = [lowered.Functions[0] with { Launches = lowered.Functions[0].Launches.SetItem(0, launch with { Grain = launch.Grain * 2 }) }] };
        Assert.NotEqual(KernelFingerprint.OfPlan(lowered, ""), KernelFingerprint.OfPlan(cut, ""));
        Assert.Equal(KernelFingerprint.OfPlan(lowered, ""), KernelFingerprint.OfPlan(grain, ""));
    }

    static CompiledFunctions Of(int size, Func<Builder, ImmutableArray<Value>, ImmutableArray<Value>> body, int width = 0) =>
        CompiledFunctions.Of([new(DType.F32, Shape.Of(size))], body, width);

    static ImmutableArray<Value> Sums(Builder b, ImmutableArray<Value> x)
    {
        var rows = b.Reshape(x[0], Shape.Of(37, 203));
        var heavy = b.Apply("gelu", [b.Apply("sin", [b.Apply("tanh", [b.Mul(rows, rows)])[0]])[0]])[0];
        return
        [
            b.Sum(rows, 1, keep: false), b.Sum(rows, 0, keep: false), b.Max(rows, 1, keep: false), b.Sum(x[0], [0], keep: false),
            b.Apply("softmax", [rows])[0], b.Apply("layer_norm", [rows])[0], b.Sum(heavy, 1, keep: false), b.Apply("log_softmax", [b.Apply("erf", [rows])[0]])[0],
        ];
    }

    /// <summary>What the text says of a sum is what is emitted: the narrowest vectors show every partial sum.</summary>
    [Fact]
    public void The_order_that_is_hashed_is_the_order_that_is_emitted()
    {
        using var compiled = Of(37 * 203, Sums);
        var source = KernelAssembly.Compile(compiled.Lowered.Kernels).Source;
        var sums = compiled.Lowered.Generated.Cast<LoopKernel>().Where(k => k.Lanes > 0).ToList();
        Assert.Contains(sums, k => k.Lanes == 1);
        Assert.Contains(sums, k => k.Lanes == 64);
        foreach (var kernel in sums)
        {
            Assert.Contains(" " + ReductionOrder.Text(kernel.Lanes), kernel.Text.Split('\n')[0], StringComparison.Ordinal);
            var body = Regex.Match(source, $@"static void {kernel.Name}_128\(.*?\n    }}\n", RegexOptions.Singleline).Value;
            var partial = Regex.Matches(body, @"var s(\d+)_(\d+) =").Select(m => int.Parse(m.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max() + 1;
            if (kernel.Form == KernelForm.Row) Assert.Equal(kernel.Lanes == 1 ? 0 : 64, partial * 4);
        }
    }

    [Fact]
    public void Every_vector_width_gives_the_same_bits()
    {
        TensorData x = new(DType.F32, [37 * 203], [.. Enumerable.Range(0, 37 * 203).Select(i => (double)(float)(Math.Sin(i * 0.37) * 3))]);
        double[][] Run(int width)
        {
            using var compiled = Of(37 * 203, Sums, width);
            return [.. compiled.Run("f", x).Select(r => r.Real)];
        }
        var wide = Run(512);
        Assert.Equal(wide, Run(256));
        Assert.Equal(wide, Run(128));
    }

    [Fact]
    public void Code_of_another_calling_convention_is_refused()
    {
        static CompiledModelDescriptor Descriptor(int version) => new() { AbiVersion = version, Name = "Old", Elaborated = "", KernelAddress = _ => 0 };
        var older = Assert.Throws<InvalidOperationException>(() => Descriptor(KernelFingerprint.AbiVersion - 1).Compiled);
        Assert.Contains("Old", older.Message, StringComparison.Ordinal);
        Assert.Contains("older than Graph.Runtime", older.Message, StringComparison.Ordinal);
        Assert.Contains("newer than Graph.Runtime", Assert.Throws<InvalidOperationException>(() => Descriptor(KernelFingerprint.AbiVersion + 1).Create(Device.Cpu, 0, 1)).Message, StringComparison.Ordinal);
        // Code from before there were versions sets none.
        var ancient = (CompiledModelDescriptor)Activator.CreateInstance(typeof(CompiledModelDescriptor))!;
        Assert.Contains("version 0", Assert.Throws<InvalidOperationException>(() => ancient.Compiled).Message, StringComparison.Ordinal);
    }
}
