using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>A kernel of the library: what it needs to know of a launch, and how it is written. One class an operation.</summary>
abstract class PtxLibrary
{
    static readonly Dictionary<string, PtxLibrary> all = new PtxLibrary[] { new PtxEmbedding(), new PtxEmbeddingGradient(), new PtxGather(), new PtxGatherGradient(), new PtxPad(), new PtxMaxPool(), new PtxMaxPoolGradient(), new PtxAveragePool(), new PtxAveragePoolGradient(), new PtxCumSum(), new PtxSort(), new PtxCheckIndex() }.ToDictionary(k => k.Operation, StringComparer.Ordinal);

    /// <summary>The kernel of an operation.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static PtxLibrary Of(LibraryKernel kernel) => all.TryGetValue(kernel.Operation, out var found) ? found : throw new NotSupportedException($"The PTX target has no {kernel.Operation} yet.");

    /// <summary>The operations that there are kernels for.</summary>
    public static IEnumerable<string> Operations => all.Keys;

    public abstract string Operation { get; }

    /// <summary>Threads of a block.</summary>
    public virtual int Threads => 256;

    /// <summary>The names of the sizes that the kernel takes.</summary>
    protected abstract ImmutableArray<string> Names { get; }

    /// <summary>Their values under a binding, in the same order.</summary>
    public abstract ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding);

    /// <summary>Blocks of a launch, by its sizes.</summary>
    public abstract long Blocks(ImmutableArray<long> sizes);

    /// <summary>Whether it reports numbers that pick what is not there.</summary>
    public virtual bool Checks => false;

    /// <summary>Writes the kernel behind its parameters.</summary>
    protected abstract void Write(PtxLibraryCode code);

    /// <summary>The text of a kernel.</summary>
    public string Write(LibraryKernel kernel, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, Threads);
        code.Head.AddRange(kernel.Text.TrimEnd('\n').Split('\n'));
        var call = new PtxLibraryCode(kernel, code, isWide, Names, Checks);
        Write(call);
        code.Place(call.End);
        return code.ToString();
    }

    /// <summary>The parameters of a launch.</summary>
    public PtxLaunch Launch(LibraryLaunch launch, string name, DimBinding binding)
    {
        var sizes = Sizes(launch, binding);
        IEnumerable<PtxValue> record = Checks ? [PtxValue.Record] : [];
        return new(name, Blocks(sizes), Threads, 0, [.. Enumerable.Range(0, launch.Kernel.Types.Length).Select(PtxValue.At), .. sizes.Select(PtxValue.Of), .. record]);
    }

    /// <summary>The sizes of an operand.</summary>
    protected static long[] Shape(LibraryLaunch launch, int operand, DimBinding binding) => [.. launch.Shapes[operand].Select(d => d.Evaluate(binding))];

    protected static long Product(IEnumerable<long> sizes) => sizes.Aggregate(1L, (x, y) => x * y);

    /// <summary>What lies before, along and behind the attribute <c>axis</c> of an operand.</summary>
    protected static (long Outer, long Extent, long Inner) Around(LibraryLaunch launch, int operand, DimBinding binding)
    {
        var shape = Shape(launch, operand, binding);
        var axis = (int)launch.Attributes.Int("axis", -1);
        if (axis < 0) axis += launch.Shapes[0].Length;
        return (Product(shape.Take(axis)), shape[axis], Product(shape.Skip(axis + 1)));
    }
}

/// <summary>A kernel of the library while it is written: its parameters, and steps that several take.</summary>
sealed class PtxLibraryCode
{
    readonly PtxOperand[] pointers;
    readonly Dictionary<string, PtxOperand> sizes;
    readonly PtxOperand record;

    public PtxLibraryCode(LibraryKernel kernel, PtxWriter code, bool isWide, ImmutableArray<string> names, bool checks)
    {
        (Kernel, Code, Index) = (kernel, code, new(code, isWide));
        pointers = [.. kernel.Types.Select((_, i) => code.Parameter("p" + i))];
        sizes = names.ToDictionary(n => n, n => Index.Of(code.Parameter(n)), StringComparer.Ordinal);
        if (checks) record = code.Parameter("record");
        Block = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%ctaid.x"));
        Thread = code.Instruction("mov.u32", RegisterClass.Word, new PtxOperand(RegisterClass.Word, "%tid.x"));
        End = code.Label("END");
    }

    public LibraryKernel Kernel { get; }

    public PtxWriter Code { get; }

    public PtxIndex Index { get; }

    /// <summary>The numbers of the block and of the thread in it.</summary>
    public PtxOperand Block { get; }

    /// <inheritdoc cref="Block"/>
    public PtxOperand Thread { get; }

    /// <summary>Where threads go that have nothing to do.</summary>
    public string End { get; }

    public PtxOperand this[string size] => sizes[size];

    /// <summary>The address of an operand's element.</summary>
    public string At(int operand, PtxOperand element) => "[" + Index.Address(pointers[operand], element, Kernel.Types[operand].Size()) + "]";

    public PtxOperand Load(int operand, PtxOperand element) => PtxConversions.Load(Code, "global", Kernel.Types[operand], At(operand, element));

    public void Store(int operand, PtxOperand element, PtxOperand value) => PtxConversions.Store(Code, "global", Kernel.Types[operand], At(operand, element), value);

    /// <summary>Copies an element, bit by bit.</summary>
    public void Move(int to, PtxOperand at, int from, PtxOperand element) => PtxConversions.Move(Code, Kernel.Types[from], At(to, at), At(from, element));

    /// <summary>The element that a thread has; threads without one end.</summary>
    public PtxOperand Element(int threads, PtxOperand extent)
    {
        var element = Index.MultiplyAdd(Index.OfWord(Block), Index.Number(threads), Index.OfWord(Thread));
        Code.Branch(End, Index.Compare("ge", element, extent));
        return element;
    }

    /// <summary>Quotient and rest.</summary>
    public (PtxOperand Quotient, PtxOperand Remainder) Divide(PtxOperand a, PtxOperand b)
    {
        var quotient = Index.Divide(a, b);
        return (quotient, Index.Subtract(a, Index.Multiply(quotient, b)));
    }

    /// <summary>A number that picks something, as an index: one that is not there is reported, and what is picked then is the first or the last. Kernels do not end in the middle.</summary>
    public PtxOperand Pick(int operand, PtxOperand element, PtxOperand below)
    {
        var id = PtxConversions.Cast(Code, Load(operand, element), Kernel.Types[operand], DType.I64);
        var last = Code.Instruction("sub.s64", RegisterClass.Long, Index.Whole(below), PtxOperand.Long(1));
        var there = Code.Instruction("max.s64", RegisterClass.Long, Code.Instruction("min.s64", RegisterClass.Long, id, last), PtxOperand.Long(0));
        var fine = Code.Label("FINE");
        Code.Branch(fine, Code.Compare("eq", "s64", id, there));
        // The first to come says which; the others are as wrong.
        Report(id, Index.Whole(below), fine);
        Code.Place(fine);
        return Index.Of(there);
    }

    /// <summary>Says in the launch's record that a number is not one of 0 to <paramref name="below"/> − 1, all of 64 bits; who was not the first goes to a label.</summary>
    public void Report(PtxOperand id, PtxOperand below, string later)
    {
        var before = Code.Register(RegisterClass.Long);
        Code.Do($"atom.global.cas.b64 {before}, [{record}], 0, 1");
        Code.Branch(later, Code.Compare("ne", "s64", before, PtxOperand.Long(0)));
        Code.Do($"st.global.s64 [{record}+8], {id}");
        Code.Do($"st.global.s64 [{record}+16], {below}");
    }
}
