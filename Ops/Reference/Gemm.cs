using System;
using System.Threading.Tasks;
#if NET
using System.Numerics;
#endif

namespace Graph.Operations.Reference;

/// <summary>A matrix in an array: where it starts, and the distance between rows and between columns.</summary>
readonly struct Matrix(double[] data, long offset, long row, long column)
{
    public double[] Data { get; } = data;
    public long Offset { get; } = offset;
    public long Row { get; } = row;
    public long Column { get; } = column;

    public static Matrix RowMajor(double[] data, long offset, long columns) => new(data, offset, columns, 1);
    public Matrix Transposed => new(Data, Offset, Column, Row);
}

/// <summary>
/// Matrix products in double precision for the reference interpreter: panels of eight columns are packed, four rows at a time meet them in registers.
/// Panels run in parallel; every element is summed in the order of k, so the result does not depend on the number of threads.
/// </summary>
static class Gemm
{
    const int Panel = 8, Depth = 1024;

    /// <summary>c[m, n] = or += a[m, k] · b[k, n]; c is row-major with <paramref name="ldc"/> elements a row.</summary>
    public static void Run(Matrix a, Matrix b, double[] c, long cOffset, long ldc, int m, int n, int k, bool accumulate)
    {
        if (m == 0 || n == 0) return;
        if (!accumulate)
            for (long i = 0; i < m; i++) Array.Clear(c, checked((int)(cOffset + i * ldc)), n);
        var panels = (n + Panel - 1) / Panel;
        // A chunk of panels shares one packing buffer; how many there are is no matter of the threads.
        var chunk = Math.Max(1, Math.Min(16, panels / 8));
        var chunks = (panels + chunk - 1) / chunk;
        void Chunk(int index)
        {
            var packed = new double[Panel * Math.Min(k, Depth)];
            for (var panel = index * chunk; panel < Math.Min(panels, (index + 1) * chunk); panel++)
                for (var k0 = 0; k0 < k; k0 += Depth)
                {
                    var depth = Math.Min(Depth, k - k0);
                    var column = panel * Panel;
                    var width = Math.Min(Panel, n - column);
                    Pack(b, k0, depth, column, width, packed);
                    Rows(a, k0, depth, packed, c, cOffset + column, ldc, m, width);
                }
        }
        if ((double)m * n * k < 1 << 18 || chunks == 1)
            for (var i = 0; i < chunks; i++) Chunk(i);
        else Parallel.For(0, chunks, Chunk);
    }

    static void Pack(Matrix b, int k0, int depth, int column, int width, double[] packed)
    {
        var start = b.Offset + k0 * b.Row + column * b.Column;
        for (var k = 0; k < depth; k++)
        {
            var from = start + k * b.Row;
            var to = k * Panel;
            for (var j = 0; j < width; j++) packed[to + j] = b.Data[from + j * b.Column];
            for (var j = width; j < Panel; j++) packed[to + j] = 0;
        }
    }

    static unsafe void Rows(Matrix a, int k0, int depth, double[] packed, double[] c, long cOffset, long ldc, int m, int width)
    {
        var tile = stackalloc double[4 * Panel];
        fixed (double* pa = a.Data, pb = packed, pc = c)
            for (var i = 0; i < m; i += 4)
            {
                var rows = Math.Min(4, m - i);
                var first = pa + a.Offset + i * a.Row + k0 * a.Column;
                // Missing rows repeat the first: they are computed and thrown away.
                Tile(first, rows > 1 ? first + a.Row : first, rows > 2 ? first + 2 * a.Row : first, rows > 3 ? first + 3 * a.Row : first, a.Column, pb, depth, tile);
                for (var r = 0; r < rows; r++)
                {
                    var to = pc + cOffset + (i + r) * ldc;
                    for (var j = 0; j < width; j++) to[j] += tile[r * Panel + j];
                }
            }
    }

#if NET
    static unsafe void Tile(double* a0, double* a1, double* a2, double* a3, long step, double* b, int depth, double* tile)
    {
        if (Vector<double>.Count is 4 or 2)
        {
            for (var half = 0; half < Panel; half += 2 * Vector<double>.Count)
                Half(a0, a1, a2, a3, step, b + half, depth, tile + half);
            return;
        }
        Plain(a0, a1, a2, a3, step, b, depth, tile);
    }

    static unsafe void Half(double* a0, double* a1, double* a2, double* a3, long step, double* b, int depth, double* tile)
    {
        var width = Vector<double>.Count;
        Vector<double> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        for (long k = 0, p = 0; k < depth; k++, p += step, b += Panel)
        {
            var (b0, b1) = (Vector.Load(b), Vector.Load(b + width));
            var x = Vector.Create(a0[p]);
            c00 += x * b0;
            c01 += x * b1;
            x = Vector.Create(a1[p]);
            c10 += x * b0;
            c11 += x * b1;
            x = Vector.Create(a2[p]);
            c20 += x * b0;
            c21 += x * b1;
            x = Vector.Create(a3[p]);
            c30 += x * b0;
            c31 += x * b1;
        }
        c00.Store(tile);
        c01.Store(tile + width);
        c10.Store(tile + Panel);
        c11.Store(tile + Panel + width);
        c20.Store(tile + 2 * Panel);
        c21.Store(tile + 2 * Panel + width);
        c30.Store(tile + 3 * Panel);
        c31.Store(tile + 3 * Panel + width);
    }
#else
    static unsafe void Tile(double* a0, double* a1, double* a2, double* a3, long step, double* b, int depth, double* tile) => Plain(a0, a1, a2, a3, step, b, depth, tile);
#endif

    static unsafe void Plain(double* a0, double* a1, double* a2, double* a3, long step, double* b, int depth, double* tile)
    {
        for (var i = 0; i < 4 * Panel; i++) tile[i] = 0;
        for (long k = 0, p = 0; k < depth; k++, p += step, b += Panel)
            for (var j = 0; j < Panel; j++)
            {
                tile[j] += a0[p] * b[j];
                tile[Panel + j] += a1[p] * b[j];
                tile[2 * Panel + j] += a2[p] * b[j];
                tile[3 * Panel + j] += a3[p] * b[j];
            }
    }
}
