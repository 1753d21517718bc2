using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Graph.Compiler.Kernels;

/// <summary>A lowered program as text: launches with their operands, then the kernels.</summary>
public static class KernelDump
{
    public static string Print(LoweredProgram program)
    {
        var text = new StringBuilder();
        foreach (var function in program.Functions) Print(function, text);
        foreach (var kernel in program.Kernels) text.Append('\n').Append(kernel);
        return text.ToString();
    }

    public static string Print(LoweredFunction function)
    {
        var text = new StringBuilder();
        Print(function, text);
        return text.ToString();
    }

    static void Print(LoweredFunction function, StringBuilder text)
    {
        var ends = new Stack<int>(); // of the loops and branches around a launch
        text.Append("launches of ").Append(function.Name).Append('\n');
        foreach (var buffer in function.Buffers.Where(b => b.Kind == BufferKind.Arena))
            text.Append("  ").Append(buffer).Append(" : ").Append(Ir.DTypes.Name(buffer.DType)).Append('[').Append(Elements(function, buffer)).Append("]  ; ").Append(buffer.Name).Append('\n');
        for (var i = 0; i < function.Launches.Length; i++)
        {
            while (ends.Count > 0 && i > ends.Peek()) ends.Pop();
            text.Append(' ', 2 * ends.Count);
            Print(function.Launches[i], i, text);
            if (function.Launches[i] is RepeatLaunch repeat) ends.Push(i + repeat.Length);
            if (function.Launches[i] is BranchLaunch branch) ends.Push(i + branch.Then + branch.Else);
        }
    }

    // How many a workspace has follows from the sizes of the launch that works in it, in another way than by a polynomial.
    static string Elements(LoweredFunction function, Buffer buffer) =>
        function.Launches.FirstOrDefault(l => l.Workspace is { Pointer: { } pointer } && l.Operands[pointer].Buffer == buffer) switch
        {
            ContractLaunch c => "packing of " + Sizes(c),
            ConvolutionLaunch { Shape: var s } => $"packing of {s.Batch}×{s.Channels}×{s.Height}×{s.Width} by {s.Filters}×{s.KernelHeight}×{s.KernelWidth}",
            _ => buffer.Elements.ToString(),
        };

    static string Sizes(ContractLaunch c) => $"{c.M}×{c.N}×{c.K}" + (c.Batch.Any(b => !b.Is(1)) ? " batch " + string.Join("×", c.Batch.Where(b => !b.Is(1))) : "");

    static void Print(Launch launch, int index, StringBuilder text)
    {
        text.Append("  ").Append(index).Append(' ').Append(launch.Title);
        switch (launch)
        {
            case LoopLaunch l: text.Append(" over ").Append(l.Extent).Append(" by ").Append(l.Grain); break;
            case SegmentedLaunch s: text.Append(" over ").Append(s.Segments.Length).Append(" segments by ").Append(s.Grain); break;
            case BranchLaunch b: text.Append(": ").Append(b.Then).Append(" launches or ").Append(b.Else); break;
            case RepeatLaunch r:
                text.Append(' ').Append(r.Count).Append(" times ").Append(r.Index).Append(r.Reverse ? " from the last" : "").Append(r.IsConditional ? $" while {Place(r.Condition!)}" : "").Append(": ").Append(r.Length).Append(" launches");
                break;
            case ContractLaunch c:
                text.Append(' ').Append(Sizes(c));
                break;
        }
        text.Append(" (").Append(string.Join(", ", launch.Operands.Where(o => !o.IsWritten).Select(Place))).Append(") → ").Append(string.Join(", ", launch.Operands.Where(o => o.IsWritten).Select(Place)));
        if (launch.InPlace.Length > 0) text.Append(" in place ").Append(string.Join(", ", launch.InPlace.Select(p => Place(launch.Operands[p.Written]) + " over " + Place(launch.Operands[p.Read])).Distinct()));
        text.Append('\n');
    }

    static string Place(Operand operand) => operand.Offset.Is(0) ? operand.Buffer.ToString() : operand.Buffer + "+" + operand.Offset;
}
