using System.Collections.Generic;
using System.Linq;
using System.Text;
using Graph.Compiler.Targets;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Generators.Emission;

/// <summary>
/// The parts of a model's class that its main part does not need to compile: where its kernels are, and where its operations stand in the source. The main part calls them
/// through partial methods, so that a host which leaves implementation outputs out still compiles the model, and a line that moves changes one small file.
/// </summary>
static class PartSource
{
    /// <summary>The partial method that gives the kernels, and the texts that a model starts from.</summary>
    public const string KernelPart = "void graphKernels" + KernelParameters;

    const string KernelParameters = $"(ref global::System.Func<int, nint>? address, ref string? start, ref {Text}? lowered, ref {Text}? plans)";

    /// <summary>The partial method that gives the kernels of a further precision.</summary>
    public static string KernelPartIn(string precision) => "void graphKernels" + precision + KernelParameters;

    /// <summary>The type of a text that lies in the assembly as it is.</summary>
    public const string Text = "global::Graph.Runtime.Execution.EmbeddedText";

    /// <summary>The partial method that gives files and lines.</summary>
    public const string OriginPart = "void graphOrigins(ref string places)";

    /// <summary>The partial method that adds what the model is compiled for beside the processor.</summary>
    public const string TargetPart = "void graphTargets" + TargetParameters;

    const string TargetParameters = "(ref " + CompiledTarget + "[] targets)";

    /// <summary>The same in a further precision.</summary>
    public static string TargetPartIn(string precision) => "void graphTargets" + precision + TargetParameters;

    /// <summary>The type of what a model holds for another target.</summary>
    public const string CompiledTarget = "global::Graph.Runtime.Execution.CompiledTarget";

    /// <summary>The file with the processor's kernels and what a model starts from.</summary>
    public static string Kernels(ClassDeclaration declaration, TargetPart cpu) => Kernels(declaration, cpu, KernelPart, declaration.KernelClass);

    /// <summary>The same in a further precision.</summary>
    public static string Kernels(ClassDeclaration declaration, TargetPart cpu, string precision) => Kernels(declaration, cpu, KernelPartIn(precision), declaration.KernelClassIn(precision));

    static string Kernels(ClassDeclaration declaration, TargetPart cpu, string part, string kernelClass)
    {
        var writer = new SourceWriter();
        writer.Append(cpu.Code.Source);
        writer.Line();
        Part(writer, declaration, [[$"static partial {part} => (address, start, lowered, plans) = ({declaration.FullNameOf(kernelClass)}.Address, ", .. Raw(cpu.Start), ", static () => ", .. Bytes(cpu.Lowered), ", static () => ", .. Bytes(cpu.Plans), ");"]]);
        return writer.ToString();
    }

    /// <summary>The file with what the model is compiled for beside the processor: the program and its plans as they are, code in a target's own language packed.</summary>
    /// <param name="declaration">The class.</param>
    /// <param name="targets">What it is compiled for.</param>
    /// <param name="precision">The further precision that it is compiled in; null for the model's own.</param>
    public static string Targets(ClassDeclaration declaration, IReadOnlyList<TargetPart> targets, string? precision = null)
    {
        var writer = new SourceWriter();
        writer.Line("#nullable enable");
        writer.Line();
        if (declaration.Namespace.Length > 0)
        {
            writer.Line($"namespace {declaration.Namespace};");
            writer.Line();
        }
        var head = new SourceWriter();
        foreach (var target in targets) head.Append(target.Code.Source);
        Part(writer, declaration, [
            [$"static partial {(precision is null ? TargetPart : TargetPartIn(precision))} => targets ="], ["["],
            .. targets.Select(t => (string[])[$"    new({CSharpName.Literal(t.Target)}, static () => ", .. Bytes(t.Lowered), ", static () => ", .. Bytes(t.Plans), ", static () => \"", CompressedText.Pack(t.Code.Text), "\"u8),"]),
            ["];"],
        ]);
        return head.ToString() + writer;
    }

    // In UTF-8, with blanks up to one of few lengths: the compiler makes a type for each length of a literal, and the runtime loads those of an assembly all at once.
    static string[] Bytes(string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetByteCount(text);
        var step = 256;
        while (step * 8 <= bytes) step *= 2;
        return [.. Raw(text, new string(' ', (step - bytes % step) % step)), "u8"];
    }

    // As it is, line by line, between more quotes than occur within: in parts, for it may be long.
    static string[] Raw(string text, string blanks = "")
    {
        int run = 0, longest = 2;
        foreach (var c in text) longest = System.Math.Max(longest, run = c == '"' ? run + 1 : 0);
        var quotes = new string('"', longest + 1);
        return [quotes + "\n", text, blanks + "\n" + quotes];
    }

    /// <summary>The file with the lines that the embedded programs refer to by number.</summary>
    public static string Origins(ClassDeclaration declaration, IEnumerable<string> places)
    {
        var writer = new SourceWriter();
        if (declaration.Namespace.Length > 0)
        {
            writer.Line($"namespace {declaration.Namespace};");
            writer.Line();
        }
        // A place is one word: the text of programs ends it at a blank.
        var text = new StringBuilder();
        foreach (var place in places) text.Append(text.Length > 0 ? "\n" : "").Append(place.Replace(' ', '\u00a0'));
        Part(writer, declaration, [[$"static partial {OriginPart} => places = {SymbolDisplay.FormatLiteral(text.ToString(), quote: true)};"]]);
        return writer.ToString();
    }

    // A member by its lines, each in parts.
    static void Part(SourceWriter writer, ClassDeclaration declaration, IReadOnlyList<string[]> member)
    {
        foreach (var container in declaration.Containers) writer.Open(container);
        writer.Open($"partial class {declaration.Name}");
        foreach (var line in member) writer.Line(line);
        writer.Close();
        foreach (var _ in declaration.Containers) writer.Close();
    }
}
