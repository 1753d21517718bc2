using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Compiler.Ir;
using Graph.Compiler.Targets;

namespace Graph.Compiler.Kernels;

/// <summary>A size or stride inside a kernel: a number that is part of the kernel, or an argument <c>d[i]</c> of the launch.</summary>
public sealed record Extent(bool IsConstant, long Value)
{
    public static readonly Extent Zero = Of(0);
    public static readonly Extent One = Of(1);

    public static Extent Of(long value) => new(true, value);
    public static Extent Argument(int index) => new(false, index);

    public bool Is(long value) => IsConstant && Value == value;

    /// <summary>The size under a launch's arguments.</summary>
    public Dim In(ImmutableArray<Dim> arguments) => IsConstant ? Value : arguments[(int)Value];

    /// <summary>Some of several sizes under a launch's arguments.</summary>
    internal static ImmutableArray<Dim> In(ImmutableArray<Extent> sizes, int start, int count, ImmutableArray<Dim> arguments)
    {
        var dims = new Dim[count];
        for (var i = 0; i < count; i++) dims[i] = sizes[start + i].In(arguments);
        return ImmutableCollectionsMarshal.AsImmutableArray(dims);
    }

    public override string ToString() => (IsConstant ? "" : "d") + Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How an axis of a kernel is walked.</summary>
public enum AxisRole
{
    /// <summary>Part of the launch's parallel extent (a tile's batch).</summary>
    Outer,
    /// <summary>A sequential loop inside one unit of the parallel extent (a tile's rows).</summary>
    Loop,
    /// <summary>The innermost, vectorised axis; at most one.</summary>
    Lane,
}

/// <summary>One axis of a kernel's iteration space, outermost first.</summary>
public sealed record LoopAxis(AxisRole Role, bool Reduced, Extent Size);

/// <summary>The order in which a kernel walks its iteration space.</summary>
public enum KernelForm
{
    /// <summary>No reduction: units of the parallel extent are elements (outer × lane).</summary>
    Map,
    /// <summary>Units are outer positions; the lane axis is reduced, sums live in registers.</summary>
    Row,
    /// <summary>Units are elements (outer × lane); the lane axis is kept, sums live in scratch.</summary>
    Column,
    /// <summary>A hook of a contraction: batch × rows × lanes of one tile.</summary>
    Tile,
}

/// <summary>A strided view of an operand: element type and stride (in elements) along every axis, 0 where it does not vary.</summary>
public sealed record Access(int Pointer, DType Type, bool Written, ImmutableArray<Extent> Strides)
{
    public override string ToString() => $"p{Pointer} {Type.Name()} [{string.Join(",", Strides)}]{(Written ? " written" : "")}";
}

/// <summary>What an input of the scalar body stands for: a closed union.</summary>
public abstract record Source
{
    /// <summary>The element of an access at the current place.</summary>
    public sealed record Load(int Access) : Source { public override string ToString() => "load " + Access; }

    /// <summary>The result of a reduction of an earlier stage.</summary>
    public sealed record Reduced(int Reduction) : Source { public override string ToString() => "reduction " + Reduction; }

    /// <summary>A value that an earlier stage kept in scratch, one a lane.</summary>
    public sealed record Cached(int Slot) : Source { public override string ToString() => "cache " + Slot; }

    /// <summary>The finished sum of the contraction that this hook belongs to.</summary>
    public sealed record Tile : Source { public override string ToString() => "tile"; }

    /// <summary>A size of the launch as an i64.</summary>
    public sealed record Size(Extent Value) : Source { public override string ToString() => "size " + Value; }
}

/// <summary>One number of an accumulator that runs over the reduced axes, in the fixed order of the kernel's form. An accumulator of several numbers is as many neighbouring reductions of one stage.</summary>
/// <param name="Index">Its number in the kernel.</param>
/// <param name="First">The number of its accumulator's first number; its own for an accumulator of one.</param>
/// <param name="Value">The accumulator of one element.</param>
/// <param name="Neutral">The accumulator of no elements, a constant; ±∞ stands for the end of a type of integers.</param>
/// <param name="Combine">The accumulator of two: with n numbers, inputs 0 to n − 1 are the earlier one's, n to 2n − 1 the later one's.</param>
public sealed record Reduction(int Index, int First, Scalar Value, Scalar Neutral, Scalar Combine)
{
    /// <summary>The scalar operation that combines two accumulators of one number; null for anything else.</summary>
    public ScalarOp? Operation => Combine.AppliesToInputs(2) ? Combine.Op : null;
}

/// <summary>Keeps an expression's value in scratch for later stages.</summary>
public sealed record CacheStore(int Slot, Scalar Value);

/// <summary>Writes an expression to an access; to <c>Access</c> -1 for the tile of a prologue.</summary>
public sealed record Store(int Access, Scalar Value);

/// <summary>One pass over the loop and lane axes.</summary>
public sealed record KernelStage(ImmutableArray<Reduction> Reductions, ImmutableArray<CacheStore> Caches, ImmutableArray<Store> Stores);

/// <summary>Partial reductions: the outer axis <paramref name="PartAxis"/> numbers the parts into which the reduced axis <paramref name="SplitAxis"/> is cut evenly.</summary>
public sealed record PartialSplit(int PartAxis, int SplitAxis);

/// <summary>
/// A loop nest over strided operands with a scalar body: stages of reductions and stores, then stores of what the reductions gave.
/// The one kernel form that generated targets know; see <see cref="KernelForm"/> for its shapes.
/// </summary>
public sealed record LoopKernel : Kernel
{
    // What is read of a kernel's text when somebody asks for more than its name and form, which are all that a model needs to start.
    sealed record Body(
        ImmutableArray<LoopAxis> Axes, ImmutableArray<Access> Accesses, ImmutableArray<Source> Sources, ImmutableArray<KernelStage> Stages, ImmutableArray<Store> Finals, PartialSplit? Split, bool IsFlat, int Lanes);

    readonly Func<LoopKernel>? read;
    Body? body;
    string? text;

    /// <summary>A kernel whose text is read later.</summary>
    internal LoopKernel(string name, KernelForm form, Func<LoopKernel> read) : base(name) => (Form, this.read) = (form, read);

    public LoopKernel(
        string name, KernelForm form, ImmutableArray<LoopAxis> axes, ImmutableArray<Access> accesses, ImmutableArray<Source> sources, ImmutableArray<KernelStage> stages, ImmutableArray<Store> finals, PartialSplit? split, bool isFlat)
        : base(name) => (Form, body) = (form, new(axes, accesses, sources, stages, finals, split, isFlat, Lanes: 0));

    Body Whole => body ??= read!().Whole;

    void Change(Body other) => (body, text) = (other, null);

    public KernelForm Form { get; }

    /// <summary>Outer axes, then loops, then the lane.</summary>
    public ImmutableArray<LoopAxis> Axes => Whole.Axes;

    /// <summary>Operand views; the scalar body refers to them through <see cref="Sources"/>.</summary>
    public ImmutableArray<Access> Accesses => Whole.Accesses;

    /// <summary>What <see cref="Scalar.Input"/> number i stands for.</summary>
    public ImmutableArray<Source> Sources => Whole.Sources;

    /// <summary>Passes over the reduced and lane axes.</summary>
    public ImmutableArray<KernelStage> Stages { get => Whole.Stages; init => Change(Whole with { Stages = value }); }

    /// <summary>Stores of values that do not vary along reduced axes, after the last stage.</summary>
    public ImmutableArray<Store> Finals { get => Whole.Finals; init => Change(Whole with { Finals = value }); }

    /// <summary>Set for the first of two launches of a split reduction.</summary>
    public PartialSplit? Split => Whole.Split;

    /// <summary>A map or column kernel over one axis whose size is the launch's extent alone.</summary>
    public bool IsFlat => Whole.IsFlat;

    /// <summary>The type of a tile function's tile: that of the sums that it takes, or of the operand that it makes.</summary>
    public DType TileType => Stages.SelectMany(s => s.Stores).Where(s => s.Access < 0).Select(s => s.Value.Type)
        .Concat(Scalar.Order(Stages.SelectMany(s => s.Stores).Select(s => s.Value)).Where(s => s.Op == ScalarOp.Input && Sources[s.Index] is Source.Tile).Select(s => s.Type)).DefaultIfEmpty(DType.F32).First();

    /// <summary>True for tile functions (bodies of products and convolutions), false for kernels over a parallel extent.</summary>
    public bool IsTile => Form == KernelForm.Tile;

    public override string Text => text ??= LoopKernelText.Write(this);

    /// <summary>In how many partial sums those reductions run whose order changes bits; 1 for the order of the elements, 0 when there are none (<see cref="ReductionOrder"/>).</summary>
    public int Lanes { get => Whole.Lanes; init => Change(Whole with { Lanes = value }); }

    /// <summary>The number of the lane axis; -1 when there is none.</summary>
    public int Lane => Axes.Length > 0 && Axes[Axes.Length - 1].Role == AxisRole.Lane ? Axes.Length - 1 : -1;

    /// <summary>The same kernel with its inputs numbered by first use in its text, and without those that nothing reads: what its text says.</summary>
    public LoopKernel WithInputsInOrder()
    {
        var order = new List<Source>();
        var done = new Dictionary<Scalar, Scalar>();
        Scalar Use(Scalar s)
        {
            if (s.Op != ScalarOp.Input || done.ContainsKey(s)) return done[s];
            order.Add(Sources[s.Index]);
            return done[s] = Scalar.Input(order.Count - 1, s.Type);
        }
        Scalar Again(Scalar root)
        {
            foreach (var s in root.Ordered())
                if (s.Op != ScalarOp.Input && !done.ContainsKey(s)) done[s] = s.Arguments.IsEmpty ? s : s.With([.. s.Arguments.Select(Use)]);
            return Use(root);
        }
        ImmutableArray<KernelStage> stages =
        [
            .. Stages.Select(stage => new KernelStage(
                [.. stage.Reductions.Select(r => r with { Value = Again(r.Value) })], [.. stage.Caches.Select(c => c with { Value = Again(c.Value) })],
                [.. stage.Stores.Select(x => x with { Value = Again(x.Value) })])),
        ];
        ImmutableArray<Store> finals = [.. Finals.Select(x => x with { Value = Again(x.Value) })];
        return new(Name, Form, Axes, Accesses, [.. order], stages, finals, Split, IsFlat) { Lanes = Lanes };
    }

    /// <summary>The same kernel with other expressions for its own; they read what these read.</summary>
    public LoopKernel With(Func<Scalar, Scalar> expression) => this with
    {
        Stages =
        [
            .. Stages.Select(stage => new KernelStage(
                [.. stage.Reductions.Select(r => r with { Value = expression(r.Value), Combine = expression(r.Combine) })], [.. stage.Caches.Select(c => c with { Value = expression(c.Value) })],
                [.. stage.Stores.Select(s => s with { Value = expression(s.Value) })])),
        ],
        Finals = [.. Finals.Select(s => s with { Value = expression(s.Value) })],
    };

    /// <summary>How many caches in scratch it uses.</summary>
    public int CacheCount => Stages.Sum(s => s.Caches.Length);

    /// <summary>How many reductions it has.</summary>
    public int ReductionCount => Stages.Sum(s => s.Reductions.Length);

    /// <summary>Bytes in scratch that a column kernel keeps for one sum: those of the widest.</summary>
    public int SumBytes => Stages.SelectMany(s => s.Reductions).Select(r => Math.Max(4, r.Value.Type.Bits() / 8)).DefaultIfEmpty(4).Max();
}
