using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Runtime.Parameters;

namespace Graph.Runtime.Checkpoints;

/// <summary>Which tensors of a file belong to which of a model.</summary>
/// <param name="Pairs">What is to be read, and where to.</param>
/// <param name="Missing">Names of the model that the file has no tensor for.</param>
/// <param name="Unexpected">Names of the file that the model has no tensor for.</param>
sealed record TensorMatch(ImmutableArray<(SafetensorsEntry Entry, StateDecl Declaration)> Pairs, ImmutableArray<string> Missing, ImmutableArray<string> Unexpected)
{
    /// <summary>What is cast.</summary>
    public ImmutableArray<ConvertedTensor> Converted => [.. Pairs.Where(p => p.Entry.Type != p.Declaration.Type.DType).Select(p => new ConvertedTensor(p.Declaration.Path, p.Entry.Type, p.Declaration.Type.DType))];

    // PyTorch's batch norm counts its batches, which nothing here needs: its momentum is a number.
    const string BatchCount = "num_batches_tracked";

    // A suggestion compares every name with every other one: for the names that a message lists.
    const int MostSuggestions = 20;

    /// <summary>Finds a tensor for every one of the model's.</summary>
    /// <param name="training">The optimizer's states are read too.</param>
    /// <exception cref="CheckpointException">A tensor has another shape or type, two have one name or, where the options are strict, one is missing or unexpected: every one of them is listed.</exception>
    public static TensorMatch Of(SafetensorsHeader header, ParameterStore store, string model, string path, bool training, LoadOptions options)
    {
        var problems = new List<string>();
        var found = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        var declared = store.Declarations.Select(d => d.Path).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in header.Entries)
        {
            var name = options.Name is { } map ? map(entry.Name) : entry.Name;
            if (name is null || (IsBatchCount(name) && !declared.Contains(name))) continue;
            if (!found.TryAdd(name, entry)) problems.Add($"twice: {found[name].Name} and {entry.Name} are both called {name} by the name map");
        }
        var wanted = store.Declarations.Where(d => training ? d.Kind.IsSaved() : d.Kind.IsWeight()).ToArray();
        var missing = wanted.Where(d => !found.ContainsKey(d.Path)).ToArray();
        var unexpected = Unexpecteds(store, wanted, found, training);
        foreach (var declaration in wanted)
        {
            var expected = Description(declaration);
            if (!found.TryGetValue(declaration.Path, out var entry))
            {
                if (options.Strict) problems.Add($"missing: {declaration.Path} {expected}{Near(declaration.Path, unexpected.Select(u => u.Name), problems.Count, "the file has {0}")}");
            }
            else if (!Fits(entry, declaration, training))
            {
                var called = entry.Name == declaration.Path ? "" : $" ({entry.Name} in the file)";
                problems.Add($"{(Fits(entry with { Shape = ShapeOf(declaration) }, declaration, training) ? "another shape" : "another type")}: {declaration.Path}{called} is {entry.Description}, expected {expected}");
            }
        }
        if (options.Strict)
        {
            foreach (var (name, entry) in unexpected) problems.Add($"unexpected: {name} {entry.Description}{Near(name, missing.Select(d => d.Path), problems.Count, "did you mean {0}?")}");
            if (Beginning(missing, unexpected) is { } hint) problems.Insert(0, hint);
        }
        if (problems.Count > 0) throw new CheckpointException(path, model, problems);
        return new([.. wanted.Where(d => found.ContainsKey(d.Path)).Select(d => (found[d.Path], d))], [.. missing.Select(d => d.Path)], [.. unexpected.Select(u => u.Entry.Name)]);
    }

    static bool IsBatchCount(string name) => name == BatchCount || name.EndsWith("." + BatchCount, StringComparison.Ordinal);

    static (string Name, SafetensorsEntry Entry)[] Unexpecteds(ParameterStore store, StateDecl[] wanted, Dictionary<string, SafetensorsEntry> found, bool training)
    {
        var names = wanted.Select(d => d.Path).ToHashSet(StringComparer.Ordinal);
        var optimizer = store.Declarations.Where(d => d.Kind is StateKind.Optimizer or StateKind.Counter).Select(d => d.Path).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. found.Where(p => !names.Contains(p.Key) && (training || !(optimizer.Contains(p.Key) || p.Key.StartsWith("optimizer.", StringComparison.Ordinal))))
                .OrderBy(p => p.Value.Begin).ThenBy(p => p.Key, StringComparer.Ordinal).Select(p => (p.Key, p.Value)),
        ];
    }

    // Weights may come in another precision; training goes on from its own bits alone.
    static bool Fits(SafetensorsEntry entry, StateDecl declaration, bool training) =>
        entry.Shape.AsSpan().SequenceEqual(ShapeOf(declaration).AsSpan()) && (entry.Type == declaration.Type.DType || (!training && FloatConversion.Converts(entry.Type, declaration.Type.DType)));

    static ImmutableArray<long> ShapeOf(StateDecl declaration) => [.. declaration.Type.Shape.Select(d => d.Evaluate(DimBinding.Empty))];

    static string Description(StateDecl declaration) => $"{declaration.Type.DType.Name()}[{string.Join(",", declaration.Type.Shape)}]";

    static string Near(string name, IEnumerable<string> candidates, int listed, string text) =>
        listed < MostSuggestions && NearestName.Of(name, candidates) is { } near ? $" ({string.Format(System.Globalization.CultureInfo.InvariantCulture, text, near)})" : "";

    // Wrappers put a word before every name, and models of parts lack one: then the names differ in their beginning alone.
    static string? Beginning(StateDecl[] missing, (string Name, SafetensorsEntry Entry)[] unexpected)
    {
        if (missing.Length == 0 || unexpected.Length == 0) return null;
        var names = unexpected.Select(u => u.Name).ToHashSet(StringComparer.Ordinal);
        var first = missing[0].Path;
        foreach (var name in names)
        {
            if (name.EndsWith("." + first, StringComparison.Ordinal) && name[..^first.Length] is var more && missing.All(d => names.Contains(more + d.Path)))
                return $"every name of the file begins with {more}: Name = LoadOptions.Renaming(new Dictionary<string, string> {{ [\"{more}\"] = \"\" }}) takes it away";
            if (first.EndsWith("." + name, StringComparison.Ordinal) && first[..^name.Length] is var less && missing.All(d => d.Path.StartsWith(less, StringComparison.Ordinal) && names.Contains(d.Path[less.Length..])))
                return $"every name of the file lacks {less}: Name = LoadOptions.Renaming(new Dictionary<string, string> {{ [\"\"] = \"{less}\" }}) adds it";
        }
        return null;
    }
}
