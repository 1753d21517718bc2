using System;
using System.Collections.Generic;
using System.Linq;
using static Graph.Generators.Emission.CSharpName;

namespace Graph.Generators.Emission;

/// <summary>Writes the static member of a model's class that says what the model will take in memory.</summary>
static class MemorySource
{
    const string Precision = "global::Graph.Precision";

    public static void Write(SourceWriter writer, ClassDeclaration declaration, CompiledMembers members)
    {
        var names = new HashSet<string>(members.Dims.Select(d => d.Name), StringComparer.Ordinal);
        string Free(string name)
        {
            while (!names.Add(name)) name = "_" + name;
            return name;
        }
        var (precision, threads) = (Free("precision"), Free("threads"));

        writer.Line();
        writer.Line("/// <summary>What the model takes in memory, by kind, and where the peak is: planned, with nothing allocated.</summary>");
        foreach (var dim in members.Dims) writer.Line(FormattableString.Invariant($"/// <param name=\"{dim.Name}\">The size of the dimension, 1 to {dim.Max}.</param>"));
        if (members.Precisions.Length > 0) writer.Line($"/// <param name=\"{precision}\">One of those that its [Train] names.</param>");
        writer.Line($"/// <param name=\"{threads}\">How many CPU threads work on a call; 0 for one a core.</param>");
        writer.Line("/// <exception cref=\"global::System.ArgumentOutOfRangeException\">A size is not within its bounds.</exception>");
        var parameters = members.Dims.Select(d => FormattableString.Invariant($"int {Escape(d.Name)} = {d.Typical}")).ToList();
        if (members.Precisions.Length > 0) parameters.Add($"{Precision} {precision} = {Precision}.{members.Precisions[0].Name}");
        parameters.Add($"int {threads} = 0");
        var descriptor = members.Precisions.Length > 0 ? $"graphDescriptorOf({precision})" : "graphDescriptor";
        var arguments = string.Concat(members.Dims.Select(d => $", ({Literal(d.Name)}, {Escape(d.Name)})"));
        writer.Line($"public static {ModelSource.Hiding(declaration)}global::Graph.ModelMemory Memory({string.Join(", ", parameters)}) => {descriptor}.Memory({threads}{arguments});");
    }
}
