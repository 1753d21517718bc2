using System;
using System.Collections.Generic;

namespace Graph;

/// <summary>The shape of a tensor parameter of an entry or loss: numbers, and names declared with <see cref="DimAttribute"/>; none for a scalar.</summary>
/// <param name="dimensions">Each an <c>int</c> or a <c>string</c>.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class ShapeAttribute(params object[] dimensions) : Attribute
{
    /// <summary>The dimensions, outermost first: each an <c>int</c> or a <c>string</c>.</summary>
    public IReadOnlyList<object> Dimensions { get; } = dimensions;
}
