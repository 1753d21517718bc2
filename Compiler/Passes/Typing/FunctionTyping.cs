using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Passes.Typing;

/// <summary>
/// Types one function: each operation gets its operands in the type that its row of the table says (<see cref="TypePolicy"/>), by casts that say who wanted them. A value is cast to a type once; numbers of the source and
/// parameters have no type of their own and are made, or read, in the one that their reader wants.
/// </summary>
sealed partial class FunctionTyping
{
    readonly TypeScope scope;
    readonly Function old;
    readonly string path;
    readonly int declared;
    readonly Builder b;
    readonly Dictionary<Value, Value> made = [];
    readonly Dictionary<(Value, DType), Value> cast = [];
    readonly Dictionary<Value, Value> sources = []; // of casts
    readonly Readers readers;

    /// <param name="scope">The program.</param>
    /// <param name="old">The function, in 32 bits.</param>
    /// <param name="name">The name of what is made of it.</param>
    /// <param name="path">The module that the paths in it begin at.</param>
    /// <param name="parameters">The element types of its parameters.</param>
    /// <param name="declared">How many results, the first ones, keep the types that they were declared with; the others are what operations give, and who takes them goes on from there.</param>
    public FunctionTyping(TypeScope scope, Function old, string name, string path, ImmutableArray<DType> parameters, int declared)
    {
        (this.scope, this.path, this.declared) = (scope, path, declared);
        this.old = Composites.Replace(old, scope.Source, n => n.Operation.Policy(n) == TypePolicy.Parts);
        readers = new(scope, this.old);
        b = new(scope.Program, name);
        for (var i = 0; i < parameters.Length; i++)
            made[this.old.Parameters[i]] = b.Argument(this.old.Parameters[i].Type with { DType = parameters[i] }, this.old.Parameters[i].Name!);
    }

    public Function Run()
    {
        foreach (var node in old.Nodes)
        {
            using var _ = b.At(node.Origins);
            Type(node);
        }
        ImmutableArray<Value> given = [.. old.Results.Select((r, i) => i < declared ? As(r, r.DType, $"{Name(i)} is {r.DType.Name()}") : Natural(r))];
        return b.Build(given, [.. old.Updates.Select(u => new StateUpdate(u.Path, As(u.Value, scope.Source.FindState(u.Path)!.Type.DType, $"the state {u.Path} is {u.Value.DType.Name()}")))], old.ResultNames);
    }

    string Name(int result) => result < old.ResultNames.Length ? "the result " + old.ResultNames[result] : "the result";

    // Null: in 32 bits.
    DType? Narrow(Node node) => scope.Narrow(Origin(node));

    string Origin(Node node) => (node.Origins.IsEmpty ? new("", "") : node.Origins[0]).Under(path).Path;

    void Type(Node node)
    {
        if (readers.IsFlexible(node)) return; // made where it is read
        if (node.Operation.Kind == OpKind.Structure)
        {
            Structure(node);
            return;
        }
        var reals = node.Inputs.Where(v => v.DType.IsFloat()).ToArray();
        // What draws, counts and compares integers; and what the source computes in double precision, which is no less wanted in a model of 16 bits.
        if (reals.Length == 0 || reals.Any(v => v.DType == DType.F64))
        {
            Emit(node, [.. node.Inputs.Select(Natural)]);
            return;
        }
        var policy = node.Operation.Policy(node);
        var narrow = Narrow(node);
        if (narrow is null && (policy == TypePolicy.Narrow || node.Operation.Kind is not (OpKind.View or OpKind.Library))) policy = TypePolicy.Wide;
        switch (policy)
        {
            case TypePolicy.Narrow:
                In(narrow!.Value, $"{node.Name} takes {narrow.Value.Name()}");
                break;
            case TypePolicy.Wide:
                In(DType.F32, narrow is null ? "its module computes in f32" : $"{node.Name} computes in f32");
                break;
            case TypePolicy.Inside:
                var type = node.Operation.Kind == OpKind.Elementwise ? Widest(node, narrow) : Widest(node.Inputs[0], narrow);
                In(DType.F32, $"{node.Name} computes in f32");
                var value = made[node.Outputs[0]];
                if (type != DType.F32 && readers.WantGiven(node.Outputs[0])) made[node.Outputs[0]] = Cast(value, type, $"{node.Name} gives what it is given, {type.Name()}");
                break;
            case TypePolicy.Widest:
                var widest = Widest(node, narrow);
                In(widest, $"{node.Name} takes the widest of its operands, {widest.Name()}");
                break;
            default:
                throw new System.InvalidOperationException($"{node.Name} follows {policy}, which no operation of a function does by now.");
        }

        void In(DType type, string why) => Emit(node, [.. node.Inputs.Select(v => v.DType.IsFloat() ? As(v, type, why) : Natural(v))]);
    }

    // The widest type of what has one of its own. Numbers that the type cannot hold make it wider; parameters and numbers alone are in 16 bits where a parameter is among them.
    DType Widest(Node node, DType? narrow)
    {
        var reals = node.Inputs.Where(v => v.DType.IsFloat()).ToList();
        var own = reals.Where(v => !readers.IsFlexible(v)).Select(v => Natural(v).DType).ToList();
        var type = own.Count > 0 ? own.Aggregate(DTypes.Promote) : narrow is { } given && reals.Any(readers.IsParameter) ? given : DType.F32;
        return reals.Any(v => !readers.Fits(v, type)) ? DType.F32 : type;
    }

    DType Widest(Value value, DType? narrow) => !readers.IsFlexible(value) ? Natural(value).DType : readers.IsParameter(value) && narrow is { } given ? given : DType.F32;

    /// <summary>A value in the type that it has by itself.</summary>
    Value Natural(Value value) => readers.IsFlexible(value) ? As(value, value.DType, "") : made.TryGetValue(value, out var known) ? known : made[value] = b.State(scope.Source.FindState(value.State!)!);

    /// <summary>A value in a type.</summary>
    /// <param name="value">A value of the function as it was.</param>
    /// <param name="type">The element type.</param>
    /// <param name="why">Who wants it in that.</param>
    Value As(Value value, DType type, string why)
    {
        if (cast.TryGetValue((value, type), out var known)) return known;
        return cast[(value, type)] = readers.IsFlexible(value) ? Flexible(value, type, why) : Viewed(value, type, why) ?? Cast(Natural(value), type, why);
    }

    // All of a value under another shape or order is cast before it is viewed, so that every view of it shares the cast.
    Value? Viewed(Value value, DType type, string why)
    {
        if (value.Producer is not { Operation.Kind: OpKind.View, Inputs.Length: 1 } view || view.Inputs[0].Shape.Size != value.Shape.Size || Natural(value).DType == type) return null;
        var inner = As(view.Inputs[0], type, why);
        using var _ = b.At(view.Origins);
        return b.Node(view.Operation, [inner], view.Attributes).Output;
    }

    Value Flexible(Value value, DType type, string why)
    {
        if (!type.IsNarrowFloat() && type != DType.F32) return Cast(As(value, DType.F32, why), type, why);
        if (value.State is { } state)
        {
            var stored = scope.Stored(state);
            return stored.Type.DType == type ? b.State(stored) : type == DType.F32 ? Cast(b.State(stored), type, why) : b.State(scope.Copy(state, type));
        }
        using var _ = b.At(value.Producer!.Origins);
        if (value.TryConstant(out var number)) return b.Constant(number, type);
        if (value.TrySize(out var size)) return b.Size(size, type);
        return b.Node(value.Producer.Operation, [As(value.Producer.Inputs[0], type, why)], value.Producer.Attributes).Output;
    }

    // 32 bits that were 16 before are those 16.
    Value Cast(Value value, DType type, string why)
    {
        if (value.DType == type) return value;
        if (sources.TryGetValue(value, out var source) && source.DType == type && type.IsNarrowFloat()) return source;
        var made = b.Node("cast", [value], AttributeMap.Of(("dtype", type), ("why", why))).Output;
        sources.Add(made, value);
        return made;
    }

    void Emit(Node node, ImmutableArray<Value> inputs) => Emit(node, inputs, node.Attributes, node.Regions);

    void Emit(Node node, ImmutableArray<Value> inputs, AttributeMap attributes, ImmutableArray<Function> regions)
    {
        var copy = b.Node(node.Operation, inputs, attributes, regions);
        for (var i = 0; i < copy.Outputs.Length; i++) made[node.Outputs[i]] = copy.Outputs[i];
    }
}
