using System.Collections.Immutable;

namespace Graph.Compiler.Ir;

/// <summary>One tensor in a function: an argument, the incoming value of a state, or the result of a node. Compared by identity.</summary>
public sealed class Value
{
    internal Value(TensorType type, string? name, string? state)
    {
        Type = type;
        Name = name;
        State = state;
    }

    public TensorType Type { get; }
    public Shape Shape => Type.Shape;
    public DType DType => Type.DType;

    /// <summary>An argument's name; null for results and states.</summary>
    public string? Name { get; }

    /// <summary>The path of the state whose incoming value this is; null otherwise.</summary>
    public string? State { get; }

    /// <summary>The node that computes it; null for arguments and states.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>Which of the producer's results it is.</summary>
    public int Index { get; internal set; }

    /// <summary>
    /// The order in which the axes lie in memory, outermost first; empty is row-major. Set by the layout pass so that a later transposition costs nothing.
    /// </summary>
    public ImmutableArray<int> Order { get; internal set; } = [];

    /// <summary>Strides in elements under <see cref="Order"/>.</summary>
    public ImmutableArray<Dim> Strides
    {
        get
        {
            if (Order.IsEmpty) return Shape.Strides;
            var strides = new Dim[Shape.Rank];
            var stride = Dim.One;
            for (var i = Order.Length - 1; i >= 0; i--)
            {
                strides[Order[i]] = stride;
                stride *= Shape[Order[i]];
            }
            return [.. strides];
        }
    }

    public static Value Argument(TensorType type, string name) => new(type, name, null);

    public static Value OfState(StateDecl state) => new(state.Type, null, state.Path);

    public override string ToString() => (State is { } path ? "@" + path : Name ?? "%?") + " : " + Type;
}
