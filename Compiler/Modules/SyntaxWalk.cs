using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

namespace Graph.Compiler.Modules;

/// <summary>Everything within a statement or expression of the modelling language.</summary>
public static class SyntaxWalk
{
    static readonly ConcurrentDictionary<Type, PropertyInfo[]> parts = new();

    /// <summary>The node and all nodes below it, from the outside in, in the order of the text.</summary>
    /// <param name="node">Where to begin.</param>
    /// <param name="skips">True for nodes that are left out with all that is in them.</param>
    public static IEnumerable<object> All(object node, Func<object, bool>? skips = null)
    {
        if (skips?.Invoke(node) == true) yield break;
        yield return node;
        foreach (var property in parts.GetOrAdd(node.GetType(), PartsOf))
            foreach (var child in Nodes(property.GetValue(node)))
                foreach (var below in All(child, skips)) yield return below;
    }

    static PropertyInfo[] PartsOf(Type type) =>
        [.. type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Where(p => p.GetIndexParameters().Length == 0 && (IsNode(p.PropertyType) || (p.PropertyType.IsGenericType && p.PropertyType.GetGenericArguments().Any(IsNode))))];

    static bool IsNode(Type type) => type.Namespace == typeof(SyntaxWalk).Namespace && type.IsClass && type != typeof(Location) && type != typeof(TypeRef);

    static IEnumerable<object> Nodes(object? value) => value switch
    {
        null => [],
        IEnumerable list => list.Cast<object>(),
        _ => [value],
    };
}
