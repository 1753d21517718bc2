using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>
/// Kernels as PTX text: one module of what a program launches, for every card, and behind it a second one of kernels for tensor cores, where there are any. What flows in are kernels and launches; docs/ptx.md says how the text is made.
/// </summary>
public static class PtxTarget
{
    internal const string SharedName = "shared_memory";

    /// <summary>What an emitted function is called, and what it is made of.</summary>
    /// <param name="Name">The name in the module: the kernel's, with what tells it from others of the kernel.</param>
    /// <param name="Text">Its text.</param>
    /// <param name="Threads">Threads of a block.</param>
    /// <param name="SharedBytes">Shared memory of a block that its launches ask for.</param>
    public sealed record Function(string Name, string Text, int Threads, int SharedBytes);

    /// <summary>The name of a kernel over segments.</summary>
    public static string Segmented(string kernel) => kernel + "_segments";

    /// <summary>The name of a function that asks a flag whether it runs.</summary>
    public static string Guarded(string function) => function + "_if";

    /// <summary>The modules of a program that was lowered for <see cref="KnownTargets.Ptx"/>, one behind the other: that of all cards, and that of tensor cores where it has work for them.</summary>
    /// <exception cref="NotSupportedException">A kernel is of a kind that is not emitted; the message names it.</exception>
    /// <param name="program">The program.</param>
    /// <param name="cores">The variant of the second module; <see cref="PtxVariant.TensorCores"/> when left out.</param>
    public static string Emit(LoweredProgram program, PtxVariant? cores = null)
    {
        var functions = TensorFunctions(program, variant: cores);
        return Module(Functions(program)) + (functions.IsEmpty ? "" : "\n" + Module(functions, cores ?? PtxVariant.TensorCores));
    }

    /// <summary>The modules of what <see cref="Emit"/> writes that a card runs, by variant, the portable one first.</summary>
    /// <param name="text">The modules.</param>
    /// <param name="capability">The card's compute capability, ten times its number.</param>
    public static IReadOnlyList<(PtxVariant Variant, string Text)> Modules(string text, int capability)
    {
        var modules = new List<(PtxVariant, string)>();
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = text.IndexOf("\n.version ", start, StringComparison.Ordinal) is >= 0 and var next ? next + 1 : text.Length;
            var variant = start == 0 ? PtxVariant.Portable : text.IndexOf(PtxVariant.Tf32Line, start, Math.Min(200, end - start), StringComparison.Ordinal) > 0 ? PtxVariant.Tf32 : PtxVariant.TensorCores;
            if (variant.Capability <= capability) modules.Add((variant, text.Substring(start, end - start)));
        }
        return modules;
    }

    /// <summary>A module of functions.</summary>
    /// <param name="functions">The functions.</param>
    /// <param name="variant">What it is written for; every card when left out.</param>
    public static string Module(IEnumerable<Function> functions, PtxVariant? variant = null)
    {
        var all = functions.ToList();
        var (text, of) = (new StringBuilder(), variant ?? PtxVariant.Portable);
        if (all.Find(f => f.SharedBytes > of.SharedBytes) is { } large) throw new NotSupportedException($"{large.Name} needs {large.SharedBytes} bytes of shared memory, but a block has {of.SharedBytes} of it on {of.Architecture}.");
        text.Append(".version ").Append(of.Version).Append("\n.target ").Append(of.Architecture).Append("\n.address_size 64\n\n").Append(of.IsTf32 ? PtxVariant.Tf32Line + "\n" : "");
        if (all.Any(f => f.Text.Contains(SharedName))) text.Append(".extern .shared .align 16 .b8 ").Append(SharedName).Append("[];\n\n");
        return text.Append(string.Join("\n", all.Select(f => f.Text))).ToString();
    }

    /// <summary>The functions that a program's launches need, by kernel, in the order of the kernels.</summary>
    /// <param name="program">The program.</param>
    /// <param name="isWide">All with places of 64 bits; otherwise those whose launches need them by the bounds of the dimensions.</param>
    public static ImmutableArray<Function> Functions(LoweredProgram program, bool isWide = false)
    {
        var largest = program.Dims.Aggregate(DimBinding.Empty, (binding, dim) => binding.With(dim.Name, dim.Max));
        var uses = new Dictionary<string, SortedSet<(bool IsSegmented, bool IsGuarded)>>(StringComparer.Ordinal);
        var wide = new HashSet<string>(StringComparer.Ordinal);
        var libraries = new Dictionary<string, SortedDictionary<string, LibraryLaunch>>(StringComparer.Ordinal); // of library kernels, by the functions that they call
        foreach (var function in program.Functions)
        {
            var guarded = PtxSequence.Guarded(function);
            for (var i = 0; i < function.Launches.Length; i++)
            {
                if (PtxLaunches.KernelOf(function.Launches[i]) is not { } kernel) continue;
                if (!uses.TryGetValue(kernel.Name, out var use)) uses[kernel.Name] = use = [];
                use.Add((function.Launches[i] is SegmentedLaunch, guarded[i]));
                if (function.Launches[i] is LibraryLaunch library)
                {
                    if (!libraries.TryGetValue(kernel.Name, out var called)) libraries[kernel.Name] = called = new(StringComparer.Ordinal);
                    called[PtxLibrary.NameOf(library.Kernel, PtxLibrary.Of(library.Kernel).Form(library))] = library;
                }
                if (isWide || PtxLaunches.IsWide(function.Launches[i], largest)) wide.Add(kernel.Name);
            }
        }
        return
        [
            .. from kernel in program.Kernels
               where uses.ContainsKey(kernel.Name)
               from use in uses[kernel.Name]
               from function in kernel is LibraryKernel
                   ? libraries[kernel.Name].Select(l => Library(l.Value, l.Key, use.IsGuarded, wide.Contains(kernel.Name)))
                   : Functions(kernel, use.IsSegmented, use.IsGuarded, wide.Contains(kernel.Name))
               select function,
            .. PtxControl.Functions(program),
        ];
    }

    /// <summary>The kernels of a program that tensor cores compute, in every form that its launches may take, in the order of the kernels.</summary>
    /// <inheritdoc cref="Functions(LoweredProgram, bool)"/>
    public static ImmutableArray<Function> TensorFunctions(LoweredProgram program, bool isWide = false, PtxVariant? variant = null)
    {
        var of = variant ?? PtxVariant.TensorCores;
        var largest = program.Dims.Aggregate(DimBinding.Empty, (binding, dim) => binding.With(dim.Name, dim.Max));
        var launches = (from function in program.Functions
                        let guarded = PtxSequence.Guarded(function)
                        from i in Enumerable.Range(0, function.Launches.Length)
                        let launch = function.Launches[i]
                        where PtxTensorLaunch.Has(launch, of)
                        select (Launch: launch, IsGuarded: guarded[i])).ToLookup(l => PtxLaunches.KernelOf(l.Launch)!.Name, StringComparer.Ordinal);
        return
        [
            .. from kernel in program.Kernels
               let isKernelWide = isWide || launches[kernel.Name].Any(l => PtxLaunches.IsWide(l.Launch, largest))
               from function in launches[kernel.Name].SelectMany(l => PtxTensorLaunch.Functions(l.Launch, l.IsGuarded, isKernelWide, of)).GroupBy(f => f.Name)
               select function.First().Write(),
        ];
    }

    static Function Library(LibraryLaunch launch, string name, bool isGuarded, bool isWide)
    {
        var (library, entry) = (PtxLibrary.Of(launch.Kernel), new PtxEntry(isGuarded ? Guarded(name) : name, isGuarded));
        return new(entry.Name, library.Write(launch.Kernel, library.Form(launch), entry, isWide), library.Threads, 0);
    }

    /// <summary>The functions of one kernel that no launch has a say in.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="isSegmented">As it is launched over several sets of operands.</param>
    /// <param name="isGuarded">As it is launched where a flag says whether it runs.</param>
    /// <param name="isWide">With places of 64 bits.</param>
    public static IEnumerable<Function> Functions(Kernel kernel, bool isSegmented, bool isGuarded, bool isWide)
    {
        PtxEntry Entry(string name) => new(isGuarded ? Guarded(name) : name, isGuarded);
        Function Of(PtxEntry entry, Func<PtxEntry, string> write, int threads, int shared) => new(entry.Name, write(entry), threads, shared);
        switch (kernel)
        {
            case LoopKernel loop:
                var name = isSegmented ? Segmented(loop.Name) : loop.Name;
                yield return Of(Entry(name), e => PtxLoop.Write(loop, e, isSegmented, isWide), PtxShape.Of(loop).Threads, 0);
                if (PtxFours.Fits(loop)) yield return Of(Entry(PtxFours.NameOf(name)), e => PtxLoop.Write(loop, e, isSegmented, isWide, isByFour: true), PtxShape.Of(loop).Threads, 0);
                break;
            case ProductKernel { SumsOfA: not null } or ProductKernel { SumsOfB: not null }: throw new NotSupportedException($"The PTX target adds up no operands of products ({kernel.Name}): its model says so.");
            case ProductKernel { SumsOfC: not null }: throw new NotSupportedException($"The PTX target adds up no rows of products ({kernel.Name}): its model says so.");
            case ProductKernel product:
                yield return Of(Entry(product.Name), e => PtxProduct.Write(product, e, isWide), PtxTiles.Threads, PtxTiles.SharedBytes);
                if (product.Workspace?.Pointer is not null) yield return Of(Entry(PtxProduct.SumOf(product.Name)), e => PtxProduct.WriteSum(product, e, isWide), PtxTiles.Threads, 0);
                break;
            case ConvolutionKernel convolution: yield return Of(Entry(convolution.Name), e => PtxConvolution.Write(convolution, e, isWide), PtxTiles.Threads, PtxTiles.SharedBytes); break;
            case AttentionKernel { Kind: AttentionKind.Forward } attention: yield return Of(Entry(attention.Name), e => PtxAttentionForward.Write(attention, e, isWide), PtxAttention.Threads, PtxAttention.SharedBytes); break;
            case AttentionKernel attention:
                var (keys, queries) = PtxAttentionGradient.NamesOf(attention.Name);
                yield return Of(Entry(keys), e => PtxAttentionGradient.WriteKeys(attention, e, isWide), PtxAttention.Threads, PtxAttention.SharedBytes);
                yield return Of(Entry(queries), e => PtxAttentionGradient.WriteQueries(attention, e, isWide), PtxAttention.Threads, PtxAttention.SharedBytes);
                break;
            default: throw new NotSupportedException($"The PTX target has no kernels of the kind {kernel.GetType().Name} yet ({kernel.Name}).");
        }
    }

    /// <summary>A kernel whose functions of real numbers are written out as what instructions compute: what the text says, and what an interpreter of kernels has the same bits of.</summary>
    public static LoopKernel WrittenOut(LoopKernel kernel)
    {
        var done = new Dictionary<Scalar, Scalar>();
        return kernel.With(s => FunctionGraphs.Expand(s, done));
    }
}
