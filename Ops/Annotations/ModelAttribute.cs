using System;

namespace Graph;

/// <summary>Marks a partial class as a model: a module whose every hyper-parameter is known (all constructor parameters have defaults), so that it is compiled.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ModelAttribute : Attribute;
