using System;
using System.Globalization;

namespace Graph.Generators.Binding;

/// <summary>The values of enumeration members as 64-bit integers.</summary>
static class EnumValues
{
    public static long ToInt64(object? value) => value is ulong large ? unchecked((long)large) : Convert.ToInt64(value, CultureInfo.InvariantCulture);
}
