using System;

namespace Graph;

/// <summary>
/// Marks a partial class as a module: a template of parameters and sub-modules whose constructor parameters are hyper-parameters and whose methods build a graph.
/// On a static class it publishes the class's functions to other modules.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ModuleAttribute : Attribute;
