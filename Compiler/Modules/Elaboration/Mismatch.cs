using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Ir;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>The story of operands that do not fit: what they are, where they came from, and which hyper-parameter is probably wrong.</summary>
sealed class Mismatch(Evaluator evaluator, Operation operation, List<(Value Value, Expression Expression)> operands, AttributeMap attributes, ShapeException error)
{
    public string Message()
    {
        var message = Sentence(error.Message);
        var named = operands.Select(o => (Text: Source(o.Value, o.Expression), o.Value)).ToArray();
        var shapes = named.Where(n => !IsNumber(n.Value)).Select(n => n.Text == n.Value.Shape.ToString() ? n.Text : $"{n.Text} is {n.Value.Shape}").Distinct().ToArray();
        if (shapes.Length > 0) message += " " + Sentence(string.Join(", ", shapes));
        var origins = named.Select(n => (n.Text, From: Origin(n.Value))).Where(o => o.From.Length > 0).GroupBy(o => o.From)
            .Select(group => string.Join(" and ", group.Select(o => o.Text).Distinct()) + (group.Select(o => o.Text).Distinct().Count() > 1 ? " come from " : " comes from ") + group.Key).ToArray();
        if (origins.Length > 0) message += " " + string.Join(", ", origins) + ".";
        return Hint() is { } hint ? message + " " + hint : message;
    }

    static string Sentence(string text) => text.EndsWith(".", StringComparison.Ordinal) ? text : text + ".";

    static bool IsNumber(Value value) => value.TryConstant(out _);

    /// <summary>An operand as the source writes it, as far as that is short.</summary>
    static string Source(Value value, Expression expression)
    {
        if (value.State is { } path) return path;
        if (value.Name is { } name) return name;
        if (Stem(value) is { State: { } below } && value.Producer is { } view && view.Operation.View(view)?.Order(view.Inputs[0].Shape, value.Shape) is { IsDefault: false, Length: 2 }) return below + ".T";
        return expression switch
        {
            VariableExpression v => v.Name.Split('.')[0],
            FieldExpression f => f.Field,
            CapturedExpression c => c.Name,
            _ => "the operand",
        };
    }

    /// <summary>The tensor that a chain of views looks at.</summary>
    static Value Stem(Value value)
    {
        while (value.Producer is { Operation.Kind: OpKind.View } view) value = view.Inputs[0];
        return value;
    }

    /// <summary>What made an operand and where; empty for arguments and numbers.</summary>
    string Origin(Value value)
    {
        if (Stem(value).State is { } path)
            return evaluator.HandleAt(path) is not { } handle ? "" : handle.Creator is { Arguments.Length: > 0 } creator
                ? $"{Construction(creator)} ({creator.Location})"
                : handle.Location.ToString();
        if (value.Producer is not { } producer || IsNumber(value)) return "";
        var origin = producer.Origins.FirstOrDefault();
        var place = origin is null || origin.Place.Length == 0 ? "" : $" ({evaluator.PlaceOf(origin)})";
        return (evaluator.Function!.Maker(value) ?? producer.Name) + place;
    }

    /// <summary>The call of a constructor with the values that its arguments had, one of them put right.</summary>
    public static string Construction(Instance instance, int position = -1, long right = 0) =>
        $"new {instance.Type.ShortName}({string.Join(", ", instance.Arguments.Select((a, i) => i == position ? right.ToString(CultureInfo.InvariantCulture) : Argument(a)))})";

    static string Argument(object? value) => value switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        string s => "\"" + s + "\"",
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        EnumValue e => DefinitionName.Short(e.Enum) + "." + e.Member,
        _ => "…",
    };

    /// <summary>What the user probably meant: something that makes the operation fit.</summary>
    string? Hint() => Flattened() ?? Constructed();

    /// <summary>An image given to a layer for vectors: the axes after the batch belong together.</summary>
    string? Flattened()
    {
        var types = operands.Select(o => o.Value.Type).ToArray();
        for (var i = 0; i < types.Length; i++)
        {
            var shape = types[i].Shape;
            if (shape.Rank < 3 || Stem(operands[i].Value).State is not null) continue;
            var rest = shape[1];
            for (var axis = 2; axis < shape.Rank; axis++) rest *= shape[axis];
            var flat = new Shape([shape[0], rest]);
            if (Fits([.. types.Select((type, k) => k == i ? type.With(flat) : type)])) return $"Did you forget Flatten(1)? It makes a {flat} of {shape}.";
        }
        return null;
    }

    /// <summary>
    /// A hyper-parameter of the module that made a parameter among the operands is suspect if the operation would fit had the module been made with a number in its place
    /// that occurs in the other operands' shapes. Of a window many sizes fit, and none is the right one.
    /// </summary>
    string? Constructed()
    {
        if (error.Id == DiagnosticIds.Window) return null;
        var sizes = operands.Where(o => Stem(o.Value).State is null).SelectMany(o => o.Value.Shape).Where(d => d.IsConstant).Select(d => d.Constant).Distinct().ToArray();
        foreach (var (value, _) in operands)
        {
            if (Stem(value).State is not { } path || evaluator.HandleAt(path)?.Creator is not { } creator) continue;
            for (var position = 0; position < creator.Arguments.Length; position++)
                foreach (var right in sizes)
                    if (Numbers.IsInteger(creator.Arguments[position]) && Numbers.ToBits(creator.Arguments[position]!) != right && Fits(creator, position, right))
                        return $"Did you mean {Construction(creator, position, right)}?";
        }
        return null;
    }

    bool Fits(Instance creator, int position, long right)
    {
        if (evaluator.Again(creator, position, right) is not { } other) return false;
        var types = operands.Select(o => Made(o.Value, creator, other)).ToArray();
        return types.All(t => t is not null) && Fits([.. types.OfType<TensorType>()]);
    }

    /// <summary>The type that an operand would have if <paramref name="other"/> had been made instead of its creator; null when that has no such parameter.</summary>
    TensorType? Made(Value value, Instance creator, Instance other)
    {
        if (Stem(value).State is not { } path || evaluator.HandleAt(path) is not { } handle || handle.Creator != creator) return value.Type;
        if (value.State is null)
        {
            var view = value.Producer!;
            return Made(view.Inputs[0], creator, other) is { } below ? Applied(view.Operation, [below], view.Attributes)?.Type : null;
        }
        var field = creator.Fields.FirstOrDefault(f => ReferenceEquals(f.Value, handle)).Key;
        return field.Owner is not null && other[field.Owner, field.Name] is Handle made ? made.Type : null;
    }

    bool Fits(ImmutableArray<TensorType> types) => Applied(operation, types, attributes) is not null;

    /// <summary>What an operation would give; null when its operands do not fit.</summary>
    Value? Applied(Operation applied, ImmutableArray<TensorType> types, AttributeMap given)
    {
        try
        {
            var trial = new Builder(evaluator.Function!.Builder.Program, "trial");
            return trial.Apply(applied, [.. types.Select((type, i) => Value.Argument(type, "x" + i.ToString(CultureInfo.InvariantCulture)))], given)[0];
        }
        catch (Exception e) when (e is ShapeException or OverflowException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
