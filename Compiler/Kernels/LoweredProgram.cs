using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>
/// A scheduled program as kernels and launches: what targets emit, what the planner places in memory, and, read back from its text, what a model runs at any sizes. It stands for itself: nothing in it
/// refers to the program that it was lowered from.
/// </summary>
/// <param name="Name">The model's name.</param>
/// <param name="Dims">The named dimensions with their bounds.</param>
/// <param name="States">Parameters, buffers and optimizer states.</param>
/// <param name="Kernels">The distinct kernels: equal ones, such as those of equal layers, appear once.</param>
/// <param name="Functions">One for each function that the model can run.</param>
public sealed record LoweredProgram(
    string Name, ImmutableArray<DimSymbol> Dims, ImmutableArray<StateDecl> States, ImmutableArray<Kernel> Kernels, ImmutableArray<LoweredFunction> Functions)
{
    /// <summary>What it was compiled for, as <see cref="Targets.TargetModel.Text"/> on one line: a part of the text, and so of the fingerprint.</summary>
    public string Target { get; init; } = "";

    /// <summary>What the functions need of the named dimensions.</summary>
    public ImmutableArray<Requirement> Requirements { get; init; } = [];

    /// <summary>What the functions need of arguments that pick classes and rows.</summary>
    public ImmutableArray<IndexRange> Ranges { get; init; } = [];

    /// <summary>The ways to train it; their rules are launches by now.</summary>
    public ImmutableArray<TrainingProgram> Training { get; init; } = [];

    /// <summary>The kernels that code is generated for, in order: their numbers are those of the function table.</summary>
    public ImmutableArray<Kernel> Generated
    {
        get
        {
            var generated = ImmutableArray.CreateBuilder<Kernel>();
            foreach (var kernel in Kernels)
                if (kernel.IsGenerated) generated.Add(kernel);
            return generated.ToImmutable();
        }
    }

    /// <summary>The function of that name, or null.</summary>
    public LoweredFunction? Find(string name)
    {
        foreach (var function in Functions)
            if (function.Name == name) return function;
        return null;
    }
}

/// <summary>What a caller sees of a function.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">What it takes, in order.</param>
/// <param name="Results">What it gives, in order; a name is empty where nobody named it.</param>
/// <param name="Assigned">The paths of the states that it gives new values.</param>
public sealed record FunctionSignature(string Name, ImmutableArray<NamedTensor> Parameters, ImmutableArray<NamedTensor> Results, ImmutableArray<string> Assigned)
{
    public static FunctionSignature Of(Function function) => new(
        function.Name, [.. function.Parameters.Select(p => new NamedTensor(p.Name!, p.Type.Bare))],
        [.. function.Results.Select((r, i) => new NamedTensor(i < function.ResultNames.Length ? function.ResultNames[i] : "", r.Type.Bare))], [.. function.Updates.Select(u => u.Path)]);
}

/// <summary>The launches of one function, in order, over buffers.</summary>
/// <param name="Signature">Its name, parameters and results.</param>
/// <param name="Buffers">All memory it touches.</param>
/// <param name="Launches">In the order of execution.</param>
/// <param name="Arguments">The buffers of the parameters, in order.</param>
/// <param name="Results">Where each result lies when the last launch is done.</param>
public sealed record LoweredFunction(
    FunctionSignature Signature, ImmutableArray<Buffer> Buffers, ImmutableArray<Launch> Launches, ImmutableArray<Buffer> Arguments, ImmutableArray<Buffer> Results)
{
    public string Name => Signature.Name;

    /// <summary>In the order of execution.</summary>
    public ImmutableArray<Launch> Launches
    {
        get;
        init
        {
            field = value;
            Calls = [];
        }
    } = Launches;

    /// <summary>Which of the launches are those of calls, in order. Other launches in their place are those of none.</summary>
    public ImmutableArray<LaunchCall> Calls { get; init; } = [];

    /// <summary>What the offsets of its intermediates in the arena are multiples of, in bytes (<see cref="Targets.MemoryLimits.Alignment"/>).</summary>
    public required int Alignment { get; init; }

    /// <summary>Arguments and results lie in the arena, too (<see cref="Targets.TargetModel.StableAddresses"/>): arguments from before the first launch on, results till behind the last.</summary>
    public bool HasStableAddresses { get; init; }

    /// <summary>The paths of the modules whose calls keep nothing of their inside for the backward pass: plans repeat their launches there.</summary>
    public ImmutableArray<string> Checkpoints { get; init; } = [];

    /// <summary>Whether a buffer has a place in the arena.</summary>
    public bool IsPlanned(Buffer buffer) => buffer.Kind == BufferKind.Arena || (HasStableAddresses && buffer.Kind is (BufferKind.Argument or BufferKind.Result));

    /// <summary>A size in bytes as the arena counts it: rounded up to the alignment.</summary>
    public long Align(long bytes) => (bytes + Alignment - 1) & -(long)Alignment;

    /// <summary>The bytes of every buffer, by its number, under a binding of the named dimensions: those of workspaces too, which follow from their launches.</summary>
    public long[] BytesOf(DimBinding binding)
    {
        var bytes = new long[Buffers.Length];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = Buffers[i].BytesAt(binding);
        foreach (var launch in Launches)
            if (launch.Workspace is { Pointer: { } pointer }) bytes[launch.Operands[pointer].Buffer.Id] = launch.WorkspaceBytes(binding);
        return bytes;
    }
}

/// <summary>Whose memory a buffer is.</summary>
public enum BufferKind
{
    /// <summary>The caller's, for the length of a call, or a copy of it; never written.</summary>
    Argument,
    /// <summary>The caller's, or what is copied there in the end; written.</summary>
    Result,
    /// <summary>The parameter store's; <see cref="Buffer.Name"/> is the state's path.</summary>
    State,
    /// <summary>An intermediate or a workspace; the planner gives it an offset for as long as it lives.</summary>
    Arena,
}

/// <summary>A dense piece of memory. Compared by identity.</summary>
public sealed class Buffer(int id, string name, BufferKind kind, DType type, Dim elements)
{
    /// <summary>Its number in the function.</summary>
    public int Id { get; } = id;

    /// <summary>The state's path, the argument's or result's name, or what the intermediate holds, for people.</summary>
    public string Name { get; } = name;
    public BufferKind Kind { get; } = kind;
    public DType DType { get; } = type;
    /// <summary>Its size; 0 for a workspace, of which its launch says how large it is (<see cref="LoweredFunction.BytesOf"/>).</summary>
    public Dim Elements { get; } = elements;

    /// <summary>Bytes that it takes.</summary>
    public long BytesAt(DimBinding binding) => DType.Bytes(Elements.Evaluate(binding));

    public override string ToString() => Kind switch { BufferKind.State => "@" + Name, BufferKind.Arena => "a" + Id, _ => Name };
}

/// <summary>Where a value lies: element (i₀, i₁, …) is at <c>Buffer[Offset + Σ iₐ·Strides[a]]</c>, in elements.</summary>
public sealed record Placement(Buffer Buffer, Dim Offset, ImmutableArray<Dim> Strides);

/// <summary>A pointer that a launch gets: into a buffer, at an offset in elements.</summary>
public sealed record Operand(Buffer Buffer, Dim Offset, bool IsWritten);

/// <summary>A pair of operands of which the written one may share the memory of the read one, when nothing reads that later: every element is read before it is written, by the same worker.</summary>
public sealed record InPlace(int Written, int Read);

/// <summary>One entry of the launch table.</summary>
/// <param name="Origins">Where the nodes that it executes came from: what profiles and memory reports print.</param>
/// <param name="Operands">What it reads and writes; hooks' operands included.</param>
/// <param name="InPlace">Which written operands may take over a read one's memory.</param>
public abstract record Launch(ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace)
{
    /// <summary>For people: the kernel's name or the kind of library kernel.</summary>
    public abstract string Title { get; }

    /// <summary>The paths of the states whose value from before the call it reads, under that path: no launch before it may have written them.</summary>
    public ImmutableArray<string> Incoming { get; init; } = [];

    /// <summary>What it works in beside its operands: one of them by number, which nothing else reads or writes. Null when it needs nothing.</summary>
    public virtual Workspace? Workspace => null;

    /// <summary>How many bytes of it.</summary>
    public virtual long WorkspaceBytes(DimBinding binding) => 0;

    /// <summary>What each thread needs for itself, in bytes.</summary>
    public virtual long ThreadBytes(DimBinding binding) => Workspace?.Packing.WorkerBytes ?? 0;

    /// <summary>Floating-point operations.</summary>
    public Dim Flops { get; init; } = Dim.Zero;

    /// <summary>Bytes that must be read and written once.</summary>
    public Dim Traffic { get; init; } = Dim.Zero;
}

/// <summary>
/// A generated kernel over a parallel extent: <c>K(p, d, begin, end, scratch)</c>, <c>p</c> being <see cref="Launch.Operands"/> and <c>d</c> <paramref name="Dims"/>.
/// Chunks hold <paramref name="Grain"/> units of the extent, whatever the number of threads.
/// </summary>
public sealed record LoopLaunch(
    ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, Kernel Kernel, ImmutableArray<Dim> Dims, Dim Extent, Dim Grain, Dim ScratchBytes)
    : Launch(Origins, Operands, InPlace)
{
    public override string Title => Kernel.Name;

    public override long ThreadBytes(DimBinding binding) => ScratchBytes.Evaluate(binding);
}

/// <summary>The same generated kernel over several sets of operands in one launch: the optimizer over all parameters. Operand lists are consecutive ranges of <see cref="Launch.Operands"/>.</summary>
public sealed record SegmentedLaunch(
    ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, Kernel Kernel, ImmutableArray<Segment> Segments, Dim Grain, Dim ScratchBytes)
    : Launch(Origins, Operands, InPlace)
{
    public override string Title => Kernel.Name;

    public override long ThreadBytes(DimBinding binding) => ScratchBytes.Evaluate(binding);

    /// <summary>The pairs of the first segment.</summary>
    internal static ImmutableArray<InPlace> OfFirst(ImmutableArray<InPlace> pairs, int operands) => pairs.RemoveAll(p => p.Written >= operands);

    /// <summary>The pairs of all segments when each has those of the first over its own operands.</summary>
    internal static ImmutableArray<InPlace> OfEach(ImmutableArray<InPlace> first, int operands, int segments)
    {
        var pairs = ImmutableArray.CreateBuilder<InPlace>(first.Length * segments);
        for (var i = 0; i < segments; i++)
            foreach (var pair in first) pairs.Add(new(pair.Written + i * operands, pair.Read + i * operands));
        return pairs.MoveToImmutable();
    }
}

/// <summary>One set of operands of a <see cref="SegmentedLaunch"/>.</summary>
public sealed record Segment(int FirstOperand, int OperandCount, ImmutableArray<Dim> Dims, Dim Extent);

/// <summary>A generated tile function called from inside a library kernel: its operands are a range of the launch's.</summary>
public sealed record Hook(Kernel Kernel, int FirstOperand, int OperandCount, ImmutableArray<Dim> Dims)
{
    internal static Hook Of(LoopKernel body, HookOperands? operands) =>
        operands is null ? throw new InvalidOperationException($"A launch has no operands for the body {body.Name}.") : new(body, operands.First, operands.Count, operands.Dims);
}

/// <summary>A tile function that makes blocks of a contraction's operand while it is packed; the rows of its tiles are the operand's, or with <paramref name="Transposed"/> its columns.</summary>
public sealed record Prologue(Hook Hook, bool Transposed);

/// <summary>A strided matrix over up to three batch extents, for contractions: strides in elements.</summary>
public sealed record MatrixView(int Operand, ImmutableArray<Dim> BatchStrides, Dim RowStride, Dim ColumnStride);

/// <summary>A strided vector over up to three batch extents: strides in elements.</summary>
public sealed record VectorView(int Operand, ImmutableArray<Dim> BatchStrides, Dim Stride);

/// <summary>The operands and sizes of a body that a library kernel calls: a range of the launch's.</summary>
public sealed record HookOperands(int First, int Count, ImmutableArray<Dim> Dims);

/// <summary>A batched matrix product.</summary>
/// <param name="Origins">Where it came from.</param>
/// <param name="Operands">All pointers.</param>
/// <param name="InPlace">Only through the epilogue.</param>
/// <param name="Kernel">What it computes.</param>
/// <param name="Dims">The kernel's arguments.</param>
/// <param name="HookA">Of the body that makes A.</param>
/// <param name="HookB">Of the body that makes B.</param>
/// <param name="HookC">Of the epilogue.</param>
public sealed record ContractLaunch(
    ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, ProductKernel Kernel, ImmutableArray<Dim> Dims, HookOperands? HookA, HookOperands? HookB, HookOperands? HookC)
    : Launch(Origins, Operands, InPlace)
{
    public override string Title =>
        (Kernel.MakesA is { } a ? "a:" + a.Body.Name + "+" : "") + (Kernel.MakesB is { } b ? "b:" + b.Body.Name + "+" : "") + "contract" + (Kernel.Epilogue is { } c ? "+" + c.Name : "") + (Kernel.SumsOfA is null ? "" : "+sum:a") + (Kernel.SumsOfB is null ? "" : "+sum:b") + (Kernel.SumsOfC is null ? "" : "+sum:c");

    public override Workspace? Workspace => Kernel.Workspace;

    public override long WorkspaceBytes(DimBinding binding) => Kernel.Workspace?.Pointer is null ? 0
        : Kernel.Workspace.Packing.ProductBytes(Kernel.Sums, Products(binding), M.Evaluate(binding), N.Evaluate(binding), K.Evaluate(binding));

    long Products(DimBinding binding)
    {
        long count = 1;
        foreach (var size in Batch) count *= size.Evaluate(binding);
        return count;
    }

    public Dim M => Kernel.M.In(Dims);

    public Dim N => Kernel.N.In(Dims);

    public Dim K => Kernel.K.In(Dims);

    /// <summary>Three extents, outermost first; unused ones are 1.</summary>
    public ImmutableArray<Dim> Batch => Extent.In(Kernel.Batch, 0, Kernel.Batch.Length, Dims);

    /// <summary>Left operand; null when <see cref="PrologueA"/> makes it.</summary>
    public MatrixView? A => View(Kernel.A);

    /// <summary>Right operand; null when <see cref="PrologueB"/> makes it.</summary>
    public MatrixView? B => View(Kernel.B);

    /// <summary>Result; null when the epilogue consumes it.</summary>
    public MatrixView? C => View(Kernel.C);

    /// <summary>Makes tiles of A.</summary>
    public Prologue? PrologueA => Kernel.MakesA is { } makes ? new(Hook.Of(makes.Body, HookA), makes.Transposed) : null;

    /// <summary>Makes tiles of B.</summary>
    public Prologue? PrologueB => Kernel.MakesB is { } makes ? new(Hook.Of(makes.Body, HookB), makes.Transposed) : null;

    /// <summary>Consumes finished tiles.</summary>
    public Hook? Epilogue => Kernel.Epilogue is { } body ? Hook.Of(body, HookC) : null;

    /// <summary>Where the sums of A's rows go; null when nobody wants them.</summary>
    public VectorView? SumsOfA => Sums(Kernel.SumsOfA);

    /// <summary>Where the sums of B's columns go; null when nobody wants them.</summary>
    public VectorView? SumsOfB => Sums(Kernel.SumsOfB);

    /// <summary>Where the sums along the rows of what the epilogue makes go; null when nobody wants them.</summary>
    public VectorView? SumsOfC => Sums(Kernel.SumsOfC);

    VectorView? Sums(Access? access) => access is null ? null : new(access.Pointer, Extent.In(access.Strides, 0, 3, Dims), access.Strides[3].In(Dims));

    MatrixView? View(Access? access) =>
        access is null ? null : new(access.Pointer, Extent.In(access.Strides, 0, 3, Dims), access.Strides[3].In(Dims), access.Strides[4].In(Dims));
}

/// <summary>A convolution or one of its gradients.</summary>
/// <param name="Origins">Where it came from.</param>
/// <param name="Operands">All pointers.</param>
/// <param name="InPlace">Only through the epilogue.</param>
/// <param name="Kernel">What it computes.</param>
/// <param name="Dims">The kernel's arguments.</param>
/// <param name="HookA">Of the body that makes the first operand.</param>
/// <param name="HookB">Of the body that makes the second.</param>
/// <param name="HookC">Of the epilogue.</param>
public sealed record ConvolutionLaunch(
    ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, ConvolutionKernel Kernel, ImmutableArray<Dim> Dims, HookOperands? HookA, HookOperands? HookB, HookOperands? HookC)
    : Launch(Origins, Operands, InPlace)
{
    public override string Title =>
        (Kernel.Operands[0].Maker is { } a ? "a:" + a.Name + "+" : "") + (Kernel.Operands[1].Maker is { } b ? "b:" + b.Name + "+" : "")
        + "conv." + Kind.ToString().ToLowerInvariant() + (Kernel.Epilogue is { } body ? "+" + body.Name : "");

    public override Workspace? Workspace => Kernel.Workspace;

    public override long WorkspaceBytes(DimBinding binding)
    {
        if (Kernel.Workspace?.Pointer is null || Kernel.Operands[1].IsPacked) return 0;
        var sizes = Shape.Evaluate(binding);
        return Kind == ConvolutionKind.WeightGradient
            ? new GradientCut(sizes, Kernel.Sums, Kernel.Workspace.Packing).Floats * sizeof(float) : Kernel.Workspace.Packing.ConvolutionBytes(Kernel.Sums, sizes, Kind == ConvolutionKind.ImageGradient);
    }

    public override long ThreadBytes(DimBinding binding) => Workspace?.Packing.ThreadBytes(Shape.Evaluate(binding)) ?? 0;

    public ConvolutionKind Kind => Kernel.Kind;

    /// <summary>Its sizes.</summary>
    public ConvolutionShape Shape
    {
        get
        {
            Dim At(int i) => Kernel.Sizes[i].In(Dims);
            var w = Kernel.Window;
            return new(At(0), At(1), At(2), At(3), At(4), At(5), At(6), At(7), At(8), w.StrideHeight, w.StrideWidth, w.PaddingTop, w.PaddingLeft, w.DilationHeight, w.DilationWidth, w.Groups);
        }
    }

    /// <summary>Makes tiles of one of the two operands that are read; null where it lies in memory.</summary>
    public Hook? Maker(int operand) => Kernel.Operands[operand].Maker is { } body ? Hook.Of(body, operand == 0 ? HookA : HookB) : null;

    /// <summary>Where the operand or result lies; null when a body makes or takes it.</summary>
    public PlanesView? View(int operand) =>
        operand < Kernel.Operands.Length && Kernel.Operands[operand].Access is { } access ? new(access.Pointer, Extent.In(access.Strides, 0, access.Strides.Length, Dims)) : null;

    /// <summary>Consumes finished tiles.</summary>
    public Hook? Epilogue => Kernel.Epilogue is { } body ? Hook.Of(body, HookC) : null;
}

/// <summary>A strided tensor of four axes, for convolutions: strides in elements.</summary>
public sealed record PlanesView(int Operand, ImmutableArray<Dim> Strides);

/// <summary>The sizes of a convolution, in the words of the kernel library.</summary>
public sealed record ConvolutionShape(
    Dim Batch, Dim Channels, Dim Height, Dim Width, Dim Filters, Dim KernelHeight, Dim KernelWidth, Dim MapHeight, Dim MapWidth,
    int StrideHeight, int StrideWidth, int PaddingTop, int PaddingLeft, int DilationHeight, int DilationWidth, int Groups)
{
    /// <summary>In numbers.</summary>
    public ConvolutionSizes Evaluate(DimBinding binding)
    {
        long At(Dim size) => size.Evaluate(binding);
        return new(
            At(Batch), At(Channels), At(Height), At(Width), At(Filters), At(KernelHeight), At(KernelWidth), At(MapHeight), At(MapWidth),
            StrideHeight, StrideWidth, PaddingTop, PaddingLeft, DilationHeight, DilationWidth, Groups);
    }
}

/// <summary>
/// The <paramref name="Length"/> launches behind it run <paramref name="Count"/> times: a loop's body, whose own loops are ranges within the range. Offsets of operands in there may contain the symbol
/// <paramref name="Index"/>, which is the iteration's number. Carries are ordinary buffers, set before and written by the body, so everything but the offsets is planned and resolved once.
/// </summary>
/// <param name="Origins">Where the loop came from.</param>
/// <param name="Operands">With <paramref name="ReadsIndex"/> an i64[] that gets the number of each iteration, then with <paramref name="IsConditional"/> the bool[] that is looked at before each and ends the loop when it is false.</param>
/// <param name="Index">The symbol of the iteration's number, which no named dimension has for a name.</param>
/// <param name="Count">The most iterations.</param>
/// <param name="Reverse">From the last to the first.</param>
/// <param name="Length">How many launches it repeats; ranges nest.</param>
/// <param name="ReadsIndex">Whether a launch reads the number as a tensor.</param>
/// <param name="IsConditional">Whether it may end early.</param>
public sealed record RepeatLaunch(ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, string Index, Dim Count, bool Reverse, int Length, bool ReadsIndex, bool IsConditional) : Launch(Origins, Operands, [])
{
    public override string Title => "repeat";

    /// <summary>The symbol of the number of an iteration, by how many loops are around the loop.</summary>
    public static string IndexAt(int depth) => "#" + depth.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Whether a symbol stands for the number of an iteration.</summary>
    public static bool IsIndex(string symbol) => symbol[0] == '#';

    /// <summary>The operand that ends the loop; null when it always runs to its end.</summary>
    public Operand? Condition => IsConditional ? Operands[Operands.Length - 1] : null;
}

/// <summary>Of the launches behind it the first <paramref name="Then"/> run when its operand, a bool[], is true, else the <paramref name="Else"/> behind those. Both sides are planned in the one arena.</summary>
public sealed record BranchLaunch(ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, int Then, int Else) : Launch(Origins, Operands, [])
{
    public override string Title => "branch";
}

/// <summary>A kernel of the library under its operation's name (<c>max_pool2d</c>, <c>embedding_grad</c>): operands are the operation's inputs, then its outputs.</summary>
/// <param name="Origins">Where it came from.</param>
/// <param name="Operands">Inputs, then outputs.</param>
/// <param name="InPlace">What the operation's <see cref="LibraryTraits.InPlace"/> offers.</param>
/// <param name="Kernel">The kernel.</param>
/// <param name="Shapes">The shape of each operand.</param>
/// <param name="Strides">The strides of each, in elements: contiguous but where the operation's <see cref="LibraryTraits"/> calls an operand or result strided.</param>
public sealed record LibraryLaunch(
    ImmutableArray<Origin> Origins, ImmutableArray<Operand> Operands, ImmutableArray<InPlace> InPlace, LibraryKernel Kernel,
    ImmutableArray<ImmutableArray<Dim>> Shapes, ImmutableArray<ImmutableArray<Dim>> Strides)
    : Launch(Origins, Operands, InPlace)
{
    public override string Title => Kernel.Operation;

    /// <summary>What its operation says that a thread works in (<see cref="LibraryTraits.ThreadBytes"/>).</summary>
    public Dim ScratchBytes { get; init; } = Dim.Zero;

    public override long ThreadBytes(DimBinding binding) => ScratchBytes.Evaluate(binding);

    /// <summary>The operation's name.</summary>
    public string Operation => Kernel.Operation;

    public AttributeMap Attributes => Kernel.Attributes;

    /// <summary>How many of the operands are inputs.</summary>
    public int Inputs => Kernel.Inputs;
}
