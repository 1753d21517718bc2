using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;

namespace Graph.Generators.Emission;

/// <summary>
/// Writes the members of a model that has errors: their signatures, as far as source alone tells them, with bodies that throw. The build fails with the model's errors
/// and not also with one for every use of the model.
/// </summary>
static class OutlineSource
{
    const string Broken = "throw new global::System.InvalidOperationException(\"The model has errors.\")";

    public static string Write(ClassDeclaration declaration, EquatableArray<MethodDef> methods)
    {
        var writer = new SourceWriter();
        var name = declaration.Name;
        var hiding = ModelSource.Hiding(declaration);
        ModelSource.Head(writer, declaration);
        writer.Line($"{ModelSource.Execution}ModelInstance global::Graph.IModel.Instance => {Broken};");
        writer.Line($"static {name} global::Graph.IModel<{name}>.Over({ModelSource.Execution}ModelInstance instance) => {Broken};");
        writer.Line($"void global::System.IDisposable.Dispose() => {Broken};");
        writer.Line($"public static {hiding}global::Graph.ModelIr Ir => {Broken};");
        writer.Line($"public static {hiding}{name} Create(global::Graph.Device device = default, ulong seed = 0, int threads = 0) => {Broken};");
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var method in methods)
        {
            var signatures = method.Role switch
            {
                MethodRole.Entry => Entry(method, hiding),
                MethodRole.Loss => [Signature(hiding + "float", method.Name, method, [])],
                // The arguments of a step are those of the loss.
                _ => methods.Where(m => m.Role == MethodRole.Loss && (method.Train?.Loss ?? m.Name) == m.Name).Take(1).Select(loss => Signature(hiding + "global::Graph.StepResult", "TrainStep", loss, [])),
            };
            foreach (var (types, line) in signatures)
                if (written.Add(types)) writer.Line($"public {line} => {Broken};");
        }
        writer.Close();
        foreach (var _ in declaration.Containers) writer.Close();
        return writer.ToString();
    }

    // An entry that computes one number returns it; whether it does, only its shapes tell.
    static IEnumerable<(string Types, string Line)> Entry(MethodDef method, string hiding)
    {
        var results = method.Returns.Kind == TypeKind.Tuple ? method.Returns.Arguments.Select((r, i) => (Type: r, Name: method.Returns.ElementName(i))).ToList() : [(method.Returns, "result")];
        yield return Signature(hiding + "void", method.Name, method, results.Select(r => ($"global::System.Span<{Element(r.Type)}>", r.Name)));
        if (results.Count == 1) yield return Signature(hiding + Element(results[0].Type), method.Name, method, []);
    }

    static (string Types, string Line) Signature(string returns, string name, MethodDef method, IEnumerable<(string Type, string Name)> results)
    {
        var arguments = method.Parameters.Select(p => (Type: $"global::System.ReadOnlySpan<{Element(p.Type)}>", p.Name)).Concat(results).ToList();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var unique = arguments.Select(a =>
        {
            var wish = a.Name;
            while (!names.Add(wish)) wish += "Result";
            return $"{a.Type} {ModelSource.Identifier(wish)}";
        }).ToList();
        // Sizes that the lengths do not give are arguments too.
        var dims = method.Parameters.SelectMany(p => p.Shape).Select(d => d.Symbol).OfType<string>().Where(Microsoft.CodeAnalysis.CSharp.SyntaxFacts.IsValidIdentifier).Distinct(StringComparer.Ordinal)
            .Select(ModelSource.DimParameter).Where(names.Add).Select(d => $"int {d} = 0");
        return ($"{name}({string.Join(", ", arguments.Select(a => a.Type))})", $"{returns} {ModelSource.Identifier(name)}({string.Join(", ", unique.Concat(dims))})");
    }

    static string Element(TypeRef type) => type.Kind == TypeKind.Nullable ? Element(type.Arguments[0]) : type.Arguments.IsEmpty ? "float" : type.Arguments[0].Kind switch
    {
        TypeKind.Float64 => "double",
        TypeKind.Float16 => "global::System.Half",
        TypeKind.Int64 => "long",
        TypeKind.Int32 => "int",
        TypeKind.Int8 => "sbyte",
        TypeKind.Bool => "bool",
        _ => "float",
    };
}
