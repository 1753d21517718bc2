using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Emission;

/// <summary>What the folder of a target brings to a build: it writes the kernels of a lowered program as code. A pure function of its arguments, which runs inside of the C# compiler.</summary>
public interface ITargetEmitter
{
    /// <summary>The <see cref="TargetModel.Name"/> of the target that it writes for.</summary>
    string Target { get; }

    /// <summary>The code of a program's kernels.</summary>
    /// <param name="program">The program, lowered for <paramref name="target"/>.</param>
    /// <param name="target">The machine.</param>
    /// <param name="nameSpace">The namespace of C# that stands beside the model's class; empty for the global one.</param>
    /// <param name="className">The name that a class of it may have: no other class of the assembly has it.</param>
    /// <exception cref="System.NotSupportedException">A kernel has something that the target does not know; the message names the kernel and what it is.</exception>
    TargetCode Emit(LoweredProgram program, TargetModel target, string nameSpace, string className);
}

/// <summary>What an emitter writes.</summary>
/// <param name="Source">C# that is compiled with the model; empty for none.</param>
/// <param name="Text">Code in the target's own language, which lies in the assembly, packed, for the runtime of the target to read; empty for none.</param>
public sealed record TargetCode(string Source, string Text);
