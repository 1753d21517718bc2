using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using static Graph.Generators.Emission.CSharpName;

namespace Graph.Generators.Emission;

/// <summary>Writes the static member of a model's class that says what the model will take in memory.</summary>
static class MemorySource
{
    const string Precision = "global::Graph.Precision";

    /// <summary>The dimensions of calls in the order in which the source first names them.</summary>
    /// <param name="called">The dimensions.</param>
    /// <param name="named">Names of dimensions in the shapes of entries and losses, in order.</param>
    public static IEnumerable<DimSymbol> InOrder(IEnumerable<DimSymbol> called, IEnumerable<string> named)
    {
        var order = named.Distinct(StringComparer.Ordinal).ToList();
        return called.OrderBy(dim => order.IndexOf(dim.Name) is >= 0 and var at ? at : order.Count);
    }

    // Names for what is no dimension.
    static (string Precision, string Threads, string Budget) Others(IEnumerable<string> dims)
    {
        var names = new HashSet<string>(dims, StringComparer.Ordinal);
        string Free(string name)
        {
            while (!names.Add(name)) name = "_" + name;
            return name;
        }
        return (Free("precision"), Free("threads"), Free("budget"));
    }

    /// <summary>The member of a model that has errors, as far as source alone tells it.</summary>
    public static void WriteOutline(SourceWriter writer, ClassDeclaration declaration, IEnumerable<string> dims, string broken)
    {
        var names = dims.Distinct(StringComparer.Ordinal).ToList();
        var (_, threads, budget) = Others(names);
        writer.Line($"public static {ModelSource.Hiding(declaration)}global::Graph.ModelMemory Memory({string.Concat(names.Select(name => $"int {Escape(name)} = 0, "))}int {threads} = 0, long? {budget} = null) => {broken};");
    }

    public static void Write(SourceWriter writer, ClassDeclaration declaration, CompiledMembers members)
    {
        var (precision, threads, budget) = Others(members.Dims.Select(d => d.Name));

        writer.Line();
        writer.Line("/// <summary>What the model takes in memory, by kind, and where the peak is: planned, with nothing allocated.</summary>");
        foreach (var dim in members.Dims) writer.Line(FormattableString.Invariant($"/// <param name=\"{dim.Name}\">The size of the dimension, 1 to {dim.Max}.</param>"));
        if (members.Precisions.Length > 0) writer.Line($"/// <param name=\"{precision}\">One of those that its [Train] names.</param>");
        writer.Line($"/// <param name=\"{threads}\">How many CPU threads work on a call; 0 for one a core.</param>");
        writer.Line($"/// <param name=\"{budget}\">The most bytes that a call may take with all that is stored, without the threads' own; null for what the class says.</param>");
        writer.Line("/// <exception cref=\"global::System.ArgumentOutOfRangeException\">A size is not within its bounds.</exception>");
        writer.Line("/// <exception cref=\"global::System.InsufficientMemoryException\">A function cannot run within the budget.</exception>");
        var parameters = members.Dims.Select(d => FormattableString.Invariant($"int {Escape(d.Name)} = {d.Typical}")).ToList();
        if (members.Precisions.Length > 0) parameters.Add($"{Precision} {precision} = {Precision}.{members.Precisions[0].Name}");
        parameters.Add($"int {threads} = 0");
        parameters.Add($"long? {budget} = null");
        var descriptor = members.Precisions.Length > 0 ? $"graphDescriptorOf({precision})" : "graphDescriptor";
        var arguments = string.Concat(members.Dims.Select(d => $", ({Literal(d.Name)}, {Escape(d.Name)})"));
        writer.Line($"public static {ModelSource.Hiding(declaration)}global::Graph.ModelMemory Memory({string.Join(", ", parameters)}) => {descriptor}.Memory({threads}, {budget}{arguments});");
    }
}
