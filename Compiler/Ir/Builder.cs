using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;

namespace Graph.Compiler.Ir;

/// <summary>Builds a function node by node; types are inferred as nodes are added.</summary>
public sealed class Builder(Program program, string name)
{
    readonly ImmutableArray<Value>.Builder parameters = ImmutableArray.CreateBuilder<Value>();
    readonly ImmutableArray<Value>.Builder states = ImmutableArray.CreateBuilder<Value>();
    Dictionary<string, Value>? byPath; // of states, once one is looked for
    readonly ImmutableArray<Node>.Builder nodes = ImmutableArray.CreateBuilder<Node>();
    ImmutableArray<Origin> origins = [];
    string prefix = ""; // of the paths of origins

    public OperationSet Operations { get; } = program.Operations;

    /// <summary>The program that calls are resolved in.</summary>
    public Program Program { get; internal set; } = program;

    public string Name { get; } = name;

    /// <summary>The nodes so far.</summary>
    public IReadOnlyList<Node> Nodes => nodes;

    public Value Argument(TensorType type, string argumentName) => Argument(Value.Argument(type, argumentName));

    public Value Argument(Value argument)
    {
        parameters.Add(argument);
        return argument;
    }

    /// <summary>The incoming value of a state, one value a path.</summary>
    public Value State(StateDecl state) => FindState(state.Path) ?? AddState(Value.OfState(state));

    /// <summary>A state value of another function's, under the same path and type.</summary>
    public Value State(Value state) => FindState(state.State!) ?? AddState(new Value(state.Type, null, state.State));

    /// <summary>A state value of another function's, whose path has none here yet.</summary>
    internal Value NewState(Value state) => AddState(new Value(state.Type, null, state.State));

    Value? FindState(string path)
    {
        if (byPath is null)
        {
            byPath = new(states.Count, StringComparer.Ordinal);
            foreach (var state in states) byPath.Add(state.State!, state);
        }
        return byPath.TryGetValue(path, out var known) ? known : null;
    }

    Value AddState(Value value)
    {
        states.Add(value);
        byPath?.Add(value.State!, value);
        return value;
    }

    /// <summary>Nodes added until the result is disposed carry these origins.</summary>
    public Scope At(ImmutableArray<Origin> place)
    {
        var scope = new Scope(this, origins, prefix);
        origins = prefix.Length == 0 || place.IsEmpty ? place : [.. place.Select(o => o.Under(prefix))];
        return scope;
    }

    /// <summary>Origins given until the result is disposed are those of a function that is called on the module at <paramref name="path"/>.</summary>
    public Scope Under(string path)
    {
        var scope = new Scope(this, origins, prefix);
        prefix = new Origin("", path).Under(prefix).Path;
        return scope;
    }

    public Scope At(Origin place) => At([place]);

    /// <summary>Restores the origins that were in force before.</summary>
    public readonly struct Scope(Builder builder, ImmutableArray<Origin> before, string prefix) : IDisposable
    {
        public void Dispose() => (builder.origins, builder.prefix) = (before, prefix);
    }

    /// <exception cref="ShapeException">The operands do not fit.</exception>
    public Node Node(Operation operation, ImmutableArray<Value> inputs, AttributeMap? attributes = null, ImmutableArray<Function> regions = default)
    {
        attributes ??= AttributeMap.Empty;
        if (regions.IsDefault) regions = [];
        var operands = new TensorType[inputs.Length];
        for (var i = 0; i < operands.Length; i++) operands[i] = inputs[i].Type;
        var types = operation.Infer(new(ImmutableCollectionsMarshal.AsImmutableArray(operands), attributes, regions, Program));
        var node = new Node(operation, inputs, attributes, regions, types, origins);
        nodes.Add(node);
        return node;
    }

    /// <summary>Applies a node's operation to other operands of the same types.</summary>
    internal Node Again(Node node, ImmutableArray<Value> inputs)
    {
        var types = new TensorType[node.Outputs.Length];
        for (var i = 0; i < types.Length; i++) types[i] = node.Outputs[i].Type;
        var copy = new Node(node.Operation, inputs, node.Attributes, node.Regions, ImmutableCollectionsMarshal.AsImmutableArray(types), origins);
        nodes.Add(copy);
        return copy;
    }

    public Node Node(string operation, ImmutableArray<Value> inputs, AttributeMap? attributes = null, ImmutableArray<Function> regions = default) =>
        Node(Operations[operation], inputs, attributes, regions);

    /// <summary>
    /// The results of a call in the modelling language: numbers, which are <c>constant</c>s and <c>dimension</c>s without a <c>dtype</c>, take the element type of the tensors that they are combined with,
    /// and the operation brings its attributes to the form of the IR (<see cref="Operation.Emit"/>); names of attributes go from camelCase to snake_case.
    /// </summary>
    /// <exception cref="ShapeException">The operands do not fit.</exception>
    public ImmutableArray<Value> Apply(Operation operation, ImmutableArray<Value> operands, AttributeMap attributes)
    {
        var before = nodes.Count;
        var results = operation.Emit(this, operation.Kind == OpKind.Elementwise || operation.AdoptsNumbers ? Adopt(operands) : operands, SnakeCase(attributes));
        for (var i = before; i < nodes.Count; i++)
            foreach (var rule in nodes[i].Operation.SizeRules(nodes[i]))
                if (rule.Size.Range(Program.Dims).Max < rule.Least) throw new ShapeException(rule.What + Bounds(rule.Size), rule.Id);
        return results;
    }

    // The upper bounds that make a size impossible.
    string Bounds(Dim size)
    {
        var known = size.Symbols.Select(s => Program.Dims.FirstOrDefault(d => d.Name == s)).Where(d => d is not null).Select(d => FormattableString.Invariant($"{d!.Name} is at most {d.Max}")).ToArray();
        return known.Length == 0 ? "" : ": " + string.Join(" and ", known);
    }

    static AttributeMap SnakeCase(AttributeMap attributes)
    {
        foreach (var pair in attributes.All)
            if (pair.Key.Any(char.IsUpper))
                attributes = attributes.Without(pair.Key).With(string.Concat(pair.Key.Select(c => char.IsUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString())), pair.Value);
        return attributes;
    }

    public ImmutableArray<Value> Apply(string operation, ImmutableArray<Value> operands, AttributeMap? attributes = null) =>
        Apply(Operations[operation], operands, attributes ?? AttributeMap.Empty);

    // A literal, or a size that is a number only when the model is called.
    static bool IsNumber(Value v) => v.Producer is { } p && p.Operation.IsUntyped(p.Attributes);

    ImmutableArray<Value> Adopt(ImmutableArray<Value> operands)
    {
        if (!operands.Any(IsNumber)) return operands;
        // A condition's bool says nothing about the numbers beside it.
        var types = operands.Where(v => !IsNumber(v) && v.DType != DType.Bool).Select(v => v.DType).ToArray();
        if (types.Length == 0) return operands;
        var type = types.Aggregate(DTypes.Promote);
        return [.. operands.Select(v => IsNumber(v) ? Adopt(v, type) : v)];
    }

    // An integer stays one until it meets a float; one that the others' integers cannot hold stays an i64, to which they are promoted.
    Value Adopt(Value number, DType type)
    {
        if (number.TrySize(out var size))
        {
            var (min, max) = size.Range(Program.Dims);
            return type.IsFloat() || (Holds(type, min) && Holds(type, max)) ? Size(size, type) : number;
        }
        if (!number.TryConstant(out var value)) throw new InvalidOperationException($"{number.Producer} is neither a number nor a size, and yet of no element type.");
        return type.IsFloat() || (!number.DType.IsFloat() && Holds(type, value)) ? Constant(value, type) : number;
    }

    /// <summary>Whether a double, as which the numbers of programs are kept, holds the integer exactly.</summary>
    public static bool IsExact(long whole) => (double)whole is < 9223372036854775808.0 and var real && (long)real == whole;

    static bool Holds(DType type, double value) => type switch
    {
        DType.I64 => true,
        _ => type.Range() is var (least, greatest) && value >= least && value <= greatest,
    };

    /// <summary>The only result of an operation.</summary>
    public Value Emit(string operation, ImmutableArray<Value> inputs, params (string Name, Attr Value)[] attributes) => Node(operation, inputs, AttributeMap.Of(attributes)).Output;

    public Function Build(ImmutableArray<Value> results, ImmutableArray<StateUpdate> updates = default, ImmutableArray<string> resultNames = default) =>
        new(Name, parameters.ToImmutable(), states.ToImmutable(), nodes.ToImmutable(), results, updates.IsDefault ? [] : updates, resultNames);

    // The primitives that gradients, composites and passes are written with.

    public Value Constant(double value, DType type) => Emit("constant", [], ("value", value), ("dtype", type));

    /// <summary>A size as a number: a constant, or what the named dimensions make of it in each call.</summary>
    public Value Size(Dim size, DType type) => size.TryConstant(out var value) ? Constant(value, type) : Emit("dimension", [], ("size", new Attr.List([size])), ("dtype", type));
    public Value ConstantLike(double value, Value like) => Constant(value, like.DType);
    public Value Full(double value, TensorType type) => Expand(Constant(value, type.DType), type.Shape);
    public Value Zeros(TensorType type) => Full(0, type);

    public Value Add(Value a, Value b) => Emit("add", [a, b]);
    public Value Sub(Value a, Value b) => Emit("sub", [a, b]);
    public Value Mul(Value a, Value b) => Emit("mul", [a, b]);
    public Value Div(Value a, Value b) => Emit("div", [a, b]);
    public Value Neg(Value a) => Emit("neg", [a]);
    public Value Exp(Value a) => Emit("exp", [a]);
    public Value Log(Value a) => Emit("log", [a]);
    public Value Sqrt(Value a) => Emit("sqrt", [a]);
    public Value Rsqrt(Value a) => Emit("rsqrt", [a]);
    public Value Tanh(Value a) => Emit("tanh", [a]);
    public Value Maximum(Value a, Value b) => Emit("maximum", [a, b]);
    public Value Minimum(Value a, Value b) => Emit("minimum", [a, b]);
    public Value Equal(Value a, Value b) => Emit("equal", [a, b]);
    public Value Less(Value a, Value b) => Emit("less", [a, b]);
    public Value LessEqual(Value a, Value b) => Emit("less_equal", [a, b]);
    public Value Where(Value condition, Value yes, Value no) => Emit("where", [condition, yes, no]);
    public Value Cast(Value a, DType type) => a.DType == type ? a : Emit("cast", [a], ("dtype", type));
    public Value Iota(Shape shape, int axis, DType type = DType.I64) => Emit("iota", [], ("shape", shape), ("axis", axis), ("dtype", type));

    /// <summary>Sum along axes; <paramref name="keep"/> leaves them with size 1.</summary>
    public Value Sum(Value x, IEnumerable<int> axes, bool keep) => Reduce("sum", x, axes, keep);
    public Value Max(Value x, IEnumerable<int> axes, bool keep) => Reduce("max", x, axes, keep);
    public Value Sum(Value x, int axis, bool keep) => Sum(x, [axis], keep);
    public Value Max(Value x, int axis, bool keep) => Max(x, [axis], keep);

    Value Reduce(string operation, Value x, IEnumerable<int> axes, bool keep)
    {
        var list = axes.Select(a => x.Shape.Axis(a)).OrderBy(a => a).ToArray();
        return list.Length == 0 ? x : Emit(operation, [x], ("axes", list), ("keep", keep));
    }

    public Value Reshape(Value x, Shape shape) => x.Shape == shape ? x : Emit("reshape", [x], ("shape", shape));

    public Value Transpose(Value x, IReadOnlyList<int> order) => order.SequenceEqual(Enumerable.Range(0, order.Count)) ? x : Emit("transpose", [x], ("order", order.ToArray()));

    /// <summary>Broadcasts to a larger shape, aligned at the last axis.</summary>
    public Value Expand(Value x, Shape shape) => x.Shape == shape ? x : Emit("expand", [x], ("shape", shape));

    /// <summary>Elements <paramref name="start"/> to <paramref name="end"/> (exclusive) along an axis.</summary>
    public Value Slice(Value x, int axis, Dim start, Dim end) => start.Is(0) && end == x.Shape[axis] ? x : Emit("slice", [x], ("axis", axis), ("start", new Attr.List([start])), ("end", new Attr.List([end])));

    /// <summary>Batched matrix product [..., m, k] · [..., k, n] with broadcast batch axes; both operands have rank 2 or more.</summary>
    public Value MatMul(Value a, Value b) => Emit("matmul", [a, b]);

    /// <summary>The last two axes swapped.</summary>
    public Value TransposeLast(Value x)
    {
        var order = Enumerable.Range(0, x.Shape.Rank).ToArray();
        (order[order.Length - 1], order[order.Length - 2]) = (order[order.Length - 2], order[order.Length - 1]);
        return Transpose(x, order);
    }

    /// <summary>Sums a gradient over the axes along which <paramref name="shape"/> was broadcast.</summary>
    public Value SumTo(Value gradient, Shape shape)
    {
        if (gradient.Shape == shape) return gradient;
        var extra = gradient.Shape.Rank - shape.Rank;
        var axes = Enumerable.Range(0, gradient.Shape.Rank).Where(a => a < extra || (shape[a - extra].Is(1) && !gradient.Shape[a].Is(1)));
        return Reshape(Sum(gradient, axes, keep: false), shape);
    }

    /// <summary>Applies a rule of the program to many parameters (<see cref="UpdateOperation"/>).</summary>
    public Node Update(string rule, ImmutableArray<Value> inputs) => Node(StructureOperations.Update, inputs, AttributeMap.Of(("callee", rule)));

    /// <summary>Calls a function of the program.</summary>
    public Node Call(string callee, ImmutableArray<Value> inputs) => Node(StructureOperations.Call, inputs, AttributeMap.Of(("callee", callee)));
}
