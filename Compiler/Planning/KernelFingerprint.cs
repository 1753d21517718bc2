using System;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Planning;

/// <summary>Names what was compiled, so that generated code, embedded programs and checkpoints can tell whether they belong together. Source lines and vector widths are no part of it.</summary>
public static class KernelFingerprint
{
    /// <summary>
    /// How generated code and the runtime fit together: the arguments of kernels and hooks, the members of the descriptor, the helpers that kernels call and what those compute. Raised with every change of
    /// them; an assembly of another version is refused when its model is made.
    /// </summary>
    public const int AbiVersion = 13;

    /// <summary>
    /// Of all that bits depend on: the kernels with the order of their sums, every launch with its operands and sizes, the version of the calling convention, and what the machine and the runtime decide.
    /// Equal fingerprints give equal bits. How launches are shared among threads, source lines and the checks before a call are no part of it.
    /// </summary>
    /// <param name="program">What was compiled.</param>
    /// <param name="numerics">What the runtime's own kernels depend on: blocking, cuts, and whether multiply-adds are fused.</param>
    public static string OfPlan(LoweredProgram program, string numerics)
    {
        var text = new StringBuilder();
        text.Append("abi ").Append(AbiVersion.ToString(CultureInfo.InvariantCulture)).Append('\n').Append(new LoweredWriter(origins: false).Write(program));
        return Hash(text.Append(numerics).Append('\n').ToString());
    }

    static string Hash(string text)
    {
        using var sha = SHA256.Create();
        return string.Concat(sha.ComputeHash(Encoding.UTF8.GetBytes(text)).Take(16).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
