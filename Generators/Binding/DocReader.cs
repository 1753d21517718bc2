using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Xml;
using System.Xml.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Generators.Emission;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Binding;

/// <summary>Reads what users write about entries and losses, which the members that are compiled from them say too.</summary>
static class DocReader
{
    /// <summary>The documentation of a model's entries and losses, those of base classes too.</summary>
    public static EquatableArray<MemberDoc> Read(INamedTypeSymbol type, CancellationToken cancellation)
    {
        var docs = new List<MemberDoc>();
        for (var t = type; t is { SpecialType: not SpecialType.System_Object }; t = t.BaseType)
            foreach (var method in t.GetMembers().OfType<IMethodSymbol>())
                if (AttributeReader.Role(method) is var role && role is (MethodRole.Entry or MethodRole.Loss) && docs.All(d => d.Method != method.Name || d.Role != role) && Of(method, role, cancellation) is { } doc)
                    docs.Add(doc);
        return docs.ToEquatableArray();
    }

    static MemberDoc? Of(IMethodSymbol method, MethodRole role, CancellationToken cancellation)
    {
        XElement xml;
        try
        {
            // With references in full, which mean the same wherever they are written; a compiler that writes no documentation file reads comments as such.
            var text = method.GetDocumentationCommentXml(expandIncludes: true, cancellationToken: cancellation);
            xml = XElement.Parse(text is { Length: > 0 } ? text : "<member>" + Comment(method, cancellation) + "</member>", LoadOptions.PreserveWhitespace);
        }
        catch (XmlException)
        {
            return null;
        }
        var summary = Inner(xml.Element("summary"));
        var returns = Inner(xml.Element("returns"));
        var parameters = xml.Elements("param").Select(p => new ParameterDoc((string?)p.Attribute("name") ?? "", Inner(p))).Where(p => p.Name.Length > 0 && p.Text.Length > 0).ToEquatableArray();
        return summary.Length + returns.Length + parameters.Count == 0 ? null : new(method.Name, role, summary, returns, parameters);
    }

    // The lines after `///`, or those of a `/** … */`.
    static string Comment(IMethodSymbol method, CancellationToken cancellation)
    {
        foreach (var reference in method.DeclaringSyntaxReferences)
        {
            var lines = new List<string>();
            foreach (var trivia in reference.GetSyntax(cancellation).GetLeadingTrivia())
            {
                var text = trivia.ToFullString();
                if (trivia.IsKind(SyntaxKind.MultiLineCommentTrivia) && text.StartsWith("/**", StringComparison.Ordinal))
                    lines.AddRange(text.Substring(3, Math.Max(0, text.Length - 5)).Split('\n').Select(line => line.Trim().TrimStart('*')));
                else
                    lines.AddRange(text.Split('\n').Select(line => line.TrimStart()).Where(line => line.StartsWith("///", StringComparison.Ordinal)).Select(line => line.Substring(3)));
            }
            if (lines.Count > 0) return string.Join("\n", lines);
        }
        return "";
    }

    static string Inner(XElement? element) =>
        element is null ? "" : string.Join("\n", string.Concat(element.Nodes().Select(node => node.ToString(SaveOptions.DisableFormatting))).Split('\r', '\n', '\u0085', '\u2028', '\u2029').Select(line => line.Trim()).Where(line => line.Length > 0));
}
