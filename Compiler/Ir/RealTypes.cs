using System;
using System.Collections.Immutable;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Rebuilds a program with other types of reals: the same computation, of another precision. Integers, bools and the order of everything stay.</summary>
public static class RealTypes
{
    /// <summary>With every float as f64: for the reference values that everything else is compared with.</summary>
    public static Program Widened(Program program) => Replaced(program, t => t.IsFloat() ? DType.F64 : t);

    /// <summary>
    /// With f64 where it has f32, for a model that is trained in double precision: arguments, states, constants, random numbers and what is computed of them. What the source casts to 16 bits stays that.
    /// </summary>
    public static Program InDouble(Program program) => Replaced(program, t => t == DType.F32 ? DType.F64 : t);

    static Program Replaced(Program program, Func<DType, DType> real)
    {
        var states = program.States.Select(s => s with { Type = Of(s.Type, real) }).ToImmutableArray();
        var result = program with { States = states, Functions = [] };
        // Functions come callee first, so that a call finds the new callee.
        foreach (var function in program.Functions)
            result = result with { Functions = result.Functions.Add(Replaced(function, result, real)) };
        return result;
    }

    static TensorType Of(TensorType type, Func<DType, DType> real) => type with { DType = real(type.DType) };

    static Function Replaced(Function function, Program program, Func<DType, DType> real)
    {
        var rewriter = new Rewriter(program, function.Name);
        foreach (var p in function.Parameters) rewriter.Map[p] = rewriter.Builder.Argument(Of(p.Type, real), p.Name!);
        foreach (var s in function.States) rewriter.Map[s] = rewriter.Builder.State(program.FindState(s.State!)!);
        foreach (var node in function.Nodes)
        {
            if (MakesReals(node)) Widen(node, rewriter, real(node.Output.DType));
            else rewriter.Emit(node, node.Attributes.DType("dtype") is { } type ? node.Attributes.With("dtype", real(type)) : node.Attributes, [.. node.Regions.Select(r => Replaced(r, program, real))]);
        }
        return rewriter.Finish(function);
    }

    // Whether f32 comes of integers by the operation alone: a quotient, a root, where no operand and no attribute says how precise. The integers of a random number are no numbers to compute with.
    static bool MakesReals(Node node) =>
        node.Operation is ElementwiseOperation operation && !operation.Expression(node).Ordered().Any(s => s.Op == ScalarOp.Uniform) && node is { Outputs.Length: 1, Inputs.Length: > 0 } && node.Output.DType == DType.F32 && !node.Attributes.Has("dtype") && node.Inputs.All(v => !v.DType.IsFloat());

    static void Widen(Node node, Rewriter rewriter, DType real)
    {
        var b = rewriter.Builder;
        using var _ = b.At(node.Origins);
        var operands = rewriter.New(node.Inputs);
        rewriter.Map[node.Output] = b.Node(node.Operation, [.. operands.Select(v => v.DType == DType.Bool ? v : b.Cast(v, real))], node.Attributes).Output;
    }
}
