using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir.Reference;
using Graph.Compiler.Kernels;
using Graph.Compiler.Passes;
using Graph.Compiler.Targets;
using Graph.Compiler;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Compiler.Modules.Elaboration;
using Graph.Operations;
using Graph.Tests.Property;
using Xunit;

namespace Graph.Tests.Lowering;

/// <summary>Random programs, compiled: emitted kernels against the reference interpreter.</summary>
public class RandomLoweringTests
{
    static readonly DimBinding Rows = DimBinding.Empty.With("B", 3);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Emitted_kernels_agree_with_the_reference(int seed)
    {
        var source = RandomProgram.Make(seed);
        var compiled = CompilerPipeline.Run(source, KnownTargets.Cpu, verify: true).Final;
        var lowered = Lowerer.Lower(compiled, KnownTargets.Cpu);
        var kernels = KernelAssembly.Compile(lowered.Kernels);
        var (arguments, states) = RandomProgram.Values(source, seed, Rows, DType.F32);
        var expected = new Interpreter(source, float64: false).Run("loss", arguments, states, Rows).Results[0];
        var actual = TestExecutor.Run(lowered, kernels, "loss", arguments, states, Rows).Results[0];
        Assert.True(Math.Abs(expected[0] - actual[0]) <= 1e-4 * Math.Max(1, Math.Abs(expected[0])), $"{expected[0]} but {actual[0]}\n{compiled}\n{KernelDump.Print(lowered)}\n{kernels.Source}");
        var others = TestExecutor.Run(lowered, kernels, "loss", arguments, states, Rows, grainFactor: 0.01).Results[0];
        Assert.Equal(actual[0], others[0]);
    }
}
