using System.Collections.Generic;
using System.Linq;

namespace Graph.Compiler.Ir;

/// <summary>Which functions of a program are called by others, and which methods of a model become such functions.</summary>
public static class Callees
{
    /// <summary>A method that one function calls so often becomes a function of its own; below that, nothing is gained that fusion across the call would not give.</summary>
    public const int FewestCalls = 4;

    /// <summary>The operations that such a method has at least, without views and numbers.</summary>
    public const int FewestOperations = 8;

    /// <summary>The weights that such a method reads at least, in matrices and filters: a layer alone (a normalization with its statistics too) is part of the kernels around it.</summary>
    public const int FewestWeights = 2;

    /// <summary>Whether so much is done that it may be a function of its own; what calls such a function does.</summary>
    public static bool IsLarge(IReadOnlyCollection<Node> nodes)
    {
        if (nodes.Any(n => n.Operation == StructureOperations.Call)) return true;
        if (nodes.Count(n => n.Operation.Kind != OpKind.View && !n.Inputs.IsEmpty) < FewestOperations) return false;
        var made = new HashSet<Value>(nodes.SelectMany(n => n.Outputs));
        return nodes.SelectMany(n => n.Inputs).Distinct().Count(v => !made.Contains(v) && v.Shape.IsConstant && v.Shape.Rank >= 2) >= FewestWeights;
    }

    /// <summary>The names of the functions that a function calls, its regions included.</summary>
    public static IEnumerable<string> Of(Function function) => function.Nodes.SelectMany(n => Of(n) is { } name ? [name] : n.Regions.SelectMany(Of));

    /// <summary>The function that a node calls, or applies as a rule; null for other nodes.</summary>
    public static string? Of(Node node) => node.Operation == StructureOperations.Call || node.Operation == StructureOperations.Update ? node.Attributes.Text("callee") : null;

    /// <summary>The names of all functions that are called.</summary>
    public static HashSet<string> Of(Program program) => [.. program.Functions.SelectMany(Of)];

    /// <summary>The program without the functions that were called before and are not any more: what nobody calls would be an entry.</summary>
    /// <param name="program">The program.</param>
    /// <param name="before">What was called.</param>
    public static Program Pruned(Program program, HashSet<string> before)
    {
        while (true)
        {
            var called = Of(program);
            var kept = program.Functions.RemoveAll(f => before.Contains(f.Name) && !called.Contains(f.Name));
            if (kept.Length == program.Functions.Length) return program;
            program = program with { Functions = kept };
        }
    }
}
