using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets;

/// <summary>
/// A machine as the compiler sees it: what it computes, its limits, what costs what, and in which order it adds up. A value that the build chooses and that no running machine is asked for; equal models
/// compile equal programs to equal kernels. Everything that the compiler knows of processors, caches and just-in-time compilers stands in such values.
/// </summary>
public sealed record TargetModel
{
    /// <summary>The name in texts: <c>cpu</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The name in messages, as a sentence begins: <c>The CPU</c>.</summary>
    public required string Title { get; init; }

    /// <summary>The element types that its generated kernels compute in.</summary>
    public required EquatableArray<DType> Types { get; init; }

    public required KernelLimits Kernels { get; init; }

    public required MemoryLimits Memory { get; init; }

    public required WorkModel Work { get; init; }

    public required CostModel Costs { get; init; }

    public required SummationModel Sums { get; init; }

    public required ProductSums Products { get; init; }

    /// <summary>What its products and convolutions need beside their operands.</summary>
    public PackingModel Packing { get; init; } = PackingModel.None;

    /// <summary>The weights that it keeps in a form of its own between the calls of entries.</summary>
    public PackedOperands Packs { get; init; }

    /// <summary>What it has kernels of its own for; all that there are unless it says less.</summary>
    public KernelCatalog Library { get; init; } = KernelCatalog.Whole;

    /// <summary>The functions of real numbers that its kernels do not compute: lowering writes them out in what they do (<see cref="FunctionGraphs"/>), and what it cannot write out is refused.</summary>
    public EquatableArray<ScalarOp> Missing { get; init; } = [];

    /// <summary>What its products and convolutions take along, of what their operations offer.</summary>
    public LibraryHooks Hooks { get; init; } = LibraryHooks.All;

    /// <summary>The most columns of a product whose rows it adds up (<see cref="LibraryHooks.ResultSums"/>): one task makes all of a row, for a sum goes on where it was.</summary>
    public int MostSummedColumns { get; init; } = 8192;

    /// <summary>From so many elements on it pays to add up the rows of a result on the way where the product comes to it in several blocks: a smaller one is in cache when it is done. Of one block it always does.</summary>
    public int LeastSummedElements { get; init; } = 1 << 20;

    /// <summary>
    /// Whether what a launch is given must lie at the same address in every call of a binding, as launches do that were recorded once (CUDA graphs): arguments and results have places in the arena then, and a call
    /// copies into the ones before its first launch and out of the others behind its last.
    /// </summary>
    public bool StableAddresses { get; init; }

    /// <summary>How it cuts attention; null for a target that has no kernel for it and makes it of products and sums.</summary>
    public AttentionTiles? Attention { get; init; }

    /// <summary>Whether products of float32 may multiply numbers of 10 bits of fraction (tf32), where a card does that faster: only where a project asks for it, for each operand loses up to 2⁻¹¹ of itself.</summary>
    public bool MultipliesInTf32 { get; init; }

    /// <summary>The whole value as text, for fingerprints and keys: equal texts are equal models.</summary>
    public string Text => Print();

    /// <summary>Whether reading a result back costs less than making it again.</summary>
    public bool IsDear(ScalarOp op) => Costs.Dear.Contains(op);

    /// <summary>Whether its kernel of a node takes that along.</summary>
    public bool Takes(Node node, LibraryHooks hook) => Hooks.HasFlag(hook) && node.Operation.Library(node)?.Hooks.HasFlag(hook) == true;

    /// <summary>Why there are no tensors of this element type; null when there are.</summary>
    public string? Refuse(DType type) => Types.Contains(type) ? null : $"{Title} does not compute in {type.Name()} yet: use {DType.F32.Name()}";

    /// <summary>Why a node of a program, at any stage of the compiler, cannot be computed; null when it can.</summary>
    public string? Refuse(Node node, Program program)
    {
        foreach (var value in node.Inputs.Concat(node.Outputs))
            if (Refuse(value.DType) is { } reason) return reason;
        foreach (var inner in node.Regions.SelectMany(r => r.Nodes))
            if (Refuse(inner, program) is { } reason) return reason;
        return node.Operation.Kind switch
        {
            // Of an operation that does not say what it is, no kernel is made up.
            OpKind.View when node.Operation.View(node) is null => NoKernel(node),
            OpKind.Reduce when node.Operation.Reduce(node) is null => NoKernel(node),
            OpKind.Convolution when node.Operation.Convolution(node) is null => NoKernel(node),
            OpKind.Contract or OpKind.Convolution or OpKind.Library => node.Operation.Library(node) is { } traits ? Only(traits, node) : NoKernel(node),
            // A definition stays within the operands' types, in f32 and whole bytes of integers too.
            OpKind.Composite when node.Inputs.Any(v => v.DType.IsFloat() ? v.DType != DType.F32 : v.DType.Bits() < 8) && Defined(node, program).Any(n => Refuse(n, program) is not null) => Only([DType.F32], node, [.. node.Inputs]),
            _ => null,
        };
    }

    /// <summary>Whether there are operations that it has no kernel for although others have.</summary>
    public bool LacksKernels => Attention is null || !Library.IsWhole;

    /// <summary>Whether a node is replaced by the operations that define it, because there is no kernel for it here.</summary>
    public bool SpellsOut(Node node) => LacksKernel(node) && node.Operation.Undefined(node) is null;

    bool LacksKernel(Node node) =>
        Attention is null && node.Operation.Attention(node) is not null
        // What puts operands side by side is placement, not a kernel.
        || !Library.IsWhole && node.Operation.Kind is OpKind.Contract or OpKind.Convolution or OpKind.Library && node.Operation.Library(node) is { Parts.IsEmpty: true } traits && !Library.Has(node, node.Inputs[traits.Typed].DType);

    /// <summary>Why a node, or one within it, is computed by no kernel of this target although it is by those of others, and not by other operations either; null when it is not so.</summary>
    public string? Lacks(Node node, Program program)
    {
        if (!LacksKernels && Missing.IsEmpty) return null;
        foreach (var inner in node.Operation.Kind == OpKind.Composite ? Defined(node, program) : node.Regions.SelectMany(r => r.Nodes))
            if (Lacks(inner, program) is { } reason) return reason;
        if (MissingFunction(node) is { } function) return $"{Title} does not compute {function}";
        if (!LacksKernel(node)) return null;
        if (node.Operation.Undefined(node) is { } why) return $"{OwnKernel(node)}; {why}";
        foreach (var inner in Defined(node, program))
            if (!(inner.Operation.IsCheck && Arguments.Are(inner.Inputs[0])) && Lacks(inner, program) is { } reason) return $"{NoKernel(node)} and cannot make it of other operations. {reason}";
        return null;
    }

    string OwnKernel(Node node)
    {
        var types = Library.TypesOf(node.Operation);
        return types.IsEmpty ? NoKernel(node) : $"{Title} computes {node.Name} in {List(types)} alone, but got {node.Inputs[node.Operation.Library(node)!.Typed].DType.Name()}";
    }

    // A function of real numbers that neither the target has nor anything spells out.
    string? MissingFunction(Node node)
    {
        if (Missing.IsEmpty) return null;
        IEnumerable<Scalar> roots = node.Operation is ElementwiseOperation operation ? [operation.Expression(node)] : node.Operation.Kind == OpKind.Reduce && node.Operation.Reduce(node) is { } r ? [.. r.Element, .. r.Combine, r.Result] : [];
        return Scalar.Order(roots).Where(s => Missing.Contains(s.Op) && !FunctionGraphs.Has(s)).Select(s => $"{s.Op.ToString().ToLowerInvariant()} of {s.Type.Name()}").FirstOrDefault();
    }

    string NoKernel(Node node) => $"{Title} has no kernel for {node.Name}";

    string? Only(LibraryTraits traits, Node node) =>
        node.Operation.Kind == OpKind.Library ? Only(traits.Types, node, node.Inputs[traits.Typed]) : Only(traits.Types, node, [.. node.Inputs, .. node.Outputs]);

    string? Only(EquatableArray<DType> types, Node node, params Value[] values)
    {
        var other = values.FirstOrDefault(v => !types.Contains(v.DType));
        return other is null ? null
            : $"{Title} computes {node.Name} in {List(types)} alone, but got {other.DType.Name()}: Cast(ElementType.{(types.Contains(DType.F32) ? DType.F32 : types[types.Length - 1]).Name().ToUpperInvariant()}) converts it";
    }

    static string List(EquatableArray<DType> types) => (types.Length > 1 ? string.Join(", ", types.Take(types.Length - 1).Select(t => t.Name())) + " and " : "") + types[types.Length - 1].Name();

    static IEnumerable<Node> Defined(Node node, Program program)
    {
        var builder = new Builder(program, node.Name);
        node.Operation.Define(builder, node);
        return builder.Nodes;
    }

    public bool Equals(TargetModel? other) => ReferenceEquals(this, other) || (other is not null && Text == other.Text);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Text);

    public override string ToString() => Text;

    string Print()
    {
        var text = new StringBuilder();
        text.Append("target ").Append(Name).Append(" \"").Append(Title).Append("\"\n");
        Line("types", Types.Select(t => t.Name()));
        Numbers("kernels", Kernels.Numbers());
        Numbers("memory", Memory.Numbers());
        Numbers("work", Work.Numbers());
        Line("dear", Costs.Dear.Select(op => op.ToString().ToLowerInvariant()));
        Numbers("costs", Costs.Numbers());
        Numbers("sums", Sums.Numbers());
        text.Append("  products ").Append(Products.Text).Append('\n');
        text.Append("  packing ").Append(Packing.Text).Append('\n');
        if (Packs != PackedOperands.None) Line("packs", Enum.GetValues(typeof(PackedOperands)).Cast<PackedOperands>().Where(p => p != PackedOperands.None && Packs.HasFlag(p)).Select(p => p.ToString().ToLowerInvariant()));
        if (!Library.IsWhole) text.Append("  library ").Append(Library.Text).Append('\n');
        if (!Missing.IsEmpty) Line("missing", Missing.Select(op => op.ToString().ToLowerInvariant()));
        Line("addresses", [StableAddresses ? "stable" : "of-each-call"]);
        Line("hooks", Enum.GetValues(typeof(LibraryHooks)).Cast<LibraryHooks>().Where(h => h is not (LibraryHooks.None or LibraryHooks.All) && Hooks.HasFlag(h)).Select(h => h.ToString().ToLowerInvariant()));
        if (Hooks.HasFlag(LibraryHooks.ResultSums)) Numbers("result-sums", [("most-columns", MostSummedColumns), ("least-elements", LeastSummedElements)]);
        if (MultipliesInTf32) text.Append("  products of f32 in tf32\n");
        if (Attention is not null) text.Append("  attention ").Append(Attention.Text).Append('\n');
        return text.ToString();

        void Line(string name, IEnumerable<string> words) => text.Append("  ").Append(name).Append(string.Concat(words.Select(w => " " + w))).Append('\n');
        void Numbers(string name, IEnumerable<(string Name, long Value)> numbers) => Line(name, numbers.Select(n => FormattableString.Invariant($"{n.Name}={n.Value}")));
    }
}

/// <summary>How large a generated kernel may become: what registers hold and what the compiler behind it compiles well.</summary>
/// <param name="Operations">Scalar operations.</param>
/// <param name="Dear">Dear ones among them.</param>
/// <param name="Results">Tensors that it writes.</param>
/// <param name="Operands">Tensors that it reads.</param>
/// <param name="Passes">Reductions that stand on one another.</param>
/// <param name="ShortRow">Rows up to this length are a part of the kernel, longer ones an argument.</param>
public sealed record KernelLimits(int Operations, int Dear, int Results, int Operands, int Passes, int ShortRow)
{
    internal IEnumerable<(string, long)> Numbers() =>
        [("operations", Operations), ("dear", Dear), ("results", Results), ("operands", Operands), ("passes", Passes), ("short-row", ShortRow)];
}

/// <summary>What the memory near a processor holds.</summary>
/// <param name="RowBytes">A row of several axes that several passes read; 0 where no values of a row are kept for a later pass.</param>
/// <param name="ColumnRows">The rows of a column that several passes read.</param>
/// <param name="Alignment">What offsets in the arena are multiples of, in bytes: a power of two.</param>
public sealed record MemoryLimits(long RowBytes, long ColumnRows, int Alignment)
{
    internal IEnumerable<(string, long)> Numbers() => [("row-bytes", RowBytes), ("column-rows", ColumnRows), ("alignment", Alignment)];
}

/// <summary>How work is shared among processors. None of it changes a bit of a result but through <see cref="SummationModel"/>.</summary>
/// <param name="Grain">Elements that are worth being given to a processor.</param>
/// <param name="DearWeight">How many elements one with dear arithmetic stands for.</param>
/// <param name="LeastColumns">The fewest columns that a processor takes.</param>
/// <param name="MostColumns">The most that it takes.</param>
/// <param name="FewRows">So few rows leave processors idle…</param>
/// <param name="LongRow">…when each is longer than this.</param>
public sealed record WorkModel(int Grain, int DearWeight, int LeastColumns, int MostColumns, int FewRows, long LongRow)
{
    internal IEnumerable<(string, long)> Numbers() =>
        [("grain", Grain), ("dear-weight", DearWeight), ("least-columns", LeastColumns), ("most-columns", MostColumns), ("few-rows", FewRows), ("long-row", LongRow)];
}

/// <summary>What is worth computing twice.</summary>
/// <param name="Dear">Scalar operations that cost more than reading a result back.</param>
/// <param name="Prologue">The most scalar operations that make a product's operand while it is packed, which may happen more than once.</param>
/// <param name="Again">The most nodes that every reader makes again instead of reading their result.</param>
/// <param name="Repeats">The most times that a convolution makes an element of its operand while it packs it.</param>
/// <param name="PackedPixels">So many pixels of a convolution's result are one block of work, which packs all that its windows see.</param>
/// <param name="PackedChannels">So many channels of the gradient of a convolution's weight are one block of work, which packs all filters.</param>
public sealed record CostModel(EquatableArray<ScalarOp> Dear, int Prologue, int Again, int Repeats, int PackedPixels, int PackedChannels)
{
    internal IEnumerable<(string, long)> Numbers() => [("prologue", Prologue), ("again", Again), ("repeats", Repeats), ("packed-pixels", PackedPixels), ("packed-channels", PackedChannels)];
}

/// <summary>In which order sums are added up.</summary>
/// <param name="Lanes">A sum along elements that lie behind one another runs in so many partial sums, whatever the width of the machine's vectors.</param>
/// <param name="SplitWork">A reduction of so many elements is cut into parts when too few processors would work on it.</param>
/// <param name="PartWork">The elements of a part.</param>
/// <param name="MostParts">The most parts of one reduction.</param>
/// <param name="LeastPart">The shortest part along the axis that is cut.</param>
/// <param name="BusyChunks">So many shares of work keep the processors busy without a cut.</param>
/// <param name="MostNormParts">The most parts of one tensor's share in the norm of all gradients.</param>
public sealed record SummationModel(int Lanes, long SplitWork, long PartWork, int MostParts, int LeastPart, int BusyChunks, int MostNormParts)
{
    internal IEnumerable<(string, long)> Numbers() =>
    [
        ("lanes", Lanes), ("split-work", SplitWork), ("part-work", PartWork), ("most-parts", MostParts), ("least-part", LeastPart), ("busy-chunks", BusyChunks),
        ("most-norm-parts", MostNormParts),
    ];
}
