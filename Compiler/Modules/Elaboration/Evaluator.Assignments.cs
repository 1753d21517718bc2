using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class Evaluator
{
    /// <summary>What can be assigned, its own parts evaluated once.</summary>
    readonly struct Target(Func<object?> get, Action<object?> set)
    {
        public object? Get() => get();
        public void Set(object? value) => set(value);
    }

    Target Resolve(Expression target, Scope scope)
    {
        switch (target)
        {
            case VariableExpression variable:
                return new(() => Evaluate(variable, scope), value => scope.Assign(variable.Name, value));
            case DeclarationExpression declaration:
                return new(() => null, value => scope.Declare(declaration.Name, value));
            case DiscardExpression:
                return new(() => null, _ => { });
            case FieldExpression field:
                var instance = Object(Evaluate(field.Target, scope), field.Location);
                return new(() => Read(instance, field), value => Write(instance, field, value));
            case IndexExpression index:
                return Resolve(index, Evaluate(index.Target, scope), Evaluate(index.Indices, scope));
            default:
                throw Fail(DiagnosticIds.Unsupported, target.Location, $"A {target.GetType().Name} cannot be assigned while a model is compiled.");
        }
    }

    T Changing<T>(T container)
        where T : class
    {
        changed.Add(container);
        return container;
    }

    object? Assign(AssignExpression assign, Scope scope)
    {
        if (assign.Target is TupleExpression)
        {
            var targets = new List<(Target Target, int[] Path)>();
            Flatten(assign.Target, [], targets, scope);
            var parts = Evaluate(assign.Value, scope);
            // All parts are read before any is written, so that (a, b) = (b, a) swaps.
            var values = targets.Select(t => Part(parts, assign.Target, t.Path, assign.Location)).ToArray();
            for (var i = 0; i < values.Length; i++) targets[i].Target.Set(values[i]);
            return parts;
        }
        var target = Resolve(assign.Target, scope);
        var value = Evaluate(assign.Value, scope);
        target.Set(value);
        return value;
    }

    void Flatten(Expression target, int[] path, List<(Target, int[])> into, Scope scope)
    {
        if (target is not TupleExpression tuple)
        {
            into.Add((Resolve(target, scope), path));
            return;
        }
        for (var i = 0; i < tuple.Elements.Count; i++) Flatten(tuple.Elements[i], [.. path, i], into, scope);
    }

    object? Part(object? value, Expression target, int[] path, Location location)
    {
        foreach (var index in path)
        {
            var tuple = (TupleExpression)target;
            value = Parts(value, tuple.Elements.Count, location)[index];
            target = tuple.Elements[index];
        }
        return value;
    }

    /// <summary>Assigns a value that is already there: the variable of a foreach, or several in a tuple.</summary>
    void Assign(Expression target, object? value, Scope scope)
    {
        if (target is not TupleExpression tuple)
        {
            Resolve(target, scope).Set(value);
            return;
        }
        var parts = Parts(value, tuple.Elements.Count, target.Location);
        for (var i = 0; i < tuple.Elements.Count; i++) Assign(tuple.Elements[i], parts[i], scope);
    }

    object? Update(UpdateExpression update, Scope scope)
    {
        var target = Resolve(update.Target, scope);
        var old = target.Get();
        var inner = new Scope(scope);
        inner.Declare(update.Variable, old);
        var value = Evaluate(update.Operation, inner);
        target.Set(value);
        return update.IsPostfix ? old : value;
    }

    Target Resolve(IndexExpression index, object? target, object?[] indices)
    {
        var location = index.Location;
        switch (target)
        {
            case null:
                throw WouldThrow(location, "The indexed value is null.");
            case ArrayValue array when indices.Length == array.Lengths.Length && indices[0] is not RangeValue:
                var position = 0;
                for (var i = 0; i < indices.Length; i++) position = position * array.Lengths[i] + Position(indices[i], array.Lengths[i], index.Indices[i].Location);
                return new(() => array.Items[position], value => Changing(array).Items[position] = value);
            case ArrayValue { Lengths.Length: 1 } array when indices.Length == 1 && indices[0] is RangeValue range:
                var (start, count) = Range(range, array.Items.Length, location);
                return new(() => new ArrayValue([.. array.Items.Skip(start).Take(count)], array.Element), ReadOnly(location));
            case ListValue list when indices.Length == 1 && indices[0] is not RangeValue:
                var at = Position(indices[0], list.Items.Count, location);
                return new(() => list.Items[at], value => Changing(list).Items[at] = value);
            case string text when indices.Length == 1 && indices[0] is RangeValue range:
                var (from, length) = Range(range, text.Length, location);
                return new(() => text.Substring(from, length), ReadOnly(location));
            case string text when indices.Length == 1:
                var character = Position(indices[0], text.Length, location);
                return new(() => text[character], ReadOnly(location));
            default:
                throw Fail(DiagnosticIds.Unsupported, location, $"{Describe(target)} cannot be indexed so while a model is compiled.");
        }
    }

    Action<object?> ReadOnly(Location location) => _ => throw Fail(DiagnosticIds.Unsupported, location, "A part of a sequence cannot be assigned.");

    int Position(object? index, int length, Location location)
    {
        var position = index is IndexValue { FromEnd: true } end ? length - end.Value : index is IndexValue start ? start.Value : Int(index, location, "An index");
        return position >= 0 && position < length ? position
            : throw WouldThrow(location, FormattableString.Invariant($"The index {position} is out of range: there are {length} elements."));
    }

    (int Start, int Count) Range(RangeValue range, int length, Location location)
    {
        var start = range.Start.FromEnd ? length - range.Start.Value : range.Start.Value;
        var end = range.End.FromEnd ? length - range.End.Value : range.End.Value;
        return start >= 0 && end >= start && end <= length ? (start, end - start)
            : throw WouldThrow(location, FormattableString.Invariant($"The range {start}..{end} is out of range: there are {length} elements."));
    }

    IndexValue ToIndex(object? value, Location location) => value as IndexValue ?? new(Int(value, location, "An index"), FromEnd: false);
}
