using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler.Modules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Location = Graph.Compiler.Modules.Location;
using RoslynLocation = Microsoft.CodeAnalysis.Location;

namespace Graph.Generators.Diagnostics;

/// <summary>
/// Where the nodes of a bound definition stand in the source. It lies beside the definition and outside of its equality: diagnostics, origins and published lines are made
/// from it, and nothing else may be. Trees are held weakly: a table keeps no old compilation alive.
/// </summary>
public sealed class SpanTable
{
    readonly Dictionary<string, Member> members = new(StringComparer.Ordinal);
    readonly List<(WeakReference<SyntaxTree> Tree, string File, string Path)> files = [];

    sealed class Member
    {
        public Dictionary<(int File, TextSpan Span), int> Numbers { get; } = [];

        public List<(int File, TextSpan Span, int Line)> Nodes { get; } = [];
    }

    /// <summary>The members that have places here.</summary>
    public IEnumerable<string> Members => members.Keys;

    /// <summary>The place of a span in a member, one number a span.</summary>
    /// <param name="member">The member's key.</param>
    /// <param name="tree">The file.</param>
    /// <param name="span">Where in it.</param>
    /// <param name="projectFolder">What the file is named relative to.</param>
    internal Location Add(string member, SyntaxTree tree, TextSpan span, string projectFolder)
    {
        if (!members.TryGetValue(member, out var nodes)) members.Add(member, nodes = new());
        var file = File(tree, projectFolder);
        if (nodes.Numbers.TryGetValue((file, span), out var number)) return new(member, number);
        nodes.Numbers.Add((file, span), nodes.Nodes.Count);
        nodes.Nodes.Add((file, span, LineOf(tree, span)));
        return new(member, nodes.Nodes.Count - 1);
    }

    int File(SyntaxTree tree, string projectFolder)
    {
        for (var i = 0; i < files.Count; i++)
            if (files[i].Tree.TryGetTarget(out var known) && known == tree) return i;
        files.Add((new(tree), FileName(tree.FilePath, projectFolder), tree.FilePath));
        return files.Count - 1;
    }

    /// <summary>The same places in files of which some have other white space now; null where that leaves a place unclear. It takes no more places.</summary>
    /// <param name="find">What became of a file; null for one that is as it was.</param>
    internal SpanTable? After(Func<SyntaxTree, (SyntaxTree Tree, Func<TextSpan, TextSpan?> Map)?> find)
    {
        var result = new SpanTable();
        var moved = new (SyntaxTree Tree, Func<TextSpan, TextSpan?> Map)?[files.Count];
        for (var i = 0; i < files.Count; i++)
        {
            if (!files[i].Tree.TryGetTarget(out var tree)) return null;
            moved[i] = find(tree);
            result.files.Add((new(moved[i]?.Tree ?? tree), files[i].File, files[i].Path));
        }
        foreach (var pair in members)
        {
            var nodes = new Member();
            result.members.Add(pair.Key, nodes);
            foreach (var node in pair.Value.Nodes)
            {
                if (moved[node.File] is not var (tree, map))
                {
                    nodes.Nodes.Add(node);
                    continue;
                }
                if (map(node.Span) is not { } span) return null;
                nodes.Nodes.Add((node.File, span, LineOf(tree, span)));
            }
        }
        return result;
    }

    static int LineOf(SyntaxTree tree, TextSpan span) => tree.GetText().Lines.GetLinePosition(span.Start).Line + 1;

    bool TryFind(Location location, out (int File, TextSpan Span, int Line) node)
    {
        node = default;
        if (!members.TryGetValue(location.Member, out var member) || location.Node < 0 || location.Node >= member.Nodes.Count) return false;
        node = member.Nodes[location.Node];
        return true;
    }

    /// <summary>File and line as people read them, <c>Digits.cs:22</c>; null for a place that is not in this table.</summary>
    public string? Describe(Location location) => TryFind(location, out var node)
        ? files[node.File].File.Substring(files[node.File].File.LastIndexOf('/') + 1) + ":" + node.Line.ToString(CultureInfo.InvariantCulture) : null;

    /// <summary>The path of the file as the compiler knows it, and the line; null for a place that is not in this table.</summary>
    public (string Path, int Line)? Line(Location location) => TryFind(location, out var node) ? (files[node.File].Path, node.Line) : null;

    /// <summary>The span itself; null for a place that is not in this table, or whose file is not in the compilation.</summary>
    internal RoslynLocation? Find(Location location, Compilation compilation) =>
        TryFind(location, out var node) && files[node.File].Tree.TryGetTarget(out var tree) && compilation.ContainsSyntaxTree(tree) ? RoslynLocation.Create(tree, node.Span) : null;

    /// <summary>What a library publishes of it: lines within members.</summary>
    public string Published()
    {
        var table = new PlaceTable();
        foreach (var pair in members)
        {
            if (pair.Value.Nodes.Count == 0) continue;
            // The first node of a member is its name; what stands in another part of a partial class counts from the same line.
            var first = pair.Value.Nodes[0];
            table.Add(pair.Key, files[first.File].File, pair.Value.Nodes.Select(n => n.File == first.File ? Math.Max(1, n.Line - first.Line + 1) : 1));
        }
        return table.ToString();
    }

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
}
