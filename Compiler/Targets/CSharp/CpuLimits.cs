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
            // Of an operation that does not say what it is, no kernel is made up.
            OpKind.View when node.Operation.View(node) is null => NoKernel(node),
            OpKind.Reduce when node.Operation.Reduce(node) is null => NoKernel(node),
            OpKind.Convolution when node.Operation.Convolution(node) is null => NoKernel(node),
            OpKind.Contract or OpKind.Convolution or OpKind.Library => node.Operation.Library(node) is { } traits ? Only(traits, node) : NoKernel(node),
            // A definition stays within the operands' types, in f32 and integers too.
            OpKind.Composite when node.Inputs.Any(v => v.DType == DType.F64) && Defined(node, program).Any(n => Refuse(n, program) is not null) => Only([DType.F32], node, [.. node.Inputs]),
            _ => null,
        };
    }

    static string NoKernel(Node node) => $"The CPU has no kernel for {node.Name}";

    static string? Only(LibraryTraits traits, Node node) =>
        node.Operation.Kind == OpKind.Library ? Only(traits.Types, node, node.Inputs[traits.Typed]) : Only(traits.Types, node, [.. node.Inputs, .. node.Outputs]);

    static string? Only(EquatableArray<DType> types, Node node, params Value[] values)
    {
        var other = values.FirstOrDefault(v => !types.Contains(v.DType));
        return other is null ? null
            : $"The CPU computes {node.Name} in {string.Join(" and ", types.Select(t => t.Name()))} alone, but got {other.DType.Name()}: Cast(ElementType.{types[types.Length - 1].Name().ToUpperInvariant()}) converts it";
    }

    static IEnumerable<Node> Defined(Node node, Program program)
    {
        var builder = new Builder(program, node.Name);
        node.Operation.Define(builder, node);
        return builder.Nodes;
    }
}
