using System.Collections.Generic;

namespace Graph.Compiler.Modules.Elaboration;

sealed partial class Evaluator
{
    bool Matches(object? value, Pattern pattern, Scope scope)
    {
        Step(pattern.Location);
        switch (pattern)
        {
            case DiscardPattern:
                return true;
            case ConstantPattern constant:
                var expected = Evaluate(constant.Value, scope);
                if (expected is null || value is null) return expected is null && value is null;
                if (value is DimValue || expected is DimValue) return (bool)Compare(BinaryOperator.Equal, value, expected, pattern.Location);
                return Same(value, expected);
            case RelationalPattern relational:
                return value is not null && (bool)Compare(relational.Operator, value, Evaluate(relational.Value, scope)!, pattern.Location);
            case TypePattern type:
                if (type.Type is not null && !IsOfType(value, type.Type)) return false;
                if (type.Variable is not null) scope.Declare(type.Variable, value);
                return true;
            case PropertyPattern property:
                if (value is null || (property.Type is not null && !IsOfType(value, property.Type))) return false;
                foreach (var member in property.Members)
                {
                    var inner = new Scope(scope);
                    inner.Declare(member.Variable, value);
                    if (!Matches(Evaluate(member.Member, inner), member.Pattern, scope)) return false;
                }
                if (property.Variable is not null) scope.Declare(property.Variable, value);
                return true;
            case TuplePattern tuple:
                return value is not null && Match(Parts(value, tuple.Elements.Count, pattern.Location), tuple.Elements, scope);
            case ListPattern list:
                return value is not null && MatchList(Items(value, pattern.Location), list, scope);
            case NotPattern not:
                return !Matches(value, not.Pattern, scope);
            case AndPattern and:
                return Matches(value, and.Left, scope) && Matches(value, and.Right, scope);
            case OrPattern or:
                return Matches(value, or.Left, scope) || Matches(value, or.Right, scope);
            default:
                throw Fail(DiagnosticIds.Unsupported, pattern.Location, $"A {pattern.GetType().Name} cannot be evaluated while a model is compiled.");
        }
    }

    bool Match(IReadOnlyList<object?> values, EquatableArray<Pattern> patterns, Scope scope)
    {
        for (var i = 0; i < patterns.Count; i++)
            if (!Matches(values[i], patterns[i], scope)) return false;
        return true;
    }

    bool MatchList(IReadOnlyList<object?> values, ListPattern list, Scope scope)
    {
        var slice = -1;
        for (var i = 0; i < list.Elements.Count; i++)
            if (list.Elements[i] is SlicePattern) slice = i;
        if (slice < 0 ? values.Count != list.Elements.Count : values.Count < list.Elements.Count - 1) return false;
        var taken = values.Count - (list.Elements.Count - 1);
        for (var i = 0; i < list.Elements.Count; i++)
        {
            if (i != slice)
            {
                if (!Matches(values[slice < 0 || i < slice ? i : i + taken - 1], list.Elements[i], scope)) return false;
                continue;
            }
            if (((SlicePattern)list.Elements[i]).Pattern is not { } inner) continue;
            var part = new object?[taken];
            for (var k = 0; k < taken; k++) part[k] = values[slice + k];
            if (!Matches(new ArrayValue(part, TypeRef.Object), inner, scope)) return false;
        }
        return true;
    }

    /// <summary>The elements that a tuple or positional record is taken apart into.</summary>
    IReadOnlyList<object?> Parts(object? value, int count, Location location)
    {
        switch (value)
        {
            case TupleValue tuple when tuple.Items.Length == count:
                return tuple.Items;
            case Instance { Type: { IsPositional: true } type } record:
                foreach (var constructor in type.Constructors)
                {
                    if (!constructor.IsPrimary || constructor.Parameters.Count != count) continue;
                    var parts = new object?[count];
                    for (var i = 0; i < count; i++) parts[i] = record[type.Name, constructor.Parameters[i].Name];
                    return parts;
                }
                break;
            case null:
                throw WouldThrow(location, "Null cannot be taken apart.");
        }
        throw Fail(DiagnosticIds.Unsupported, location, $"{Describe(value)} cannot be taken apart into {count} values.");
    }

    bool IsOfType(object? value, TypeRef type) => value is not null && type.Kind switch
    {
        TypeKind.Nullable => IsOfType(value, type.Arguments[0]),
        TypeKind.Object => true,
        TypeKind.Module or TypeKind.Record => value is Instance instance && IsOrDerives(instance.Type, type.Name),
        // Which interfaces a module implements is checked by C#; a definition does not say.
        TypeKind.Interface => value is Instance { Type.IsModule: true },
        TypeKind.Enum => value is EnumValue member && member.Enum == type.Name,
        TypeKind.Tensor => value is Ir.Value or Handle or ScalarValue,
        TypeKind.Parameter => value is Handle { Kind: Ir.StateKind.Parameter },
        TypeKind.State => value is Handle { Kind: Ir.StateKind.Buffer or Ir.StateKind.Session },
        TypeKind.Initializer => value is InitializerValue,
        TypeKind.Array => value is ArrayValue,
        TypeKind.List => value is ListValue,
        TypeKind.Sequence => value is ArrayValue or ListValue or string,
        TypeKind.Tuple => value is TupleValue tuple && tuple.Items.Length == type.Arguments.Count,
        TypeKind.Function => value is FunctionValue,
        TypeKind.Int32 or TypeKind.Int64 when value is DimValue => true,
        _ => Numbers.KindOf(value) == type.Kind,
    };

    bool IsOrDerives(ClassDef type, string name)
    {
        foreach (var ancestor in definitions.Chain(type.Name))
            if (ancestor.Name == name) return true;
        return false;
    }
}
