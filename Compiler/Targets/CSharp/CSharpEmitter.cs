using Graph.Compiler.Kernels;
using Graph.Compiler.Targets.Emission;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>The processor's kernels as a class of C#: <see cref="CSharpTarget"/>.</summary>
public sealed class CSharpEmitter : ITargetEmitter
{
    public string Target => KnownTargets.Cpu.Name;

    public TargetCode Emit(LoweredProgram program, TargetModel target, string nameSpace, string className) => new(CSharpTarget.Emit(program, target, nameSpace, className), "");
}
