using System;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels;
using Graph.Compiler.Lowering;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Operations;
using Graph.Tests.Mixed;
using Graph.Yardsticks;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>NVIDIA's assembler takes the products of the yardsticks in float16 for every card with tensor cores, and spills no register: in the forms of typical sizes for all of them, in every form for one.</summary>
[Collection(nameof(PtxasCount))]
public sealed class TensorAssemblyTests(PtxasCount count)
{
    static readonly int[] Targets = [80, 86, 89, 90];

    static readonly (string Name, Func<ModelIr> Ir)[] Models = [("mlp", () => Mlp.Ir), ("cnn", () => Cnn.Ir), ("nanogpt", () => NanoGpt.Ir), ("resnet18", () => ResNet18.Ir), ("gpt2", () => Gpt2.Ir)];

    public static TheoryData<string> Names => [.. Models.Select(m => m.Name)];

    /// <summary>Modules that are assembled.</summary>
    public static int Count => Models.Length * Targets.Length + 1;

    internal static LoweredProgram Lower(string name) =>
        Lowerer.Lower(CompilerPipeline.Run(MixedModel.In(ProgramParser.Parse(Models.Single(m => m.Name == name).Ir().Elaborated, OperationTable.Set), Precisions.Float16), KnownTargets.Ptx));

    [PtxasTheory, MemberData(nameof(Names))]
    public void The_assembler_takes_a_models_products_for_every_card_with_tensor_cores(string name)
    {
        var program = Lower(name);
        var typical = DimBinding.Typical(program.Dims);
        var launched = program.Functions.SelectMany(f => f.Launches).SelectMany(l => PtxLaunches.Of(l, typical, PtxVariant.TensorCores)).Where(l => l.Variant.HasTensorCores).Select(l => l.Function).ToHashSet(StringComparer.Ordinal);
        Assert.NotEmpty(launched);
        var all = PtxTarget.TensorFunctions(program);
        Assert.Superset(launched, all.Select(f => f.Name).ToHashSet(StringComparer.Ordinal));
        foreach (var sm in Targets) Assembled([.. all.Where(f => launched.Contains(f.Name))], sm);
        if (name == "nanogpt") Assembled(all, 80);
    }

    void Assembled(ImmutableArray<PtxTarget.Function> functions, int sm)
    {
        var assembly = count.Assemble(PtxTarget.Module(functions, PtxVariant.TensorCores), sm);
        Assert.True(assembly.Success, assembly.Log);
        Assert.Equal(functions.Select(f => f.Name).Order(), assembly.Kernels.Select(k => k.Name).Order());
        Assert.All(assembly.Kernels, k => Assert.True(k.Registers > 0 && k.SpillStores == 0 && k.SpillLoads == 0 && k.StackFrame == 0, assembly.Log));
    }
}
