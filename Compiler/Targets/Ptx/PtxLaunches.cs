using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;

namespace Graph.Compiler.Targets.Ptx;

/// <summary>One launch of an emitted function under a binding: everything but the addresses of memory.</summary>
/// <param name="Function">The function's name in the module.</param>
/// <param name="Blocks">Blocks, all in the first direction.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="SharedBytes">Shared memory of a block.</param>
/// <param name="Arguments">The parameters, in order: numbers, and operands that an address stands for.</param>
/// <param name="Table">The rows of segments, whose address is the first argument; null for a kernel without.</param>
public sealed record PtxLaunch(string Function, long Blocks, int Threads, int SharedBytes, ImmutableArray<PtxValue> Arguments, ImmutableArray<PtxValue>? Table = null)
{
    /// <summary>In which variant's module the function is.</summary>
    public PtxVariant Variant { get; init; } = PtxVariant.Portable;
}

/// <summary>A number of 64 bits that a kernel gets: the address of one of the launch's operands, a number, the address of the launch's record: three numbers of 64 bits, 0 until it has something to report, or that of a flag.</summary>
/// <param name="Operand">Which operand; −1 for a number, −2 for the record, −3 for a flag.</param>
/// <param name="Number">The number, or that of the flag.</param>
public readonly record struct PtxValue(int Operand, long Number)
{
    public static PtxValue Of(long number) => new(-1, number);

    public static PtxValue At(int operand) => new(operand, 0);

    /// <summary>
    /// The launch's record of a number that picked what is not there: 1 when there was one, the number, and below what it should have been.
    /// </summary>
    public static PtxValue Record { get; } = new(-2, 0);

    /// <summary>A byte of the function's own that says whether launches run (<see cref="PtxSequence"/>).</summary>
    public static PtxValue Flag(int number) => new(-3, number);

    public bool IsOperand => Operand >= 0;

    public bool IsRecord => Operand == -2;

    public bool IsFlag => Operand == -3;
}

/// <summary>Launches of a program as launches of emitted functions: how work is cut into blocks, from sizes alone.</summary>
public static class PtxLaunches
{
    /// <summary>The kernel that a launch runs; null for loops and branches, which <see cref="PtxSequence"/> writes out.</summary>
    public static Kernel? KernelOf(Launch launch) => launch switch
    {
        LoopLaunch l => l.Kernel,
        SegmentedLaunch s => s.Kernel,
        ContractLaunch c => c.Kernel,
        ConvolutionLaunch c => c.Kernel,
        AttentionLaunch a => a.Kernel,
        LibraryLaunch l => l.Kernel,
        _ => null,
    };

    /// <summary>Whether places need more than 32 bits under a binding: in a buffer, among units, or among the elements of a product.</summary>
    public static bool IsWide(Launch launch, DimBinding binding)
    {
        // What overflows 64 bits is refused when it is called.
        long At(Dim size)
        {
            try { return size.Evaluate(binding); }
            catch (OverflowException) { return long.MaxValue; }
        }
        long Product(params Dim[] sizes) => sizes.Select(At).Aggregate(1.0, (n, s) => n * s) is var all && all < long.MaxValue ? (long)all : long.MaxValue;
        long Largest(IEnumerable<Dim> sizes) => sizes.Select(At).DefaultIfEmpty(0).Max();
        // Other arguments are numbers that a body computes with, in 64 bits.
        long Places(Kernel kernel, ImmutableArray<Dim> dims) => Largest(PtxUnits.Places((LoopKernel)kernel).Where(e => !e.IsConstant).Select(e => dims[(int)e.Value]));
        var most = launch switch
        {
            LoopLaunch l => Math.Max(At(l.Extent), Places(l.Kernel, l.Dims)),
            SegmentedLaunch s => s.Segments.Max(x => Math.Max(At(x.Extent), Places(s.Kernel, x.Dims))),
            ContractLaunch c => Math.Max(Product([.. c.Batch, c.M, c.N]), Largest(c.Dims)),
            ConvolutionLaunch c => Math.Max(
                Math.Max(Product(c.Shape.Batch, c.Shape.Filters, c.Shape.MapHeight, c.Shape.MapWidth), Product(c.Shape.Batch, c.Shape.Channels, c.Shape.Height, c.Shape.Width)),
                Math.Max(Product(c.Shape.Filters, c.Shape.Channels, c.Shape.KernelHeight, c.Shape.KernelWidth), Largest(c.Dims))),
            AttentionLaunch a => Largest(a.Dims),
            LibraryLaunch l => l.Shapes.Max(s => Product([.. s])),
            _ => 0,
        };
        return most >= PtxIndex.Most || launch.Operands.Any(o => At(o.Buffer.Elements) >= PtxIndex.Most);
    }

    /// <summary>What a launch is under a binding: one function, or two for a product whose sums are cut. None where there is nothing to do.</summary>
    /// <param name="launch">The launch.</param>
    /// <param name="binding">The sizes.</param>
    /// <param name="variant">What the card runs; what every card does when left out.</param>
    /// <exception cref="NotSupportedException">The launch is of a kind that is not emitted.</exception>
    public static IEnumerable<PtxLaunch> Of(Launch launch, DimBinding binding, PtxVariant? variant = null) => launch switch
    {
        LoopLaunch loop => Loop(loop, binding),
        SegmentedLaunch segmented => Segments(segmented, binding),
        ContractLaunch product => Product(product, binding, variant ?? PtxVariant.Portable),
        ConvolutionLaunch convolution => Convolution(convolution, binding, variant ?? PtxVariant.Portable),
        AttentionLaunch attention => Attention(attention, binding, variant ?? PtxVariant.Portable),
        LibraryLaunch library => Library(library, binding),
        _ => throw new NotSupportedException($"The PTX target has no launch of {launch.Title} yet."),
    };

    static long Blocks(long units, long each) => (units + each - 1) / each;

    static IEnumerable<PtxLaunch> Loop(LoopLaunch launch, DimBinding binding)
    {
        var kernel = (LoopKernel)launch.Kernel;
        var (shape, extent) = (PtxShape.Of(kernel), launch.Extent.Evaluate(binding));
        if (extent <= 0) return [];
        var operands = Enumerable.Range(0, PtxUnits.Operands(kernel)).Select(PtxValue.At);
        var sizes = launch.Dims.Take(PtxUnits.Arguments(kernel)).Select(d => PtxValue.Of(d.Evaluate(binding)));
        var isByFour = PtxFours.Fits(kernel) && PtxFours.IsAligned(kernel, i => launch.Operands[i], launch.Extent, launch.Dims, binding);
        var (name, each) = (isByFour ? PtxFours.NameOf(kernel.Name) : kernel.Name, isByFour ? PtxFours.UnitsOfThread(kernel) : 1);
        return [new(name, Blocks(extent, shape.UnitsOfBlock * each), shape.Threads, 0, [.. operands, .. sizes, .. Reciprocals(kernel, launch.Dims, binding), PtxValue.Of(extent)])];
    }

    static IEnumerable<PtxValue> Reciprocals(LoopKernel kernel, ImmutableArray<Dim> dims, DimBinding binding) => PtxUnits.Divisors(kernel).Select(i => PtxValue.Of(PtxReciprocal.Of(dims[i].Evaluate(binding))));

    static IEnumerable<PtxLaunch> Segments(SegmentedLaunch launch, DimBinding binding)
    {
        var kernel = (LoopKernel)launch.Kernel;
        var (shape, operands, sizes) = (PtxShape.Of(kernel), PtxUnits.Operands(kernel), PtxUnits.Arguments(kernel));
        var table = ImmutableArray.CreateBuilder<PtxValue>();
        var isByFour = PtxFours.Fits(kernel) && launch.Segments.All(s => PtxFours.IsAligned(kernel, i => launch.Operands[s.FirstOperand + i], s.Extent, s.Dims, binding));
        long blocks = 0, rows = 0;
        foreach (var segment in launch.Segments)
        {
            var extent = segment.Extent.Evaluate(binding);
            if (extent <= 0) continue;
            table.Add(PtxValue.Of(blocks));
            table.Add(PtxValue.Of(extent));
            table.AddRange(Enumerable.Range(segment.FirstOperand, operands).Select(PtxValue.At));
            table.AddRange(segment.Dims.Take(sizes).Select(d => PtxValue.Of(d.Evaluate(binding))));
            table.AddRange(Reciprocals(kernel, segment.Dims, binding));
            blocks += Blocks(extent, shape.UnitsOfBlock * (isByFour ? PtxFours.UnitsOfThread(kernel) : 1));
            rows++;
        }
        if (rows == 0) return [];
        var name = PtxTarget.Segmented(kernel.Name);
        return [new(isByFour ? PtxFours.NameOf(name) : name, blocks, shape.Threads, 0, [PtxValue.Of(0), PtxValue.Of(rows)], table.ToImmutable())];
    }

    static IEnumerable<PtxLaunch> Library(LibraryLaunch launch, DimBinding binding)
    {
        var call = PtxLibrary.Of(launch.Kernel).Launch(launch, binding);
        return call.Blocks > 0 ? [call] : [];
    }

    static IEnumerable<PtxLaunch> Product(ContractLaunch launch, DimBinding binding, PtxVariant variant)
    {
        var kernel = launch.Kernel;
        if (PtxTensorLaunch.Has(launch, variant)) return OnTensorCores(launch, binding, PtxTensorForm.Of(launch, binding), variant);
        var (m, n, k, count) = Extents(launch, binding);
        var blocks = kernel.Sums.Blocks(k);
        var each = count == 1 && kernel.Workspace?.Pointer is not null ? kernel.Sums.SliceBlocks(m, n, blocks) : blocks;
        return Multiply(launch, binding, new(kernel.Name, 0, PtxTiles.Threads, PtxTiles.SharedBytes, []), PtxTiles.Tile, PtxTiles.Tile, blocks, kernel.Sums.Length(k), each);
    }

    /// <summary>A product on tensor cores in one of its forms.</summary>
    public static IEnumerable<PtxLaunch> OnTensorCores(ContractLaunch launch, DimBinding binding, PtxTensorForm form, PtxVariant variant)
    {
        var (m, n, k, count) = Extents(launch, binding);
        var blocks = Blocks(k, form.Step);
        var each = Math.Max(1, Blocks(blocks, PtxTensorForm.Slices(launch.Kernel, m, n, k, count)));
        return Multiply(launch, binding, new(form.NameOf(launch.Kernel), 0, form.Tile.Threads, form.Tile.SharedBytes, []) { Variant = variant }, form.Tile.Rows, form.Tile.Columns, blocks, form.Step, each);
    }

    static (long M, long N, long K, long Count) Extents(ContractLaunch launch, DimBinding binding) =>
        (launch.M.Evaluate(binding), launch.N.Evaluate(binding), launch.K.Evaluate(binding), launch.Batch.Aggregate(1L, (all, size) => all * size.Evaluate(binding)));

    // A product cut into tiles, and its sums into blocks of a length, so many of them a slice.
    static IEnumerable<PtxLaunch> Multiply(ContractLaunch launch, DimBinding binding, PtxLaunch function, int tileRows, int tileColumns, long blocks, long length, long each)
    {
        var (m, n, _, count) = Extents(launch, binding);
        if (m <= 0 || n <= 0 || count <= 0) return [];
        var (rows, columns, slices) = (Blocks(m, tileRows), Blocks(n, tileColumns), Math.Max(1, Blocks(blocks, each)));
        var (kernel, depth) = (launch.Kernel, launch.K.Evaluate(binding));
        var starts = Starts(kernel.Sums, blocks, length, depth);
        long IsByFour(Access? access, int axis, long lines) => PtxProduct.IsAligned(access, access is null ? null : launch.Operands[access.Pointer], axis, launch.Dims, starts, lines, binding) ? 1 : 0;
        var arguments = Arguments(
            PtxProduct.Arguments(kernel), launch.Dims, [null, launch.HookA, launch.HookB, launch.HookC], binding,
            new()
            {
                [PtxTiles.RowTiles] = rows, [PtxTiles.ColumnTiles] = columns, [PtxTiles.Blocks] = blocks, [PtxTiles.BlockLength] = length, [PtxTiles.SliceBlocks] = each, [PtxTiles.Slices] = slices,
                [PtxTiles.Left4Name] = IsByFour(kernel.A, 4, m), [PtxTiles.Right4Name] = IsByFour(kernel.B, 3, n),
                [PtxTiles.Result4Name] = PtxProduct.IsResultAligned(launch, binding) ? 1 : 0,
            });
        var multiply = function with { Blocks = columns * rows * (slices > 1 ? slices : count), Arguments = arguments };
        return slices == 1 ? [multiply] : [multiply, new(PtxProduct.SumOf(launch.Kernel.Name), Blocks(m * n, PtxTiles.Threads), PtxTiles.Threads, 0, arguments)];
    }

    // Where blocks of a summed extent begin, and the last one ends.
    static IEnumerable<long> Starts(ProductSums sums, long blocks, long length, long depth) => Enumerable.Range(0, (int)blocks).Select(b => sums.IsPlain ? b * depth / blocks : Math.Min(b * length, depth)).Append(depth);

    static IEnumerable<PtxLaunch> Convolution(ConvolutionLaunch launch, DimBinding binding, PtxVariant variant)
    {
        if (PtxTensorLaunch.Has(launch, variant)) return OnTensorCores(launch, binding, PtxTensorWindows.Of(launch, binding), variant);
        var sums = launch.Kernel.Sums;
        var depth = PtxConvolution.ExtentsOf(launch, binding).K;
        return Convolve(launch, binding, new(launch.Kernel.Name, 0, PtxTiles.Threads, PtxTiles.SharedBytes, []), PtxTiles.Tile, PtxTiles.Tile, sums.Blocks(depth), sums.Length(depth));
    }

    /// <summary>A convolution on tensor cores in one of its forms.</summary>
    public static IEnumerable<PtxLaunch> OnTensorCores(ConvolutionLaunch launch, DimBinding binding, PtxTensorForm form, PtxVariant variant) => Convolve(
        launch, binding, new(form.NameOf(launch.Kernel), 0, form.Tile.Threads, form.Tile.SharedBytes, []) { Variant = variant },
        form.Tile.Rows, form.Tile.Columns, Blocks(PtxConvolution.ExtentsOf(launch, binding).K, PtxTensorTile.Step), PtxTensorTile.Step);

    // A convolution cut into tiles, its sums into blocks of a length.
    static IEnumerable<PtxLaunch> Convolve(ConvolutionLaunch launch, DimBinding binding, PtxLaunch function, int tileRows, int tileColumns, long blocks, long length)
    {
        var kernel = launch.Kernel;
        var (groups, m, n, k) = PtxConvolution.ExtentsOf(launch, binding);
        if (m <= 0 || n <= 0 || groups <= 0) return [];
        var (rows, columns) = (Blocks(m, tileRows), Blocks(n, tileColumns));
        var counts = new Dictionary<string, long>
        {
            [PtxTiles.RowTiles] = rows, [PtxTiles.ColumnTiles] = columns, [PtxTiles.Blocks] = blocks, [PtxTiles.BlockLength] = length, [PtxTiles.SliceBlocks] = blocks, [PtxTiles.Slices] = 1,
        };
        foreach (var (flag, isAligned) in PtxConvolutionFours.Of(launch, [.. Starts(kernel.Sums, blocks, length, k)], binding)) counts[flag] = isAligned;
        var arguments = Arguments(PtxConvolution.Arguments(kernel), launch.Dims, [null, launch.HookA, launch.HookB, launch.HookC], binding, counts);
        return [function with { Blocks = columns * rows * groups, Arguments = arguments }];
    }

    static IEnumerable<PtxLaunch> Attention(AttentionLaunch launch, DimBinding binding, PtxVariant variant)
    {
        if (PtxTensorLaunch.Has(launch, variant)) return OnTensorCores(launch, binding, variant);
        var (kernel, sizes) = (launch.Kernel, launch.Sizes(d => d.Evaluate(binding)));
        PtxLaunch Of(string name, long heads, long lines, long columns)
        {
            var (tiles, chunks) = (Blocks(lines, PtxAttention.Tile), Blocks(columns, PtxAttention.Tile));
            return new(name, sizes.Batch * heads * tiles * chunks, PtxAttention.Threads, PtxAttention.SharedBytes, Arguments(launch, binding, tiles, chunks));
        }
        var (ofKeys, ofQueries) = PtxAttentionGradient.NamesOf(kernel.Name);
        PtxLaunch[] all = kernel.Kind == AttentionKind.Forward ? [Of(kernel.Name, sizes.Heads, sizes.Queries, sizes.Depth)]
            : [Of(ofKeys, sizes.KeyHeads, sizes.Keys, Math.Max(sizes.Width, sizes.Depth)), Of(ofQueries, sizes.Heads, sizes.Queries, sizes.Width)];
        return all.Where(l => l.Blocks > 0);
    }

    // The parameters of an attention, cut into so many tiles of a head, and blocks that share a tile.
    static ImmutableArray<PtxValue> Arguments(AttentionLaunch launch, DimBinding binding, long tiles, long chunks)
    {
        var counts = new Dictionary<string, long> { [PtxAttention.Tiles] = tiles, [PtxAttention.Chunks] = chunks };
        foreach (var (operand, isAligned) in PtxAttention.Fours(launch, binding)) counts[operand] = isAligned;
        return Arguments(PtxAttention.Arguments(launch.Kernel), launch.Dims, [], binding, counts);
    }

    // Attention on tensor cores: a block for each tile of rows that own what they add to.
    static IEnumerable<PtxLaunch> OnTensorCores(AttentionLaunch launch, DimBinding binding, PtxVariant variant)
    {
        var (kernel, sizes, form) = (launch.Kernel, launch.Sizes(d => d.Evaluate(binding)), PtxTensorAttentionForm.Of(launch, binding));
        foreach (var (part, name) in PtxTensorAttentionForm.Parts(kernel))
        {
            var (heads, rows) = part == PtxAttentionPart.Keys ? (sizes.KeyHeads, sizes.Keys) : (sizes.Heads, sizes.Queries);
            var (tiles, chunks) = (Blocks(rows, form.Rows(part)), form.Columns / form.Chunk(part));
            var arguments = Arguments(launch, binding, tiles, chunks);
            if (sizes.Batch * heads * tiles * chunks is > 0 and var blocks)
                yield return new(form.NameOf(name), blocks, PtxTensorAttentionForm.Threads, form.SharedBytes(part), arguments) { Variant = variant };
        }
    }

    // The parameters of a tiled kernel: sizes of its own and of its bodies, by the number of their part, and what follows from the cut.
    static ImmutableArray<PtxValue> Arguments(ImmutableArray<PtxArgument> plain, ImmutableArray<Dim> dims, HookOperands?[] hooks, DimBinding binding, Dictionary<string, long> counts) =>
    [
        .. PtxArgument.WithReciprocals(plain).Select(argument => argument switch
        {
            PtxArgument.Operand { Part: PtxPart.Kernel } o => PtxValue.At(o.Index),
            PtxArgument.Operand o => PtxValue.At(hooks[(int)o.Part]!.First + o.Index),
            PtxArgument.Size { Part: PtxPart.Kernel } s => PtxValue.Of(dims[s.Index].Evaluate(binding)),
            PtxArgument.Size s => PtxValue.Of(hooks[(int)s.Part]!.Dims[s.Index].Evaluate(binding)),
            PtxArgument.Count c => PtxValue.Of(counts[c.Name]),
            PtxArgument.Flag f => PtxValue.Of(counts[f.Name]),
            PtxArgument.Reciprocal { Divisor: PtxArgument.Size { Part: PtxPart.Kernel } s } => PtxValue.Of(PtxReciprocal.Of(dims[s.Index].Evaluate(binding))),
            PtxArgument.Reciprocal { Divisor: PtxArgument.Size s } => PtxValue.Of(PtxReciprocal.Of(hooks[(int)s.Part]!.Dims[s.Index].Evaluate(binding))),
            PtxArgument.Reciprocal { Divisor: PtxArgument.Count c } => PtxValue.Of(PtxReciprocal.Of(counts[c.Name])),
            var other => throw new InvalidOperationException($"A tiled kernel has no argument {other.Name}."),
        }),
    ];
}
