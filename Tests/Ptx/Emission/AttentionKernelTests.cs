using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.Tests.Attention;
using Graph.Tests.Toy;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>Attention and its gradient as emitted kernels: the bits of an interpreter of the same kernel value, and no register spilled.</summary>
[Collection(nameof(PtxasCount))]
public sealed class AttentionKernelTests(PtxasCount count)
{
    public static TheoryData<string> Cases => [.. AttentionCase.All.Concat(AttentionCase.Blind).Select(c => c.Name)];

    // Of which modules are assembled: the largest, and every kind of operand.
    static readonly string[] Assembled = ["width 128", "bias and causal", "lengths and causal", "mask", "dropout and causal", "grouped heads"];

    public static TheoryData<string> Modules => [.. Assembled];

    /// <summary>Modules that are assembled.</summary>
    public static int Count => Assembled.Length * PtxasCount.Targets.Length;

    static AttentionCase Find(string name) => AttentionCase.All.Concat(AttentionCase.Blind).Single(c => c.Name == name);

    internal static LoweredProgram Lower(AttentionCase c, DType type)
    {
        var program = new Program("attention", [], [], [], OperationTable.Set);
        var builder = new Builder(program, "f");
        ImmutableArray<Value> x = [.. c.Types(type).Select((t, i) => builder.Argument(t, "x" + i))];
        return KernelTests.Lower(Verifier.Verify(program with { Functions = [builder.Build(c.Build(builder, x))] }));
    }

    static void Agree(string name, DType type, ulong seed, bool isStrict, bool isWide = false)
    {
        var c = Find(name);
        var lowered = Lower(c, type);
        Assert.Equal(2, lowered.Kernels.OfType<AttentionKernel>().Count());
        var arguments = c.Arguments(type);
        var expected = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => Graph.Runtime.Cpu.VectorMath.Exp((float)x) }.Run("f", DimBinding.Empty, arguments);
        var actual = new EmulatedMachine(lowered, new() { Seed = seed, Strict = isStrict }, isWide).Run("f", DimBinding.Empty, arguments);
        for (var i = 0; i < expected.Length; i++) KernelTests.Same(expected[i], actual[i], $"{name} in {type}, result {i}");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Attention_has_the_bits_of_the_interpreter(string name) => Agree(name, DType.F32, seed: 1, isStrict: false);

    [Theory]
    [InlineData("small", DType.F16, 1, false)]
    [InlineData("causal", DType.BF16, 2, false)]
    [InlineData("grouped heads", DType.F32, 3, true)]
    [InlineData("position", DType.F32, 4, true)]
    [InlineData("masked rows", DType.F32, 5, false)]
    [InlineData("lengths and causal", DType.F16, 6, false)]
    public void Schedules_types_and_widths_of_places_give_the_bits_of_the_interpreter(string name, DType type, ulong seed, bool isWide) => Agree(name, type, seed, isStrict: true, isWide);

    /// <summary>Heads of 16 to 256 columns, of other widths for keys and for values.</summary>
    [Theory]
    [InlineData(16, 256)]
    [InlineData(256, 40)]
    public void Heads_of_many_columns_have_the_bits_of_the_interpreter(int width, int depth)
    {
        var c = new AttentionCase("wide", (1, 1, 66, width), (1, 66), depth) { Causal = true };
        var lowered = Lower(c, DType.F32);
        var arguments = c.Arguments(DType.F32);
        var expected = new ToyMachine(WrittenOut.Of(lowered)) { Exponential = x => Graph.Runtime.Cpu.VectorMath.Exp((float)x) }.Run("f", DimBinding.Empty, arguments);
        var actual = new EmulatedMachine(lowered, new() { Strict = false }).Run("f", DimBinding.Empty, arguments);
        for (var i = 0; i < expected.Length; i++) KernelTests.Same(expected[i], actual[i], $"{width} and {depth}, result {i}");
    }

    [PtxasTheory, MemberData(nameof(Modules))]
    public void The_assembler_takes_attention_without_spills(string name)
    {
        var functions = PtxTarget.Functions(Lower(Find(name), name == "mask" ? DType.BF16 : DType.F32), isWide: name == "grouped heads");
        foreach (var sm in PtxasCount.Targets)
        {
            var assembly = count.Assemble(PtxTarget.Module(functions), sm);
            Assert.True(assembly.Success, assembly.Log);
            Assert.All(assembly.Kernels, k => Assert.True(k.Registers is > 0 and <= 128 && k.SpillStores == 0 && k.SpillLoads == 0 && k.StackFrame == 0, assembly.Log));
        }
    }
}
