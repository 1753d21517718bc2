using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Emission;

/// <summary>
/// Writes the members of a model that has errors: their signatures, as far as source alone tells them, with bodies that throw. The build fails with the model's errors
/// and not also with one for every use of the model.
/// </summary>
static class OutlineSource
{
    const string Broken = "throw new global::System.InvalidOperationException(\"The model has errors.\")";

    public static string Write(ClassDeclaration declaration, EquatableArray<MethodDef> methods, EquatableArray<MemberDoc> docs)
    {
        var writer = new SourceWriter();
        var type = declaration.FullName;
        var hiding = ModelSource.Hiding(declaration);
        ModelSource.Head(writer, declaration);
        writer.Line($"{ModelSource.Execution}ModelInstance global::Graph.IModel.Instance => {Broken};");
        writer.Line($"static {type} global::Graph.IModel<{type}>.Over({ModelSource.Execution}ModelInstance instance) => {Broken};");
        writer.Line(declaration.HasDispose ? $"void global::System.IDisposable.Dispose() => {Broken};" : $"public {hiding}void Dispose() => {Broken};");
        writer.Line($"public static {hiding}global::Graph.ModelIr Ir => {Broken};");
        writer.Line($"public static {hiding}{type} Create(global::Graph.Device device = default, ulong seed = 0, int threads = 0) => {Broken};");
        var sources = methods.Select(SourceMethod.Of).ToList();
        if (!declaration.HasMemory) MemorySource.WriteOutline(writer, declaration, sources.SelectMany(m => m.Arguments).SelectMany(a => a.Shape).Select(d => d.Symbol).OfType<string>().Where(SyntaxFacts.IsValidIdentifier), Broken);
        foreach (var method in SourceMethod.Compiled(sources))
        {
            MethodDocs.Write(writer, method, docs);
            writer.Line($"{ModelSource.Signature(method, hiding)} => {Broken};");
        }
        writer.Close();
        foreach (var _ in declaration.Containers) writer.Close();
        return writer.ToString();
    }
}
