using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Lowering;

/// <summary>Who reads what in a function, and in which order: collected once, for it is asked for every state.</summary>
sealed class Uses
{
    readonly Dictionary<Node, int> position = [];
    readonly Dictionary<Value, List<Node>> readers = [];

    public Uses(Function function, Program program)
    {
        LastThatMayThrow = -1;
        for (var i = 0; i < function.Nodes.Length; i++)
        {
            var node = function.Nodes[i];
            position.Add(node, i);
            if (MayThrow(node, program)) LastThatMayThrow = i;
            foreach (var input in node.Inputs.Distinct())
            {
                if (!readers.TryGetValue(input, out var list)) readers.Add(input, list = []);
                list.Add(node);
            }
        }
    }

    readonly Dictionary<string, bool> throwing = []; // called functions

    bool MayThrow(Node node, Program program)
    {
        if (Callees.Of(node) is not { } callee) return node.Operation.MayThrow(node, program);
        if (!throwing.TryGetValue(callee, out var may)) throwing.Add(callee, may = node.Operation.MayThrow(node, program));
        return may;
    }

    /// <summary>The number of the last node that may end by an exception; -1 when none may.</summary>
    public int LastThatMayThrow { get; }

    /// <summary>The node's number in the function.</summary>
    public int Position(Node node) => position[node];

    /// <summary>The nodes that read a value, in their order.</summary>
    public IReadOnlyList<Node> Readers(Value value) => readers.TryGetValue(value, out var list) ? list : [];
}
