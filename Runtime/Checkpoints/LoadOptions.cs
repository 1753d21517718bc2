using System;
using System.Collections.Generic;
using System.Linq;

namespace Graph;

/// <summary>How a file is read into a model.</summary>
public sealed record LoadOptions
{
    /// <summary>Takes parameters and running statistics alone, whatever else the file holds.</summary>
    public bool WeightsOnly { get; init; }

    /// <summary>
    /// Refuses a file that lacks a tensor of the model or holds one that the model has not. Without it such tensors are passed over, those of the model keep their numbers, and
    /// <see cref="CheckpointInfo.Missing"/> and <see cref="CheckpointInfo.Unexpected"/> name them. A tensor of another shape is refused either way, and so is one of
    /// another type, except that weights in another real type are rounded to the model's.
    /// </summary>
    public bool Strict { get; init; } = true;

    /// <summary>
    /// Gives the model's name for a name in the file; null leaves that tensor out. See <see cref="Renaming"/> for a table of names.
    /// </summary>
    /// <example><code>model.Load("net.safetensors", new LoadOptions { Name = name => name.Replace("module.", "") });</code></example>
    public Func<string, string?>? Name { get; init; }

    /// <summary>A function for <see cref="Name"/> from a table: a key that ends in a point, or is empty, stands for the beginning of names, any other one for a whole name. The longest key that fits is taken.</summary>
    /// <example><code>Name = LoadOptions.Renaming(new Dictionary&lt;string, string&gt; { ["module."] = "", ["fc.weight"] = "head.weight" })</code></example>
    public static Func<string, string?> Renaming(IReadOnlyDictionary<string, string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var beginnings = names.Where(p => p.Key.Length == 0 || p.Key.EndsWith('.')).OrderByDescending(p => p.Key.Length).ToArray();
        return name =>
        {
            if (names.TryGetValue(name, out var whole)) return whole;
            foreach (var (from, to) in beginnings)
                if (name.StartsWith(from, StringComparison.Ordinal)) return to + name[from.Length..];
            return name;
        };
    }
}
