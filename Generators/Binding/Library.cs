using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Binding;

/// <summary>
/// What modules may use of .NET: pure functions whose value depends on their arguments only (and the methods of List). The elaborator has a rule for each, under
/// the name here: <c>Class.Method</c>; a method called on a value has the value as its first argument.
/// </summary>
static class Library
{
    const string MathMethods =
        "Abs Acos Acosh Asin Asinh Atan Atan2 Atanh Cbrt Ceiling Clamp Cos Cosh DivRem Exp Floor IEEERemainder Log Log10 Log2 Max Min Pow Round Sign Sin Sinh Sqrt Tan Tanh Truncate BigMul";

    static readonly HashSet<string> NumberMethods = Names("Abs Clamp Max Min Parse Sign IsNaN IsInfinity IsFinite IsPow2 Log2 Sqrt Pow Exp Log CompareTo Equals ToString DivRem IsEvenInteger IsOddInteger");

    const string SequenceMethods =
        "Aggregate All Any Append Chunk Concat Contains Count Distinct ElementAt Empty Except First FirstOrDefault Index Intersect Last LastOrDefault Max Min OrderBy OrderByDescending Prepend Range Repeat "
        + "Reverse Select SelectMany SequenceEqual Single SingleOrDefault Skip SkipLast SkipWhile Sum Average Take TakeLast TakeWhile ToArray ToList Union Where Zip";

    static readonly Dictionary<string, HashSet<string>> Methods = new()
    {
        ["System.Math"] = Names(MathMethods),
        ["System.MathF"] = Names(MathMethods),
        ["System.Linq.Enumerable"] = Names(SequenceMethods),
        ["System.MemoryExtensions"] = Names("Contains IndexOf SequenceEqual Reverse ToArray AsSpan"),
        ["System.Array"] = Names("Empty IndexOf Reverse Fill Sort Copy GetLength"),
        ["System.Collections.Generic.List"] = Names("Add AddRange Insert RemoveAt RemoveRange Clear Contains IndexOf Reverse ToArray GetRange Sort"),
        ["System.Collections.Generic.ICollection"] = Names("Add Contains"),
        ["System.ReadOnlySpan"] = Names("ToArray Slice"),
        ["System.Span"] = Names("ToArray Slice"),
        ["System.String"] = Names("Concat Join Format IsNullOrEmpty IsNullOrWhiteSpace Equals StartsWith EndsWith Contains IndexOf Substring Replace ToLowerInvariant ToUpperInvariant Trim TrimStart TrimEnd Split PadLeft PadRight ToString"),
        ["System.Object"] = Names("Equals ToString ReferenceEquals"),
        ["System.Enum"] = Names("ToString Equals HasFlag"),
        ["System.Boolean"] = Names("ToString Equals"),
        ["System.Char"] = Names("ToString IsDigit IsLetter IsLower IsUpper"),
        ["System.Nullable"] = Names("GetValueOrDefault"),
        ["System.HashCode"] = Names("Combine"),
        ["System.Numerics.BitOperations"] = Names("IsPow2 Log2 PopCount RoundUpToPowerOf2 LeadingZeroCount TrailingZeroCount"),
        ["System.ArgumentOutOfRangeException"] = Names("ThrowIfNegative ThrowIfNegativeOrZero ThrowIfZero ThrowIfLessThan ThrowIfLessThanOrEqual ThrowIfGreaterThan ThrowIfGreaterThanOrEqual ThrowIfEqual ThrowIfNotEqual"),
        ["System.ArgumentNullException"] = Names("ThrowIfNull"),
    };

    static readonly Dictionary<string, HashSet<string>> Properties = new()
    {
        ["System.Array"] = Names("Length LongLength Rank"),
        ["System.String"] = Names("Length"),
        ["System.Collections.Generic.List"] = Names("Count"),
        ["System.Collections.Generic.ICollection"] = Names("Count"),
        ["System.Collections.Generic.IReadOnlyCollection"] = Names("Count"),
        ["System.ReadOnlySpan"] = Names("Length IsEmpty"),
        ["System.Span"] = Names("Length IsEmpty"),
        ["System.Nullable"] = Names("HasValue Value"),
    };

    static readonly HashSet<string> Sequences = Names(
        "System.Collections.Generic.IEnumerable System.Collections.Generic.ICollection System.Collections.Generic.IList System.Collections.Generic.IReadOnlyCollection "
        + "System.Collections.Generic.IReadOnlyList System.ReadOnlySpan System.Span System.Linq.IOrderedEnumerable");

    static readonly HashSet<string> Numbers = Names("System.SByte System.Byte System.Int16 System.UInt16 System.Int32 System.UInt32 System.Int64 System.UInt64 System.Single System.Double");

    static HashSet<string> Names(string words) => [.. words.Split(' ')];

    /// <summary>True for interfaces and spans that hold elements one after the other.</summary>
    public static bool IsSequence(INamedTypeSymbol type) => Sequences.Contains(KnownTypes.NameWithNamespace(type));

    /// <summary>The name that the elaborator knows a method by, or null when it has no rule for it.</summary>
    public static string? Method(IMethodSymbol method)
    {
        if (method.ContainingType is not { } type || !KnownTypes.IsSystem(type)) return null;
        var owner = KnownTypes.NameWithNamespace(type);
        var allowed = Numbers.Contains(owner) ? NumberMethods.Contains(method.Name) : Methods.TryGetValue(owner, out var names) && names.Contains(method.Name);
        return allowed ? type.Name + "." + method.Name : null;
    }

    /// <summary>The name that the elaborator knows a property by, or null.</summary>
    public static string? Property(IPropertySymbol property) =>
        property.ContainingType is { } type && Properties.TryGetValue(KnownTypes.NameWithNamespace(type), out var names) && names.Contains(property.Name) ? type.Name + "." + property.Name : null;

    /// <summary>True when <c>x[i]</c> takes an element of an array, list, sequence or string.</summary>
    public static bool IsElementAccess(IPropertySymbol property) =>
        property is { IsIndexer: true, ContainingType: { } type, Parameters.Length: 1 }
        && (type.SpecialType == SpecialType.System_String || KnownTypes.NameWithNamespace(type) == "System.Collections.Generic.List" || IsSequence(type));

    /// <summary>Every method and property of the list, for tests and documentation.</summary>
    public static IEnumerable<string> All() =>
        Methods.Concat(Properties).SelectMany(entry => entry.Value.Select(name => entry.Key.Substring(entry.Key.LastIndexOf('.') + 1) + "." + name))
            .Concat(Numbers.SelectMany(number => NumberMethods.Select(name => number.Substring(7) + "." + name)));
}
