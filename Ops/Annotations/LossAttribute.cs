using System;

namespace Graph;

/// <summary>Marks a method of a model that returns a scalar to be made small by training.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LossAttribute : Attribute;
