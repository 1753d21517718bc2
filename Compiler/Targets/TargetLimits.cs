using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets;

/// <summary>What a target computes. Elaboration asks, so that what it does not compute is an error at the user's expression and never reaches lowering.</summary>
public abstract class TargetLimits
{
    /// <summary>Why there are no tensors of this element type; null when there are.</summary>
    public abstract string? Refuse(DType type);

    /// <summary>Why a node of a program, at any stage of the compiler, cannot be computed; null when it can.</summary>
    public abstract string? Refuse(Node node, Program program);
}
