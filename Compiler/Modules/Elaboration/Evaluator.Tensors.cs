using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>Tensors: operations, parameters, states, initializers.</summary>
sealed partial class Evaluator
{
    FunctionBuild? function;

    /// <summary>The function that operations add to; null while the model is constructed.</summary>
    public FunctionBuild? Function
    {
        get => function;
        set => function = value;
    }

    object? Operate(OperationExpression e, Scope scope)
    {
        if (!operations.TryGet(e.Operation, out var operation))
            throw Fail(DiagnosticIds.Missing, e.Location, $"There is no operation named {e.Operation} in this version of the compiler.");
        // A number waits for what it is combined with.
        if (operation.IsUntyped(AttributeMap.Empty) && e.Operands.IsEmpty && e.Attributes.Count == 1)
        {
            var value = Evaluate(e.Attributes[0].Value, scope);
            return value is DimValue or IterationValue ? Tensor(value, e.Location) : Scalar(value, e.Location);
        }
        if (operations.TryGet(e.Operation, out var picking) && Picked(e, picking, scope) is { } slice) return slice;
        Builder(e.Location);
        var attributes = AttributeMap.Empty;
        var numbers = new List<(long Number, Location Location)>();
        var operands = new List<(Ir.Value Value, Expression Expression)>(e.Operands.Count);
        Expression? missing = null;
        var isSound = true;
        foreach (var operand in e.Operands)
        {
            try
            {
                // Nothing stands for what is left out at the end, a bias for example; with something behind it the others would take each other's place.
                var value = Evaluate(operand, scope);
                if (value is null) missing ??= operand;
                else if (missing is not null && !operation.TellsOperands) throw IsNull(missing, $"{e.Operation} is given a tensor that is null, and another one behind it.");
                else AddOperand(operands, value, operand);
            }
            catch (Exception failure) when (GoesOn(failure))
            {
                // One operand says nothing about the next.
                Keep(failure);
                isSound = false;
            }
        }
        foreach (var attribute in e.Attributes)
            if (!TryEvaluate(attribute.Value, scope, out var value)) isSound = false;
            else if (value is not null)
            {
                attributes = attributes.With(attribute.Name, Attribute(attribute, value));
                numbers.AddRange(Places(attribute.Value, value));
            }
        if (!isSound) throw new PoisonedException();
        return Apply(operation, operands, attributes, numbers, e.Location);
    }

    /// <summary>The whole numbers of an attribute, each at its own expression where it has one.</summary>
    static IEnumerable<(long, Location)> Places(Expression expression, object value) => value switch
    {
        ArrayValue array when expression is CollectionExpression collection && collection.Elements.Count == array.Items.Length =>
            array.Items.Zip(collection.Elements, (item, element) => (item, element)).Where(p => Numbers.IsInteger(p.item)).Select(p => (Numbers.ToBits(p.item!), p.element.Location)),
        _ => Numbers.IsInteger(value) ? [(Numbers.ToBits(value), expression.Location)] : [],
    };

    object Apply(Operation operation, List<(Ir.Value Value, Expression Expression)> operands, AttributeMap attributes, List<(long Number, Location Location)> numbers, Location location)
    {
        var builder = Builder(location);
        if (builder.Nodes.Count + function!.Spared > MaximumNodes)
            throw Fail(DiagnosticIds.TooLarge, location, FormattableString.Invariant($"The function has more than {MaximumNodes:N0} operations. Does a loop here never end?"));
        if (operands.Count > MaximumOperands)
            throw Fail(DiagnosticIds.TooLarge, location, FormattableString.Invariant($"{operation.Name} is given {operands.Count:N0} tensors; more than {MaximumOperands:N0} are too many to build."));
        ImmutableArray<Ir.Value> inputs = [.. operands.Select(o => o.Value)];
        if (operation.Draws == Drawing.Always || (operation.Draws == Drawing.WhileTraining && function!.IsTraining))
            using (builder.At(OriginOf(location)))
                inputs = inputs.AddRange(function!.Draw(frame.Path) ?? throw Fail(DiagnosticIds.DrawingRule, location,
                    $"{Member(operation)} draws random numbers, but an optimizer's Update draws none. Draw in the loss, or take the numbers as a state."));
        ImmutableArray<Ir.Value> results;
        var before = builder.Nodes.Count;
        using (builder.At(OriginOf(location)))
        {
            try
            {
                results = builder.Apply(operation, inputs, attributes);
            }
            catch (ShapeException mismatch) when (mismatch.Id == DiagnosticIds.NullTensor)
            {
                throw Fail(DiagnosticIds.NullTensor, location, $"{operation.Name} is given a tensor that is null: {mismatch.Message}. {NoTensor}");
            }
            catch (OverflowException)
            {
                throw Fail(DiagnosticIds.TooManyElements, location, $"The sizes of {operation.Name} multiply to more than 64 bits hold: {string.Join(", ", operands.Select(o => o.Value.Type))} and {attributes}.");
            }
            catch (ShapeException mismatch) when (mismatch.Parts.Length > 1)
            {
                // Several numbers that are wrong, each by itself.
                foreach (var (number, part) in mismatch.Parts)
                {
                    var place = numbers.FindIndex(n => n.Number == number);
                    Keep(Fail(part.Id ?? DiagnosticIds.Shape, place < 0 ? location : numbers[place].Location, new Mismatch(this, operation, operands, attributes, part).Message()).Diagnostic);
                    if (place >= 0) numbers.RemoveAt(place);
                }
                throw new PoisonedException();
            }
            catch (ShapeException mismatch)
            {
                var message = new Mismatch(this, operation, operands, attributes, mismatch).Message();
                throw Fail(mismatch.Id ?? DiagnosticIds.Shape, location, message);
            }
            catch (Exception e) when (e is InvalidOperationException or ArgumentException or KeyNotFoundException)
            {
                throw Fail(DiagnosticIds.Shape, location, $"{operation.Name} cannot be built with {string.Join(", ", operands.Select(o => o.Value.Type))} and {attributes}: {e.Message}");
            }
        }
        for (var i = before; i < builder.Nodes.Count; i++)
            foreach (var output in builder.Nodes[i].Outputs)
                if (TooLarge($"The result of {operation.Name}", output.Shape) is { } size) throw Fail(DiagnosticIds.TooManyElements, location, size);
        for (var i = before; i < builder.Nodes.Count; i++)
            if (Refusals(t => t.Lacks(builder.Nodes[i], builder.Program)) is { } lack)
                throw Fail(DiagnosticIds.NoKernel, location, new Mismatch(this, operation, operands, attributes, new(lack)).Message());
        for (var i = before; i < builder.Nodes.Count; i++)
            if (Refusals(t => t.Refuse(builder.Nodes[i], builder.Program)) is { } reason)
                throw Fail(DiagnosticIds.ElementType, location, new Mismatch(this, operation, operands, attributes, new(reason)).Message());
        function!.Made(results, operation);
        if (operation.ReturnsArray) return new ArrayValue([.. results], TypeRef.Tensor);
        return results.Length == 1 ? results[0] : new TupleValue([.. results]);
    }

    const string NoTensor = "default and null are no tensors: begin with the first tensor, or with Tensor.Zeros(…).";

    ElaborationException IsNull(Expression expression, string message) => Fail(DiagnosticIds.NullTensor, expression.Location, message + " " + NoTensor);

    Builder Builder(Location location) => function?.Builder ?? throw Fail(DiagnosticIds.OperationInConstructor, location,
        "A tensor operation cannot run while a module is constructed: constructors and field initializers only make parameters and modules. Compute it in a method.");

    Origin OriginOf(Location location) => OriginAt(Own(location), frame.Path);

    /// <summary>The origin of what a module at a path does at a place in the model's own assembly.</summary>
    public Origin OriginAt(Location own, string path)
    {
        if (!entries.TryGetValue(own, out var entry))
        {
            entries.Add(own, entry = origins.Count);
            origins.Add(own);
        }
        return new(Origin.Reference(entry), path);
    }

    /// <summary>The places that origins refer to by number.</summary>
    public IReadOnlyList<Location> Origins => origins;

    /// <summary>The place of an origin that this elaboration made, as messages name it.</summary>
    public string PlaceOf(Origin origin) => Origin.Entry(origin.Place) is { } entry && entry < origins.Count ? origins[entry].ToString() : origin.Place;

    void AddOperand(List<(Ir.Value, Expression)> operands, object? value, Expression expression)
    {
        switch (value)
        {
            case null:
                throw IsNull(expression, "One of the tensors is null.");
            case ArrayValue or ListValue:
                foreach (var item in Items(value, expression.Location)) AddOperand(operands, item, expression);
                return;
            default:
                operands.Add((Tensor(value, expression.Location), expression));
                return;
        }
    }

    /// <summary>A value as an operand.</summary>
    public Ir.Value Tensor(object? value, Location location)
    {
        switch (value)
        {
            case Ir.Value tensor when iterations.TryGetValue(tensor, out var loop):
                throw Fail(DiagnosticIds.IterationTensor, location, $"The tensor belongs to the body of the loop or branch at {loop}, and there is none outside of it. Let the body return it: then it comes back, from a loop for all iterations.");
            case Ir.Value tensor:
                return function?.Own(tensor) ?? tensor;
            case Handle handle:
                Builder(location);
                if (handle.Path is null)
                    throw Fail(DiagnosticIds.ParameterWithoutField, location,
                        $"The {(handle.Kind == StateKind.Parameter ? "parameter" : "state")} {handle.Type.Shape} made at {handle.Location} is not held by a field of the model, so it has no name and would not be saved. Keep it, or the module that makes it, in a field.");
                if (!handle.Type.Shape.IsConstant && function!.IsStep)
                    throw Fail(DiagnosticIds.SessionInTraining, location, $"The state {handle.Path} {handle.Type.Shape} belongs to sessions, each of which has its own size, but training reads it here, and training belongs to no session. Ask for !Mode.Training.");
                return Read(function!, handle, location);
            case ScalarValue scalar:
                using (Builder(location).At(OriginOf(location)))
                    return function!.Builder.Emit("constant", [], ("value", scalar.IsInteger ? (Attr)(long)scalar.Number : (Attr)scalar.Number));
            case DimValue size:
                using (Builder(location).At(OriginOf(location)))
                    return function!.Builder.Emit("dimension", [], ("size", new Attr.List([size.Dim])));
            case IterationValue iteration:
                using (Builder(location).At(OriginOf(location)))
                {
                    var b = iteration.Loop.Builder;
                    return function!.Own(iteration.First.Is(0) ? iteration.Index : b.Add(iteration.Index, b.Size(iteration.First, DType.I64)));
                }
            case null:
                throw Fail(DiagnosticIds.NullTensor, location, "The tensor is null. " + NoTensor);
            default:
                return Tensor(Scalar(value, location), location);
        }
    }

    ScalarValue Scalar(object? value, Location location) =>
        Numbers.IsReal(value) ? new(Numbers.ToDouble(value!), IsInteger: false)
        : Numbers.IsInteger(value) ? Exact(value!) ? new(Numbers.ToDouble(value!), IsInteger: true)
            : throw Fail(DiagnosticIds.InexactNumber, location, $"The number {value} cannot stand in a tensor: whole numbers there are exact up to 2^53 = 9007199254740992. Make it of smaller ones, or give it to the model as an argument.")
        : throw Fail(DiagnosticIds.Unsupported, location, $"{Describe(value)} is no tensor.");

    // leaky_relu is LeakyRelu.
    static string Member(Operation operation) => string.Concat(operation.Name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word.Substring(1)));

    static bool Exact(object integer) => integer is ulong and > long.MaxValue ? false : Ir.Builder.IsExact(Numbers.ToBits(integer));

    Attr Attribute(NamedValue attribute, object value)
    {
        switch (value)
        {
            case bool truth:
                return truth;
            case float or double:
                return Numbers.ToDouble(value);
            case string text:
                return text;
            case EnumValue member:
                return member.Member;
            case DimValue size:
                return new Attr.List([size.Dim]);
            case IterationValue iteration:
                throw OfIteration(iteration, attribute.Value.Location);
            case ArrayValue or ListValue:
                return new Attr.List([.. Items(value, attribute.Value.Location).Select(item => Size(item)
                    ?? throw Fail(DiagnosticIds.Unsupported, attribute.Value.Location, $"{attribute.Name} has to be a list of integers, but holds {Describe(item)}."))]);
            case TupleValue tuple:
                return new Attr.List([.. tuple.Items.Select(item => Size(item)
                    ?? throw Fail(DiagnosticIds.Unsupported, attribute.Value.Location, $"{attribute.Name} has to be a tuple of integers, but holds {Describe(item)}."))]);
            default:
                return Numbers.IsInteger(value) ? Numbers.ToBits(value)
                    : throw Fail(DiagnosticIds.Unsupported, attribute.Value.Location, $"{attribute.Name} cannot be {Describe(value)}.");
        }
    }

    object Member(TensorMemberExpression member, Scope scope)
    {
        var shape = Evaluate(member.Target, scope) switch
        {
            Ir.Value tensor => tensor.Shape,
            Handle handle => handle.Type.Shape,
            ScalarValue => Shape.Scalar,
            null => throw Fail(DiagnosticIds.NullTensor, member.Location, "The tensor is null. " + NoTensor),
            var other => throw Fail(DiagnosticIds.Unsupported, member.Location, $"{Describe(other)} has no {member.Member}."),
        };
        return member.Member switch
        {
            "Rank" => shape.Rank,
            "Length" => DimValue.Of(shape.Size, TypeKind.Int64),
            "Shape" => new ArrayValue([.. shape.Select(d => DimValue.Of(d, TypeKind.Int32))], TypeRef.Int32),
            _ => throw Fail(DiagnosticIds.Unsupported, member.Location, $"A tensor has no {member.Member} while a model is compiled."),
        };
    }

    object NewHandle(StateKind kind, Expression shape, Expression initializer, Expression name, Location location, Scope scope, string storage = StateStorages.Full)
    {
        var sizes = Items(Evaluate(shape, scope), shape.Location);
        var dimensions = new Dim[sizes.Count];
        for (var i = 0; i < dimensions.Length; i++)
        {
            if (sizes[i] is DimValue symbolic)
                throw Fail(DiagnosticIds.SymbolicParameter, shape.Location,
                    $"The shape of a {(kind == StateKind.Parameter ? "parameter" : "state")} has to be constant, but axis {i} is {symbolic}, which changes from call to call.");
            if (sizes[i] is string symbol)
            {
                dimensions[i] = Named(symbol, kind, i, shape.Location);
                continue;
            }
            var size = Int(sizes[i], shape.Location, "A size");
            if (size < 1) throw WouldThrow(shape.Location, FormattableString.Invariant($"A {(kind == StateKind.Parameter ? "parameter" : "state")} needs sizes of at least 1, but axis {i} is {size}."));
            dimensions[i] = size;
        }
        if (TooLarge(kind == StateKind.Parameter ? "A parameter" : "A state", new(dimensions), isSeen: true) is { } refusal) throw Fail(DiagnosticIds.TooManyElements, shape.Location, refusal);
        if (Evaluate(initializer, scope) is not InitializerValue init) throw WouldThrow(initializer.Location, "The initializer is null.");
        var type = new TensorType(DType.F32, new(dimensions));
        if (init.Spec.Kind == InitSpec.Listed && !type.Shape.IsConstant)
            throw WouldThrow(initializer.Location, $"A state of shape {type.Shape} has another number of elements in each session, so its first value is no list of numbers.");
        if (init.Spec.Kind == InitSpec.Listed && type.Shape.Size != init.Spec.Values.Count)
            throw WouldThrow(initializer.Location, FormattableString.Invariant($"The initializer has {init.Spec.Values.Count} numbers, but a {(kind == StateKind.Parameter ? "parameter" : "state")} of shape {type.Shape} has {type.Shape.Size}."));
        return new Handle(kind, type, init.Spec, Evaluate(name, scope) as string, frame.This, Own(location)) { Storage = storage };
    }

    Dim Named(string symbol, StateKind kind, int axis, Location location) =>
        kind != StateKind.Session ? throw Fail(DiagnosticIds.SymbolicParameter, location,
            $"A state that lives as long as the model has one size, but its axis {axis} is {symbol}, which changes from call to call. Give it the lifetime of a session: new(…, lifetime: StateLifetime.Session).")
        : dims.ContainsKey(symbol) ? Dim.Symbol(symbol)
        : throw Fail(DiagnosticIds.UndeclaredDimension, location, $"The dimension {symbol} of a state is not declared. Add [Dim(\"{symbol}\", Max = …)] to the model{(dims.Count > 0 ? ", which declares " + string.Join(", ", dims.Keys) : "")}.");

    InitializerValue Initializer(InitializerExpression e, Scope scope)
    {
        var given = e.Arguments.ToDictionary(a => a.Name, a => Evaluate(a.Value, scope));
        double Number(string name, double fallback) => !given.TryGetValue(name, out var value) ? fallback : Scalar(value, e.Location).Number;
        var fan = given.TryGetValue("fan", out var member) && member is EnumValue { Member: not "Inputs" } other ? "_" + other.Member.ToLowerInvariant() : "";
        if (Number("mean", 0) != 0)
            throw Fail(DiagnosticIds.Unsupported, e.Location, "A normal initializer has the mean 0: add the mean where the parameter is used.");
        const double reluGain = 1.4142135623730951;
        return new(e.Name switch
        {
            "Zeros" => InitSpec.Zeros,
            "Ones" => new("ones", 1),
            "Constant" => new("constant", Number("value", 0)),
            "Values" => Listed(given["values"], DType.F32, e.Location),
            "Normal" => new("normal", Number("std", 1)),
            "Uniform" => new("uniform", Number("bound", 1)),
            "KaimingUniform" => new("kaiming_uniform" + fan, Number("gain", reluGain)),
            "KaimingNormal" => new("kaiming_normal" + fan, Number("gain", reluGain)),
            "XavierUniform" => new("xavier_uniform", Number("gain", 1)),
            "XavierNormal" => new("xavier_normal", Number("gain", 1)),
            _ => throw Fail(DiagnosticIds.Missing, e.Location, $"There is no initializer named {e.Name}."),
        });
    }

    void AssignState(AssignStateExpression e, Scope scope)
    {
        if (Evaluate(e.State, scope) is not Handle { Kind: StateKind.Buffer or StateKind.Session } state)
            throw Fail(DiagnosticIds.Unsupported, e.Location, "Only a State can be given a new value; a Parameter is changed by the optimizer.");
        var builder = Builder(e.Location);
        var value = Tensor(Evaluate(e.Value, scope), e.Value.Location);
        Tensor(state, e.State.Location);
        if (value.Shape != state.Type.Shape)
            throw Fail(DiagnosticIds.Shape, e.Location, $"The state {state.Path} has the shape {state.Type.Shape}, but is assigned a tensor of shape {value.Shape}.");
        if (state.Kind == StateKind.Session && function!.IsStep)
            throw Fail(DiagnosticIds.SessionInTraining, e.Location, $"The state {state.Path} belongs to sessions, but training assigns it here, and training belongs to no session. Assign it in an entry, ask for !Mode.Training, or give it the lifetime of the model.");
        using (builder.At(OriginOf(e.Location)))
        {
            value = builder.Cast(value, state.Type.DType);
            // What reads it later in the call sees what is stored.
            if (state.Storage != StateStorages.Full) value = builder.Node("cast", [value], AttributeMap.Of(("dtype", state.Type.DType), (StateStorages.Attribute, state.Storage))).Output;
        }
        function!.Write(state, value);
    }
}
