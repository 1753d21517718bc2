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

    static bool IsNumber(Value value) => value.Producer is { } p && p.Is("constant");

    /// <summary>An operand as the source writes it, as far as that is short.</summary>
    static string Source(Value value, Expression expression)
    {
        if (value.State is { } path) return path;
        if (value.Name is { } name) return name;
        if (Stem(value) is { State: { } below } && value.Producer is { } view && view.Is("transpose") && value.Shape.Rank == 2) return below + ".T";
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
        var place = origin is null || origin.File.Length == 0 ? "" : FormattableString.Invariant($" ({origin.File}:{origin.Line})");
        return (evaluator.Function!.Maker(value) ?? producer.Name) + place;
    }

    /// <summary>The call of a constructor with the values that its arguments had, one of them put right.</summary>
    public static string Construction(Instance instance, long? wrong = null, long? right = null) =>
        $"new {instance.Type.ShortName}({string.Join(", ", instance.Arguments.Select(a => Argument(a, wrong, right)))})";

    static string Argument(object? value, long? wrong, long? right) =>
        wrong is not null && Numbers.IsInteger(value) && Numbers.ToBits(value!) == wrong ? right!.Value.ToString(CultureInfo.InvariantCulture) : value switch
        {
            null => "null",
            bool b => b ? "true" : "false",
            string s => "\"" + s + "\"",
            IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
            EnumValue e => e.Enum.Substring(e.Enum.LastIndexOfAny(['.', '+']) + 1) + "." + e.Member,
            _ => "…",
        };

    /// <summary>
    /// A hyper-parameter of the module that made a parameter among the operands is suspect if the operation would fit with another number in its place that
    /// occurs in the other operands' shapes.
    /// </summary>
    string? Hint()
    {
        var sizes = operands.Where(o => Stem(o.Value).State is null).SelectMany(o => o.Value.Shape).Where(d => d.IsConstant).Select(d => d.Constant).Distinct().ToArray();
        foreach (var (value, _) in operands)
        {
            if (Stem(value).State is not { } path || evaluator.HandleAt(path)?.Creator is not { } creator) continue;
            foreach (var wrong in creator.Arguments.Where(Numbers.IsInteger).Select(a => Numbers.ToBits(a!)).Distinct())
                foreach (var right in sizes)
                    if (right != wrong && Fits(creator, wrong, right)) return $"Did you mean {Construction(creator, wrong, right)}?";
        }
        return null;
    }

    bool Fits(Instance creator, long wrong, long right)
    {
        var changed = false;
        var types = operands.Select(o =>
        {
            if (Stem(o.Value).State is not { } path || evaluator.HandleAt(path)?.Creator != creator || !o.Value.Shape.Any(d => d.Is(wrong))) return o.Value.Type;
            changed = true;
            return o.Value.Type.With(new Shape(o.Value.Shape.Select(d => d.Is(wrong) ? (Dim)right : d)));
        }).ToArray();
        if (!changed) return false;
        try
        {
            var trial = new Builder(evaluator.Function!.Builder.Program, "trial");
            trial.Apply(operation, [.. types.Select((type, i) => Value.Argument(type, "x" + i.ToString(CultureInfo.InvariantCulture)))], attributes);
            return true;
        }
        catch (Exception e) when (e is ShapeException or OverflowException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }
}
