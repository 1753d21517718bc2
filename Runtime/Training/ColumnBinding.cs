using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Data;
using Graph.Runtime.Parameters;

namespace Graph.Runtime.Training;

/// <summary>
/// Which column of a batch feeds which argument of a loss: the one of the same name. Two columns of one type and shape would train on swapped data if their order decided, and nothing would show it.
/// </summary>
static class ColumnBinding
{
    /// <summary>The number of the column that feeds each argument.</summary>
    /// <param name="model">The model's name.</param>
    /// <param name="arguments">The loss's arguments.</param>
    /// <param name="columns">What a batch holds.</param>
    /// <param name="source">What the batches are, for the message: <c>training data</c>.</param>
    /// <param name="parameter">The parameter that they came by.</param>
    /// <exception cref="ArgumentException">A column is missing, unknown, there twice, or of another type or shape; the message lists all of them.</exception>
    public static ImmutableArray<int> Bind(string model, ImmutableArray<NamedTensor> arguments, ImmutableArray<DataColumn> columns, string source, string parameter)
    {
        if (columns.IsDefault) columns = [];
        var problems = new List<string>();
        foreach (var twice in columns.GroupBy(c => c.Name, StringComparer.Ordinal).Where(g => g.Count() > 1)) problems.Add($"{twice.Count()} columns are called {twice.Key}");

        var unknown = columns.Where(c => arguments.All(a => a.Name != c.Name)).ToArray();
        var missing = arguments.Where(a => columns.All(c => c.Name != a.Name)).ToArray();
        foreach (var argument in missing)
        {
            var meant = NearestName.Of(argument.Name!, unknown.Select(c => c.Name)) ?? (missing.Length == 1 && unknown.Length == 1 ? unknown[0].Name : null);
            problems.Add($"no column is called {argument.Name}" + (meant is null ? "" : $"; is {meant} meant for it?"));
        }
        foreach (var column in unknown)
        {
            var near = NearestName.Of(column.Name, arguments.Select(a => a.Name!));
            problems.Add($"{column} feeds no argument" + (near is null || missing.Any(m => m.Name == near) ? "" : $"; {near} has a column of its own name"));
        }

        var order = arguments.Select(a => Enumerable.Range(0, columns.Length).FirstOrDefault(i => columns[i].Name == a.Name, -1)).ToImmutableArray();
        CheckTypes(arguments, columns, order, problems);
        if (problems.Count == 0) return order;
        throw new ArgumentException(
            $"The {source} does not fit the loss of {model}({string.Join(", ", arguments.Select(a => $"{a.Name}: {a.Type}"))}):\n{string.Join("\n", problems.Select(p => "  " + p))}\n"
            + $"Columns feed the arguments of their names, in whatever order they stand. {(unknown.Length + missing.Length > 0 ? "Dataset.Rename and Dataset.SelectColumns change what a dataset has." : "")}".TrimEnd(),
            parameter);
    }

    static void CheckTypes(ImmutableArray<NamedTensor> arguments, ImmutableArray<DataColumn> columns, ImmutableArray<int> order, List<string> problems)
    {
        // A named dimension is one number, wherever it stands. Lengths alone would let [3, 4] pass for [4, 3].
        var sizes = new Dictionary<string, (long Size, DataColumn Column)>(StringComparer.Ordinal);
        for (var a = 0; a < arguments.Length; a++)
        {
            if (order[a] < 0) continue;
            var (argument, column) = (arguments[a], columns[order[a]]);
            if (column.Type != argument.DType || argument.Shape.Rank != column.RowShape.Length + 1)
            {
                problems.Add($"{argument.Name} is {argument.Type}, but its column has rows of {Rows(column)}");
                continue;
            }
            for (var axis = 1; axis < argument.Shape.Rank; axis++)
            {
                var size = column.RowShape[axis - 1];
                if (argument.Shape[axis].IsSymbol(out var name) && sizes.TryAdd(name, (size, column))) continue;
                if (Expected(argument.Shape[axis], sizes) is not { } expected || expected == size) continue;
                var said = name is not null && sizes.TryGetValue(name, out var first) && first.Column != column ? $", where {first.Column.Name} says {name} = {first.Size}" : "";
                problems.Add($"{argument.Name} is {argument.Type}, but its column has rows of {Rows(column)}{said}");
                break;
            }
        }
    }

    static string Rows(DataColumn column) => $"{column.Type.Name()}[{string.Join(",", column.RowShape)}]";

    // What an axis has to be, as far as the columns before say; null when they do not.
    static long? Expected(Dim axis, Dictionary<string, (long Size, DataColumn Column)> sizes) =>
        axis.Symbols.All(sizes.ContainsKey) ? axis.Evaluate(new DimBinding(axis.Symbols.Select(s => KeyValuePair.Create(s, sizes[s].Size)))) : null;
}
