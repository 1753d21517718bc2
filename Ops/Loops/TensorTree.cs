using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

namespace Graph.Operations;

/// <summary>Tensors in tuples and arrays, in any depth: what loops carry in eager code.</summary>
static class TensorTree
{
    /// <summary>The tensors, in order.</summary>
    /// <exception cref="ArgumentException">There is something else in it; the message names its type.</exception>
    public static List<Tensor> Leaves(object? tree, string argument)
    {
        var leaves = new List<Tensor>();
        void Add(object? item)
        {
            if (item is Tensor tensor) leaves.Add(tensor);
            else if (item is System.Collections.IList list) foreach (var i in list) Add(i);
            else if (item is not null && IsTuple(item.GetType())) foreach (var field in item.GetType().GetFields()) Add(field.GetValue(item));
            else throw new ArgumentException($"A loop carries tensors, and tuples and arrays of them, but this is {item?.GetType().ToString() ?? "null"}.", argument);
        }
        Add(tree);
        return leaves;
    }

    /// <summary>The same form with other tensors.</summary>
    public static T Like<T>(T form, IEnumerable<Tensor> leaves) => (T)Rebuild(form!, new(leaves));

    static object Rebuild(object form, Queue<Tensor> leaves)
    {
        var type = form.GetType();
        if (form is Tensor) return Typed(leaves.Dequeue(), type);
        if (IsTuple(type)) return Activator.CreateInstance(type, [.. type.GetFields().Select(f => Rebuild(f.GetValue(form)!, leaves))])!;
        var list = (System.Collections.IList)form;
        var copy = type.IsArray ? Array.CreateInstance(type.GetElementType()!, list.Count) : (System.Collections.IList)Activator.CreateInstance(type)!;
        for (var i = 0; i < list.Count; i++)
            if (type.IsArray) copy[i] = Rebuild(list[i]!, leaves);
            else copy.Add(Rebuild(list[i]!, leaves));
        return copy;
    }

    // Operations give plain tensors; one that says what its elements are goes on doing so.
    static Tensor Typed(Tensor tensor, Type type) => type == typeof(Tensor) || type.IsInstanceOfType(tensor) || !type.IsGenericType ? tensor
        : (Tensor)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.NonPublic, null, [tensor.Numbers], null)!;

    static bool IsTuple(Type type) => type.IsValueType && type.IsGenericType && type.FullName!.StartsWith("System.ValueTuple`", StringComparison.Ordinal);
}
