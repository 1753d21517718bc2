using System.Text;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Compiler.Modules.Text;

namespace Graph.Generators.Emission;

/// <summary>Writes what every module gets: its published definition, and the walk over its parameters.</summary>
static class ModuleEmitter
{
    /// <summary>
    /// The file for a module. One with errors (no definition) gets an empty walk and publishes nothing: what derives from it and what takes it for an IModule has no
    /// errors of its own because of that.
    /// </summary>
    public static (string HintName, string Source) Emit(ClassDeclaration declaration, ModuleDef? definition, string places)
    {
        var source = new StringBuilder();
        source.Append("#nullable enable\n\n");
        if (definition is not null)
        {
            source.Append("[assembly: global::Graph.ModuleDefinition(").Append(ModuleDef.FormatVersion).Append(", ").Append(Quote(DefinitionName.FullName(definition.Name))).Append(", ");
            source.Append("@\"").Append(definition.ToText().Replace("\"", "\"\"")).Append("\",\n    Places = @\"").Append(places.Replace("\"", "\"\"")).Append("\")]\n");
        }
        if (!declaration.IsStatic) Walk(source, declaration, definition?.Fields ?? []);
        return (declaration.HintName + ".Module", source.ToString());
    }

    static string Quote(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";

    static void Walk(StringBuilder source, ClassDeclaration declaration, EquatableArray<FieldDef> fields)
    {
        var indent = "";
        source.Append('\n');
        if (declaration.Namespace.Length > 0) source.Append("namespace ").Append(declaration.Namespace).Append("\n{\n");
        foreach (var container in declaration.Containers)
        {
            indent += "    ";
            source.Append(indent).Append(container).Append('\n').Append(indent).Append("{\n");
        }
        indent += "    ";
        var inner = indent + "    ";
        // A class derived from another module adds to its walk; a sealed one of its own needs no virtual method for that.
        var isOpen = !declaration.IsSealed || declaration.HasBaseModule;
        source.Append(indent).Append("partial class ").Append(declaration.Name);
        if (!declaration.HasBaseModule) source.Append(" : global::Graph.IModule");
        source.Append('\n').Append(indent).Append("{\n");
        if (!declaration.HasBaseModule && isOpen)
            source.Append(inner).Append("void global::Graph.IModule.Visit(global::Graph.IModuleVisitor graphVisitor, string graphPath) => VisitModule(graphVisitor, graphPath);\n\n");
        if (isOpen)
        {
            source.Append(inner).Append("/// <summary>Shows the parameters of this class to a visitor.</summary>\n");
            source.Append(inner).Append("[global::System.ComponentModel.EditorBrowsable(global::System.ComponentModel.EditorBrowsableState.Never)]\n");
            source.Append(inner).Append(declaration.HasBaseModule ? "protected override" : "protected virtual").Append(" void VisitModule(global::Graph.IModuleVisitor graphVisitor, string graphPath)\n");
        }
        else
        {
            source.Append(inner).Append("void global::Graph.IModule.Visit(global::Graph.IModuleVisitor graphVisitor, string graphPath)\n");
        }
        source.Append(inner).Append("{\n");
        if (declaration.HasBaseModule) source.Append(inner).Append("    base.VisitModule(graphVisitor, graphPath);\n");
        source.Append(FieldWalk.Write(fields, inner + "    "));
        source.Append(inner).Append("}\n").Append(indent).Append("}\n");
        for (var i = declaration.Containers.Count; i > 0; i--)
        {
            indent = indent.Substring(4);
            source.Append(indent).Append("}\n");
        }
        if (declaration.Namespace.Length > 0) source.Append("}\n");
    }
}
