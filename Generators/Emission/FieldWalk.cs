using System;
using System.Text;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Emission;

/// <summary>
/// Writes the walk over the fields of a module: the same as the compiler's own, so that both give a parameter one path. Tuples are taken apart here, where the names of their elements
/// are known; everything else is told apart by its value while the program runs.
/// </summary>
sealed class FieldWalk
{
    readonly StringBuilder source = new();
    int variables;

    /// <summary>A statement or more for each field whose type may hold parameters.</summary>
    public static string Write(EquatableArray<FieldDef> fields, string indent)
    {
        var walk = new FieldWalk();
        foreach (var field in fields)
        {
            if (field.IsStatic || !field.Type.MayHoldParameters) continue;
            // A captured parameter of the primary constructor is no member; the names of the walk's own variables are such that they hide nothing.
            walk.Write(field.Type, "graphPath", SymbolDisplay.FormatLiteral(field.PathSegment, quote: true), IsCaptured(field) ? "@" + field.Name : "this.@" + field.Name, indent);
        }
        return walk.source.ToString();
    }

    static bool IsCaptured(FieldDef field) => field.Initializer is CapturedExpression captured && captured.Name == field.Name;

    void Write(TypeRef type, string path, string name, string value, string indent)
    {
        if (!HoldsTuples(type))
        {
            Line(indent, $"global::Graph.ModuleWalk.Field(graphVisitor, {path}, {name}, {value});");
            return;
        }
        var variable = "graph" + variables++;
        switch (type.Kind)
        {
            case TypeKind.Nullable:
                Line(indent, $"if ({value} is {{ }} {variable})");
                Line(indent, "{");
                Write(type.Arguments[0], path, name, variable, indent + "    ");
                Line(indent, "}");
                break;
            case TypeKind.Tuple:
                Line(indent, $"var {variable} = global::Graph.ModuleWalk.Join({path}, {name});");
                for (var i = 0; i < type.Arguments.Count; i++)
                    if (type.Arguments[i].MayHoldParameters)
                        Write(type.Arguments[i], variable, SymbolDisplay.FormatLiteral(type.ElementName(i), quote: true), FormattableString.Invariant($"{value}.Item{i + 1}"), indent);
                break;
            default:
                Line(indent, $"if ({value} is {{ }} {variable})");
                Line(indent, "{");
                Line(indent, $"    var {variable}Path = global::Graph.ModuleWalk.Join({path}, {name});");
                Line(indent, $"    var {variable}Index = 0;");
                Line(indent, $"    foreach (var {variable}Element in {variable})");
                Line(indent, "    {");
                Write(type.Arguments[0], variable + "Path", $"global::Graph.ModuleWalk.Index({variable}Index++)", variable + "Element", indent + "        ");
                Line(indent, "    }");
                Line(indent, "}");
                break;
        }
    }

    void Line(string indent, string line) => source.Append(indent).Append(line).Append('\n');

    static bool HoldsTuples(TypeRef type) => type.MayHoldParameters && (type.Kind == TypeKind.Tuple || (type.Kind is not TypeKind.Function && type.Arguments.Count > 0 && HoldsTuples(type.Arguments[0])));
}
