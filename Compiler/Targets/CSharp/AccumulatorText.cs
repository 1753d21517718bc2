using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.CSharp;

/// <summary>Accumulators of reductions as C#: how an element is added and how two become one, for whatever the operation says that it computes.</summary>
static class AccumulatorText
{
    /// <summary>Adds an element's accumulator to the running one.</summary>
    /// <param name="group">The numbers of one accumulator.</param>
    /// <param name="name">The variable of each.</param>
    /// <param name="element">The element's accumulator, as expressions.</param>
    /// <param name="vector">Null for scalars.</param>
    /// <param name="code">Where statements go.</param>
    public static void Add(ImmutableArray<Reduction> group, Func<Reduction, string> name, string[] element, VectorText? vector, CodeText code)
    {
        if (group[0].Operation == ScalarOp.Add) code.Line($"{name(group[0])} += {element[0]};");
        else Assign(group, name, Combine(group, [.. group.Select(name)], element, vector, code), code);
    }

    /// <summary>Two accumulators as one, as expressions.</summary>
    public static string[] Combine(ImmutableArray<Reduction> group, string[] earlier, string[] later, VectorText? vector, CodeText code)
    {
        var done = new Dictionary<Scalar, string>();
        foreach (var s in Scalar.Order(group.Select(r => r.Combine)))
        {
            var x = s.Arguments.Select(a => done[a]).ToArray();
            var text = s.Op switch
            {
                ScalarOp.Input => s.Index < group.Length ? earlier[s.Index] : later[s.Index - group.Length],
                ScalarOp.Constant => vector?.Constant(s.Constant, s.Type) ?? ScalarText.Literal(s.Constant, s.Type),
                _ => vector?.Apply(s, x[0], x.Length > 1 ? x[1] : "", x.Length > 2 ? x[2] : "") ?? ScalarText.Apply(s, x[0], x.Length > 1 ? x[1] : "", x.Length > 2 ? x[2] : ""),
            };
            // What stands in several places is computed once; an accumulator's numbers are all computed before one is overwritten.
            done[s] = group.Length > 1 && s.Op is not (ScalarOp.Input or ScalarOp.Constant) ? code.Declare("c", text) : text;
        }
        return [.. group.Select(r => done[r.Combine])];
    }

    /// <summary>Overwrites an accumulator.</summary>
    public static void Assign(ImmutableArray<Reduction> group, Func<Reduction, string> name, string[] values, CodeText code)
    {
        for (var i = 0; i < values.Length; i++) code.Line($"{name(group[i])} = {values[i]};");
    }

    /// <summary>The library's function over all lanes of an accumulator of one real number; null when it has none, and <see cref="Lane"/> writes the steps.</summary>
    public static string? Across(ImmutableArray<Reduction> group) => !VectorText.IsReal(group[0].Value.Type) ? null : group[0].Operation switch
    {
        ScalarOp.Add => "Sum",
        ScalarOp.Max => "Max",
        ScalarOp.Min => "Min",
        _ => null,
    };

    /// <summary>The one accumulator of all lanes of some vectors: lane l and the one half of all lanes behind it, until one is left. The same order for every width.</summary>
    public static string[] Lane(ImmutableArray<Reduction> group, List<string[]> vectors, VectorText vector, CodeText code)
    {
        while (vectors.Count > 1)
            vectors = [.. Enumerable.Range(0, vectors.Count / 2).Select(i => Named(Combine(group, vectors[i], vectors[i + vectors.Count / 2], vector, code)))];
        var x = Named(vectors[0]);
        for (; vector.Bits > 128; vector = new(vector.Bits / 2))
            x = Named(Combine(group, [.. x.Select(v => $"{vector.V}.GetLower({v})")], [.. x.Select(v => $"{vector.V}.GetUpper({v})")], new(vector.Bits / 2), code));
        foreach (var order in new[] { "2, 3, 0, 1", "1, 0, 3, 2" })
            x = Named(Combine(group, x, [.. x.Select(v => $"{vector.V}.Shuffle({v}, {vector.V}.Create({order}))")], vector, code));
        return [.. x.Select(v => $"{vector.V}.ToScalar({v})")];

        string[] Named(string[] values) => [.. values.Select(v => code.Declare("h", v))];
    }
}
