using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Location = Graph.Compiler.Modules.Location;
using RoslynLocation = Microsoft.CodeAnalysis.Location;

namespace Graph.Generators.Diagnostics;

/// <summary>Between spans of syntax trees and locations as data.</summary>
static class SourceMap
{
    /// <summary>The name of a source file that is the same on every machine: the path below the project folder, else the bare file name.</summary>
    public static string FileName(string path, string projectFolder)
    {
        path = path.Replace('\\', '/');
        projectFolder = projectFolder.Replace('\\', '/');
        if (projectFolder.Length > 0 && !projectFolder.EndsWith("/", StringComparison.Ordinal)) projectFolder += "/";
        return projectFolder.Length > 0 && path.StartsWith(projectFolder, StringComparison.Ordinal)
            ? path.Substring(projectFolder.Length)
            : path.Substring(path.LastIndexOf('/') + 1);
    }

    /// <summary>A span as data.</summary>
    public static Location ToData(SyntaxTree tree, TextSpan span, string projectFolder, CancellationToken cancellation)
    {
        var start = tree.GetText(cancellation).Lines.GetLinePosition(span.Start);
        return new(FileName(tree.FilePath, projectFolder), start.Line + 1, start.Character + 1, span.Length);
    }

    /// <summary>The span that <paramref name="location"/> stands for in a compilation; no location when its file is not there.</summary>
    public static RoslynLocation ToRoslyn(Compilation compilation, Location location, string projectFolder, CancellationToken cancellation)
    {
        if (location.Line == 0) return RoslynLocation.None;
        foreach (var tree in compilation.SyntaxTrees)
        {
            if (!string.Equals(FileName(tree.FilePath, projectFolder), location.File, StringComparison.Ordinal)) continue;
            var lines = tree.GetText(cancellation).Lines;
            if (location.Line > lines.Count) continue;
            var start = lines[location.Line - 1].Start + location.Column - 1;
            var end = start + location.Length;
            if (end <= tree.Length) return RoslynLocation.Create(tree, TextSpan.FromBounds(start, end));
        }
        return RoslynLocation.None;
    }

    /// <summary>A diagnostic of Roslyn; a place that is not in this compilation (a referenced module's body) is named in the message instead.</summary>
    public static Diagnostic ToRoslyn(this DiagnosticInfo info, Compilation compilation, string projectFolder, CancellationToken cancellation)
    {
        var location = ToRoslyn(compilation, info.Location, projectFolder, cancellation);
        return Diagnostic.Create(info.Descriptor, location, info.Arguments.ToArray<object>());
    }
}
