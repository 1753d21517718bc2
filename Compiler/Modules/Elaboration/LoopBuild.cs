using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// The body of a loop while it is built. A tensor from around the loop becomes an operand that is the same in all iterations; a state is a carry, for whether the body assigns it is known at its end.
/// </summary>
/// <param name="around">The function that the loop is in, or the body of the loop around it.</param>
sealed class LoopBuild(FunctionBuild around) : FunctionBuild(new(around.Builder.Program, "body"), around.IsTraining, null, keepsStates: false)
{
    readonly HashSet<Value> own = [];
    readonly HashSet<string> names = [];
    readonly Dictionary<Value, Value> captured = [];
    readonly List<(Value Inside, Value Outside)> invariants = [];
    readonly List<(Handle Handle, Value Inside, Value Outside)> states = [];
    readonly List<(Value Inside, Value Whole)> slices = [];
    readonly Dictionary<(Value, int), Value> sliced = [];
    int known; // nodes whose results are in own

    /// <summary>The function that the loop is in.</summary>
    public FunctionBuild Around { get; } = around;

    /// <summary>What <see cref="Slice"/> gave.</summary>
    public IReadOnlyList<(Value Inside, Value Whole)> Slices => slices;

    /// <summary>A parameter of the body.</summary>
    public Value Argument(TensorType type, string name)
    {
        var unique = name;
        for (var i = 1; !names.Add(unique); i++) unique = name + i.ToString(CultureInfo.InvariantCulture);
        var value = Value.Argument(type, unique);
        own.Add(value);
        return value;
    }

    bool IsOwn(Value value)
    {
        for (; known < Builder.Nodes.Count; known++) own.UnionWith(Builder.Nodes[known].Outputs);
        return own.Contains(value);
    }

    /// <summary>What belongs to an iteration of a tensor from around the loop, without the axis; null for a tensor of the loop itself.</summary>
    /// <param name="value">The tensor.</param>
    /// <param name="axis">The axis that is gone along.</param>
    /// <param name="first">The element of the first iteration.</param>
    /// <param name="count">How many iterations there are.</param>
    public Value? Slice(Value value, int axis, Dim first, Dim count)
    {
        if (IsOwn(value)) return null;
        if (sliced.TryGetValue((value, axis), out var known)) return known;
        var b = Around.Builder;
        var whole = b.Slice(Around.Own(value), axis, first, first + count);
        whole = b.Transpose(whole, [axis, .. Enumerable.Range(0, whole.Shape.Rank).Where(i => i != axis)]);
        var inside = Argument(whole.Type.With(whole.Shape.Remove(0)), value.Name ?? "slice");
        slices.Add((inside, whole));
        return sliced[(value, axis)] = inside;
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
            invariants.Add((inside, outside));
        }
        return captured[value] = inside;
    }

    public override Value? Seed => Around.Seed is { } seed ? Own(seed) : null;

    public override string? Flat => Around.Flat;

    public override string? Maker(Value value) => base.Maker(value) ?? Around.Maker(value);

    public override string Stream(string path) => Around.Stream(path);

    public override Value Read(Handle handle)
    {
        if (handle.Kind == StateKind.Parameter) return Own(Around.Read(handle));
        if (!Current.TryGetValue(handle, out var value))
        {
            Current[handle] = value = Argument(handle.Type, handle.Path!);
            states.Add((handle, value, Around.Read(handle)));
        }
        return value;
    }

    public override void Write(Handle handle, Value value)
    {
        Read(handle);
        base.Write(handle, value);
    }

    /// <summary>Everything that belongs to an iteration: no use to anybody outside.</summary>
    public IEnumerable<Value> Values => own.Concat(Builder.Nodes.SelectMany(n => n.Outputs));

    /// <summary>Adds the loop to the function around it and gives its carries and stacks there.</summary>
    /// <param name="index">The parameter that is the iteration's number.</param>
    /// <param name="carries">Parameters, what they begin with and what an iteration makes of them.</param>
    /// <param name="slices">Parameters, and the tensors along whose leading axis they go.</param>
    /// <param name="stacks">What is kept of every iteration.</param>
    /// <param name="count">How many iterations there are.</param>
    /// <param name="reverse">From the last to the first.</param>
    public (ImmutableArray<Value> Carries, ImmutableArray<Value> Stacks) Close(
        Value index, IReadOnlyList<(Value Inside, Value Start, Value Next)> carries, IReadOnlyList<(Value Inside, Value Whole)> slices, IReadOnlyList<Value> stacks, Dim count, bool reverse)
    {
        var all = carries.Concat(states.Select(s => (s.Inside, s.Outside, Current[s.Handle]))).ToList();
        ImmutableArray<Value> parameters = [index, .. all.Select(c => c.Item1), .. slices.Select(s => s.Inside), .. invariants.Select(i => i.Inside)];
        var body = Typed(new("body", parameters, [], [.. Builder.Nodes], [.. all.Select(c => c.Item3), .. stacks], []));
        ImmutableArray<Value> operands = [.. all.Select(c => c.Item2), .. slices.Select(s => s.Whole), .. invariants.Select(i => i.Outside)];
        var attributes = AttributeMap.Of(("carries", all.Count), ("scanned", slices.Count), ("count", new Attr.List([count])));
        if (reverse) attributes = attributes.With("reverse", true);
        var loop = Around.Builder.Node(StructureOperations.Loop, operands, attributes, [body]);
        foreach (var handle in Written) Around.Write(handle, loop.Outputs[carries.Count + states.FindIndex(s => s.Handle == handle)]);
        return ([.. loop.Outputs.Take(carries.Count)], [.. loop.Outputs.Skip(all.Count)]);
    }

    // Numbers that met no other element type get their own.
    Function Typed(Function body)
    {
        var rewriter = Rewriter.Over(Builder.Program, body);
        foreach (var node in body.Nodes) rewriter.Emit(node, node.Operation.IsUntyped(node.Attributes) ? node.Attributes.With("dtype", node.Output.DType) : node.Attributes, node.Regions);
        return rewriter.Finish(body);
    }
}
