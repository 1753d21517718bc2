using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

/// <summary>The library's kernels by operation: how a launch's attributes and shapes become the sizes that its kernel reads.</summary>
static unsafe class LibraryCalls
{
    static readonly Dictionary<string, nint> Kernels = new(StringComparer.Ordinal);

    /// <summary>The kernel of an operation.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static delegate*<WorkerPool, void**, long*, void> Find(Node node) => Kernels.TryGetValue(node.Name, out var address)
        ? (delegate*<WorkerPool, void**, long*, void>)address
        : throw new NotSupportedException($"The processor has no kernel for the operation {node.Name}.");

    /// <summary>The sizes that the kernel gets, in its order.</summary>
    public static ImmutableArray<Dim> Dims(LibraryLaunch launch) => [.. launch.Shapes.SelectMany(s => s)];
}
