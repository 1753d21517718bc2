using System;

namespace Graph;

/// <summary>Declares a named dimension of a model, bound to a number each time that the model is called.</summary>
/// <param name="name">The name that <see cref="ShapeAttribute"/> uses.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = true)]
public sealed class DimAttribute(string name) : Attribute
{
    /// <summary>The name that <see cref="ShapeAttribute"/> uses.</summary>
    public string Name { get; } = name;

    /// <summary>The largest number that it may be bound to; memory budgets use it.</summary>
    public int Max { get; set; }

    /// <summary>The number that it is mostly bound to; schedules use it. <see cref="Max"/> when not given.</summary>
    public int Typical { get; set; }
}
