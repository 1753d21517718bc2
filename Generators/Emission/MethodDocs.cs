using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;

namespace Graph.Generators.Emission;

/// <summary>Writes the documentation of a compiled member: what its author says of the method, and the shapes.</summary>
static class MethodDocs
{
    public static void Write(SourceWriter writer, GeneratedMethod method, EquatableArray<MemberDoc> docs)
    {
        var doc = method.Role == MethodRole.Train ? null : docs.FirstOrDefault(d => d.Method == method.Name && d.Role == method.Role);
        // A step takes the arguments of a loss, and there may be several losses: what all of them say alike.
        var loss = method.Role == MethodRole.Train ? docs.Where(d => d.Role == MethodRole.Loss).ToList() : [];
        Tag(writer, "summary", "", doc is { Summary.Length: > 0 } ? doc.Summary : Default(method));
        foreach (var parameter in method.Parameters)
        {
            var said = doc?.Parameters.FirstOrDefault(p => p.Name == parameter.Name)?.Text
                ?? (loss.Count == 1 ? loss[0].Parameters.FirstOrDefault(p => p.Name == parameter.Name)?.Text : null)
                ?? (parameter.Kind == GeneratedParameterKind.Result && method.Of(GeneratedParameterKind.Result).Count() == 1 ? doc?.Returns : null);
            var shape = parameter.Kind == GeneratedParameterKind.Size ? $"The size {parameter.Shape}, which the lengths alone do not give." : parameter.Shape + ", row-major.";
            Tag(writer, "param", $" name=\"{parameter.Name}\"", said is { Length: > 0 } ? said + "\n" + shape : shape);
        }
        if (method.Returns is not null && doc is { Returns.Length: > 0 }) Tag(writer, "returns", "", doc.Returns);
    }

    static string Default(GeneratedMethod method) => method.Role switch
    {
        MethodRole.Train => "One step of training: forward, backward, clipping and the optimizer in one program.",
        MethodRole.Loss => $"<c>{method.Name}</c>, compiled: the loss in evaluation mode.",
        _ => $"<c>{method.Name}</c>, compiled.",
    };

    static void Tag(SourceWriter writer, string tag, string attributes, string text)
    {
        var lines = text.Split('\n');
        if (lines.Length == 1)
        {
            writer.Line($"/// <{tag}{attributes}>{text}</{tag}>");
            return;
        }
        writer.Line($"/// <{tag}{attributes}>");
        foreach (var line in lines) writer.Line("/// " + line);
        writer.Line($"/// </{tag}>");
    }
}
