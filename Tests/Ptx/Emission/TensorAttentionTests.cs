using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Tests.Attention;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// Attention of 16-bit numbers and its gradient on tensor cores, beside an interpreter of the same kernel value: weights are rounded to 16 bits before they multiply, so results are compared by some of the type's last places of the largest one.
/// </summary>
[Collection(nameof(PtxasCount))]
public sealed class TensorAttentionTests(PtxasCount count)
{
    static readonly AttentionCase[] Cases =
    [
        .. AttentionCase.All, .. AttentionCase.Blind,
        new("width 256", (1, 2, 66, 256), (1, 70), 256) { Causal = true },
        new("wide values", (1, 1, 34, 16), (1, 66), 200),
        new("wide queries", (1, 1, 34, 200), (1, 66), 40) { Causal = true },
        new("grouped heads of 64", (1, 4, 130, 64), (2, 130), 64) { Causal = true },
        new("all at once", (1, 2, 34, 128), (1, 38), 128) { Causal = true, Mask = [34, 38], Lengths = [37], Dropout = 0.25, Position = 2 },
        new("all at once in 256", (1, 1, 34, 256), (1, 38), 256) { Causal = true, Mask = [34, 38], IsBias = true, Dropout = 0.25 },
    ];

    static AttentionCase Find(string name) => Cases.Single(c => c.Name == name);

    // Of which modules are assembled: the heads with most sums, and every kind of operand.
    static readonly string[] Assembled = ["width 64", "width 256", "grouped heads of 64", "all at once", "all at once in 256", "bias and causal"];

    public static TheoryData<string> Modules => [.. Assembled];

    static readonly int[] targets = [80, 86, 89, 90];

    /// <summary>Modules that are assembled.</summary>
    public static int Count => Assembled.Length * targets.Length;

    static void Agree(string name, DType type, ulong seed, bool isStrict, bool isWide)
    {
        var c = Find(name);
        var lowered = AttentionKernelTests.Lower(c, type);
        Assert.All(lowered.Functions[0].Launches.OfType<AttentionLaunch>(), l => Assert.True(PtxTensorLaunch.Has(l, PtxVariant.TensorCores)));
        var arguments = c.Arguments(type);
        var expected = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => Graph.Runtime.Cpu.VectorMath.Exp((float)x) }.Run("f", DimBinding.Empty, arguments);
        var actual = new EmulatedMachine(lowered, new() { Seed = seed, Strict = isStrict, ApproximationError = 1 }, isWide, variant: PtxVariant.TensorCores).Run("f", DimBinding.Empty, arguments);
        for (var r = 0; r < expected.Length; r++)
        {
            // Gradients that are differences of equal numbers have what those are rounded by.
            var bound = 4 * Math.Max(expected[r].Real.Max(Math.Abs), 0.01) * (type == DType.F16 ? 1.0 / 2048 : 1.0 / 256);
            for (long i = 0; i < expected[r].Size; i++) Assert.True(Math.Abs(expected[r].Real[i] - actual[r].Real[i]) <= bound, FormattableString.Invariant($"{name} in {type}, result {r}[{i}] is {actual[r].Real[i]:R}, expected {expected[r].Real[i]:R} within {bound:E2}."));
        }
    }

    /// <summary>Heads of all widths and of two, causal, with masks of both kinds, lengths, positions, dropout, fewer heads of keys, and queries that see nothing.</summary>
    [Theory]
    [InlineData("one", "f16"), InlineData("causal", "bf16"), InlineData("width 64", "f16"), InlineData("width 80", "bf16"), InlineData("width 128", "f16"), InlineData("width 256", "bf16")]
    [InlineData("wide values", "f16"), InlineData("wide queries", "bf16"), InlineData("grouped heads", "f16"), InlineData("one head of keys", "f16"), InlineData("mask of a row", "f16"), InlineData("bias of heads", "bf16")]
    [InlineData("bias and causal", "f16"), InlineData("lengths", "f16"), InlineData("position", "f16"), InlineData("dropout and causal", "f16"), InlineData("scale below 0", "bf16")]
    [InlineData("no keys", "f16"), InlineData("before all keys", "bf16"), InlineData("masked rows", "f16"), InlineData("rows of minus infinity", "f16"), InlineData("all at once in 256", "f16")]
    public void Attention_is_that_of_the_interpreter(string name, string type) => Agree(name, type == "f16" ? DType.F16 : DType.BF16, seed: 1, isStrict: false, isWide: false);

    /// <summary>Under adversarial schedules with the race detector on, with places of 64 bits, one stage and two, copied and through registers.</summary>
    [Theory]
    [InlineData("small", "f16", 2, true)]
    [InlineData("lengths and causal", "bf16", 3, false)]
    [InlineData("grouped heads of 64", "f16", 4, false)]
    [InlineData("all at once", "bf16", 5, true)]
    [InlineData("width 256", "f16", 6, false)]
    public void Schedules_and_widths_of_places_change_nothing(string name, string type, ulong seed, bool isWide) => Agree(name, type == "f16" ? DType.F16 : DType.BF16, seed, isStrict: true, isWide);

    /// <summary>Float32, and heads of more than 256 columns.</summary>
    [Fact]
    public void What_is_not_16_bits_or_too_wide_stays_in_plain_instructions()
    {
        PtxVariant[] Variants(AttentionCase c, DType type) => [.. AttentionKernelTests.Lower(c, type).Functions[0].Launches.OfType<AttentionLaunch>().SelectMany(l => PtxLaunches.Of(l, DimBinding.Empty, PtxVariant.TensorCores)).Select(l => l.Variant)];
        Assert.All(Variants(Find("causal"), DType.F32), v => Assert.Equal(PtxVariant.Portable, v));
        Assert.All(Variants(new("too wide", (1, 1, 4, 257), (1, 4), 8), DType.F16), v => Assert.Equal(PtxVariant.Portable, v));
        Assert.Equal(3, Variants(Find("causal"), DType.F16).Count(v => v == PtxVariant.TensorCores));
    }

    [PtxasTheory, MemberData(nameof(Modules))]
    public void The_assembler_takes_attention_on_tensor_cores_without_spills(string name)
    {
        var functions = PtxTarget.TensorFunctions(AttentionKernelTests.Lower(Find(name), name == "width 64" ? DType.BF16 : DType.F16), isWide: name is "grouped heads of 64");
        foreach (var sm in targets)
        {
            var assembly = count.Assemble(PtxTarget.Module(functions, PtxVariant.TensorCores), sm);
            Assert.True(assembly.Success, assembly.Log);
            Assert.All(assembly.Kernels, k => Assert.True(k.Registers > 0 && k.SpillStores == 0 && k.SpillLoads == 0 && k.StackFrame == 0, assembly.Log));
        }
    }
}
