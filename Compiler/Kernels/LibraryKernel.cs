using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Kernels;

/// <summary>A kernel that every target brings for itself, under its operation's name: pools, gathers, scans.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Operation">The operation's name.</param>
/// <param name="Attributes">The operation's attributes.</param>
/// <param name="Inputs">How many of the operands are inputs; the others are outputs.</param>
/// <param name="Types">The storage type of each operand.</param>
public sealed record LibraryKernel(string Name, string Operation, AttributeMap Attributes, int Inputs, ImmutableArray<DType> Types) : Kernel(Name)
{
    public override bool IsGenerated => false;

    public override string Text =>
        $"library {Operation}\n  ({string.Join(",", Types.Take(Inputs).Select(t => t.Name()))}) -> ({string.Join(",", Types.Skip(Inputs).Select(t => t.Name()))})\n{(Attributes.Count == 0 ? "" : $"  {Attributes}\n")}";
}
