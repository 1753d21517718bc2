using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Emission;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>The GPU's kernels as a module of PTX: <see cref="PtxTarget"/>.</summary>
public sealed class PtxEmitter : ITargetEmitter
{
    public string Target => KnownTargets.Ptx.Name;

    public TargetCode Emit(LoweredProgram program, TargetModel target, string nameSpace, string className) => new("", PtxTarget.Emit(program, target.MultipliesInTf32 ? PtxVariant.Tf32 : PtxVariant.TensorCores));
}
