using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using Graph.Generators.Binding;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Graph.Generators.Caching;

/// <summary>
/// What one file declares, without its bodies: for each name a hash of its declarations and the names that these mention. C# resolves a name in a body by declarations
/// only, so bodies elsewhere need no new look while the declarations of the names that they can come to stay the same.
/// </summary>
sealed class DeclarationTable
{
    static readonly ConditionalWeakTable<SyntaxTree, DeclarationTable> Tables = new();

    /// <summary>The key of what can matter to any body: global usings, and extension methods that C# finds without their name.</summary>
    public const string Everywhere = "";

    static readonly HashSet<string> Unnamed = new(StringComparer.Ordinal)
    {
        "GetEnumerator", "MoveNext", "Current", "Deconstruct", "Add", "Slice", "Length", "Count", "Dispose", "GetAwaiter", "Equals", "GetHashCode", "ToString", "Create",
    };

    readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    readonly List<TextSpan> types = [];
    readonly WeakReference<SyntaxTree> tree;
    readonly string root;
    HashSet<string>? identifiers;

    DeclarationTable(SyntaxTree tree)
    {
        this.tree = new(tree);
        Path = tree.FilePath;
        root = "";
        IsOurs = GeneratedCode.IsOurs(tree);
        if (IsOurs) return;
        var unit = tree.GetCompilationUnitRoot();
        root = Usings(unit.Usings);
        foreach (var item in unit.Usings)
            if (item.GlobalKeyword.IsKind(SyntaxKind.GlobalKeyword)) Add(Everywhere, item, "");
        Members(unit.Members, "", root);
    }

    public readonly record struct Entry(ulong Hash, HashSet<string> Mentions);

    /// <summary>The table of a file, made once.</summary>
    public static DeclarationTable Of(SyntaxTree tree) => Tables.GetValue(tree, static t => new DeclarationTable(t));

    /// <summary>The file; null when nobody holds it any more.</summary>
    public SyntaxTree? Tree => tree.TryGetTarget(out var target) ? target : null;

    /// <summary>The file's path.</summary>
    public string Path { get; }

    public IReadOnlyDictionary<string, Entry> Entries => entries;

    /// <summary>A file of the generator itself, which declares nothing that a module may use.</summary>
    public bool IsOurs { get; }

    /// <summary>How many classes have attributes: those may be modules.</summary>
    public int Candidates => types.Count;

    /// <summary>One of these classes. The table holds no syntax: it outlives its file.</summary>
    public TypeDeclarationSyntax Candidate(SyntaxTree tree, int index) =>
        // A file may hold nothing but the class: then its root has the same span.
        (TypeDeclarationSyntax)tree.GetRoot().FindNode(types[index], getInnermostNodeForTie: true);

    /// <summary>Every identifier in the file, bodies included.</summary>
    public HashSet<string> Identifiers(SyntaxTree tree)
    {
        if (identifiers is not null) return identifiers;
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var token in tree.GetRoot().DescendantTokens())
            if (token.IsKind(SyntaxKind.IdentifierToken)) found.Add(token.ValueText);
        return identifiers = found;
    }

    static string Usings(SyntaxList<UsingDirectiveSyntax> usings) => string.Join(";", usings.Select(u => u.WithoutTrivia().ToString()));

    void Members(SyntaxList<MemberDeclarationSyntax> members, string container, string context)
    {
        foreach (var member in members) Member(member, container, context);
    }

    void Member(MemberDeclarationSyntax member, string container, string context)
    {
        switch (member)
        {
            case BaseNamespaceDeclarationSyntax space:
                foreach (var part in space.Name.DescendantTokens().Where(t => t.IsKind(SyntaxKind.IdentifierToken))) Put(part.ValueText, Text(space.Name.ToString()), []);
                Members(space.Members, container + space.Name + ".", context + "|" + Usings(space.Usings) + space.Name);
                break;
            case EnumDeclarationSyntax type:
                Add(type.Identifier.ValueText, type, container + context);
                break;
            case TypeDeclarationSyntax type:
                if (type.AttributeLists.Count > 0) types.Add(type.Span);
                Header(type, container + context);
                Members(type.Members, container + type.Identifier.ValueText + "+", context);
                break;
            case DelegateDeclarationSyntax type:
                Add(type.Identifier.ValueText, type, container + context);
                break;
            case BaseFieldDeclarationSyntax field:
                foreach (var variable in field.Declaration.Variables) Field(field, variable, container + context);
                break;
            case EnumMemberDeclarationSyntax or IncompleteMemberSyntax or GlobalStatementSyntax:
                break;
            default:
                Add(Key(member), member, container + context);
                break;
        }
    }

    /// <summary>The name that bodies reach a member by; members that need none go with the class that declares them.</summary>
    static string Key(MemberDeclarationSyntax member)
    {
        var type = (member.Parent as TypeDeclarationSyntax)?.Identifier.ValueText ?? Everywhere;
        switch (member)
        {
            case MethodDeclarationSyntax method:
                var isExtension = method.ParameterList.Parameters.FirstOrDefault() is { } first && first.Modifiers.Any(SyntaxKind.ThisKeyword);
                return !Unnamed.Contains(method.Identifier.ValueText) ? method.Identifier.ValueText : isExtension ? Everywhere : type;
            case PropertyDeclarationSyntax property:
                return Unnamed.Contains(property.Identifier.ValueText) ? type : property.Identifier.ValueText;
            case EventDeclarationSyntax item:
                return item.Identifier.ValueText;
            default:
                return type.Length == 0 ? Everywhere : type;
        }
    }

    void Header(TypeDeclarationSyntax type, string context)
    {
        var hash = new StableHash();
        var mentions = new HashSet<string>(StringComparer.Ordinal);
        hash.Add(context);
        foreach (var child in type.ChildNodesAndTokens())
        {
            if (child.AsNode() is MemberDeclarationSyntax) continue;
            if (child.AsNode() is { } node) Tokens(node, ref hash, mentions);
            else Token(child.AsToken(), ref hash, mentions);
        }
        // A positional record's parameters are members too.
        if (type is RecordDeclarationSyntax { ParameterList: { } list })
            foreach (var parameter in list.Parameters) Add(parameter.Identifier.ValueText, parameter, context);
        Put(type.Identifier.ValueText, hash.Value, mentions);
    }

    void Field(BaseFieldDeclarationSyntax field, VariableDeclaratorSyntax variable, string context)
    {
        var hash = new StableHash();
        var mentions = new HashSet<string>(StringComparer.Ordinal);
        hash.Add(context);
        foreach (var list in field.AttributeLists) Tokens(list, ref hash, mentions);
        foreach (var modifier in field.Modifiers) Token(modifier, ref hash, mentions);
        Tokens(field.Declaration.Type, ref hash, mentions);
        Token(variable.Identifier, ref hash, mentions);
        // The value of a constant is part of every body that names it.
        if (variable.Initializer is { } value && field.Modifiers.Any(SyntaxKind.ConstKeyword))
            foreach (var token in value.DescendantTokens()) Token(token, ref hash, mentions);
        Put(variable.Identifier.ValueText, hash.Value, mentions);
    }

    void Add(string name, SyntaxNode declaration, string context)
    {
        var hash = new StableHash();
        var mentions = new HashSet<string>(StringComparer.Ordinal);
        hash.Add(context);
        Tokens(declaration, ref hash, mentions);
        Put(name, hash.Value, mentions);
    }

    static ulong Text(string text)
    {
        var hash = new StableHash();
        hash.Add(text);
        return hash.Value;
    }

    static void Tokens(SyntaxNode node, ref StableHash hash, HashSet<string> mentions)
    {
        foreach (var child in node.ChildNodesAndTokens())
        {
            switch (child.AsNode())
            {
                case null:
                    Token(child.AsToken(), ref hash, mentions);
                    break;
                // That there is a body tells an auto-property from a computed one; what is in it does not matter.
                case BlockSyntax or ArrowExpressionClauseSyntax:
                    hash.Add("{}");
                    break;
                case EqualsValueClauseSyntax when node is PropertyDeclarationSyntax:
                    hash.Add("=");
                    break;
                case { } inner:
                    Tokens(inner, ref hash, mentions);
                    break;
            }
        }
    }

    static void Token(SyntaxToken token, ref StableHash hash, HashSet<string> mentions)
    {
        hash.Add(token.Text);
        if (token.IsKind(SyntaxKind.IdentifierToken)) mentions.Add(token.ValueText);
    }

    // Declarations of one name add up, in any order: overloads, and parts of a partial class.
    void Put(string name, ulong hash, HashSet<string> mentions)
    {
        if (!entries.TryGetValue(name, out var entry))
        {
            entries.Add(name, new Entry(hash, mentions));
            return;
        }
        entry.Mentions.UnionWith(mentions);
        entries[name] = entry with { Hash = unchecked(entry.Hash + hash) };
    }
}
