using System.Collections;
using System.ComponentModel;
using System.Globalization;

namespace Graph;

/// <summary>A module or model: something with named parameters. The generator implements it for every class marked [Module] or [Model].</summary>
public interface IModule
{
    /// <summary>Shows every parameter, state and sub-module of this module to <paramref name="visitor"/>, base classes first, in declaration order.</summary>
    /// <param name="visitor">Sees them.</param>
    /// <param name="path">The path of this module: empty for the root, else <c>blocks.0</c>.</param>
    void Visit(IModuleVisitor visitor, string path);
}

/// <summary>Sees the parameters and states of a module with their paths. A handle that two fields share is shown twice.</summary>
public interface IModuleVisitor
{
    /// <summary>A parameter.</summary>
    void Visit(string path, Parameter parameter);

    /// <summary>A state.</summary>
    void Visit(string path, State state);

    /// <summary>A sub-module, before its own parameters; false leaves them out.</summary>
    bool Enter(string path, IModule module);
}

/// <summary>The walk over a field's value that generated code shares.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ModuleWalk
{
    /// <summary>Shows <paramref name="value"/> (a parameter, state, module, a sequence of these, or anything else, which is passed over) under <paramref name="path"/>.<paramref name="name"/>.</summary>
    public static void Field(IModuleVisitor visitor, string path, string name, object? value)
    {
        switch (value)
        {
            case Parameter parameter:
                var place = Join(path, parameter.Name ?? name);
                visitor.Visit(place, parameter);
                for (var i = 0; i < parameter.Substitutes?.Length; i++) Field(visitor, place, parameter.Substitutes[i].Name, parameter.Substitutes[i].Module);
                break;
            case State state:
                visitor.Visit(Join(path, state.Name ?? name), state);
                break;
            case IModule module:
                var own = Join(path, name);
                if (visitor.Enter(own, module)) module.Visit(visitor, own);
                break;
            case string or null:
                break;
            case IEnumerable sequence:
                var index = 0;
                var elements = Join(path, name);
                foreach (var element in sequence) Field(visitor, elements, Index(index++), element);
                break;
        }
    }

    /// <summary>The path of what is called <paramref name="name"/> below <paramref name="path"/>; an empty name stands for the path itself.</summary>
    public static string Join(string path, string name) => path.Length == 0 ? name : name.Length == 0 ? path : path + "." + name;

    /// <summary>The name of the element <paramref name="index"/> of a sequence.</summary>
    public static string Index(int index) => index.ToString(CultureInfo.InvariantCulture);
}
