using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Compiler.Planning;
using static Graph.Generators.Emission.CSharpName;

namespace Graph.Generators.Emission;

/// <summary>Writes the generated half of a model's class: a descriptor, <c>Create</c>, and one thin method for each entry, the loss and the training step.</summary>
public static class ModelSource
{
    public const string Execution = "global::Graph.Runtime.Execution.";

    public static string Write(ClassDeclaration declaration, CompiledMembers members, EquatableArray<MemberDoc> docs)
    {
        var writer = new SourceWriter();
        Head(writer, declaration);
        Descriptor(writer, declaration, members);
        Creation(writer, declaration, members);
        if (!declaration.HasMemory) MemorySource.Write(writer, declaration, members);
        foreach (var method in members.Methods)
        {
            writer.Line();
            MethodDocs.Write(writer, method, docs);
            Method(writer, method, Hiding(declaration));
        }
        Object(writer, declaration);
        writer.Close();
        foreach (var _ in declaration.Containers) writer.Close();
        return writer.ToString();
    }

    /// <summary>Opens the class and what is around it.</summary>
    internal static void Head(SourceWriter writer, ClassDeclaration declaration)
    {
        writer.Line("#nullable enable");
        // A user's own class may be called obsolete, and so may its constructor; which members of a base class a member hides depends on their shapes too.
        writer.Line("#pragma warning disable CS0612, CS0618" + (declaration.Hides ? ", CS0109" : ""));
        writer.Line();
        if (declaration.Namespace.Length > 0)
        {
            writer.Line($"namespace {declaration.Namespace};");
            writer.Line();
        }
        foreach (var container in declaration.Containers) writer.Open(container);
        writer.Open($"partial class {declaration.Name} : global::Graph.IModel<{declaration.FullName}>");
    }

    /// <summary>The modifier of members that may hide those of a base class.</summary>
    public static string Hiding(ClassDeclaration declaration) => declaration.Hides ? "new " : "";

    static string ShortName(ClassDeclaration declaration) => Literal(declaration.Name.TrimStart('@'));

    static void Descriptor(SourceWriter writer, ClassDeclaration declaration, CompiledMembers members)
    {
        writer.Line($"static readonly {Execution}CompiledModelDescriptor graphDescriptor = graphDescribe();");
        writer.Line();
        writer.Line("// In files of their own, which an editor may leave out.");
        writer.Line($"static partial {PartSource.KernelPart};");
        writer.Line();
        writer.Line($"static partial {PartSource.OriginPart};");
        if (members.HasTargets)
        {
            writer.Line();
            writer.Line($"static partial {PartSource.TargetPart};");
        }
        writer.Line();
        writer.Open($"static {Execution}CompiledModelDescriptor graphDescribe()");
        writer.Line("global::System.Func<int, nint>? address = null;");
        writer.Line("var places = \"\";");
        writer.Line("string? start = null;");
        writer.Line($"{PartSource.Text}? lowered = null, plans = null;");
        writer.Line("graphKernels(ref address, ref start, ref lowered, ref plans);");
        writer.Line("graphOrigins(ref places);");
        if (members.HasTargets)
        {
            writer.Line($"{PartSource.CompiledTarget}[] targets = [];");
            writer.Line("graphTargets(ref targets);");
        }
        writer.Open("return new()");
        writer.Line($"Name = {ShortName(declaration)},");
        writer.Line($"AbiVersion = {KernelFingerprint.AbiVersion.ToString(CultureInfo.InvariantCulture)},");
        writer.Line($"Modules = {Literal(members.Texts.Modules)},");
        writer.Line($"Elaborated = {Literal(members.Texts.Elaborated)},");
        writer.Line("StartText = start,");
        writer.Line("Lowered = lowered,");
        writer.Line("Plans = plans,");
        writer.Line($"KernelAddress = address ?? {Execution}CompiledModelDescriptor.WithoutKernels({ShortName(declaration)}),");
        writer.Line("Origins = places,");
        if (members.MemoryBudget is { } budget) writer.Line(FormattableString.Invariant($"MemoryBudget = {budget}L,"));
        if (members.HasTargets) writer.Line("Targets = targets,");
        if (members.LeftOut is { } reason) writer.Line($"OffCards = {Literal(reason)},");
        writer.Close(";");
        writer.Close();
        writer.Line();
        foreach (var precision in members.Precisions.Skip(1)) Further(writer, declaration, precision, members.HasTargets);
    }

    // The same model in another precision: other kernels, and the rest as it is.
    static void Further(SourceWriter writer, ClassDeclaration declaration, CompiledPrecision precision, bool hasTargets)
    {
        writer.Line($"static readonly {Execution}CompiledModelDescriptor graphDescriptor{precision.Name} = graphDescribe{precision.Name}();");
        writer.Line();
        writer.Line($"static partial {PartSource.KernelPartIn(precision.Name)};");
        writer.Line();
        if (hasTargets)
        {
            writer.Line($"static partial {PartSource.TargetPartIn(precision.Name)};");
            writer.Line();
        }
        writer.Open($"static {Execution}CompiledModelDescriptor graphDescribe{precision.Name}()");
        writer.Line("global::System.Func<int, nint>? address = null;");
        writer.Line("string? start = null;");
        writer.Line($"{PartSource.Text}? lowered = null, plans = null;");
        writer.Line($"graphKernels{precision.Name}(ref address, ref start, ref lowered, ref plans);");
        if (hasTargets)
        {
            writer.Line($"{PartSource.CompiledTarget}[] targets = [];");
            writer.Line($"graphTargets{precision.Name}(ref targets);");
        }
        writer.Line(
            $"return graphDescriptor.In({Literal(precision.Name)}, [{string.Join(", ", precision.LossScales.Select(s => s.ToString("R", CultureInfo.InvariantCulture)))}], start, lowered, plans, address{(hasTargets ? ", targets" : "")});");
        writer.Close();
        writer.Line();
    }

    static void Creation(SourceWriter writer, ClassDeclaration declaration, CompiledMembers members)
    {
        var type = declaration.FullName;
        writer.Line($"{Execution}ModelInstance? graphInstance;");
        writer.Line();
        writer.Line($"{Execution}ModelInstance global::Graph.IModel.Instance => graphInstance ?? throw {Execution}ModelInstance.NotCreated({ShortName(declaration)});");
        writer.Line();
        writer.Line($"static {type} global::Graph.IModel<{type}>.Over({Execution}ModelInstance instance) => new() {{ graphInstance = instance }};");
        writer.Line();
        writer.Line("/// <summary>Every stage of the compiler as text.</summary>");
        writer.Line($"public static {Hiding(declaration)}global::Graph.ModelIr Ir => graphDescriptor.Ir;");
        writer.Line();
        writer.Line("/// <summary>A model with fresh parameters.</summary>");
        writer.Line("/// <param name=\"device\">Where it computes.</param>");
        writer.Line("/// <param name=\"seed\">Decides the first parameters and every random number of training.</param>");
        writer.Line("/// <param name=\"threads\">How many CPU threads it uses; 0 takes one a core. The results do not depend on it.</param>");
        writer.Line($"public static {Hiding(declaration)}{type} Create(global::Graph.Device device = default, ulong seed = 0, int threads = 0) =>");
        writer.Line($"{Execution}ModelInstance.Wrap<{type}>(graphDescriptor.Create(device, seed, threads));", 1);
        if (members.Precisions.Length == 0) return;

        const string Precision = "global::Graph.Precision";
        writer.Line();
        writer.Line("/// <summary>A model with fresh parameters that computes in a precision.</summary>");
        writer.Line("/// <param name=\"precision\">One of those that its [Train] names.</param>");
        writer.Line("/// <param name=\"device\">Where it computes.</param>");
        writer.Line("/// <param name=\"seed\">Decides the first parameters and every random number of training.</param>");
        writer.Line("/// <param name=\"threads\">How many CPU threads it uses; 0 takes one a core. The results do not depend on it.</param>");
        writer.Line($"public static {Hiding(declaration)}{type} Create({Precision} precision, global::Graph.Device device = default, ulong seed = 0, int threads = 0) =>");
        writer.Line($"{Execution}ModelInstance.Wrap<{type}>(graphDescriptorOf(precision).Create(device, seed, threads));", 1);
        writer.Line();
        writer.Line("/// <summary>Every stage of the compiler as text, in one of the precisions that its [Train] names.</summary>");
        writer.Line($"public static {Hiding(declaration)}global::Graph.ModelIr IrIn({Precision} precision) => graphDescriptorOf(precision).Ir;");
        writer.Line();
        writer.Open($"static {Execution}CompiledModelDescriptor graphDescriptorOf({Precision} precision) => precision switch");
        foreach (var (precision, at) in members.Precisions.Select((precision, at) => (precision, at)))
            writer.Line($"{Precision}.{precision.Name} => graphDescriptor{(at == 0 ? "" : precision.Name)},");
        var known = string.Join(", ", members.Precisions.Select(p => p.Name));
        writer.Line($"_ => throw new global::System.ArgumentOutOfRangeException(nameof(precision), precision, {Literal(declaration.Name.TrimStart('@') + " is compiled for " + known + ": name another one in the Precisions of its [Train].")}),");
        writer.Close(";");
    }

    /// <summary>A member's head, without its body.</summary>
    public static string Signature(GeneratedMethod method, string modifiers) =>
        $"public {modifiers}{method.ReturnType} {Escape(method.Name)}({string.Join(", ", method.Parameters.Select(p => p.Type + " " + Escape(p.Name)))})";

    static void Method(SourceWriter writer, GeneratedMethod method, string hiding)
    {
        var spans = method.Parameters.Where(p => p.Kind != GeneratedParameterKind.Size).Select(p => Escape(p.Name)).ToList();
        var sizes = method.Of(GeneratedParameterKind.Size).Select(p => Escape(p.Name)).ToList();
        var pointers = spans.Select((_, i) => method.Local(FormattableString.Invariant($"graph{i}"))).ToList();
        var places = spans.Zip(pointers, (span, pointer) => $"new({pointer}, {span}.Length)").ToList();
        var (number, list) = (method.Local("graphResult"), method.Local("graphArguments"));

        writer.Open(Signature(method, hiding + "unsafe "));
        if (method.Returns is { } element)
        {
            writer.Line($"{element} {number};");
            places.Add($"new(&{number}, 1)");
        }
        for (var i = 0; i < spans.Count; i++)
        {
            var pinned = $"fixed (void* {pointers[i]} = {spans[i]})";
            if (i < spans.Count - 1) writer.Line(pinned);
            else writer.Open(pinned);
        }
        var call = $"new global::Graph.Runtime.Execution.CallArguments({list}, {places.Count.ToString(CultureInfo.InvariantCulture)})" + (sizes.Count == 0 ? "" : $", [{string.Join(", ", sizes)}]");
        writer.Line($"var {list} = stackalloc global::Graph.Runtime.Execution.CallArgument[] {{ {string.Join(", ", places)} }};");
        writer.Line(
            method.Role == MethodRole.Train ? $"return ((global::Graph.IModel)this).Instance.TrainStep({(method.Program.Length == 0 ? "" : Literal(method.Program) + ", ")}{call});"
            : $"((global::Graph.IModel)this).Instance.Run({Literal(method.Function)}, {call});");
        if (spans.Count > 0) writer.Close();
        if (method.Returns is not null) writer.Line($"return {number};");
        writer.Close();
    }

    static void Object(SourceWriter writer, ClassDeclaration declaration)
    {
        if (!declaration.HasToString)
        {
            writer.Line();
            writer.Line("/// <summary>Its name, how much it holds, and how many steps it was trained.</summary>");
            writer.Line($"public override string ToString() => graphInstance?.ToString() ?? {Literal(declaration.Name.TrimStart('@') + ", not created")};");
        }
        writer.Line();
        writer.Line("/// <summary>Frees the model's memory; more than once does no harm.</summary>");
        writer.Line(declaration.HasDispose ? "void global::System.IDisposable.Dispose() => graphInstance?.Dispose();" : $"public {Hiding(declaration)}void Dispose() => graphInstance?.Dispose();");
    }
}
