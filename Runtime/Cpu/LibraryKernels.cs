using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;

namespace Graph.Runtime.Cpu;

/// <summary>
/// The processor's kernels of library operations. Each file of this class implements some of them and says so itself, in a field: nothing here changes for a new one.
/// </summary>
static unsafe partial class LibraryKernels
{
    // Without an initializer: the fields of the other files may be initialized before or after it.
    static Dictionary<string, Action<LibraryCall>>? writers;

    /// <summary>Says how the calls of an operation's kernel are written.</summary>
    /// <param name="operation">The operation's name.</param>
    /// <param name="write">Fills in the call that the kernel reads and starts it.</param>
    /// <exception cref="ArgumentException">The operation has a kernel already.</exception>
    static string Implement(string operation, Action<LibraryCall> write)
    {
        (writers ??= new(StringComparer.Ordinal)).Add(operation, write);
        return operation;
    }

    /// <summary>Writes the call of the kernel that implements an operation.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static void Write(string operation, LibraryCall call)
    {
        RuntimeHelpers.RunClassConstructor(typeof(LibraryKernels).TypeHandle);
        if (writers is null || !writers.TryGetValue(operation, out var write)) throw new NotSupportedException($"The processor has no kernel for the operation {operation}.");
        write(call);
    }
}
