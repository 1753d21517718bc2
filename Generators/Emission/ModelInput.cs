using Graph.Compiler;
using Graph.Compiler.Modules;

namespace Graph.Generators.Emission;

/// <summary>Everything that a model's generated code depends on, compared by value.</summary>
/// <param name="Class">The class that code is generated into.</param>
/// <param name="Model">The model.</param>
/// <param name="Modules">Every module that it needs, directly or through another, of this assembly and of others, sorted by name; the model itself is not among them.</param>
public sealed record ModelInput(ClassDeclaration Class, ModuleDef Model, EquatableArray<ModuleDef> Modules);

/// <summary>Where a partial class is, so that another part of it can be written.</summary>
/// <param name="Namespace">The namespace; empty for the global one.</param>
/// <param name="Containers">The classes around it, outermost first, as their declarations begin: <c>partial class Outer</c>.</param>
/// <param name="Name">Its name, with <c>@</c> where C# needs it.</param>
/// <param name="IsSealed">Sealed: it can have no virtual members.</param>
/// <param name="IsStatic">Static: it has only functions.</param>
/// <param name="HasBaseModule">It derives from another module, into which code is generated too.</param>
/// <param name="Hides">Generated members may hide members of a base class.</param>
/// <param name="HintName">The start of the names of its generated files, unique in the assembly.</param>
public sealed record ClassDeclaration(
    string Namespace, EquatableArray<string> Containers, string Name, bool IsSealed, bool IsStatic, bool HasBaseModule, bool Hides, string HintName);
