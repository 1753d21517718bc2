using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Typing;

/// <summary>Who reads the values of a function, in the types that it had before any were assigned.</summary>
sealed class Readers
{
    readonly TypeScope scope;
    readonly Dictionary<Value, List<Node>> nodes = [];
    readonly Dictionary<Value, Value?> roots = [];

    public Readers(TypeScope scope, Function function)
    {
        this.scope = scope;
        foreach (var node in function.Nodes)
            foreach (var input in node.Inputs.Distinct())
                if (nodes.TryGetValue(input, out var known)) known.Add(node);
                else nodes.Add(input, [node]);
    }

    IEnumerable<Node> Of(Value value) => nodes.TryGetValue(value, out var found) ? found : [];

    /// <summary>Whether a value has no type of its own: a number of the source, a parameter, a view of either. It is made, or read, in the type that a reader wants.</summary>
    public bool IsFlexible(Value value) => Root(value) is not null;

    /// <summary>Whether all that a node gives is flexible.</summary>
    public bool IsFlexible(Node node) => node.Outputs.Length == 1 && IsFlexible(node.Output);

    /// <summary>Whether a flexible value is a parameter or a view of one.</summary>
    public bool IsParameter(Value value) => Root(value) is { State: not null };

    // What a flexible value is a view of; null for all others.
    Value? Root(Value value)
    {
        if (roots.TryGetValue(value, out var known)) return known;
        Value? root = null;
        if (value.DType == DType.F32)
        {
            if (value.State is { } path) root = scope.Source.FindState(path)!.Kind == StateKind.Parameter ? value : null;
            else if (value.Producer is { } node)
                root = node.Operation.Kind == OpKind.View && node.Inputs.Length == 1 ? Root(node.Inputs[0]) : value.TryConstant(out _) || value.TrySize(out _) ? value : null;
        }
        return roots[value] = root;
    }

    /// <summary>Whether a type holds a number of the source as it is meant: it neither overflows nor vanishes. Everything else fits.</summary>
    public bool Fits(Value value, DType type)
    {
        if (!type.IsNarrowFloat() || Root(value) is not { State: null } root) return true;
        var (least, most) = type == DType.F16 ? (Math.Pow(2, -14), 65504) : (Math.Pow(2, -126), 3.38e38);
        return root.TryConstant(out var number) ? number == 0 || double.IsInfinity(number) || double.IsNaN(number) || Math.Abs(number) is var size && size >= least && size <= most
            : !root.TrySize(out var dim) || dim.Range(scope.Source.Dims).Max <= most;
    }

    /// <summary>Whether some reader wants a value in the type that its maker was given, and not in 32 bits. What nobody but the caller reads stays as it was declared.</summary>
    public bool WantGiven(Value value) => Of(value).Any(n => n.Operation.Kind == OpKind.View ? WantGiven(n.Output) : n.Operation.Policy(n) != TypePolicy.Wide);

    /// <summary>Whether some reader of a region's parameter, or of a view of it, wants 16 bits.</summary>
    public bool WantNarrow(Value value) => Of(value).Any(n => n.Operation.Kind == OpKind.View ? n.Outputs.Any(WantNarrow) : n.Operation.Policy(n) is not (TypePolicy.Wide or TypePolicy.Inside));
}
