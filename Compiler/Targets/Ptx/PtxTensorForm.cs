using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>One function of a product or convolution on tensor cores: its tile, and how each operand comes to the memory of the block.</summary>
/// <param name="Tile">How the result is cut.</param>
/// <param name="CopyLeft">Bytes of an asynchronous copy, 16, 8 or 4, of the left operand; 0 where it comes through registers: made by a body, or beginning at odd places.</param>
/// <param name="CopyRight">The same of the right operand.</param>
/// <param name="IsTf32">Whether operands are of float32, rounded to tf32, and not of 16 bits.</param>
public sealed record PtxTensorForm(PtxTensorTile Tile, int CopyLeft, int CopyRight, bool IsTf32 = false)
{
    /// <summary>Bytes of an element, and how many of them 16 bytes are.</summary>
    internal int Element => IsTf32 ? sizeof(float) : PtxTensorTile.Element;

    /// <inheritdoc cref="Element"/>
    internal int Piece => 16 / Element;

    /// <summary>Steps of the summed extent in a stage, whose lines take as many bytes for all types.</summary>
    public int Step => PtxTensorTile.Step * PtxTensorTile.Element / Element;

    /// <summary>Elements that lie in memory behind one another are staged so many at once.</summary>
    internal const int Together = 8;

    /// <summary>The function's name.</summary>
    public string NameOf(Kernel kernel) => FormattableString.Invariant($"{kernel.Name}_{Tile.Name}_a{CopyLeft}_b{CopyRight}{(IsTf32 ? "_tf32" : "")}");

    /// <summary>The type that tensor cores multiply in a product; null where they do not: operands of two types, or of none of 16 bits.</summary>
    public static DType? TypeOf(ProductKernel kernel, PtxVariant? variant = null)
    {
        if (kernel.Accumulator != DType.F32 || kernel.SumsOfA is not null || kernel.SumsOfB is not null || kernel.SumsOfC is not null || kernel.IsPackedB) return null;
        var type = Type(kernel.A, kernel.MakesA);
        return (type is DType.F16 or DType.BF16 || type == DType.F32 && variant is { IsTf32: true }) && type == Type(kernel.B, kernel.MakesB) ? type : null;
    }

    // Asked of products that tensor cores compute.
    static bool IsSingle(ProductKernel kernel) => TypeOf(kernel, PtxVariant.Tf32) == DType.F32;

    static DType Type(Access? access, TileMaker? maker) => access?.Type ?? Made(maker!.Body).Type;

    /// <summary>What a body makes: of 16-bit numbers that it hands over as float32 those themselves.</summary>
    internal static Scalar Made(LoopKernel body) => body.Stages[0].Stores.Single().Value is { Op: ScalarOp.Cast, Type: DType.F32 } cast && cast.Arguments[0].Type is DType.F16 or DType.BF16 ? body.Stages[0].Stores.Single().Value.Arguments[0] : body.Stages[0].Stores.Single().Value;

    /// <summary>The one access that a body hands over as it is, where it has a single axis of rows; −1 where it makes something of it.</summary>
    internal static int OnlyRead(LoopKernel body) =>
        Made(body) is { Op: ScalarOp.Input } value && body.Sources[value.Index] is Source.Load load && body.Axes.Count(a => a.Role == AxisRole.Loop) == 1 ? load.Access : -1;

    /// <summary>How far rows of an access lie apart, and lanes.</summary>
    internal static (Extent Rows, Extent Lanes) Strides(LoopKernel body, int access) =>
        (body.Accesses[access].Strides[Enumerable.Range(0, body.Axes.Length).Single(i => body.Axes[i].Role == AxisRole.Loop)], body.Accesses[access].Strides[body.Lane]);

    /// <summary>The matrix that an operand is as it lies in memory: named by the product itself, or all that its body reads; null for one that has to be made.</summary>
    public static PtxTensorMatrix? MatrixOf(ProductKernel kernel, bool isLeft)
    {
        var (access, maker) = isLeft ? (kernel.A, kernel.MakesA) : (kernel.B, kernel.MakesB);
        if (access is not null) return new(-1, access, access.Strides[3], access.Strides[4], [.. Enumerable.Range(0, 3).Where(i => !kernel.Batch[i].Is(1)).Select(i => access.Strides[i])], isLeft);
        var body = maker!.Body;
        var read = OnlyRead(body);
        if (read < 0) return null;
        var from = body.Accesses[read];
        var (rows, lanes) = Strides(body, read);
        return new(read, from, maker.Transposed ? lanes : rows, maker.Transposed ? rows : lanes, [.. Enumerable.Range(0, body.Axes.Length).Where(i => body.Axes[i].Role == AxisRole.Outer && !body.Axes[i].Size.Is(1)).Select(i => from.Strides[i])], isLeft);
    }

    /// <summary>All forms that a launch may take, whatever its sizes are.</summary>
    public static IEnumerable<PtxTensorForm> All(ContractLaunch launch) =>
        from tile in Tiles(launch)
        from left in Copies(launch, isLeft: true)
        from right in Copies(launch, isLeft: false)
        select new PtxTensorForm(tile, left, right, IsSingle(launch.Kernel));

    /// <summary>The form that it takes under a binding.</summary>
    public static PtxTensorForm Of(ContractLaunch launch, DimBinding binding)
    {
        var (m, n, k, count) = Extents(launch, d => d.Evaluate(binding));
        int Copy(bool isLeft) => Copies(launch, isLeft).First(bytes => bytes == 0 || Begin(Places(launch, MatrixOf(launch.Kernel, isLeft)!, isLeft), bytes, binding, Size(launch.Kernel)));
        return new(PtxTensorTile.Choose(m, n, k, count, Tiles(launch)), Copy(isLeft: true), Copy(isLeft: false), IsSingle(launch.Kernel));
    }

    /// <summary>Rows, columns, the summed extent of a block, and matrices or slices.</summary>
    public static (long M, long N, long K, long Count) Extents(ContractLaunch launch, Func<Dim, long> size)
    {
        var (m, n, k) = (size(launch.M), size(launch.N), size(launch.K));
        var count = launch.Batch.Aggregate(1L, (all, extent) => all * size(extent));
        var slices = Slices(launch.Kernel, m, n, k, count);
        return (m, n, (k + slices - 1) / slices, count * slices);
    }

    /// <summary>Into how many slices the sums of a product are cut: as in plain instructions, whose workspace it is.</summary>
    public static long Slices(ProductKernel kernel, long m, long n, long k, long count) => count == 1 && kernel.Workspace?.Pointer is not null ? kernel.Sums.Slices(m, n, k) : 1;

    // What sizes may come to that a call says: the tiles for all of them are there.
    static readonly long[] sizes = [1, 16, 64, 128, 512, 2048, 8192, 1 << 16];

    static ImmutableArray<PtxTensorTile> Tiles(ContractLaunch launch) => Tiles(launch.M, launch.N, launch.K, launch.Batch, (m, n, k, count) => Slices(launch.Kernel, m, n, k, count));

    /// <summary>The tiles that are best for sizes that a launch may have.</summary>
    internal static ImmutableArray<PtxTensorTile> Tiles(Dim rows, Dim columns, Dim depth, ImmutableArray<Dim> batch, Func<long, long, long, long, long> slices)
    {
        List<(long M, long N, long K, long Count)> shapes = [];
        long[] Possible(Dim size) => size.TryConstant(out var known) ? [known] : sizes;
        var counts = batch.All(d => d.IsConstant) ? [batch.Aggregate(1L, (all, d) => all * d.Constant)] : sizes;
        foreach (var m in Possible(rows))
            foreach (var n in Possible(columns))
                foreach (var k in Possible(depth))
                    foreach (var count in counts)
                    {
                        var parts = slices(m, n, k, count);
                        shapes.Add((m, n, (k + parts - 1) / parts, count * parts));
                    }
        var best = new HashSet<PtxTensorTile>(shapes.Select(s => PtxTensorTile.Choose(s.M, s.N, s.K, s.Count, PtxTensorTile.Table)));
        return [.. PtxTensorTile.Table.Where(best.Contains)];
    }

    static IEnumerable<int> Copies(ContractLaunch launch, bool isLeft) => MatrixOf(launch.Kernel, isLeft) is { IsContiguous: true } matrix ? Copies(Places(launch, matrix, isLeft), Size(launch.Kernel)) : [0];

    static int Size(ProductKernel kernel) => IsSingle(kernel) ? sizeof(float) : PtxTensorTile.Element;

    /// <summary>The largest copy that sizes in the text allow, and what is taken where others do not.</summary>
    /// <param name="places">What the places of an operand's lines are sums of multiples of, in elements.</param>
    /// <param name="element">Bytes of an element.</param>
    internal static IEnumerable<int> Copies(IEnumerable<Dim> places, int element = PtxTensorTile.Element)
    {
        var (bytes, isOpen) = (16, false);
        foreach (var place in places)
            if (place.TryConstant(out var elements)) bytes = Math.Min(bytes, elements * element % 16 == 0 ? 16 : elements * element % 8 == 0 ? 8 : elements * element % 4 == 0 ? 4 : 0);
            else isOpen |= !Dim.TryDivide(place, 16 / element, out _);
        return bytes == 0 ? [0] : isOpen ? [bytes, 0] : [bytes];
    }

    /// <summary>Whether all places are multiples of so many bytes under a binding.</summary>
    internal static bool Begin(IEnumerable<Dim> places, int bytes, DimBinding binding, int element = PtxTensorTile.Element) => bytes == 0 || places.All(d => d.Evaluate(binding) * element % bytes == 0);

    // What the places of an operand's lines are sums of multiples of, in elements.
    static IEnumerable<Dim> Places(ContractLaunch launch, PtxTensorMatrix matrix, bool isLeft)
    {
        var hook = isLeft ? launch.HookA : launch.HookB;
        var (first, dims) = matrix.IsOfBody ? (hook!.First, hook.Dims) : (0, launch.Dims);
        return matrix.Others.Select(stride => stride.In(dims)).Append((matrix.IsDeep ? matrix.LineStride : matrix.DepthStride).In(dims)).Append(launch.Operands[first + matrix.Access.Pointer].Offset);
    }
}

/// <summary>An operand as it lies in memory.</summary>
/// <param name="OfBody">The number of the access among those of its body; −1 for one of the product itself.</param>
/// <param name="Access">The access.</param>
/// <param name="RowStride">How far rows lie apart, in elements.</param>
/// <param name="ColumnStride">How far columns lie apart.</param>
/// <param name="Others">How far matrices of the batch lie apart.</param>
/// <param name="IsLeft">Whether columns are the summed extent, or rows.</param>
public sealed record PtxTensorMatrix(int OfBody, Access Access, Extent RowStride, Extent ColumnStride, ImmutableArray<Extent> Others, bool IsLeft)
{
    public bool IsOfBody => OfBody >= 0;

    /// <summary>How far lines lie apart: rows of a left operand, columns of a right one.</summary>
    public Extent LineStride => IsLeft ? RowStride : ColumnStride;

    /// <summary>How far steps of the summed extent lie apart.</summary>
    public Extent DepthStride => IsLeft ? ColumnStride : RowStride;

    /// <summary>Whether elements lie behind one another along the summed extent.</summary>
    public bool IsDeep => DepthStride.Is(1);

    /// <summary>Whether they do along one of both.</summary>
    public bool IsContiguous => IsDeep || LineStride.Is(1);
}
