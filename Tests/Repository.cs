using System;
using System.IO;

namespace Graph.Tests;

/// <summary>Finds the sources that the running tests were built from.</summary>
public static class Repository
{
    // Directory.Build.props maps the repository's root to this, so that builds are the same everywhere.
    const string MappedRoot = "/_/";

    /// <summary>The folder that holds <c>Graph.sln</c>, above the test assembly.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Turns a path that the compiler wrote down (<c>CallerFilePath</c>) into one on this machine.</summary>
    public static string Resolve(string compiled)
        => compiled.StartsWith(MappedRoot, StringComparison.Ordinal) ? Path.Combine(Root, compiled[MappedRoot.Length..].Replace('\\', '/')) : compiled;

    static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Graph.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds Graph.sln; run the tests from inside the repository.");
    }
}
