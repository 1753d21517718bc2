using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Cuda;

namespace Graph.Gpu;

/// <summary>The kernels of several programs as one module of each variant, which a driver compiles at once: functions have the number of their program in front.</summary>
sealed class CardModule : IDisposable
{
    readonly Dictionary<PtxVariant, nint> modules = [];

    /// <param name="driver">The card, which is disposed with the module.</param>
    /// <param name="programs">Lowered for cards.</param>
    /// <param name="variant">The variant that they run in, which the card has to take.</param>
    public CardModule(ICudaDriver driver, IReadOnlyList<LoweredProgram> programs, PtxVariant variant)
    {
        (Driver, Variant) = (driver, variant);
        modules[PtxVariant.Portable] = driver.Load(PtxTarget.Module(All(programs, p => PtxTarget.Functions(p))));
        if (!variant.HasTensorCores) return;
        modules[PtxVariant.TensorCores] = driver.Load(PtxTarget.Module(All(programs, p => PtxTarget.TensorFunctions(p)), PtxVariant.TensorCores));
    }

    public ICudaDriver Driver { get; }

    static IEnumerable<PtxTarget.Function> All(IReadOnlyList<LoweredProgram> programs, Func<LoweredProgram, IEnumerable<PtxTarget.Function>> functions) => programs.SelectMany((program, number) => functions(program).Select(f =>
        f with { Name = NameOf(number, f.Name), Text = f.Text.Replace($".entry {f.Name}(", $".entry {NameOf(number, f.Name)}(", StringComparison.Ordinal) }));

    static string NameOf(int program, string function) => FormattableString.Invariant($"p{program}_{function}");

    /// <summary>The variant that the programs run in.</summary>
    public PtxVariant Variant { get; }

    /// <summary>A kernel of a program.</summary>
    public nint Function(int program, PtxLaunch call) => Driver.Function(modules[call.Variant], NameOf(program, call.Function));

    public void Dispose()
    {
        Driver.Synchronize();
        foreach (var module in modules.Values) Driver.Unload(module);
        Driver.Dispose();
    }
}
