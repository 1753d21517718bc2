using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Space;

namespace Graph.Compiler.Passes.Scheduling;

/// <summary>
/// Which memory the values of a function lie in: arguments, results and states are the caller's and cost nothing, views lie in what they look at, everything else takes
/// memory for as long as it lives. Sizes are those of one binding.
/// </summary>
sealed class Storage
{
    readonly Dictionary<Value, int> root = [];
    readonly Dictionary<Value, ImmutableArray<Dim>> strides = [];
    readonly List<long> bytes = [];

    /// <param name="function">The function.</param>
    /// <param name="binding">Null when only aliases matter: then every size is 0.</param>
    public Storage(Function function, DimBinding? binding)
    {
        foreach (var value in function.Parameters.Concat(function.States)) Add(value, 0);
        var external = External(function);
        foreach (var node in function.Nodes)
        {
            if (node.Operation.Kind == OpKind.View && Views.Strides(node, strides[node.Inputs[0]]) is { IsDefault: false } through)
            {
                root.Add(node.Output, root[node.Inputs[0]]);
                strides.Add(node.Output, through);
                continue;
            }
            foreach (var output in node.Outputs) Add(output, binding is null || external.Contains(output) ? 0 : output.Type.BytesAt(binding));
        }
    }

    /// <summary>The number of memories.</summary>
    public int Count => bytes.Count;

    /// <summary>The memory that a value lies in.</summary>
    public int this[Value value] => root[value];

    public long Bytes(int storage) => bytes[storage];

    /// <summary>True for a node that does nothing at run time: its result lies in its operand's memory.</summary>
    public bool IsAlias(Node node) => node.Operation.Kind == OpKind.View && root[node.Output] == root[node.Inputs[0]];

    void Add(Value value, long size)
    {
        root.Add(value, bytes.Count);
        strides.Add(value, value.Strides);
        bytes.Add(size);
    }

    // Results are written where the caller wants them, new states over the old ones; a reshape between does not change that.
    static HashSet<Value> External(Function function)
    {
        var external = new HashSet<Value>();
        foreach (var value in function.Roots) external.Add(Writer(value));
        return external;
    }

    /// <summary>The value that is written to memory when this one is: itself, or what it reshapes.</summary>
    public static Value Writer(Value value)
    {
        while (value.Producer is { } producer && producer.Operation.View(producer) is ViewMap.Regrouped) value = producer.Inputs[0];
        return value;
    }

    /// <summary>
    /// Whether a result may take over an operand's memory, element by element: scalar arithmetic on a value of the same size.
    /// </summary>
    public static bool IsInPlace(Node node) =>
        node.Operation.Kind == OpKind.Elementwise || (node.Operation == StructureOperations.Fused && node.Attributes.Text("archetype") == "map");
}
