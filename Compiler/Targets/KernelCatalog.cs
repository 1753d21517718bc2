using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets;

/// <summary>
/// The operations for which a target brings kernels of its own: products, convolutions and what the library computes. Everything else is generated from kernel values and needs no entry.
/// </summary>
/// <param name="IsWhole">It has all that there are, in all types that the operations name; nothing is listed then.</param>
/// <param name="Kernels">What it has when it does not have all.</param>
public sealed record KernelCatalog(bool IsWhole, EquatableArray<OwnKernel> Kernels)
{
    /// <summary>Of a target that has every kernel.</summary>
    public static KernelCatalog Whole { get; } = new(true, []);

    /// <summary>Of a target that has these kernels and no others, so that an operation which is added later is refused until the target has it.</summary>
    public static KernelCatalog Of(IEnumerable<OwnKernel> kernels) => new(false, kernels.ToEquatableArray());

    /// <summary>Whether there is a kernel for a node of such an operation.</summary>
    /// <param name="node">The node.</param>
    /// <param name="type">The element type that its operation names kernels by.</param>
    public bool Has(Node node, DType type) => IsWhole || Kernels.Any(k => k.Operation == node.Operation.Name && k.Types.Contains(type));

    /// <summary>The types that an operation's kernels are for; none when there is no kernel.</summary>
    public EquatableArray<DType> TypesOf(Operation operation) => Kernels.Where(k => k.Operation == operation.Name).SelectMany(k => k.Types).ToEquatableArray();

    /// <summary>Its entries as text.</summary>
    public string Text => string.Join(" ", Kernels.Select(k => k.Operation + ":" + string.Join(",", k.Types.Select(t => t.Name()))));
}

/// <summary>That a target has kernels for an operation.</summary>
/// <param name="Operation">The operation's name.</param>
/// <param name="Types">The element types that it has them for: those of the operand that <see cref="LibraryTraits.Typed"/> names.</param>
public sealed record OwnKernel(string Operation, EquatableArray<DType> Types);
