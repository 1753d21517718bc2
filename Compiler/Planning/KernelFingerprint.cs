using System;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Lowering;

namespace Graph.Compiler.Planning;

/// <summary>Names what was compiled, so that generated code, embedded programs and checkpoints can tell whether they belong together.</summary>
public static class KernelFingerprint
{
    /// <summary>Of the kernels, in order, and of how many there are: equal when the function table of generated code fits this program.</summary>
    public static string Of(LoweredProgram program)
    {
        var text = new StringBuilder();
        foreach (var kernel in program.Kernels) text.Append(kernel.Name).Append('\n').Append(kernel.Text).Append('\n');
        return Hash(text.ToString());
    }

    /// <summary>Of the scheduled program and its kernels, without source lines: equal fingerprints give equal bits on machines with equal vectors.</summary>
    public static string OfPlan(LoweredProgram program) => Hash(ProgramPrinter.Print(program.Program, origins: false) + Of(program));

    static string Hash(string text)
    {
        using var sha = SHA256.Create();
        return string.Concat(sha.ComputeHash(Encoding.UTF8.GetBytes(text)).Take(16).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
