using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir.Reference;

/// <summary>Rebuilds a program with every float type as f64, for the reference values that everything else is compared with.</summary>
public static class FloatWidening
{
    public static Program Widen(Program program)
    {
        var states = program.States.Select(s => s with { Type = Widen(s.Type) }).ToImmutableArray();
        var result = program with { States = states, Functions = [] };
        // Functions come callee first, so that a call finds the widened callee.
        foreach (var function in program.Functions)
            result = result with { Functions = result.Functions.Add(Widen(function, result)) };
        return result;
    }

    static TensorType Widen(TensorType type) => type.DType.IsFloat() ? type with { DType = DType.F64 } : type;

    static Function Widen(Function function, Program program)
    {
        var rewriter = new Rewriter(program, function.Name);
        foreach (var p in function.Parameters) rewriter.Map[p] = rewriter.Builder.Argument(Widen(p.Type), p.Name!);
        foreach (var s in function.States) rewriter.Map[s] = rewriter.Builder.State(program.FindState(s.State!)!);
        foreach (var node in function.Nodes)
        {
            var attributes = node.Attributes.DType("dtype") is { } t && t.IsFloat() ? node.Attributes.With("dtype", DType.F64) : node.Attributes;
            rewriter.Emit(node, attributes, [.. node.Regions.Select(r => Widen(r, program))]);
        }
        return rewriter.Finish(function);
    }
}
