using System;

namespace Graph;

/// <summary>Marks a method of a model as callable from outside: it is compiled in evaluation mode.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EntryAttribute : Attribute;
