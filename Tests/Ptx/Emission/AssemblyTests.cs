using System.Linq;
using Graph.Compiler.Targets.Ptx;
using Graph.Nn;
using Graph.Runtime.Cuda;
using Graph.Tests.Targets;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>NVIDIA's assembler takes what is emitted for models, for every card, and spills no register.</summary>
[Collection(nameof(PtxasCount))]
public sealed class AssemblyTests(PtxasCount count)
{
    static readonly string[] Names = ["mlp", "cnn", "nanogpt", "resnet18", "gpt2"];

    public static TheoryData<string> Models => [.. Names];

    /// <summary>Modules that are assembled.</summary>
    public static int Count => Names.Length * PtxasCount.Targets.Length;

    /// <summary>Worked out by hand from the limits in NVIDIA's programming guide.</summary>
    [Theory]
    [InlineData(70, 32, 256, 0, 64, "warps")]
    [InlineData(80, 64, 256, 16640, 32, "registers")]
    [InlineData(86, 40, 128, 0, 48, "warps")]
    [InlineData(90, 128, 256, 99328, 16, "registers")]
    [InlineData(75, 32, 64, 8192, 16, "shared memory")]
    [InlineData(89, 16, 32, 0, 24, "blocks")]
    public void Occupancy_follows_the_published_formulas(int sm, int registers, int threads, int shared, int warps, string limiter)
    {
        var occupancy = PtxOccupancy.Of(sm, registers, threads, shared);
        Assert.Equal((warps, limiter), (occupancy.Warps, occupancy.Limiter));
    }

    [PtxasTheory, MemberData(nameof(Models))]
    public void The_assembler_takes_a_model_for_every_target(string name)
    {
        var program = KernelTests.Lower(Elaboration.Elaborate.With(typeof(Yardsticks.BasicBlock).Assembly, ToyModels.Source(name)).Program);
        var (text, functions) = (PtxTarget.Emit(program), PtxTarget.Functions(program));
        foreach (var sm in PtxasCount.Targets)
        {
            var assembly = count.Assemble(text, sm);
            Assert.True(assembly.Success, assembly.Log);
            Assert.Equal(functions.Select(f => f.Name).Order(), assembly.Kernels.Select(k => k.Name).Order());
            Assert.All(assembly.Kernels, k => Assert.True(k.Registers > 0 && k.SpillStores == 0 && k.SpillLoads == 0 && k.StackFrame == 0, assembly.Log));
        }
    }

    /// <summary>Cards that have tensor cores load a second module, whose kernels are in the table; a card of the machine's own says how many registers they take.</summary>
    [Fact]
    public void The_table_has_the_modules_that_the_card_loads()
    {
        foreach (var (card, modules) in new[] { (Sm.T4, "sm_70"), (Sm.H100, "sm_70 sm_80") })
        {
            CudaDrivers.Substitute = _ => new EmulatedDriver { Capability = (int)card };
            try
            {
                var table = Graph.Examples.Digits.DigitReader.IrIn(Precision.Float16).Occupancy(card);
                Assert.Equal("driver", table.RegistersFrom);
                Assert.Equal(modules, string.Join(' ', table.Kernels.Select(k => k.Module).Distinct()));
                Assert.All(table.Kernels, k => Assert.Equal(EmulatedDriver.RegistersOfThread, k.Registers));
                Assert.Equal(card == Sm.H100, table.ToString().Contains("  sm_80 ", System.StringComparison.Ordinal));
            }
            finally
            {
                CudaDrivers.Substitute = null;
            }
        }
    }

    /// <summary>A model's own table: the formulas on what the assembler says; without it nothing is made up.</summary>
    [Fact]
    public void A_models_occupancy_is_a_table_of_its_kernels()
    {
        AssertOccupancy(Graph.Examples.Digits.DigitReader.Ir.Occupancy(Sm.H100));
        // In 16 bits the second module's kernels are there, where the card has tensor cores.
        var table = Graph.Killable.NoisyParts.Ir.Occupancy(Sm.H100);
        AssertOccupancy(table);
        Assert.Contains(table.Kernels, k => k.Kernel.Contains("x64_a", System.StringComparison.Ordinal) || k.Kernel.Contains("x16_a", System.StringComparison.Ordinal));
        Assert.DoesNotContain(Graph.Killable.NoisyParts.Ir.Occupancy(Sm.T4).Kernels, k => k.Kernel.Contains("x64_a", System.StringComparison.Ordinal) || k.Kernel.Contains("x16_a", System.StringComparison.Ordinal));
    }

    static void AssertOccupancy(OccupancyTable table)
    {
        Assert.NotEmpty(table.Kernels);
        Assert.All(table.Kernels, k => Assert.True(k.Threads is > 0 and <= 1024 && k.SharedBytes <= 99 * 1024, k.ToString()));
        if (Graph.PtxEmulator.Ptxas.Find() is null) Assert.All(table.Kernels, k => Assert.Null(k.Warps));
        else
            Assert.All(table.Kernels, k =>
            {
                var expected = PtxOccupancy.Of(90, k.Registers!.Value, k.Threads, k.SharedBytes);
                Assert.Equal((expected.Warps, expected.Limiter), (k.Warps, k.Limiter));
            });
        Assert.Equal(Graph.PtxEmulator.Ptxas.Find() is null ? "unknown" : "ptxas", table.RegistersFrom);
        Assert.Contains(table.Kernels[0].Kernel, table.ToString(), System.StringComparison.Ordinal);
    }
}
