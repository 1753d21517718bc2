using System;
using System.Collections.Immutable;
using System.Linq;
using System.Text.RegularExpressions;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Nn;
using Graph.Tests.Mixed;
using Graph.Tests.Targets;
using Xunit;
using Extent = Graph.Compiler.Kernels.Extent;

namespace Graph.Tests.Ptx.Emission;

/// <summary>What holds of all emitted text, whatever it computes.</summary>
public sealed class EmittedTextTests
{
    public static TheoryData<string, string> Models
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var name in (string[])["mlp", "cnn", "nanogpt", "resnet18", "gpt2"])
                foreach (var precision in (string[])[Precisions.Float32, Precisions.Float16]) all.Add(name, precision);
            return all;
        }
    }

    static LoweredProgram Lower(string name, string precision) => KernelTests.Lower(MixedModel.In(Elaboration.Elaborate.With(typeof(Yardsticks.BasicBlock).Assembly, ToyModels.Source(name)).Program, precision));

    /// <summary>
    /// Every operation on floats says that it rounds to the nearest, and none takes small numbers for 0; nothing is read through the cache that is not coherent, since an operand may lie where a result is written; there are no traps, no atomics but the one that
    /// keeps the first report of a launch, and no look at how many processors or blocks there are.
    /// </summary>
    [Theory, MemberData(nameof(Models))]
    public void Text_says_how_it_rounds_and_asks_nothing_of_the_card(string name, string precision)
    {
        var lowered = Lower(name, precision);
        var text = Regex.Replace(PtxTarget.Emit(lowered), "//.*", "");
        string[] Found(string pattern) => [.. Regex.Matches(text, pattern).Select(m => m.Value).Distinct()];
        Assert.Empty(Found(@"\b(?:add|sub|mul|div|fma|mad|sqrt|rcp)\.(?!rn\.)(?:\w+\.)*f(?:16|32|64)\b"));
        Assert.Empty(Found(@"\.ftz|\.sat|\.nc\b|\.relaxed|\.volatile"));
        Assert.Empty(Found(@"\b(?:atom\.(?!global\.cas\.b64)|red|trap|brkpt|exit|call|membar|nanosleep)\b\.?\w*"));
        Assert.Empty(Found(@"%(?:nctaid|nsmid|smid|warpid|nwarpid|gridid|clock|globaltimer|ctaid\.[yz]|tid\.[yz])\w*"));
        var modules = PtxTarget.Modules(PtxTarget.Emit(lowered), 90);
        // Attention on tensor cores, which is compared by bound, has approximations of its own.
        Assert.DoesNotContain(".approx", modules[0].Text, StringComparison.Ordinal);
        Assert.Equal(precision == Precisions.Float16 ? ["sm_70", "sm_80"] : ["sm_70"], modules.Select(m => m.Variant.Architecture));
        Assert.All(modules, m => Assert.StartsWith($".version 7.0\n.target {m.Variant.Architecture}\n.address_size 64\n", m.Text, StringComparison.Ordinal));
        // What a launch hands over; segments come in a table, however many there are.
        foreach (Match function in Regex.Matches(text, @"\.entry (\w+)\(([^)]*)\)"))
        {
            var parameters = function.Groups[2].Value.Split(',').Length;
            Assert.InRange(8 * parameters, 8, 4352);
            if (function.Groups[1].Value.Contains("_segments", StringComparison.Ordinal)) Assert.Equal(2, parameters);
        }
        Assert.All(PtxTarget.Functions(lowered).Concat(PtxTarget.TensorFunctions(lowered)), f => Assert.InRange(f.SharedBytes, 0, 99 * 1024));
    }

    /// <summary>A kernel of more parameters than cards take is refused by its name.</summary>
    [Fact]
    public void More_parameters_than_cards_take_are_refused()
    {
        LoopKernel Kernel(int operands)
        {
            var sum = Enumerable.Range(0, operands).Select(i => Scalar.Input(i, DType.F32)).Aggregate((a, b) => a + b);
            ImmutableArray<Access> accesses = [.. Enumerable.Range(0, operands).Select(i => new Access(i, DType.F32, false, [Extent.One])), new(operands, DType.F32, true, [Extent.One])];
            return new("many", KernelForm.Map, [new(AxisRole.Lane, false, Extent.Zero)], accesses, [.. Enumerable.Range(0, operands).Select(i => new Source.Load(i))], [new([], [], [new(operands, sum)])], [], null, true);
        }
        // 4,352 bytes are 544 numbers; the last is kept for the flag of a branch, and one is the extent.
        Assert.NotEmpty(PtxTarget.Functions(Kernel(541), isSegmented: false, isGuarded: true, isWide: false).ToList());
        var said = Assert.Throws<NotSupportedException>(() => PtxTarget.Functions(Kernel(560), isSegmented: false, isGuarded: false, isWide: false).ToList()).Message;
        Assert.StartsWith("many has 562 parameters of 8 bytes, but cards take 4352 bytes", said, StringComparison.Ordinal);
    }

    /// <summary>Work beyond 65,535 blocks lies in the first direction of a grid, the only one that may have more.</summary>
    [Fact]
    public void Many_blocks_are_in_the_first_direction()
    {
        var launch = KernelTests.Lower(KernelTests.Parse("func f(x: f32[100000000]) -> (f32[100000000])\n  %0 = neg x\n  return %0\n")).Functions[0].Launches.Single();
        var call = Assert.Single(PtxLaunches.Of(launch, DimBinding.Empty));
        Assert.Equal((100_000_000 + 1023) / 1024, call.Blocks);
        Assert.InRange(call.Blocks, 65_536, int.MaxValue);
    }
}
