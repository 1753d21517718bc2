using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class Evaluator
{
    public object? Evaluate(Expression expression, Scope scope)
    {
        Step(expression.Location);
        switch (expression)
        {
            case VariableExpression variable:
                return scope.TryGet(variable.Name, out var found) ? Sound(found) : throw Fail(DiagnosticIds.Missing, variable.Location, $"The variable {variable.Name} has no value here.");
            case LiteralExpression literal:
                return literal.Value;
            case OperationExpression operation:
                return Operate(operation, scope);
            case CallExpression call:
                return Call(call, scope);
            case FieldExpression field:
                return Read(field, scope);
            case BinaryExpression binary:
                return Binary(binary, scope);
            case CapturedExpression captured:
                return Captured(captured);
            case ThisExpression:
                return frame.This;
            case UnaryExpression unary:
                return Unary(unary, Evaluate(unary.Operand, scope));
            case ConvertExpression convert:
                return Convert(Evaluate(convert.Operand, scope), convert.To, convert.IsChecked, convert.Location);
            case ConditionalExpression conditional:
                return Evaluate(Condition(conditional.Condition, scope) ? conditional.WhenTrue : conditional.WhenFalse, scope);
            case TensorMemberExpression member:
                return Member(member, scope);
            case IndexExpression index:
                return Sound(Resolve(index, scope).Get());
            case TupleExpression tuple:
                return new TupleValue(Evaluate(tuple.Elements, scope));
            case TupleElementExpression element:
                return Evaluate(element.Target, scope) is TupleValue of && element.Index < of.Items.Length ? of.Items[element.Index]
                    : throw Fail(DiagnosticIds.Unsupported, element.Location, $"There is no element {element.Index} here.");
            case AssignExpression assign:
                return Assign(assign, scope);
            case UpdateExpression update:
                return Update(update, scope);
            case CoalesceAssignExpression assign:
                var target = Resolve(assign.Target, scope);
                if (target.Get() is { } present) return present;
                var fresh = Evaluate(assign.Value, scope);
                target.Set(fresh);
                return fresh;
            case CoalesceExpression coalesce:
                return Evaluate(coalesce.Value, scope) ?? Evaluate(coalesce.WhenNull, scope);
            case ConditionalAccessExpression access:
                if (Evaluate(access.Target, scope) is not { } receiver) return null;
                var accessed = new Scope(scope);
                accessed.Declare(access.Variable, receiver);
                return Evaluate(access.WhenNotNull, accessed);
            case IsPatternExpression pattern:
                return Matches(Evaluate(pattern.Value, scope), pattern.Pattern, scope);
            case SwitchExpression choice:
                return Choose(choice, scope);
            case EnumExpression member:
                return new EnumValue(member.Enum, member.Member, member.Value);
            case TrainingExpression:
                return function?.IsTraining ?? false;
            case DefaultExpression fallback:
                return Default(fallback.Type);
            case InterpolationExpression interpolation:
                return Interpolate(interpolation, scope);
            case CollectionExpression collection:
                return Collect(collection, scope);
            case NewArrayExpression array:
                return NewArray(array, scope);
            case FromEndExpression end:
                return new IndexValue(Int(Evaluate(end.Value, scope), end.Location, "An index"), FromEnd: true);
            case RangeExpression range:
                return new RangeValue(
                    range.Start is null ? new(0, false) : ToIndex(Evaluate(range.Start, scope), range.Location),
                    range.End is null ? new(0, true) : ToIndex(Evaluate(range.End, scope), range.Location));
            case NewExpression creation:
                return New(creation, scope);
            case WithExpression with:
                return With(with, scope);
            case NewParameterExpression parameter:
                return NewHandle(StateKind.Parameter, parameter.Shape, parameter.Initializer, parameter.Name, parameter.Location, scope);
            case NewStateExpression state:
                var kind = state.Lifetime is { } lifetime && Evaluate(lifetime, scope) is EnumValue { Member: "Session" } ? StateKind.Session : StateKind.Buffer;
                var storage = state.Storage is { } said && Evaluate(said, scope) is EnumValue { Member: not "Full" and var in16 } ? in16 : StateStorages.Full;
                if (storage != StateStorages.Full && kind != StateKind.Session)
                    throw Fail(DiagnosticIds.StateStorage, state.Location, $"The state is to be stored as {storage}, but it lives as long as the model, in whose files and training it is exact. Give it the lifetime of a session: new(…, lifetime: StateLifetime.Session, storage: …).");
                return NewHandle(kind, state.Shape, state.Initializer, state.Name, state.Location, scope, storage);
            case NumberArrayExpression numbers:
                return NumberArray(numbers, scope);
            case InitializerExpression initializer:
                return Initializer(initializer, scope);
            case AssignStateExpression assign:
                AssignState(assign, scope);
                return null;
            case StaticFieldExpression field:
                return Static(field);
            case FunctionCallExpression call:
                return Call(call, scope);
            case LocalCallExpression call:
                return Call(call, scope);
            case InvokeExpression call:
                return Invoke(Evaluate(call.Function, scope), Evaluate(call.Arguments, scope), call.Location);
            case LibraryCallExpression call:
                return CallLibrary(call, scope);
            case LambdaExpression lambda:
                return new Closure(lambda.Parameters, lambda.Body, scope, frame, "lambda");
            case MethodGroupExpression group when group.Owner.Length == 0:
                return scope.Function(group.Method) ?? throw Fail(DiagnosticIds.Missing, group.Location, $"The local function {group.Method} is not known here.");
            case MethodGroupExpression group:
                return new MethodValue(group.Target is null ? null : Evaluate(group.Target, scope), group.Owner, group.Method, group.IsVirtual);
            case ThrowExpression thrown:
                var message = thrown.Message is null ? null : Evaluate(thrown.Message, scope) as string;
                throw Fail(DiagnosticIds.Thrown, thrown.Location, message ?? $"The module throws {thrown.Exception}.");
            default:
                throw Fail(DiagnosticIds.Unsupported, expression.Location, $"A {expression.GetType().Name} cannot be evaluated while a model is compiled.");
        }
    }

    object? Binary(BinaryExpression e, Scope scope)
    {
        if (e.Operator is BinaryOperator.AndAlso or BinaryOperator.OrElse)
        {
            var first = Truth(Evaluate(e.Left, scope), e.Left.Location);
            return first == (e.Operator == BinaryOperator.OrElse) ? first : Truth(Evaluate(e.Right, scope), e.Right.Location);
        }
        var sides = Evaluate([e.Left, e.Right], scope);
        return Binary(e.Operator, sides[0], sides[1], e.Type, e.IsChecked, e.Location);
    }

    bool Truth(object? value, Location location) => value is bool truth ? truth
        : value is Ir.Value or Handle or ScalarValue
            ? throw NotKnown(location, "The condition depends on the numbers in a tensor, which are not known while the model is compiled. Combine conditions on tensors with LogicalAnd and LogicalOr, and choose with Where.")
            : throw Fail(DiagnosticIds.Unsupported, location, $"The condition is {Describe(value)}, not a bool.");

    object? Choose(SwitchExpression choice, Scope scope)
    {
        var value = Evaluate(choice.Value, scope);
        foreach (var arm in choice.Arms)
        {
            var inner = new Scope(scope);
            if (Matches(value, arm.Pattern, inner) && (arm.When is null || Condition(arm.When, inner))) return Evaluate(arm.Value, inner);
        }
        throw WouldThrow(choice.Location, $"No arm of the switch matches {Describe(value)}.");
    }

    object Interpolate(InterpolationExpression interpolation, Scope scope)
    {
        var text = new BoundedText(this, interpolation.Location);
        foreach (var part in interpolation.Parts) text.Append(part.Value is null ? part.Text : Text(Evaluate(part.Value, scope), part.Format, interpolation.Location));
        return text.ToString();
    }

    /// <summary>What <c>ToString</c> gives under the invariant culture.</summary>
    string Text(object? value, string? format, Location location)
    {
        CheckFormat(format, location);
        Spend(1, location);
        try
        {
            return value switch
            {
                null => "",
                string text => text,
                IFormattable number => number.ToString(format, CultureInfo.InvariantCulture),
                TupleValue tuple => Joined("(", ", ", tuple.Items, ")", location),
                bool or char or EnumValue or DimValue => value.ToString()!,
                _ => Describe(value),
            };
        }
        catch (FormatException)
        {
            throw WouldThrow(location, $"\"{format}\" is no format for {Describe(value)}.");
        }
    }

    string Joined(string before, string separator, IEnumerable<object?> items, string after, Location location)
    {
        var text = new BoundedText(this, location).Append(before);
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst) text.Append(separator);
            text.Append(Text(item, null, location));
            isFirst = false;
        }
        return text.Append(after).ToString();
    }

    object Collect(CollectionExpression collection, Scope scope)
    {
        var items = new List<object?>(collection.Elements.Count);
        var values = Evaluate([.. collection.Elements.Select(e => e is SpreadExpression spread ? spread.Sequence : e)], scope);
        for (var i = 0; i < values.Length; i++)
        {
            if (collection.Elements[i] is not SpreadExpression spread)
            {
                items.Add(values[i]);
                continue;
            }
            var more = Items(values[i], spread.Location);
            Limit((long)items.Count + more.Count, collection.Location);
            Spend(more.Count, collection.Location);
            items.AddRange(more);
        }
        var type = collection.Type.Element ?? TypeRef.Object;
        return collection.Type.Kind == TypeKind.List ? new ListValue(items, type) : new ArrayValue([.. items], type);
    }

    object NewArray(NewArrayExpression array, Scope scope)
    {
        var lengths = new int[array.Lengths.Count];
        long size = 1;
        for (var i = 0; i < lengths.Length; i++)
        {
            lengths[i] = Int(Evaluate(array.Lengths[i], scope), array.Lengths[i].Location, "The length of an array");
            if (lengths[i] < 0) throw WouldThrow(array.Lengths[i].Location, "The length of an array is negative.");
            size *= lengths[i];
            Limit(size, array.Location);
        }
        Spend(size, array.Location);
        var items = new object?[size];
        if (Default(array.Element) is { } fill)
            for (var i = 0; i < items.Length; i++) items[i] = fill;
        return new ArrayValue(items, array.Element, lengths);
    }

    IReadOnlyList<object?> Items(object? sequence, Location location) => sequence switch
    {
        ArrayValue array => array.Items,
        ListValue list => list.Items,
        string text => Characters(text, location),
        null => throw WouldThrow(location, "The sequence is null."),
        _ => throw Fail(DiagnosticIds.Unsupported, location, $"{Describe(sequence)} is not a sequence that can be walked while a model is compiled."),
    };

    object?[] Characters(string text, Location location)
    {
        Spend(text.Length, location);
        return [.. text.Select(c => (object)c)];
    }

    int Int(object? value, Location location, string what) => value switch
    {
        int i => i,
        long l when l is <= int.MaxValue and >= int.MinValue => (int)l,
        byte or sbyte or short or ushort or char => System.Convert.ToInt32(value, CultureInfo.InvariantCulture),
        uint u when u <= int.MaxValue => (int)u,
        DimValue dim => throw NotKnown(location, $"{what} has to be a number, but {dim} is known only when the model is called."),
        null => throw WouldThrow(location, $"{what} is null."),
        _ => throw WouldThrow(location, $"{what} is {Describe(value)}, which is no int."),
    };

    static object? Default(TypeRef type) => type.Kind switch
    {
        TypeKind.Bool => false,
        TypeKind.Enum => new EnumValue(type.Name, "0", 0),
        TypeKind.Tuple => new TupleValue([.. type.Arguments.Select(Default)]),
        TypeKind.Index => new IndexValue(0, false),
        _ => Numbers.Zero(type.Kind),
    };

    /// <summary>A value as messages name it.</summary>
    static string Describe(object? value) => value switch
    {
        null => "null",
        string text => "\"" + text + "\"",
        Ir.Value tensor => "a tensor " + tensor.Shape,
        Handle handle => $"the {(handle.Kind == StateKind.Parameter ? "parameter" : "state")} {handle.Path ?? handle.Name} {handle.Type.Shape}".Replace("  ", " "),
        ScalarValue scalar => "a scalar tensor",
        ArrayValue array => $"{array.Element}[]",
        ListValue list => $"List<{list.Element}>",
        TupleValue tuple => "a tuple of " + tuple.Items.Length,
        Instance instance => instance.Type.ShortName,
        InitializerValue initializer => initializer.Spec.ToString(),
        FunctionValue => "a function",
        DimValue dim => "the size " + dim,
        IterationValue iteration => $"the number {iteration.Name} of an iteration",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
