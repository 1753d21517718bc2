using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>
/// The element types of the CPU's kernels: generated loops compute in every type but f16 and bf16, products, convolutions and the library's kernels of real numbers in f32 alone.
/// </summary>
public sealed class CpuLimits : TargetLimits
{
    CpuLimits()
    {
    }

    /// <summary>The only one.</summary>
    public static CpuLimits Instance { get; } = new();

    public override string? Refuse(DType type) => type is DType.F16 or DType.BF16 ? $"The CPU does not compute in {type.Name()} yet: use {DType.F32.Name()}" : null;

    public override string? Refuse(Node node, Program program)
    {
        foreach (var value in node.Inputs.Concat(node.Outputs))
            if (Refuse(value.DType) is { } reason) return reason;
        foreach (var inner in node.Regions.SelectMany(r => r.Nodes))
            if (Refuse(inner, program) is { } reason) return reason;
        return node.Operation.Kind switch
        {
            // What lowering and the runtime know by name; of a name that they do not, no kernel is made up.
            OpKind.View when node.Name is not ("reshape" or "transpose" or "slice" or "expand") => NoKernel(node),
            OpKind.Reduce when node.Name is not ("sum" or "max" or "min") => NoKernel(node),
            OpKind.Contract when node.Name is not "matmul" => NoKernel(node),
            OpKind.Convolution when node.Name is not ("conv2d" or "conv2d_grad_input" or "conv2d_grad_weight") => NoKernel(node),
            OpKind.Library when !Library.Contains(node.Name) => NoKernel(node),
            OpKind.Contract or OpKind.Convolution => OnlyF32(node, [.. node.Inputs, .. node.Outputs]),
            // These move elements or compare them, whatever they are; these add up real numbers.
            OpKind.Library when node.Name is "concat" or "pad" or "gather" or "argmax" => null,
            OpKind.Library when node.Name is "gather_grad" or "cumsum" && node.Inputs[0].DType == DType.F64 => null,
            OpKind.Library => OnlyF32(node, node.Inputs[0]),
            // A definition stays within the operands' types, in f32 and integers too.
            OpKind.Composite when node.Inputs.Any(v => v.DType == DType.F64) && Defined(node, program).Any(n => Refuse(n, program) is not null) => OnlyF32(node, [.. node.Inputs]),
            _ => null,
        };
    }

    static readonly HashSet<string> Library =
        ["concat", "pad", "gather", "gather_grad", "argmax", "cumsum", "embedding", "embedding_grad", "max_pool2d", "max_pool2d_grad", "avg_pool2d", "avg_pool2d_grad"];

    static string NoKernel(Node node) => $"The CPU has no kernel for {node.Name}";

    static string? OnlyF32(Node node, params Value[] values)
    {
        var other = values.FirstOrDefault(v => v.DType != DType.F32);
        return other is null ? null : $"The CPU computes {node.Name} in f32 alone, but got {other.DType.Name()}: Cast(ElementType.F32) converts it";
    }

    static IEnumerable<Node> Defined(Node node, Program program)
    {
        var builder = new Builder(program, node.Name);
        node.Operation.Define(builder, node);
        return builder.Nodes;
    }
}
