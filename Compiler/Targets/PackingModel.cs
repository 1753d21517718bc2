using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Graph.Compiler.Targets;

/// <summary>
/// The memory that a target's products and convolutions work in beside their operands, as a function of sizes. It is planned as intermediates are, for the widest of the processors that the target stands for: no
/// running machine is asked, and what a launch packs is never more than its plan has.
/// </summary>
/// <param name="MostBytes">The most for packed operands that all processors share; larger ones are packed part by part.</param>
/// <param name="LeastWork">Products of fewer multiply-adds share nothing: every processor packs for itself.</param>
/// <param name="WorkerBytes">What each processor has for itself, whatever it computes: one for each thread of a session, beside the arena.</param>
/// <param name="TurnedFloats">Of that: a block of an image for the gradient of a weight.</param>
/// <param name="PackedFloats">Of that: a block of a convolution's implicit matrix.</param>
/// <param name="Tiles">The register tiles of the processors.</param>
public sealed record PackingModel(long MostBytes, long LeastWork, long WorkerBytes, long TurnedFloats, long PackedFloats, EquatableArray<RegisterTile> Tiles)
{
    /// <summary>Of a target that needs no memory beside operands.</summary>
    public static PackingModel None { get; } = new(0, 0, 0, 0, 0, []);

    /// <summary>A panel begins one cache line behind the one before it, so that the same place of all panels is not in one set of a cache.</summary>
    const int PanelGap = 16;

    /// <summary>Floats of a panel of so many rows of the summed extent.</summary>
    public static long PanelFloats(long depth, long lanes) => depth * lanes + PanelGap;

    /// <summary>Bytes that a product's processors share.</summary>
    /// <param name="sums">How its sums are cut.</param>
    /// <param name="batch">Products.</param>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="k">Summed extent.</param>
    public long ProductBytes(ProductSums sums, long batch, long m, long n, long k)
    {
        if (Tiles.IsEmpty || batch <= 0 || m <= 0 || n <= 0) return 0;
        if (batch == 1 && sums.Slices(m, n, k) is > 1 and var slices) return slices * m * n * sizeof(float);
        if ((double)m * n * Math.Max(k, 1) < LeastWork) return 0;
        var (blocks, depth) = (sums.Blocks(k), sums.Length(k));
        // As it is, and as its transpose, which is how it may be computed.
        long floats = 0;
        foreach (var tile in Tiles)
            foreach (var (panels, lanes) in new[] { SharesLeft(m, n) ? Left(tile, m) : Right(tile, n), SharesLeft(n, m) ? Left(tile, n) : Right(tile, m) })
            {
                var panel = blocks * PanelFloats(depth, lanes);
                // Sums that wait for an epilogue need a whole panel.
                floats = Math.Max(floats, Math.Max(panel, Math.Min(panels * panel, MostBytes / sizeof(float))));
            }
        return floats * sizeof(float);
    }

    // Of so many elements and more, a result that has hardly more columns than rows is written row by row.
    const long LargeResult = 1 << 16;

    /// <summary>
    /// Which operand of a product is packed for all processors: the left one, while each packs its own columns of the right one, or the right one, while each packs its own rows of the left one. The smaller of the
    /// two, for what is packed for all is read by all; but of a large and nearly square result each processor writes whole rows, for its columns alone would be short runs, a row apart. By shape alone; the table of shapes that
    /// supports it is what the benchmark <c>gemm --ways</c> prints.
    /// </summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    public bool SharesLeft(long m, long n) => m <= n && !(4 * n <= 5 * m && m * n >= LargeResult);

    /// <summary>Whether the processors of products of up to these sizes share nothing.</summary>
    public bool SharesNothing(ProductSums sums, double m, double n, double k) => Tiles.IsEmpty || sums.IsPlain || (m * n * Math.Max(k, 1) < LeastWork && k <= (sums.SliceLeast - 1.0) * sums.DepthBlock);

    /// <summary>An operand of so many elements and more does not stay in caches until it is read: dear arithmetic makes it while it is packed, where that is once.</summary>
    public const long LeastMade = 1 << 20;

    // So many panels of an operand are enough tasks for several threads, so that the other one need not be cut as well; that one is packed whole if it is no wider than this.
    const long ManyPanels = 16, MostShared = 2048;

    /// <summary>Whether each number of both operands of a product is packed once: of the one that processors share, and of the other one, which alone is cut into tasks. Sums that are cut into slices, and small products, do not promise it.</summary>
    /// <param name="sums">How the product's sums are cut.</param>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="k">Summed extent.</param>
    public bool PacksOnce(ProductSums sums, long m, long n, long k)
    {
        if (Tiles.IsEmpty || sums.IsPlain || (double)m * n * k < LeastWork || sums.Slices(m, n, k) > 1 || Math.Min(m, n) > MostShared) return false;
        var sharesLeft = SharesLeft(m, n);
        foreach (var tile in Tiles)
        {
            var ((shared, lanes), (others, _)) = sharesLeft ? (Left(tile, m), Right(tile, n)) : (Right(tile, n), Left(tile, m));
            if (others < ManyPanels || shared * sums.Blocks(k) * PanelFloats(sums.Length(k), lanes) * sizeof(float) > MostBytes) return false;
        }
        return true;
    }

    static (long Panels, long Lanes) Left(RegisterTile tile, long rows) => (Ceiling(rows, tile.Rows), tile.Lanes);

    static (long Panels, long Lanes) Right(RegisterTile tile, long columns) => (Ceiling(columns, tile.Columns), tile.Columns);

    /// <summary>Bytes that the processors of a convolution or of the gradient of its image share: packed weights.</summary>
    /// <param name="sums">How its sums are cut.</param>
    /// <param name="sizes">Its sizes.</param>
    /// <param name="ofImage">The gradient of the image.</param>
    public long ConvolutionBytes(ProductSums sums, in ConvolutionSizes sizes, bool ofImage)
    {
        var (rows, channels) = (sizes.Filters / sizes.Groups, sizes.Channels / sizes.Groups);
        if (ofImage) (rows, channels) = (channels, rows);
        if (Tiles.IsEmpty || sizes.Batch <= 0 || rows <= 0) return 0;
        // The gradient of an image is as many products as there are residues of the stride, each with its own taps.
        var (down, across) = ofImage
            ? (Taps(sizes.KernelHeight, sizes.StrideHeight, sizes.PaddingTop, sizes.DilationHeight), Taps(sizes.KernelWidth, sizes.StrideWidth, sizes.PaddingLeft, sizes.DilationWidth))
            : ([sizes.KernelHeight], [sizes.KernelWidth]);
        var block = sums.Channels(channels, down.Max() * across.Max());
        var blocks = block == 0 ? 1 : Ceiling(channels, block);
        long bytes = 0;
        foreach (var tile in Tiles)
        {
            var panel = PanelGap + down.Sum(y => across.Sum(x => y * x == 0 ? 0 : blocks * PanelFloats(block * y * x, tile.Lanes)));
            // One that has no room is computed without packing.
            if (panel * sizeof(float) <= MostBytes) bytes = Math.Max(bytes, Math.Min(Ceiling(rows, tile.Rows) * panel * sizeof(float), MostBytes));
        }
        return bytes;
    }

    /// <summary>The most taps of a window that is packed, and the most floats of a padded row of its image.</summary>
    public const long MostTaps = 4096, MostPadded = 96 * 1024;

    /// <summary>Of a right operand that is kept packed; a larger one comes from memory once a call, whatever its form, and is not kept twice.</summary>
    const long MostRightBytes = 32 << 20;

    /// <summary>Floats of the weight of a convolution in its packed form; 0 for one that is not packed.</summary>
    /// <param name="sums">How its sums are cut.</param>
    /// <param name="sizes">Its sizes; those of the image, its padding and batch do not matter.</param>
    public long WeightFloats(ProductSums sums, in ConvolutionSizes sizes)
    {
        var (rows, depth, taps) = (sizes.Filters / sizes.Groups, sizes.Channels / sizes.Groups, sizes.KernelHeight * sizes.KernelWidth);
        if (Tiles.IsEmpty || rows <= 0 || depth <= 0 || taps > MostTaps) return 0;
        // The image of the smallest piece of work: a line of one pixel, with what its window sees.
        if (((sizes.KernelHeight - 1) * sizes.DilationHeight + 1) * sizes.StrideWidth * (1 + (sizes.KernelWidth - 1) * sizes.DilationWidth / sizes.StrideWidth + 16) > MostPadded) return 0;
        var block = sums.Channels(depth, taps);
        var areFilters = LanesAreFilters(sizes);
        // A pixel of all channels of a block, with what its window sees.
        var pixel = ((sizes.KernelHeight - 1) * sizes.DilationHeight + 1) * sizes.StrideWidth * (1 + (sizes.KernelWidth - 1) * sizes.DilationWidth / sizes.StrideWidth);
        if (areFilters && block * (pixel + 2 * PanelGap) > SourceFloats) return 0;
        long floats = 0;
        foreach (var tile in Tiles)
        {
            var (panels, lanes) = areFilters ? Right(tile, rows) : Left(tile, rows);
            var panel = Ceiling(depth, block) * PanelFloats(block * taps, lanes);
            if ((PanelGap + panel) * sizeof(float) > MostBytes) return 0;
            floats = Math.Max(floats, panels * panel);
        }
        return sizes.Groups * floats;
    }

    /// <summary>
    /// Whether a convolution by a packed weight has its filters in the columns of a register tile, and pixels, read where they lie, in its rows. What few filters see, or what little is summed up, goes the other way: filters in
    /// rows, and what is unfolded in columns. Both give the same bits.
    /// </summary>
    /// <param name="sizes">Its sizes, of which only those of the weight matter.</param>
    public static bool LanesAreFilters(in ConvolutionSizes sizes) =>
        sizes.Filters / sizes.Groups >= LeastFilters && sizes.Channels / sizes.Groups * sizes.KernelHeight * sizes.KernelWidth >= LeastFilterDepth;

    const long LeastFilters = 8, LeastFilterDepth = 48;

    /// <summary>Of a processor's own memory: a padded block of an image.</summary>
    public long SourceFloats => MostPadded + PackedFloats;

    /// <summary>Floats of the right operand of a product in its packed form; 0 for one that is not kept so.</summary>
    /// <param name="sums">How the product's sums are cut.</param>
    /// <param name="k">Summed extent.</param>
    /// <param name="n">Columns.</param>
    public long RightFloats(ProductSums sums, long k, long n)
    {
        if (k <= 0 || n <= 0) return 0;
        var (blocks, depth) = (sums.Blocks(k), sums.Length(k));
        long floats = 0;
        foreach (var tile in Tiles) floats = Math.Max(floats, Ceiling(n, tile.Columns) * blocks * PanelFloats(depth, tile.Columns));
        return floats * sizeof(float) > MostRightBytes ? 0 : floats;
    }

    /// <summary>Bytes that a processor needs for itself in a convolution: also for a window and a line of each tensor of one that has no room to be packed.</summary>
    public long ThreadBytes(in ConvolutionSizes sizes) => Math.Max(WorkerBytes, (sizes.KernelHeight * sizes.KernelWidth + sizes.Width + sizes.MapWidth) * sizeof(float));

    // How many taps of a window reach pixels of each residue of the stride.
    static long[] Taps(long kernel, long stride, long padding, long dilation)
    {
        var taps = new long[stride];
        for (var residue = 0; residue < stride; residue++)
            for (var tap = 0; tap < kernel; tap++)
                if ((residue + padding - tap * dilation) % stride == 0) taps[residue]++;
        return taps;
    }

    internal static long Ceiling(long a, long b) => (a + b - 1) / b;

    /// <summary>For the texts of kernels and targets.</summary>
    public string Text
    {
        get
        {
            var tiles = new string[Tiles.Length];
            for (var i = 0; i < tiles.Length; i++) tiles[i] = Word(Tiles[i].Rows) + "/" + Word(Tiles[i].Lanes) + "/" + Word(Tiles[i].Columns);
            return "most=" + Word(MostBytes) + " least=" + Word(LeastWork) + " worker=" + Word(WorkerBytes) + " turned=" + Word(TurnedFloats) + " packed=" + Word(PackedFloats) + " tiles=" + string.Join(",", tiles);
        }
    }

    static string Word(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads <see cref="Text"/>.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static PackingModel Parse(string text)
    {
        var words = text.Split(' ', '=');
        if (words.Length != 12) throw new FormatException($"'{text}' says of no memory how much it is");
        static long Number(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
        var parts = words[11].Split([','], StringSplitOptions.RemoveEmptyEntries);
        var tiles = new RegisterTile[parts.Length];
        for (var i = 0; i < tiles.Length; i++)
        {
            var numbers = parts[i].Split('/');
            if (numbers.Length != 3) throw new FormatException($"'{parts[i]}' is no register tile");
            tiles[i] = new((int)Number(numbers[0]), (int)Number(numbers[1]), (int)Number(numbers[2]));
        }
        var packing = new PackingModel(Number(words[1]), Number(words[3]), Number(words[5]), Number(words[7]), Number(words[9]), new EquatableArray<RegisterTile>(tiles));
        return packing.Text == text ? packing : throw new FormatException($"'{text}' says of no memory how much it is");
    }
}

/// <summary>A register tile: so many rows by columns, and what a packed row takes.</summary>
public sealed record RegisterTile(int Rows, int Lanes, int Columns);
