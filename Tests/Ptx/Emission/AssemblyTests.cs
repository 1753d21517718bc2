using System.Linq;
using Graph.Compiler.Targets.Ptx;
using Graph.Nn;
using Graph.Tests.Targets;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>NVIDIA's assembler takes what is emitted for models, for every card, and spills no register.</summary>
[Collection(nameof(PtxasCount))]
public sealed class AssemblyTests(PtxasCount count)
{
    static readonly string[] Names = ["mlp"];

    public static TheoryData<string> Models => [.. Names];

    /// <summary>Modules that are assembled.</summary>
    public static int Count => Names.Length * PtxasCount.Targets.Length;

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
}
