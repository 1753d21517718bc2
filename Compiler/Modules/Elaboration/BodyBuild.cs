using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>The body of a loop, or a side of a branch, while it is built: a function of its own. A tensor from around it becomes an operand.</summary>
/// <param name="around">The function that it is in, or the body around it.</param>
abstract class BodyBuild(FunctionBuild around) : FunctionBuild(new(around.Builder.Program, "body"), around.IsTraining, null, keepsStates: false)
{
    readonly HashSet<Value> own = [];
    readonly HashSet<string> names = [];
    readonly Dictionary<Value, Value> captured = [];
    int known; // nodes whose results are in own

    /// <summary>The function that it is in.</summary>
    public FunctionBuild Around { get; } = around;

    /// <summary>What was captured, and what it is there.</summary>
    protected List<(Value Inside, Value Outside)> Invariants { get; } = [];

    /// <summary>The states that were read or written, with what they were at the beginning.</summary>
    protected List<(Handle Handle, Value Inside, Value Outside)> States { get; } = [];

    /// <summary>A parameter of the body.</summary>
    public Value Argument(TensorType type, string name)
    {
        var unique = name;
        for (var i = 1; !names.Add(unique); i++) unique = name + i.ToString(CultureInfo.InvariantCulture);
        var value = Value.Argument(type, unique);
        own.Add(value);
        return value;
    }

    /// <summary>Whether a tensor is the body's own.</summary>
    protected bool IsOwn(Value value)
    {
        for (; known < Builder.Nodes.Count; known++) own.UnionWith(Builder.Nodes[known].Outputs);
        return own.Contains(value);
    }

    public override Value Own(Value value)
    {
        if (IsOwn(value)) return value;
        if (captured.TryGetValue(value, out var inside)) return inside;
        // A number is cheaper to make than to read.
        if (value is { Shape.Rank: 0, Producer: { Operation.Kind: OpKind.Elementwise, Inputs.IsEmpty: true } number }) inside = Builder.Node(number.Operation, [], number.Attributes).Output;
        else
        {
            var outside = Around.Own(value);
            inside = Argument(value.Type, value.State ?? value.Name ?? "x");
            Invariants.Add((inside, outside));
        }
        return captured[value] = inside;
    }

    public override Value? Seed => Around.Seed is { } seed ? Own(seed) : null;

    public override Value? Iteration => Around.Iteration is { } iteration ? Own(iteration) : null;

    public override string? Maker(Value value) => base.Maker(value) ?? Around.Maker(value);

    public override string Stream(string path) => Around.Stream(path);

    public override Value Read(Handle handle)
    {
        if (handle.Kind is StateKind.Parameter or StateKind.Constant) return Own(Around.Read(handle));
        if (!Current.TryGetValue(handle, out var value))
        {
            Current[handle] = value = Argument(handle.Type, handle.Path!);
            States.Add((handle, value, Around.Read(handle)));
        }
        return value;
    }

    public override void Write(Handle handle, Value value)
    {
        Read(handle);
        base.Write(handle, value);
    }

    /// <summary>Everything that belongs to the body: no use to anybody outside.</summary>
    public IEnumerable<Value> Values => own.Concat(Builder.Nodes.SelectMany(n => n.Outputs));

    /// <summary>The body as a function. Numbers that met no other element type get their own.</summary>
    protected Function Region(IEnumerable<Value> parameters, IEnumerable<Value> results)
    {
        Function body = new("body", [.. parameters], [], [.. Builder.Nodes], [.. results], []);
        var rewriter = Rewriter.Over(Builder.Program, body);
        foreach (var node in body.Nodes) rewriter.Emit(node, node.Operation.IsUntyped(node.Attributes) ? node.Attributes.With("dtype", node.Output.DType) : node.Attributes, node.Regions);
        return rewriter.Finish(body);
    }
}
