using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>
/// Memory that a kernel works in beside its operands: packed operands, partial sums. What its threads share is a buffer of the launch alone, whose bytes follow from the launch's sizes, and the planner places it with
/// the others; what each has for itself lies beside the arena.
/// </summary>
/// <param name="Pointer">Which operand of the launch the shared memory is; null when its threads share nothing, at any sizes.</param>
/// <param name="Packing">How much it is.</param>
public sealed record Workspace(int? Pointer, PackingModel Packing)
{
    public override string ToString() => (Pointer is { } pointer ? "p" + pointer.ToString(System.Globalization.CultureInfo.InvariantCulture) : "alone") + " " + Packing.Text;
}
