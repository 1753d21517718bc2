using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Graph.Benchmarks;

/// <summary>The generator as the compiler has it: built for it, and loaded apart from what this program runs on.</summary>
static class GeneratorHost
{
    static readonly Lazy<Assembly> generators = new(() => new CompilerContext().LoadFromAssemblyPath(Path.Combine(Built, "Graph.Generators.dll")));

    /// <summary>The repository's folder.</summary>
    public static string Root
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "Graph.sln")))
                    return folder.FullName;
            throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds Graph.sln.");
        }
    }

    /// <summary>The folder of the analyzers that a project gets.</summary>
    public static string Built => Path.Combine(Root, "Generators", "bin", "Release", "netstandard2.0");

    /// <summary>What a model is compiled against, which is what this program runs on: .NET, Compiler, Ops, Nn and Runtime.</summary>
    public static string[] References => [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
        .Where(path => !Path.GetFileName(path).StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) && Path.GetFileName(path) is not ("Graph.Benchmarks.dll" or "Graph.Yardsticks.dll"))];

    /// <summary>A generator that has compiled nothing yet.</summary>
    public static IIncrementalGenerator NewGenerator() => (IIncrementalGenerator)New("Graph.Generators.ModelGenerator");

    /// <summary>The analyzer that reports what a model's source has wrong.</summary>
    public static DiagnosticAnalyzer NewAnalyzer() => (DiagnosticAnalyzer)New("Graph.Generators.ModuleAnalyzer");

    static object New(string type) => Activator.CreateInstance(generators.Value.GetType(type, throwOnError: true)!)!;

    /// <summary>Keeps the generator and what it was built against apart from the assemblies of the same names that this program runs on, as the compiler does.</summary>
    sealed class CompilerContext() : AssemblyLoadContext("generator")
    {
        protected override Assembly? Load(AssemblyName name)
            => Path.Combine(Built, name.Name + ".dll") is var path && File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}
