using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Modules.Elaboration;

/// <summary>
/// Gives every parameter, state and module of a finished model its path: base classes first, fields in declaration order, elements by index, a tuple's by name. What is shared
/// keeps the first path that leads to it. The same walk as the generated <c>IModule.Visit</c>.
/// </summary>
sealed class StateWalk(Definitions definitions)
{
    readonly HashSet<object> seen = [];

    /// <summary>In the order of the walk.</summary>
    public List<Handle> Handles { get; } = [];

    /// <summary>What modules say of their precision and of that of their fields: of two that say it of one path, the nearer to the use comes first.</summary>
    public List<(string Path, PrecisionDef Precision)> Precisions { get; } = [];

    /// <summary>The paths that are marked [Checkpoint]: of modules, and of fields that hold some.</summary>
    readonly List<string> marked = [];

    readonly List<string> modules = [];

    /// <summary>The paths of the modules that are marked [Checkpoint], each once, in the order of the walk: of a field that holds several, each of them.</summary>
    public IEnumerable<string> Checkpoints => modules.Where(m => marked.Exists(path => m == path || IsElement(m, path))).Distinct();

    // An index, or several of arrays in arrays.
    static bool IsElement(string module, string path) => module.Length > path.Length && path.Length > 0 && module[path.Length] == '.' && module.StartsWith(path, StringComparison.Ordinal) && module.Skip(path.Length).All(c => c == '.' || char.IsDigit(c));

    public void Visit(Instance module, string path)
    {
        if (!seen.Add(module)) return;
        module.Path = path;
        modules.Add(path);
        foreach (var type in definitions.Chain(module.Type.Name))
            marked.AddRange(type.Checkpoints.Select(name => name is { } field ? Join(path, type.Fields.FirstOrDefault(f => f.Name == field)?.PathSegment ?? field) : path));
        foreach (var type in definitions.Chain(module.Type.Name))
            Precisions.AddRange(type.Precisions.Select(p => (p.Field is { } field ? Join(path, type.Fields.FirstOrDefault(f => f.Name == field)?.PathSegment ?? field) : path, p)));
        foreach (var type in definitions.Chain(module.Type.Name).Reverse())
            foreach (var field in type.Fields)
                if (!field.IsStatic) Visit(module[type.Name, field.Name], field.Type, path, field.PathSegment);
    }

    void Visit(object? value, TypeRef type, string path, string name)
    {
        if (type.Kind == TypeKind.Nullable) type = type.Arguments[0];
        switch (value)
        {
            case Handle handle:
                if (handle.Path is not null) break;
                handle.Path = Join(path, handle.Name ?? name);
                Handles.Add(handle);
                foreach (var substitute in handle.Substitutes) Visit(substitute.Module, Join(handle.Path, substitute.Name));
                break;
            case Instance { Type.IsModule: true } module:
                Visit(module, Join(path, name));
                break;
            case ArrayValue array:
                Elements(array.Items, type, Join(path, name));
                break;
            case ListValue list:
                Elements(list.Items, type, Join(path, name));
                break;
            case TupleValue tuple when type.Kind == TypeKind.Tuple:
                for (var i = 0; i < tuple.Items.Length; i++) Visit(tuple.Items[i], type.Arguments[i], Join(path, name), type.ElementName(i));
                break;
        }
    }

    void Elements(IReadOnlyList<object?> elements, TypeRef type, string path)
    {
        if (type.Arguments.IsEmpty) return;
        for (var i = 0; i < elements.Count; i++) Visit(elements[i], type.Arguments[0], path, i.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The path of what is called so below a path; an empty name adds nothing.</summary>
    public static string Join(string path, string name) => path.Length == 0 ? name : name.Length == 0 ? path : path + "." + name;

    /// <summary>The first two handles with one path, or null.</summary>
    public (Handle First, Handle Second)? Clash() =>
        Handles.GroupBy(h => h.Path, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => ((Handle, Handle)?)(g.First(), g.ElementAt(1))).FirstOrDefault();
}
