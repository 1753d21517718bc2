using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace Graph;

/// <summary>A file that is no checkpoint, is damaged, or belongs to another model. Nothing was loaded.</summary>
public sealed class CheckpointException : Exception
{
    internal CheckpointException(string path, string what, Exception? inner = null)
        : base($"{path}: {what}", inner)
    {
        File = path;
        Problems = [what];
    }

    internal CheckpointException(string path, string model, IReadOnlyList<string> problems)
        : base($"{path} does not fit the model {model}:\n{string.Join("\n", Listed(problems).Select(p => "  " + p))}")
    {
        File = path;
        Problems = [.. problems];
    }

    internal CheckpointException(string path, string what, IReadOnlyList<string> problems, RunChanges changes, string advice)
        : base($"{path} {what}:\n{string.Join("\n", Listed(problems).Select(p => "  " + p))}\n{advice}")
    {
        File = path;
        Problems = [.. problems];
        Changes = changes;
    }

    const int MostListed = 20;

    static IEnumerable<string> Listed(IReadOnlyList<string> problems) =>
        problems.Count <= MostListed ? problems : problems.Take(MostListed).Append($"and {problems.Count - MostListed} more");

    /// <summary>For a file of another run: what <see cref="FitOptions.AcceptChanges"/> would have to name for this run to go on with it.</summary>
    public RunChanges Changes { get; }

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>What is wrong with it: for a file of another model, one line for each tensor that is missing, unexpected or of another shape or type; for one of another run, a line for each difference.</summary>
    public ImmutableArray<string> Problems { get; }
}
