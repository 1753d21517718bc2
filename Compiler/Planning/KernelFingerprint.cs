using System;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Lowering;
using Graph.Compiler.Targets.CSharp;

namespace Graph.Compiler.Planning;

/// <summary>Names what was compiled, so that generated code, embedded programs and checkpoints can tell whether they belong together. Source lines and vector widths are no part of it.</summary>
public static class KernelFingerprint
{
    /// <summary>
    /// How generated code and the runtime fit together: the arguments of kernels and hooks, the members of the descriptor, the helpers that kernels call and what those compute. Raised with every change of
    /// them; an assembly of another version is refused when its model is made.
    /// </summary>
    public const int AbiVersion = 2;

    /// <summary>Of the kernels, in order, with the order of their sums: equal when the function table of generated code fits this program.</summary>
    public static string Of(LoweredProgram program) => Hash(Kernels(program));

    /// <summary>
    /// Of all that bits depend on: the scheduled program, its kernels with the order of their sums, how launches are cut, and what the machine and the runtime decide. Equal fingerprints give equal bits.
    /// </summary>
    /// <param name="program">What was compiled.</param>
    /// <param name="numerics">What the runtime's own kernels depend on: blocking, cuts, and whether multiply-adds are fused.</param>
    public static string OfPlan(LoweredProgram program, string numerics)
    {
        var text = new StringBuilder();
        // What a call needs is checked before it: its message and its line change no number.
        text.Append(ProgramPrinter.Print(program.Program with { Requirements = [], Ranges = [] }, origins: false)).Append(Kernels(program)).Append(numerics).Append('\n');
        foreach (var function in program.Functions)
            foreach (var launch in function.Launches) text.Append(launch.Title).Append(' ').Append(Cuts(launch)).Append('\n');
        return Hash(text.ToString());
    }

    static string Kernels(LoweredProgram program)
    {
        var text = new StringBuilder();
        text.Append("abi ").Append(AbiVersion.ToString(CultureInfo.InvariantCulture)).Append('\n');
        foreach (var kernel in program.Kernels) text.Append(kernel.Name).Append('\n').Append(kernel.Text).Append("  sums ").Append(Order(kernel)).Append('\n');
        return text.ToString();
    }

    // What is no loop is written by hand: its text says what there is to say.
    static string Order(Kernel kernel) => kernel is LoopKernel loop ? SummationOrder.Of(loop) : "as written";

    // The sizes that cut a reduction: a part of a sum is a unit of the extent, and its length is one of the sizes. How many units a thread takes at a time changes no bit.
    static string Cuts(Launch launch) => launch switch
    {
        LoopLaunch loop => $"{loop.Extent} [{string.Join(",", loop.Dims)}]",
        SegmentedLaunch segmented => string.Join("; ", segmented.Segments.Select(s => $"{s.Extent} [{string.Join(",", s.Dims)}]")),
        ContractLaunch contract => $"{string.Join("×", contract.Batch)} {contract.M}×{contract.N}×{contract.K}{(contract.Accumulate ? " onto" : "")}",
        ConvolutionLaunch convolution => convolution.Shape.ToString(),
        LibraryLaunch => "",
        RepeatLaunch repeat => $"{repeat.Count}{(repeat.Reverse ? " reversed" : "")}{(repeat.IsConditional ? " while" : "")} [{repeat.Length}]",
        _ => throw new NotSupportedException($"The launch {launch.Title} does not say how it is cut."),
    };

    static string Hash(string text)
    {
        using var sha = SHA256.Create();
        return string.Concat(sha.ComputeHash(Encoding.UTF8.GetBytes(text)).Take(16).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
