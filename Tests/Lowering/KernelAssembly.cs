using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Loader;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.CSharp;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Graph.Tests.Lowering;

/// <summary>Emitted kernels, compiled in memory against the runtime.</summary>
sealed class KernelAssembly
{
    static readonly ImmutableArray<MetadataReference> References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(File.Exists).Select(p => MetadataReference.CreateFromFile(p))];

    readonly Type type;
    readonly MethodInfo address;

    KernelAssembly(string source, byte[] image, Assembly assembly)
    {
        Source = source;
        Image = image;
        type = assembly.GetType("Emitted.Kernels")!;
        address = type.GetMethod("Address", BindingFlags.Static | BindingFlags.NonPublic)!;
    }

    public string Source { get; }
    public byte[] Image { get; }

    public nint Address(int kernel) => (nint)address.Invoke(null, [kernel])!;

    /// <summary>The method of a kernel for vectors of so many bits, whatever the machine has; a kernel without vectors has one method.</summary>
    public nint Address(string kernel, int width)
    {
        var method = type.GetMethod($"{kernel}_{width}", BindingFlags.Static | BindingFlags.NonPublic) ?? type.GetMethod(kernel, BindingFlags.Static | BindingFlags.NonPublic)!;
        return method.MethodHandle.GetFunctionPointer();
    }

    public static KernelAssembly Compile(ImmutableArray<Kernel> kernels)
    {
        var source = CSharpTarget.Emit(kernels, KnownTargets.Cpu, "Emitted", "Kernels");
        var tree = CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Preview));
        var compilation = CSharpCompilation.Create(
            "Emitted" + Guid.NewGuid().ToString("N"), [tree], References,
            // A user's project may check arithmetic for overflow: that changes nothing in kernels.
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, checkOverflow: true, optimizationLevel: OptimizationLevel.Release, generalDiagnosticOption: ReportDiagnostic.Error));
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        if (!result.Success) throw new InvalidOperationException(string.Join("\n", result.Diagnostics.Take(20)) + "\n" + source);
        var image = stream.ToArray();
        return new(source, image, new AssemblyLoadContext(null, isCollectible: false).LoadFromStream(new MemoryStream(image)));
    }
}
