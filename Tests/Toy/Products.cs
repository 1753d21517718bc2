using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;

namespace Graph.Tests.Toy;

/// <summary>Products as their kernels say: operands from memory or made by tile kernels, sums in the order stated, results to memory or to a tile kernel.</summary>
static class Products
{
    // Blocks of operands and results, of which neither divides the other.
    const long TileRows = 5, TileColumns = 7;

    /// <summary>Runs a launch.</summary>
    /// <param name="launch">What it computes.</param>
    /// <param name="pointers">All operands.</param>
    /// <param name="size">The value of a size.</param>
    public static void Run(ContractLaunch launch, Pointer[] pointers, Func<Dim, long> size)
    {
        var kernel = launch.Kernel;
        var (m, n, k) = (size(launch.M), size(launch.N), size(launch.K));
        long[] batches = [.. launch.Batch.Select(size)];
        var count = batches.Aggregate(1L, (x, y) => x * y);
        for (long batch = 0; batch < count; batch++)
        {
            var a = Operand(launch.A, launch.PrologueA, m, k);
            var b = Operand(launch.B, launch.PrologueB, k, n);
            var c = Multiply(a, b, m, n, k, kernel, isOne: count == 1);
            if (launch.SumsOfA is { } ofA) AddUp(a, ofA, m, k, 1, k);
            if (launch.SumsOfB is { } ofB) AddUp(b, ofB, n, 1, n, k);
            if (launch.Epilogue is { } takes) Take(takes, pointers, size, c, batch, m, n, leaves: launch.SumsOfC is not null);
            else
            {
                var (place, row, column) = Matrix(launch.C!);
                for (long i = 0; i < m; i++)
                    for (long j = 0; j < n; j++) place.Store(i * row + j * column, c[i * n + j]);
            }
            if (launch.SumsOfC is { } ofC)
                for (long i = 0; i < m; i++) pointers[ofC.Operand].Plus(OffsetOf(ofC.BatchStrides)).Store(i * size(ofC.Stride), RowSum(c, i * n, n, kernel.LanesOfC, kernel.Accumulator));

            // An operand, row-major.
            double[] Operand(MatrixView? view, Prologue? makes, long rows, long columns)
            {
                if (view is not null)
                {
                    var (place, row, column) = Matrix(view);
                    var values = new double[rows * columns];
                    for (long i = 0; i < rows; i++)
                        for (long j = 0; j < columns; j++) values[i * columns + j] = place.Real(i * row + j * column);
                    return values;
                }
                return makes!.Transposed ? Transposed(Make(makes.Hook, pointers, size, batch, columns, rows), columns, rows) : Make(makes.Hook, pointers, size, batch, rows, columns);
            }

            // The sums of an operand, each element after the one before.
            void AddUp(double[] values, VectorView view, long lanes, long laneStride, long stride, long depth)
            {
                for (long lane = 0; lane < lanes; lane++)
                {
                    double sum = 0;
                    for (long p = 0; p < depth; p++) sum = Rounding.Round(sum + values[lane * laneStride + p * stride], kernel.Accumulator);
                    pointers[view.Operand].Plus(OffsetOf(view.BatchStrides)).Store(lane * size(view.Stride), sum);
                }
            }

            (Pointer, long, long) Matrix(MatrixView view) => (pointers[view.Operand].Plus(OffsetOf(view.BatchStrides)), size(view.RowStride), size(view.ColumnStride));

            long OffsetOf(IReadOnlyList<Dim> strides)
            {
                var rest = batch;
                long offset = 0;
                for (var axis = 2; axis >= 0; axis--)
                {
                    offset += rest % batches[axis] * size(strides[axis]);
                    rest /= batches[axis];
                }
                return offset;
            }
        }
    }

    // The sum of a row in so many partial sums.
    static double RowSum(double[] values, long first, long length, int lanes, DType type)
    {
        var partial = new double[lanes];
        double rest = 0;
        for (long i = 0; i < length; i++)
            if (ReductionOrder.LaneOf(lanes, i, length) is >= 0 and var lane) partial[lane] = Rounding.Round(partial[lane] + values[first + i], type);
            else rest = Rounding.Round(rest + values[first + i], type);
        var blocks = partial.Chunk(ReductionOrder.BlockOf(lanes)).ToList();
        while (blocks.Count > 1) blocks = [.. blocks.Chunk(2).Select(pair => pair.Length == 1 ? pair[0] : [.. pair[0].Zip(pair[1], (x, y) => Rounding.Round(x + y, type))])];
        var sums = blocks[0];
        while (sums.Length > 1) sums = [.. Enumerable.Range(0, sums.Length / 2).Select(i => Rounding.Round(sums[i] + sums[i + sums.Length / 2], type))];
        return Rounding.Round(sums[0] + rest, type);
    }

    static double[] Transposed(double[] values, long rows, long columns)
    {
        var result = new double[values.Length];
        for (long i = 0; i < rows; i++)
            for (long j = 0; j < columns; j++) result[j * rows + i] = values[i * columns + j];
        return result;
    }

    static double[] Multiply(double[] a, double[] b, long m, long n, long k, ProductKernel kernel, bool isOne)
    {
        var blocks = kernel.Sums.Blocks(k);
        var perSlice = isOne ? kernel.Sums.SliceBlocks(m, n, blocks) : blocks;
        var c = new double[m * n];
        for (long i = 0; i < m; i++)
            for (long j = 0; j < n; j++)
            {
                double sum = 0, slice = 0;
                for (long block = 0; block < blocks; block++)
                {
                    double chain = 0;
                    for (var p = kernel.Sums.Start(block, k); p < kernel.Sums.Start(block + 1, k); p++) chain = Arithmetic.MultiplyAdd(a[i * k + p], b[p * n + j], chain, kernel.Accumulator);
                    slice = block % perSlice == 0 ? chain : Rounding.Round(slice + chain, kernel.Accumulator);
                    if ((block + 1) % perSlice == 0 || block == blocks - 1) sum = block < perSlice ? slice : Rounding.Round(sum + slice, kernel.Accumulator);
                }
                c[i * n + j] = sum;
            }
        return c;
    }

    /// <summary>A matrix that a tile kernel makes, row-major.</summary>
    public static double[] Make(Hook hook, Pointer[] pointers, Func<Dim, long> size, long batch, long rows, long columns)
    {
        var run = Body(hook, pointers, size);
        var values = new double[rows * columns];
        InTiles(rows, columns, tile =>
        {
            run.Run(tile, batch);
            for (long i = 0; i < tile.Rows; i++) Array.Copy(tile.Values, i * tile.Columns, values, (tile.Row + i) * columns + tile.Column, tile.Columns);
        });
        return values;
    }

    /// <summary>Hands a row-major matrix to a tile kernel, which may leave other numbers there.</summary>
    public static void Take(Hook hook, Pointer[] pointers, Func<Dim, long> size, double[] values, long batch, long rows, long columns, bool leaves = false)
    {
        var run = Body(hook, pointers, size);
        InTiles(rows, columns, tile =>
        {
            for (long i = 0; i < tile.Rows; i++) Array.Copy(values, (tile.Row + i) * columns + tile.Column, tile.Values, i * tile.Columns, tile.Columns);
            run.Run(tile, batch);
            for (long i = 0; leaves && i < tile.Rows; i++) Array.Copy(tile.Values, i * tile.Columns, values, (tile.Row + i) * columns + tile.Column, tile.Columns);
        });
    }

    static LoopRun Body(Hook hook, Pointer[] pointers, Func<Dim, long> size) =>
        new((LoopKernel)hook.Kernel, pointers[hook.FirstOperand..(hook.FirstOperand + hook.OperandCount)], [.. hook.Dims.Select(size)]);

    static void InTiles(long rows, long columns, Action<Tile> run)
    {
        for (long row = 0; row < rows; row += TileRows)
            for (long column = 0; column < columns; column += TileColumns) run(Tile.Empty(row, Math.Min(TileRows, rows - row), column, Math.Min(TileColumns, columns - column)));
    }
}
