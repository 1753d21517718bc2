using System;
using Microsoft.CodeAnalysis;

namespace Graph.Generators.Binding;

/// <summary>Tells the files of this generator from the user's: analyzers see both, the generator only the latter.</summary>
static class GeneratedCode
{
    public const string Suffix = ".g.cs";

    public static bool IsOurs(SyntaxTree tree) =>
        tree.FilePath.EndsWith(Suffix, StringComparison.Ordinal) && tree.FilePath.IndexOf(nameof(ModelGenerator), StringComparison.Ordinal) >= 0;
}
