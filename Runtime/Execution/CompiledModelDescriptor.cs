using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Compiler.Ir.Text;
using Graph.Compiler.Kernels.Text;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets;
using Graph.Compiler.Targets.Ptx;
using Graph.Compiler.Training;
using Graph.Operations;
using Graph.Runtime.Cuda;

namespace Graph.Runtime.Execution;

/// <summary>A text that lies in an assembly as it is, without being copied or unpacked.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public delegate ReadOnlySpan<byte> EmbeddedText();

/// <summary>What the generator embeds in a model's class: compressed programs and the way to its kernels. One object a model class; instances share what is made from it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CompiledModelDescriptor
{
    // Made when they are asked for; an exception is not kept, so that the next call gets it anew. Without the framework's lazy values, whose types every start of a model would load.
    CompiledModel? compiled;
    LoadedForCard? onCard;

    sealed class LoadedForCard(CompiledModel portable, Func<CompiledModel> onTensorCores, string text)
    {
        CompiledModel? tensors;

        public CompiledModel Portable { get; } = portable;

        public CompiledModel OnTensorCores => tensors ?? Interlocked.CompareExchange(ref tensors, onTensorCores(), null) ?? tensors;

        public string Text { get; } = text;
    }

    public CompiledModelDescriptor() => Ir = new(this);

    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The version of what generated code and the runtime agree on (<see cref="Compiler.Planning.KernelFingerprint.AbiVersion"/>) that the code was generated for; 0 in assemblies from before there was one.</summary>
    public required int AbiVersion { get; init; }

    /// <summary>The module definitions as text, packed; empty when they were left out.</summary>
    public string Modules { get; init; } = "";

    /// <summary>The elaborated program, packed: what <see cref="ModelIr"/> computes every stage from.</summary>
    public required string Elaborated { get; init; }

    /// <summary>What a model starts from: enough of the lowered program for calls at typical sizes. Null when what compiled the model left it out.</summary>
    /// <remarks>A string and not bytes as the others, which lie in a class of the assembly that has a type for each of their lengths: the runtime loads all of these with the first of them.</remarks>
    public string? StartText { get; init; }

    /// <summary>The lowered program in UTF-8: what runs, read when a call or somebody else needs more than <see cref="StartText"/> says. Null when what compiled the model left it out.</summary>
    public EmbeddedText? Lowered { get; init; }

    /// <summary>The plans at typical sizes in UTF-8; null for none.</summary>
    public EmbeddedText? Plans { get; init; }

    /// <summary>What assemblies of earlier versions set. Nobody reads them: they are there so that such an assembly gets as far as being told that it is old.</summary>
    public string Scheduled { init { } }

    /// <inheritdoc cref="Scheduled"/>
    public EmbeddedText? Start { init { } }

    /// <inheritdoc cref="Scheduled"/>
    public string KernelFingerprint { init { } }

    /// <summary>The files and lines that the programs refer to by number, one a line.</summary>
    public string Origins { get; init; } = "";

    /// <summary>The most bytes that a call may take with all that is stored; null for no bound.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>The address of a generated kernel, by its number. Called for no elements a kernel reads and writes nothing: so kernels are compiled before the first run.</summary>
    public required Func<int, nint> KernelAddress { get; init; }

    /// <summary>What the model is compiled for beside the processor, in the order of the build.</summary>
    public IReadOnlyList<CompiledTarget> Targets
    {
        get => field ?? [];
        init;
    }

    /// <summary>Why the model is not compiled for cards though its project asks for that where it can be; null when that is not so.</summary>
    public string? OffCards { get; init; }

    /// <summary>The kernels of a model whose compilation left them out.</summary>
    public static Func<int, nint> WithoutKernels(string name) => _ => throw LeftOut(name);

    static InvalidOperationException LeftOut(string name) => new(
        $"{name} has no kernels: what compiled it leaves the implementation outputs of source generators out, as editors may. Build the project with dotnet build.");

    /// <summary>Every stage of the compiler as text.</summary>
    public ModelIr Ir { get; }

    string? precision;
    double[]? lossScales;

    internal Program ParseElaborated()
    {
        var program = ProgramParser.Parse(CompressedText.Unpack(Elaborated), OperationTable.Set, Origins.Split('\n'));
        return precision is null ? program : program with { Training = [.. program.Training.Select((t, i) => t with { Precision = precision, LossScale = lossScales![i] })] };
    }

    /// <summary>The same model, compiled for another precision.</summary>
    /// <param name="name">The precision.</param>
    /// <param name="scales">The scale of the loss of each of its training programs there.</param>
    /// <param name="start">What it starts from.</param>
    /// <param name="lowered">What runs.</param>
    /// <param name="plans">The plans at typical sizes.</param>
    /// <param name="address">The address of a generated kernel, by its number; null when they were left out.</param>
    /// <param name="targets">What it is compiled for there beside the processor.</param>
    public CompiledModelDescriptor In(string name, double[] scales, string? start, EmbeddedText? lowered, EmbeddedText? plans, Func<int, nint>? address, IReadOnlyList<CompiledTarget>? targets = null) => new()
    {
        Name = Name, AbiVersion = AbiVersion, Modules = Modules, Elaborated = Elaborated, Origins = Origins, StartText = start, Lowered = lowered, Plans = plans, KernelAddress = address ?? WithoutKernels(Name), MemoryBudget = MemoryBudget,
        Targets = targets ?? [], OffCards = OffCards, precision = name, lossScales = scales,
    };

    /// <summary>What assemblies of earlier versions call, and is there for them as <see cref="Scheduled"/> is.</summary>
    public CompiledModelDescriptor In(string name, double[] scales, EmbeddedText? start, EmbeddedText? lowered, EmbeddedText? plans, Func<int, nint>? address) => In(name, scales, start, lowered, plans, address, []);

    /// <inheritdoc cref="In(string, double[], EmbeddedText?, EmbeddedText?, EmbeddedText?, Func{int, nint}?)"/>
    public CompiledModelDescriptor In(string name, double[] scales, EmbeddedText? start, EmbeddedText? lowered, EmbeddedText? plans, Func<int, nint>? address, IReadOnlyList<CompiledTarget> targets) =>
        In(name, scales, (string?)null, lowered, plans, address, targets);

    /// <summary>The model, ready to run.</summary>
    /// <exception cref="InvalidOperationException">The code is of another version than the runtime, or what it embeds is damaged.</exception>
    public CompiledModel Compiled => compiled ?? Interlocked.CompareExchange(ref compiled, Load(), null) ?? compiled;

    /// <summary>What the model takes in memory; nothing is allocated.</summary>
    /// <param name="threads">Threads of the processor that work on a call; 0 for one a processor.</param>
    /// <param name="budget">The most bytes that a call may take, as <see cref="ModelMembers"/> has it; null for what the class says.</param>
    /// <param name="sizes">Its named dimensions; one that is left out has its typical size.</param>
    /// <exception cref="ArgumentException">An operation cannot work with the sizes.</exception>
    /// <exception cref="InsufficientMemoryException">A function cannot run within the budget.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not within its bounds, or <paramref name="threads"/> is negative.</exception>
    public ModelMemory Memory(int threads, long? budget, params ReadOnlySpan<(string Name, int Size)> sizes) => MemoryEstimate.Of(Compiled, threads, budget ?? MemoryBudget, sizes);

    /// <summary>A model with fresh parameters.</summary>
    /// <param name="device">Where it computes.</param>
    /// <param name="seed">What its first numbers and its random operations depend on.</param>
    /// <param name="threads">How many threads work on one call; 0 for one a processor.</param>
    /// <exception cref="PlatformNotSupportedException">The device is one that the model is not compiled for, or that this machine does not have.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is negative.</exception>
    public ModelInstance Create(Device device, ulong seed, int threads) =>
        device.CudaIndex is { } index ? CreateOnCard(() => CudaDrivers.Open(index), seed, threads) : new(Compiled, seed, threads);

    /// <summary>A model on a card.</summary>
    /// <param name="open">Opens its driver.</param>
    /// <param name="seed">What its first numbers and its random operations depend on.</param>
    /// <param name="threads">Threads of the processor.</param>
    internal ModelInstance CreateOnCard(Func<ICudaDriver> open, ulong seed, int threads)
    {
        var loaded = onCard ?? Interlocked.CompareExchange(ref onCard, LoadForCard(), null) ?? onCard;
        var driver = open();
        try
        {
            var model = PtxTarget.Modules(loaded.Text, driver.Capability)[^1].Variant.HasTensorCores ? loaded.OnTensorCores : loaded.Portable;
            return new(model, store => new CudaDevice(driver, model, loaded.Text), seed, threads);
        }
        catch
        {
            driver.Dispose();
            throw;
        }
    }

    LoadedForCard LoadForCard()
    {
        CheckVersion();
        var target = Targets.FirstOrDefault(t => t.Name == KnownTargets.Ptx.Name) ?? throw new PlatformNotSupportedException(
            OffCards is null ? $"A CUDA device was asked for, but {Name} is compiled for the processor alone. <GraphTargets>cpu;ptx</GraphTargets> in its project compiles it for cards too."
                : $"A CUDA device was asked for, but {Name} is compiled for the processor alone, because cards cannot run it: {OffCards}");
        try
        {
            var lowered = target.Lowered(Origins.Split('\n'));
            var plans = target.Plans(lowered);
            CompiledModel Of(PtxVariant variant) => new(Name, lowered, _ => 0, plans, variant.Text) { MemoryBudget = MemoryBudget };
            var text = target.Code();
            return new(Of(PtxVariant.Portable), () => Of(PtxTarget.Modules(text, int.MaxValue)[^1].Variant), text);
        }
        catch (FormatException e)
        {
            throw Damaged(e);
        }
    }

    // First: of another version, nothing else may be looked at.
    void CheckVersion()
    {
        if (AbiVersion != Compiler.Planning.KernelFingerprint.AbiVersion)
            throw new InvalidOperationException(
                $"The code of {Name} was generated for version {AbiVersion} of the calling convention, but the runtime beside it has version {Compiler.Planning.KernelFingerprint.AbiVersion}: "
                + $"the assembly is {(AbiVersion < Compiler.Planning.KernelFingerprint.AbiVersion ? "older" : "newer")} than Graph.Runtime. Rebuild the project that holds the model with the Graph that runs it.");
    }

    InvalidOperationException Damaged(FormatException e) => new($"What was compiled of {Name} cannot be read: {e.Message} Rebuild the project that holds the model.", e);

    CompiledModel Load()
    {
        CheckVersion();
        try
        {
            if (StartText is not null) return new(Name, Compiler.Planning.StartText.Read(StartText), KernelAddress, Program) { MemoryBudget = MemoryBudget };
            return WithoutStart();
        }
        catch (FormatException e)
        {
            throw Damaged(e);
        }
    }

    CompiledModel WithoutStart()
    {
        var program = Program();
        return new(Name, StartProgram.Of(program.Lowered), KernelAddress, () => program) { MemoryBudget = MemoryBudget };
    }

    CompiledModel.CompiledProgram Program()
    {
        try
        {
            var lowered = LoweredText.Read(SealedText.Text((Lowered ?? throw LeftOut(Name))()), Origins.Split('\n'));
            return new(lowered, Plans is null ? default : PlanText.Read(SealedText.Text(Plans()), lowered));
        }
        catch (FormatException e)
        {
            throw Damaged(e);
        }
    }
}
