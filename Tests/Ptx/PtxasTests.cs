using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using Graph.PtxEmulator;
using Xunit;

namespace Graph.Tests.Ptx;

/// <summary>A theory that needs NVIDIA's assembler, and is skipped where there is none.</summary>
public sealed class PtxasTheoryAttribute : TheoryAttribute
{
    public PtxasTheoryAttribute() => Skip = Ptxas.Find() is null ? "ptxas is not found: set PTXAS to the program or its folder, or put it on the path." : null!;
}

/// <summary>As <see cref="PtxasTheoryAttribute"/>, for one fact.</summary>
public sealed class PtxasFactAttribute : FactAttribute
{
    public PtxasFactAttribute() => Skip = new PtxasTheoryAttribute().Skip;
}

/// <summary>The tests that assemble, which share one count.</summary>
[CollectionDefinition(nameof(PtxasCount))]
public sealed class PtxasCollection : ICollectionFixture<PtxasCount>;

/// <summary>Counts what was assembled, and says so at the end: on the console, and in <c>ptxas.txt</c> beside the tests.</summary>
public sealed class PtxasCount : IDisposable
{
    public static readonly int[] Targets = [70, 75, 80, 86, 89, 90];
    int assembled;

    public Assembly Assemble(string text, int sm)
    {
        Interlocked.Increment(ref assembled);
        return Ptxas.Find()!.Assemble(text, sm);
    }

    public void Dispose()
    {
        var wanted = 2 + Emission.AssemblyTests.Count + Emission.AttentionKernelTests.Count + Emission.TensorAssemblyTests.Count + Emission.TensorAttentionTests.Count + Emission.Tf32Tests.Count + KernelCorpus.All.Sum(kernel => Targets.Count(sm => sm >= Parser.Parse(kernel.Text).Sm)); // the corpus, a module of types, one of constants, what is emitted
        var line = string.Create(CultureInfo.InvariantCulture, $"ptxas: {assembled} assembled, {(Ptxas.Find() is null ? wanted : 0)} skipped");
        Console.WriteLine(line);
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "ptxas.txt"), line + "\n");
    }
}

/// <summary>NVIDIA's assembler takes the corpus, so that it is PTX and not only what the emulator takes for it.</summary>
[Collection(nameof(PtxasCount))]
public sealed class PtxasTests(PtxasCount count)
{
    public static TheoryData<string> Names => CorpusTests.Names;

    [PtxasTheory, MemberData(nameof(Names))]
    public void The_assembler_takes_a_kernel_for_every_target(string name)
    {
        var kernel = KernelCorpus.Named(name);
        var module = Parser.Parse(kernel.Text);
        foreach (var sm in PtxasCount.Targets.Where(sm => sm >= module.Sm))
        {
            var assembly = count.Assemble(kernel.Text, sm);
            Assert.True(assembly.Success, assembly.Log);
            Assert.Equal(module.Functions.Where(function => function.IsEntry).Select(function => function.Name).Order(), assembly.Kernels.Select(k => k.Name).Order());
            Assert.All(assembly.Kernels, k => Assert.True(k.Registers > 0 && k.SpillStores == 0 && k.SpillLoads == 0, assembly.Log));
        }
    }

    [Fact]
    public void What_the_assembler_prints_is_read()
    {
        const string Log = """
            ptxas info    : 12 bytes gmem, 8 bytes cmem[3]
            ptxas info    : Compiling entry function 'first' for 'sm_90'
            ptxas info    : Function properties for first
                16 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads
            ptxas info    : Used 255 registers, used 1 barriers, 4224 bytes smem, 380 bytes cmem[0], 8 bytes cmem[2]
            ptxas info    : Compiling entry function 'second' for 'sm_90'
            ptxas info    : Function properties for helper
                96 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Function properties for second
                0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 10 registers, 356 bytes cmem[0]
            """;
        Assert.Equal([new KernelResources("first", 255, 16, 8, 4, 4224, 380), new KernelResources("second", 10, 0, 0, 0, 0, 356)], Ptxas.Parse(Log));
    }
}
