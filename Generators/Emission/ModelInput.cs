using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Graph.Compiler;
using Graph.Compiler.Modules;
using Graph.Compiler.Targets;

namespace Graph.Generators.Emission;

/// <summary>Everything that a model's generated code depends on, compared by value.</summary>
/// <param name="Class">The class that code is generated into.</param>
/// <param name="Model">The model.</param>
/// <param name="Modules">Every module that it needs, directly or through another, of this assembly and of others, sorted by name; the model itself is not among them.</param>
/// <param name="Targets">What is compiled for, the processor among it.</param>
public sealed record ModelInput(ClassDeclaration Class, ModuleDef Model, EquatableArray<ModuleDef> Modules, EquatableArray<TargetModel> Targets)
{
    /// <summary>Those of <see cref="Targets"/> that are left out where they cannot compute what the model does.</summary>
    public EquatableArray<TargetModel> Optional { get; init; } = [];

    /// <summary>Whether all entries compute what is written operation by operation (<see cref="Compiler.Ir.Program.Exact"/>).</summary>
    public bool IsExact { get; init; }

    /// <summary>The most bytes that a call may take with all that is stored; null for no bound.</summary>
    public long? MemoryBudget { get; init; }
}

/// <summary>Where a partial class is, so that another part of it can be written.</summary>
/// <param name="Namespace">The namespace; empty for the global one.</param>
/// <param name="Containers">The classes around it, outermost first, as their declarations begin: <c>partial class Outer</c>.</param>
/// <param name="Name">Its name, with <c>@</c> where C# needs it.</param>
/// <param name="IsSealed">Sealed: it can have no virtual members.</param>
/// <param name="IsStatic">Static: it has only functions.</param>
/// <param name="HasBaseModule">It derives from another module, into which code is generated too.</param>
/// <param name="Hides">Generated members may hide members of a base class.</param>
/// <param name="HasDispose">It has a <c>Dispose()</c> of the user's.</param>
/// <param name="HasToString">It, or a base class that is no model, says itself what <c>ToString()</c> is.</param>
/// <param name="HintName">The start of the names of its generated files, unique in the assembly.</param>
public sealed record ClassDeclaration(
    string Namespace, EquatableArray<string> Containers, string Name, bool IsSealed, bool IsStatic, bool HasBaseModule, bool Hides, bool HasDispose, bool HasToString, string HintName)
{
    /// <summary>What its [MemoryBudget] says; null without one.</summary>
    public string? MemoryBudget { get; init; }

    /// <summary>It, or a base class that no model is generated into, has a member called <c>Memory</c>: the generated one makes way.</summary>
    public bool HasMemory { get; init; }

    /// <summary>The class as any code can write it, whatever the names around that code mean.</summary>
    public string FullName => "global::" + string.Concat(Prefix.Concat(Containers.Select(c => c.Substring(c.LastIndexOf(' ') + 1))).Select(part => part + ".")) + Name;

    /// <summary>
    /// The class with the kernels. It stands beside the outermost class, since a nested class could not be told from a user's member; the lengths at the end of a nested class's
    /// tell <c>A.B</c> from <c>A_B</c>.
    /// </summary>
    public string KernelClass => KernelClassOf([.. Containers.Select(c => c.Substring(c.LastIndexOf(' ') + 1)).Append(Name).Select(name => name.TrimStart('@'))]);

    /// <summary>The name of the class that a target's kernels may be in; those of the processor are in <see cref="KernelClass"/>.</summary>
    public string KernelClassFor(TargetModel target) => target == KnownTargets.Cpu ? KernelClass : KernelClass + "_" + target.Name;

    /// <summary>The name of the class with the processor's kernels in a further precision.</summary>
    public string KernelClassIn(string precision, TargetModel? target = null) => KernelClass + "_" + precision + (target is null || target == KnownTargets.Cpu ? "" : "_" + target.Name);

    /// <summary>The class with the kernels of a model, by the names of the classes around it and its own.</summary>
    public static string KernelClassOf(IReadOnlyList<string> names) =>
        "Graph_" + string.Join("_", names) + "_Kernels" + string.Join("_", names.Take(names.Count - 1).Select(name => name.Length.ToString(CultureInfo.InvariantCulture)));

    /// <summary>The full name of a class beside it.</summary>
    public string FullNameOf(string kernelClass) => "global::" + string.Concat(Prefix.Select(part => part + ".")) + kernelClass;

    string[] Prefix => Namespace.Length > 0 ? [Namespace] : [];
}
