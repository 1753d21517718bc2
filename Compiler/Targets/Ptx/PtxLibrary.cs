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

    /// <summary>What lies anywhere, by its name in the kernel: how a kernel's elements walk over it. How many axes a walk has is a part of the kernel's text, so launches whose operands lie otherwise have another.</summary>
    protected virtual ImmutableArray<(string Name, StridedWalk Walk)> Walks(LibraryLaunch launch) => [];

    /// <summary>Their values under a binding, in the same order.</summary>
    public abstract ImmutableArray<long> Sizes(LibraryLaunch launch, DimBinding binding);

    /// <summary>Blocks of a launch, by its sizes.</summary>
    public abstract long Blocks(ImmutableArray<long> sizes);

    /// <summary>Whether it reports numbers that pick what is not there.</summary>
    public virtual bool Checks => false;

    /// <summary>Writes the kernel behind its parameters.</summary>
    protected abstract void Write(PtxLibraryCode code);

    /// <summary>How many axes the walks of a launch have, by their names.</summary>
    public ImmutableArray<(string Name, int Axes)> Form(LibraryLaunch launch) => [.. Walks(launch).Select(w => (w.Name, w.Walk.Sizes.Length))];

    /// <summary>The function of a kernel with walks over so many axes.</summary>
    public static string NameOf(LibraryKernel kernel, ImmutableArray<(string Name, int Axes)> form) => kernel.Name + string.Concat(form.Select(w => "_" + w.Axes));

    /// <summary>The text of a kernel.</summary>
    public string Write(LibraryKernel kernel, ImmutableArray<(string Name, int Axes)> form, PtxEntry entry, bool isWide)
    {
        var code = new PtxWriter(entry, Threads);
        code.Head.AddRange(kernel.Text.TrimEnd('\n').Split('\n'));
        var call = new PtxLibraryCode(kernel, code, isWide, Names, form, Checks);
        Write(call);
        code.Place(call.End);
        return code.ToString();
    }

    /// <summary>The parameters of a launch.</summary>
    public PtxLaunch Launch(LibraryLaunch launch, DimBinding binding)
    {
        var sizes = Sizes(launch, binding);
        var walks = Walks(launch).SelectMany(w => w.Walk.Sizes.Skip(1).Concat(w.Walk.Strides)).Select(d => PtxValue.Of(d.Evaluate(binding)));
        IEnumerable<PtxValue> record = Checks ? [PtxValue.Record] : [];
        return new(NameOf(launch.Kernel, Form(launch)), Blocks(sizes), Threads, 0, [.. Enumerable.Range(0, launch.Kernel.Types.Length).Select(PtxValue.At), .. sizes.Select(PtxValue.Of), .. sizes.Select(s => PtxValue.Of(PtxReciprocal.Of(s))), .. walks, .. record]);
    }

    /// <summary>The sizes of an operand.</summary>
    protected static long[] Shape(LibraryLaunch launch, int operand, DimBinding binding) => [.. launch.Shapes[operand].Select(d => d.Evaluate(binding))];

    /// <summary>From one element of an operand to the next along an axis.</summary>
    protected static long Step(LibraryLaunch launch, int operand, int axis, DimBinding binding) => launch.Strides[operand][axis].Evaluate(binding);

    /// <summary>The attribute <c>axis</c>.</summary>
    protected static int AxisOf(LibraryLaunch launch) => new Shape(launch.Shapes[0]).Axis(launch.Attributes.Int("axis", -1));

    protected static long Product(IEnumerable<long> sizes) => sizes.Aggregate(1L, (x, y) => x * y);

    /// <summary>What lies before, along and behind the attribute <c>axis</c> of an operand.</summary>
    protected static (long Outer, long Extent, long Inner) Around(LibraryLaunch launch, int operand, DimBinding binding)
    {
        var shape = Shape(launch, operand, binding);
        var axis = AxisOf(launch);
        return (Product(shape.Take(axis)), shape[axis], Product(shape.Skip(axis + 1)));
    }
}

/// <summary>A kernel of the library while it is written: its parameters, and steps that several take.</summary>
sealed class PtxLibraryCode
{
    readonly PtxOperand[] pointers;
    readonly Dictionary<string, PtxOperand> sizes;
    readonly Dictionary<string, (PtxOperand[] Sizes, PtxOperand[] Strides)> walks;
    readonly PtxOperand record;

    public PtxLibraryCode(LibraryKernel kernel, PtxWriter code, bool isWide, ImmutableArray<string> names, ImmutableArray<(string Name, int Axes)> form, bool checks)
    {
        (Kernel, Code, Index) = (kernel, code, new(code, isWide));
        pointers = [.. kernel.Types.Select((_, i) => code.Parameter("p" + i))];
        sizes = names.ToDictionary(n => n, n => Index.Of(code.Parameter(n)), StringComparer.Ordinal);
        foreach (var name in names) Index.Know(sizes[name], code.Parameter(PtxReciprocal.NameOf(name)));
        PtxOperand[] Numbers(string name, int first, int count) => [.. Enumerable.Range(first, count).Select(i => Index.Of(code.Parameter(name + i)))];
        walks = form.ToDictionary(w => w.Name, w => (Numbers(w.Name + "_size", 1, w.Axes - 1), Numbers(w.Name + "_stride", 0, w.Axes)), StringComparer.Ordinal);
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

    /// <summary>The place of an element of a walk, by its number.</summary>
    public PtxOperand Walk(string name, PtxOperand number)
    {
        var (sizes, strides) = walks[name];
        var places = new List<PtxOperand>(); // from the innermost axis outwards, each with those before it
        PtxOperand And(PtxOperand at, PtxOperand stride) => places.Count == 0 ? Index.Multiply(at, stride) : Index.MultiplyAdd(at, stride, places[places.Count - 1]);
        for (var axis = strides.Length - 1; axis > 0; axis--)
        {
            (number, var at) = Divide(number, sizes[axis - 1]);
            places.Add(And(at, strides[axis]));
        }
        return And(number, strides[0]);
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
