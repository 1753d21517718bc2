using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>Memory that a kernel works in beside its operands: packed operands, partial sums. It is a buffer of the launch alone, whose bytes follow from the launch's sizes, and the planner places it with the others.</summary>
/// <param name="Pointer">Which operand of the launch it is.</param>
/// <param name="Packing">How much it is.</param>
public sealed record Workspace(int Pointer, PackingModel Packing)
{
    public override string ToString() => $"p{Pointer} {Packing.Text}";
}
