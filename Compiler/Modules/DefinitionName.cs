namespace Graph.Compiler.Modules;

/// <summary>
/// The names by which definitions know each other: assembly and full name, as IL writes them, <c>[Assembly]Namespace.Outer+Inner</c>. Two assemblies may have a class
/// of one full name, so the full name alone says nothing.
/// </summary>
public static class DefinitionName
{
    /// <summary>The name of the class <paramref name="fullName"/> of <paramref name="assembly"/>.</summary>
    public static string Of(string assembly, string fullName) => "[" + assembly + "]" + fullName;

    /// <summary>The assembly's name; empty when <paramref name="name"/> has none.</summary>
    public static string Assembly(string name) => Bracket(name) is > 0 and var end ? name.Substring(1, end - 1) : "";

    /// <summary>Namespace, containers and name, without the assembly: what people call the class.</summary>
    public static string FullName(string name) => name.Substring(Bracket(name) + 1);

    /// <summary>The name alone.</summary>
    public static string Short(string name) => name.Substring(name.LastIndexOfAny(['.', '+', ']']) + 1);

    // -1 without an assembly.
    static int Bracket(string name) => name.Length > 0 && name[0] == '[' ? name.IndexOf(']') : -1;
}
