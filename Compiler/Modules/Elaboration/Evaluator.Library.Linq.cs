using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// <c>Enumerable</c> and what arrays, lists and spans share. Sequences are evaluated at once rather than when they are walked: the functions are pure, so only the
/// order of their errors can tell.
/// </summary>
sealed partial class Evaluator
{
    object? Query(string method, object?[] a, LibraryCallExpression call)
    {
        var element = call.Type.Element ?? TypeRef.Object;
        var location = call.Location;
        object Sequence(IEnumerable<object?> items)
        {
            var list = new List<object?>();
            foreach (var item in items)
            {
                Limit(list.Count + 1, location);
                Spend(1, location);
                list.Add(item);
            }
            return new ArrayValue([.. list], element);
        }
        int N(int index) => Int(a[index], location, "The number");
        if (method == "Range") return N(1) < 0 ? throw WouldThrow(location, "The number of elements is negative.") : Sequence(Enumerable.Range(N(0), N(1)).Select(i => (object)i));
        if (method == "Repeat") return N(1) < 0 ? throw WouldThrow(location, "The number of elements is negative.") : Sequence(Enumerable.Repeat(a[0], N(1)));
        if (method == "Empty") return Sequence([]);

        var x = Items(a.Length > 0 ? a[0] : null, location);
        // A function of an element and, where it has two parameters, the element's index.
        object? F(object? item, int index, int function = 1) => Invoke(a[function], Arity(a[function]) == 2 ? [item, index] : [item], location);
        bool Test(object? item, int index) => Truth(F(item, index), location);
        IEnumerable<object?> Tested() => a.Length > 1 ? x.Where(Test) : x;
        bool isEqual(object? l, object? r) => Same(l, r);
        var equality = new Equality(isEqual);
        // Each element is compared with each of the others.
        if (method is "Distinct" or "Except" or "Intersect" or "Union") Spend((long)x.Count * (x.Count + (a.Length > 1 ? SizeOf(a[1]) : 0)), location);
        switch (method, a.Length)
        {
            case ("Select", 2):
                return Sequence(x.Select((item, i) => F(item, i)));
            case ("SelectMany", 2):
                return Sequence(x.SelectMany((item, i) => Items(F(item, i), location)));
            case ("Where", 2):
                return Sequence(x.Where(Test));
            case ("Aggregate", 2):
                return x.Count == 0 ? throw NoElement(location) : x.Aggregate((sum, item) => Invoke(a[1], [sum, item], location));
            case ("Aggregate", 3):
                return x.Aggregate(a[1], (sum, item) => Invoke(a[2], [sum, item], location));
            case ("Aggregate", 4):
                return Invoke(a[3], [x.Aggregate(a[1], (sum, item) => Invoke(a[2], [sum, item], location))], location);
            case ("Any", _):
                return Tested().Any();
            case ("All", 2):
                return x.Select(Test).All(b => b);
            case ("Count", _):
                return Tested().Count();
            case ("Length", 1):
                return x.Count;
            case ("IsEmpty", 1):
                return x.Count == 0;
            case ("First", _):
                return First(Tested(), location);
            case ("Last", _):
                return First(Tested().Reverse(), location);
            case ("FirstOrDefault", _):
                return FirstOr(Tested(), Default(call.Type));
            case ("LastOrDefault", _):
                return FirstOr(Tested().Reverse(), Default(call.Type));
            case ("Single", _):
                var only = Tested().ToArray();
                return only.Length == 1 ? only[0] : throw WouldThrow(location, FormattableString.Invariant($"Single needs one element, but there are {only.Length}."));
            case ("SingleOrDefault", _):
                var atMost = Tested().ToArray();
                return atMost.Length == 1 ? atMost[0] : atMost.Length == 0 ? Default(call.Type) : throw WouldThrow(location, FormattableString.Invariant($"SingleOrDefault needs one element, but there are {atMost.Length}."));
            case ("ElementAt", 2):
                return x[Position(a[1], x.Count, location)];
            case ("Append", 2):
                return Sequence(x.Append(a[1]));
            case ("Prepend", 2):
                return Sequence(x.Prepend(a[1]));
            case ("Concat", 2):
                return Sequence(x.Concat(Items(a[1], location)));
            case ("Chunk", 2):
                var size = N(1) < 1 ? throw WouldThrow(location, "The size of a chunk is below 1.") : N(1);
                return Sequence(x.Select((item, i) => (item, i)).GroupBy(p => p.i / size).Select(g => (object)new ArrayValue([.. g.Select(p => p.item)], TypeRef.Object)));
            case ("Contains", 2):
                return x.Contains(a[1], equality);
            case ("IndexOf", 2):
                return x.Select((item, i) => (item, i)).Where(p => Same(p.item, a[1])).Select(p => p.i).DefaultIfEmpty(-1).First();
            case ("SequenceEqual", 2):
                return x.SequenceEqual(Items(a[1], location), equality);
            case ("Distinct", 1):
                return Sequence(x.Distinct(equality));
            case ("Except", 2):
                return Sequence(x.Except(Items(a[1], location), equality));
            case ("Intersect", 2):
                return Sequence(x.Intersect(Items(a[1], location), equality));
            case ("Union", 2):
                return Sequence(x.Union(Items(a[1], location), equality));
            case ("Index", 1):
                return Sequence(x.Select((item, i) => (object)new TupleValue([i, item])));
            case ("OrderBy", 2):
                return Sequence(Ordered(x, a[1], false, call));
            case ("OrderByDescending", 2):
                return Sequence(Ordered(x, a[1], true, call));
            case ("Reverse", 1):
                return Sequence(x.Reverse());
            case ("Skip", 2):
                return Sequence(x.Skip(N(1)));
            case ("SkipLast", 2):
                return Sequence(x.Take(Math.Max(0, x.Count - Math.Max(0, N(1)))));
            case ("SkipWhile", 2):
                return Sequence(x.SkipWhile(Test));
            case ("Take", 2) when a[1] is RangeValue range:
                var (start, count) = Range(range, x.Count, location);
                return Sequence(x.Skip(start).Take(count));
            case ("Take", 2):
                return Sequence(x.Take(N(1)));
            case ("TakeLast", 2):
                return Sequence(x.Skip(Math.Max(0, x.Count - Math.Max(0, N(1)))));
            case ("TakeWhile", 2):
                return Sequence(x.TakeWhile(Test));
            case ("Slice", 2):
                return Sequence(x.Skip(N(1)));
            case ("Slice", 3):
                return Sequence(x.Skip(N(1)).Take(N(2)));
            case ("ToArray" or "AsSpan", 1):
                return Sequence(x);
            case ("ToList", 1):
                return new ListValue(x, element);
            case ("Zip", 2):
                return Sequence(x.Zip(Items(a[1], location), (l, r) => (object)new TupleValue([l, r])));
            case ("Zip", 3) when a[2] is FunctionValue:
                return Sequence(x.Zip(Items(a[1], location), (l, r) => Invoke(a[2], [l, r], location)));
            case ("Zip", 3):
                return Sequence(x.Zip(Items(a[1], location), (l, r) => (l, r)).Zip(Items(a[2], location), (p, t) => (object)new TupleValue([p.l, p.r, t])));
            case ("Sum" or "Average" or "Max" or "Min", <= 2):
                return Fold(method, a.Length == 2 ? [.. x.Select((item, i) => F(item, i))] : [.. x], call);
            default:
                throw NoRule(call);
        }
    }

    static int Arity(object? function) => function is Closure closure ? closure.Parameters.Count : 1;

    ElaborationException NoElement(Location location) => WouldThrow(location, "The sequence has no element.");

    object? First(IEnumerable<object?> items, Location location)
    {
        foreach (var item in items) return item;
        throw NoElement(location);
    }

    static object? FirstOr(IEnumerable<object?> items, object? fallback)
    {
        foreach (var item in items) return item;
        return fallback;
    }

    object? Fold(string method, object?[] values, LibraryCallExpression call)
    {
        if (method == "Sum")
        {
            var sum = Numbers.Zero(call.Type.Kind) ?? throw NoRule(call);
            // Enumerable.Sum adds floats in double precision and checks integers.
            if (call.Type.Kind == TypeKind.Float32) return (float)values.Sum(v => Numbers.ToDouble(v!));
            return values.Aggregate((object?)sum, (total, v) => Binary(BinaryOperator.Add, total, v, call.Type, true, call.Location));
        }
        if (values.Length == 0) throw NoElement(call.Location);
        if (method == "Average")
        {
            var mean = values.Sum(v => Numbers.ToDouble(v!)) / values.Length;
            return call.Type.Kind == TypeKind.Float32 ? (object)(float)mean : mean;
        }
        var best = values[0];
        foreach (var value in values.Skip(1))
            if ((bool)Compare(method == "Max" ? BinaryOperator.Greater : BinaryOperator.Less, value!, best!, call.Location)) best = value;
        return best;
    }

    IEnumerable<object?> Ordered(IEnumerable<object?> items, object? key, bool descending, LibraryCallExpression call)
    {
        var keyed = items.Select(item => (Item: item, Key: key is null ? item : Invoke(key, [item], call.Location))).ToArray();
        var order = Comparer<object?>.Create((l, r) => l is string a && r is string b ? string.CompareOrdinal(a, b)
            : Same(l, r) ? 0 : (bool)Compare(BinaryOperator.Less, l!, r!, call.Location) ? -1 : 1);
        return (descending ? keyed.OrderByDescending(p => p.Key, order) : keyed.OrderBy(p => p.Key, order)).Select(p => p.Item).ToArray();
    }

    sealed class Equality(Func<object?, object?, bool> same) : IEqualityComparer<object?>
    {
        bool IEqualityComparer<object?>.Equals(object? x, object? y) => same(x, y);

        // Equal values of different boxes must share a hash; one bucket is enough for the few elements of a model.
        int IEqualityComparer<object?>.GetHashCode(object? value) => 0;
    }
}
