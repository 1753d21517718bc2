using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>The methods and properties of .NET that modules may use: the generator's allow-list, by name.</summary>
sealed partial class Evaluator
{
    object? CallLibrary(LibraryCallExpression call, Scope scope)
    {
        var arguments = Evaluate(call.Arguments, scope);
        var dot = call.Function.LastIndexOf('.');
        var (owner, method) = (call.Function.Substring(0, dot < 0 ? 0 : dot), call.Function.Substring(dot + 1));
        if (LooksAtAll(method, arguments.Length))
            foreach (var argument in arguments) Spend(SizeOf(argument), call.Location);
        try
        {
            return owner switch
            {
                "Math" or "MathF" or "BitOperations" => Mathematics(method, arguments, call),
                "SByte" or "Byte" or "Int16" or "UInt16" or "Int32" or "UInt32" or "Int64" or "UInt64" or "Single" or "Double" => NumberMethod(method, arguments, call),
                "Enumerable" or "MemoryExtensions" or "ReadOnlySpan" or "Span" => Query(method, arguments, call),
                "Array" => ArrayMethod(method, arguments, call),
                "List" or "ICollection" or "IReadOnlyCollection" or "IList" or "IReadOnlyList" => ListMethod(method, arguments, call),
                "String" or "Char" => StringMethod(owner, method, arguments, call),
                "ArgumentOutOfRangeException" or "ArgumentNullException" => ThrowHelper(method, arguments, call),
                "Tensor" when method == "Scan" => Scan(arguments, call),
                "Tensor" when method == "If" => If(arguments, call),
                "Tensor" when method == "While" => While(arguments, call),
                "Parametrize" when method == "Register" => Register(arguments, call),
                _ => ObjectMethod(owner, method, arguments, call),
            };
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw WouldThrow(call.Location, $"{call.Function} fails: {e.Message.Split('\n')[0].Trim()}");
        }
        catch (Exception e) when (e is ArgumentException or ArithmeticException or FormatException or InvalidCastException)
        {
            throw WouldThrow(call.Location, $"{call.Function} fails: {e.Message}");
        }
    }

    ElaborationException NoRule(LibraryCallExpression call) =>
        Fail(DiagnosticIds.Unsupported, call.Location, $"{call.Function} with these arguments cannot be called while a model is compiled.");

    object? ObjectMethod(string owner, string method, object?[] a, LibraryCallExpression call) => (owner, method, a.Length) switch
    {
        (_, "ToString", 1) => Text(a[0], null, call.Location),
        (_, "ToString", _) => Text(a[0], a[1] as string, call.Location),
        (_, "Equals", 2) => Same(a[0], a[1]),
        (_, "ReferenceEquals", 2) => Identical(a[0], a[1]),
        ("Enum", "HasFlag", 2) => a[0] is EnumValue value && a[1] is EnumValue flag ? (value.Value & flag.Value) == flag.Value : throw NoRule(call),
        ("Nullable", "HasValue", 1) => a[0] is not null,
        ("Nullable", "Value", 1) => a[0] ?? throw WouldThrow(call.Location, "The value is null."),
        ("Nullable", "GetValueOrDefault", 1) => a[0] ?? Default(call.Type),
        ("Nullable", "GetValueOrDefault", 2) => a[0] ?? a[1],
        ("HashCode", "Combine", _) => a.Aggregate(17, (hash, item) => unchecked(hash * 31 + StableHash(item))),
        _ => throw NoRule(call),
    };

    // The same in every process, unlike .NET's.
    static int StableHash(object? value) => value is string text ? text.Aggregate(17, (hash, c) => unchecked(hash * 31 + c)) : value is null ? 0 : value.GetHashCode();

    object? ThrowHelper(string method, object?[] a, LibraryCallExpression call)
    {
        var location = call.Location;
        bool Is(BinaryOperator op, object? other) => (bool)Compare(op, a[0]!, other!, location);
        if (method == "ThrowIfNull") return a[0] is null ? throw Fail(DiagnosticIds.Thrown, location, $"The argument {Name(1)} is null.") : null;
        string Name(int index) => a.Length > index && a[index] is string name ? name : "value";
        var (fails, expected, name) = method switch
        {
            "ThrowIfNegative" => (Is(BinaryOperator.Less, 0), "at least 0", Name(1)),
            "ThrowIfNegativeOrZero" => (Is(BinaryOperator.LessOrEqual, 0), "above 0", Name(1)),
            "ThrowIfZero" => (Is(BinaryOperator.Equal, 0), "other than 0", Name(1)),
            "ThrowIfLessThan" => (Is(BinaryOperator.Less, a[1]), "at least " + Describe(a[1]), Name(2)),
            "ThrowIfLessThanOrEqual" => (Is(BinaryOperator.LessOrEqual, a[1]), "above " + Describe(a[1]), Name(2)),
            "ThrowIfGreaterThan" => (Is(BinaryOperator.Greater, a[1]), "at most " + Describe(a[1]), Name(2)),
            "ThrowIfGreaterThanOrEqual" => (Is(BinaryOperator.GreaterOrEqual, a[1]), "below " + Describe(a[1]), Name(2)),
            "ThrowIfEqual" => (Same(a[0], a[1]), "other than " + Describe(a[1]), Name(2)),
            "ThrowIfNotEqual" => (!Same(a[0], a[1]), Describe(a[1]), Name(2)),
            _ => throw NoRule(call),
        };
        return fails ? throw Fail(DiagnosticIds.Thrown, location, $"The argument {name} is {Describe(a[0])}, but has to be {expected}.") : null;
    }

    object? ArrayMethod(string method, object?[] a, LibraryCallExpression call)
    {
        if (method == "Empty") return new ArrayValue([], call.Type.Element ?? TypeRef.Object);
        if (a.Length == 0 || a[0] is null) throw WouldThrow(call.Location, "The array is null.");
        if (a[0] is not ArrayValue array) return ListMethod(method, a, call);
        if (method is "Reverse" or "Sort" or "Fill" or "Copy")
            foreach (var given in a.OfType<ArrayValue>()) Changing(given);
        switch (method)
        {
            case "Length":
                return array.Items.Length;
            case "LongLength":
                return (long)array.Items.Length;
            case "Rank":
                return array.Lengths.Length;
            case "GetLength":
                return array.Lengths[Position(a[1], array.Lengths.Length, call.Location)];
            case "IndexOf" when a.Length == 2:
                return Array.FindIndex(array.Items, item => Same(item, a[1]));
            case "Reverse" when a.Length == 1:
                Array.Reverse(array.Items);
                return null;
            case "Sort" when a.Length == 1:
                Ordered(array.Items, null, false, call).ToArray().CopyTo(array.Items, 0);
                return null;
            case "Fill" when a.Length == 2:
                for (var i = 0; i < array.Items.Length; i++) array.Items[i] = a[1];
                return null;
            case "Copy" when a.Length == 3 && a[1] is ArrayValue target:
                Array.Copy(array.Items, target.Items, Int(a[2], call.Location, "The length"));
                return null;
            case "Copy" when a.Length == 5 && a[2] is ArrayValue target:
                Array.Copy(array.Items, Int(a[1], call.Location, "The index"), target.Items, Int(a[3], call.Location, "The index"), Int(a[4], call.Location, "The length"));
                return null;
            default:
                throw NoRule(call);
        }
    }

    object? ListMethod(string method, object?[] a, LibraryCallExpression call)
    {
        if (a[0] is null) throw WouldThrow(call.Location, "The list is null.");
        if (method is "Count" or "Length") return Items(a[0], call.Location).Count;
        if (method == "IsEmpty") return Items(a[0], call.Location).Count == 0;
        if (a[0] is not ListValue list) return method is "Contains" or "IndexOf" ? Query(method, a, call) : throw NoRule(call);
        var items = Changing(list).Items;
        int At(int index) => Int(a[index], call.Location, "The index");
        switch (method)
        {
            case "Add":
                Limit(items.Count + 1, call.Location);
                items.Add(a[1]);
                return null;
            case "AddRange":
                var more = Items(a[1], call.Location).ToArray();
                Limit((long)items.Count + more.Length, call.Location);
                items.AddRange(more);
                return null;
            case "Insert":
                Limit(items.Count + 1, call.Location);
                items.Insert(At(1), a[2]);
                return null;
            case "RemoveAt":
                items.RemoveAt(At(1));
                return null;
            case "RemoveRange":
                items.RemoveRange(At(1), At(2));
                return null;
            case "Clear":
                items.Clear();
                return null;
            case "Reverse" when a.Length == 1:
                items.Reverse();
                return null;
            case "Sort" when a.Length == 1:
                var sorted = Ordered(items, null, false, call).ToArray();
                items.Clear();
                items.AddRange(sorted);
                return null;
            case "GetRange":
                return new ListValue(items.GetRange(At(1), At(2)), list.Element);
            case "ToArray":
                return new ArrayValue([.. items], list.Element);
            default:
                return Query(method, a, call);
        }
    }

    object? StringMethod(string owner, string method, object?[] a, LibraryCallExpression call)
    {
        string S(int index) => a[index] switch
        {
            string text => text,
            char c => c.ToString(),
            null => throw WouldThrow(call.Location, "The string is null."),
            _ => Text(a[index], null, call.Location),
        };
        int I(int index) => Int(a[index], call.Location, "The number");
        if (owner == "Char")
            return (method, a[0]) switch
            {
                ("ToString", char c) => c.ToString(),
                ("IsDigit", char c) => char.IsDigit(c),
                ("IsLetter", char c) => char.IsLetter(c),
                ("IsLower", char c) => char.IsLower(c),
                ("IsUpper", char c) => char.IsUpper(c),
                _ => throw NoRule(call),
            };
        object? result = (method, a.Length) switch
        {
            ("Length", 1) => S(0).Length,
            ("IsNullOrEmpty", 1) => string.IsNullOrEmpty(a[0] as string),
            ("IsNullOrWhiteSpace", 1) => string.IsNullOrWhiteSpace(a[0] as string),
            ("Equals", 2) => Same(a[0], a[1]),
            ("StartsWith", _) => S(0).StartsWith(S(1), StringComparison.Ordinal),
            ("EndsWith", _) => S(0).EndsWith(S(1), StringComparison.Ordinal),
            ("Contains", _) => S(0).IndexOf(S(1), StringComparison.Ordinal) >= 0,
            ("IndexOf", 2) => S(0).IndexOf(S(1), StringComparison.Ordinal),
            ("Substring", 2) => S(0).Substring(I(1)),
            ("Substring", 3) => S(0).Substring(I(1), I(2)),
            ("Replace", 3) => Replaced(S(0), S(1), S(2), call.Location),
            ("ToLowerInvariant", 1) => S(0).ToLowerInvariant(),
            ("ToUpperInvariant", 1) => S(0).ToUpperInvariant(),
            ("Trim", 1) => S(0).Trim(),
            ("TrimStart", 1) => S(0).TrimStart(),
            ("TrimEnd", 1) => S(0).TrimEnd(),
            ("PadLeft", 2) => Padded(S(0), I(1), left: true, call.Location),
            ("PadRight", 2) => Padded(S(0), I(1), left: false, call.Location),
            ("Split", >= 2) => new ArrayValue([.. S(0).Split([S(1)], StringSplitOptions.None)], TypeRef.String),
            ("ToString", 1) => S(0),
            ("Join", _) => Joined("", S(0), a.Length == 2 && a[1] is ArrayValue or ListValue ? Items(a[1], call.Location) : a.Skip(1), "", call.Location),
            ("Concat", _) => Joined("", "", a.Length == 1 && a[0] is ArrayValue or ListValue ? Items(a[0], call.Location) : a, "", call.Location),
            ("Format", _) => Formatted(S(0), [.. a.Length == 2 && a[1] is ArrayValue or ListValue ? Items(a[1], call.Location) : a.Skip(1)], call.Location),
            _ => throw NoRule(call),
        };
        if (result is string grown) Limit(grown.Length, call.Location);
        return result;
    }
}
