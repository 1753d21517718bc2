using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Runtime.Intrinsics.Arm;

namespace Graph.Runtime.Cpu;

/// <summary>The arithmetic that attention is made of, for one type of sums.</summary>
unsafe interface IAttentionMath<C> where C : unmanaged
{
    /// <summary>The most rows of a panel, and from one depth to the next in it.</summary>
    long Rows { get; }

    /// <inheritdoc cref="Rows"/>
    long Stride { get; }

    /// <summary>Columns are computed in multiples of so many.</summary>
    long Lanes { get; }

    /// <summary><c>to[k · toStride + lane] = from[lane · laneStride + k · depthStride]</c>; lanes up to the next multiple of 8, or to <paramref name="width"/>, get any number, and <paramref name="readable"/> may be read.</summary>
    void Turn(C* to, long toStride, C* from, long laneStride, long depthStride, long lanes, long width, long readable, long depth);

    /// <summary>c[rows, columns] (+)= Σₖ a[k · Stride + row] · b[k, column], each one chain of multiply-adds from 0.</summary>
    void Multiply(C* a, long rows, long depth, C* b, long bStride, C* c, long cStride, long columns, bool add);

    /// <summary>to[column] = Σ over rows of x · y, a chain as those of <see cref="Multiply"/>.</summary>
    void Dots(C* x, C* y, long rows, long stride, long columns, C* to);

    void Weigh(in AttentionRows<C> tile, C* most, C* sums, C* shrink);

    void Shrink(C* x, long rows, long stride, long columns, C* by);

    void Finish(C* x, long rows, long stride, long columns, C* sums);

    void Differentiate(in AttentionRows<C> tile, C* gradients, C* most, C* shares, C* means);

    /// <summary>Fills a row with factors by the random numbers from an element on: 0 for those below the rate. As many more as a vector has lanes are written.</summary>
    void Keep(C* to, ulong seed, ulong stream, long element, long count, double rate);

    /// <summary>So many queries at most are computed one by one (<see cref="AttentionFew{E, T, C, M}"/>): more of them share what is packed.</summary>
    long Few { get; }

    /// <summary>to[key] = Σ query · key over the width, a chain as those of <see cref="Multiply"/>; keys lie <paramref name="stride"/> apart.</summary>
    void Scores(C* query, C* keys, long stride, long width, long count, C* to);

    /// <summary><see cref="Weigh"/> for one query, whose scores lie behind one another; it sees all of them.</summary>
    void WeighOne(in AttentionRows<C> row, C* most, C* sums, C* shrink);

    /// <summary>results (+)= Σ weight · value over keys, a chain as those of <see cref="Multiply"/>, made in <paramref name="part"/>; values lie <paramref name="stride"/> apart.</summary>
    void Mix(C* weights, C* values, long stride, long count, long depth, C* part, C* results, bool add);

    static abstract C Of(double x);
}

/// <summary>Attention in float32, on vectors of the machine's width.</summary>
readonly unsafe struct Float32Attention(Machine machine) : IAttentionMath<float>, IAttentionMachine<Float32Attention>
{
    public static Float32Attention On(in Machine machine) => new(machine);

    readonly Machine machine = machine;

    public long Rows => machine.Rows;
    public long Stride => machine.PanelStride;
    public long Lanes => machine.Lanes;

    public static float Of(double x) => (float)x;

    public void Turn(float* to, long toStride, float* from, long laneStride, long depthStride, long lanes, long width, long readable, long depth) =>
        Packing.Panel(to, toStride, from, laneStride, depthStride, lanes, width, readable, depth);

    public void Multiply(float* a, long rows, long depth, float* b, long bStride, float* c, long cStride, long columns, bool add)
    {
        for (long column = 0; column < columns; column += machine.Columns)
            machine.Kernel(rows, Math.Min(machine.Columns, columns - column))(depth, a, b + column, bStride, c + column, cStride, add ? 1 : 0);
    }

    public void Dots(float* x, float* y, long rows, long stride, long columns, float* to)
    {
        switch (machine.Width)
        {
            case VectorWidth.Bits512: AttentionVector512.Dots(x, y, rows, stride, columns, to); break;
            case VectorWidth.Bits256: AttentionVector256.Dots(x, y, rows, stride, columns, to); break;
            default: AttentionVector128.Dots(x, y, rows, stride, columns, to); break;
        }
    }

    public void Weigh(in AttentionRows<float> tile, float* most, float* sums, float* shrink)
    {
        switch (machine.Width)
        {
            case VectorWidth.Bits512: AttentionVector512.Weigh(tile, most, sums, shrink); break;
            case VectorWidth.Bits256: AttentionVector256.Weigh(tile, most, sums, shrink); break;
            default: AttentionVector128.Weigh(tile, most, sums, shrink); break;
        }
    }

    public void Shrink(float* x, long rows, long stride, long columns, float* by)
    {
        switch (machine.Width)
        {
            case VectorWidth.Bits512: AttentionVector512.Shrink(x, rows, stride, columns, by); break;
            case VectorWidth.Bits256: AttentionVector256.Shrink(x, rows, stride, columns, by); break;
            default: AttentionVector128.Shrink(x, rows, stride, columns, by); break;
        }
    }

    public void Finish(float* x, long rows, long stride, long columns, float* sums)
    {
        switch (machine.Width)
        {
            case VectorWidth.Bits512: AttentionVector512.Finish(x, rows, stride, columns, sums); break;
            case VectorWidth.Bits256: AttentionVector256.Finish(x, rows, stride, columns, sums); break;
            default: AttentionVector128.Finish(x, rows, stride, columns, sums); break;
        }
    }

    public void Differentiate(in AttentionRows<float> tile, float* gradients, float* most, float* shares, float* means)
    {
        switch (machine.Width)
        {
            case VectorWidth.Bits512: AttentionVector512.Differentiate(tile, gradients, most, shares, means); break;
            case VectorWidth.Bits256: AttentionVector256.Differentiate(tile, gradients, most, shares, means); break;
            default: AttentionVector128.Differentiate(tile, gradients, most, shares, means); break;
        }
    }

    // Keys are turned in registers, which takes AVX. From the fifth query on packing them pays.
    public long Few => Avx.IsSupported ? 4 : 0;

    public void Scores(float* query, float* keys, long stride, long width, long count, float* to) => ContractRow.ByColumns(query, keys, stride, width, count, to);

    public void WeighOne(in AttentionRows<float> row, float* most, float* sums, float* shrink)
    {
        switch (machine.Width)
        {
            case VectorWidth.Bits512: AttentionVector512.WeighOne(row, most, shrink); break;
            case VectorWidth.Bits256: AttentionVector256.WeighOne(row, most, shrink); break;
            default: AttentionVector128.WeighOne(row, most, shrink); break;
        }
        // As among several queries: in four sums, every fourth key in one.
        var total = Vector128<float>.Zero;
        for (long k = 0; k < row.Rows; k += Vector128<float>.Count)
        {
            var weights = Vector128.Load(row.Scores + k);
            if (row.Rows - k < Vector128<float>.Count) weights &= Vector128.GreaterThan(Vector128.Create((int)(row.Rows - k)), Vector128<int>.Indices).AsSingle();
            total += weights;
        }
        *sums = *sums * *shrink + (total[0] + total[1] + (total[2] + total[3]));
        if (row.Kept is not null)
            for (long k = 0; k < row.Rows; k++) row.Scores[k] *= row.Kept[k];
    }

    public void Mix(float* weights, float* values, long stride, long count, long depth, float* part, float* results, bool add)
    {
        ContractRow.ByRows(weights, values, stride, count, depth, add ? part : results);
        if (add) Tiles.Add(part, results, depth);
    }

    public void Keep(float* to, ulong seed, ulong stream, long element, long count, double rate)
    {
        Philox.Fill(to, seed, stream, element, count);
        AttentionVector128.Keep(to, count, (float)rate, (float)(1 / (1 - rate)));
    }
}

/// <summary>Attention in float64, number by number but for the products.</summary>
readonly unsafe struct Float64Attention : IAttentionMath<double>, IAttentionMachine<Float64Attention>
{
    public static Float64Attention On(in Machine machine) => default;

    public long Rows => 4;
    public long Stride => 4;
    public long Lanes => 4;

    public static double Of(double x) => x;

    public long Few => 4;

    public void Scores(double* query, double* keys, long stride, long width, long count, double* to)
    {
        for (long k = 0; k < count; k++, keys += stride)
        {
            var sum = 0.0;
            for (long i = 0; i < width; i++) sum = MultiplyAdd(query[i], keys[i], sum);
            to[k] = sum;
        }
    }

    public void WeighOne(in AttentionRows<double> row, double* most, double* sums, double* shrink) => Weigh(row, most, sums, shrink);

    public void Mix(double* weights, double* values, long stride, long count, long depth, double* part, double* results, bool add)
    {
        new Span<double>(part, (int)depth).Clear();
        for (long k = 0; k < count; k++)
            for (long i = 0; i < depth; i++) part[i] = MultiplyAdd(weights[k], values[k * stride + i], part[i]);
        for (long i = 0; i < depth; i++) results[i] = add ? results[i] + part[i] : part[i];
    }

    static double MultiplyAdd(double x, double y, double sum) => Fma.IsSupported || AdvSimd.IsSupported ? Math.FusedMultiplyAdd(x, y, sum) : x * y + sum;

    public void Turn(double* to, long toStride, double* from, long laneStride, long depthStride, long lanes, long width, long readable, long depth)
    {
        for (long k = 0; k < depth; k++)
            for (long lane = 0; lane < width; lane++) to[k * toStride + lane] = lane < lanes ? from[lane * laneStride + k * depthStride] : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(double* a, long rows, long depth, double* b, long bStride, double* c, long cStride, long columns, bool add)
    {
        for (long column = 0; column < columns; column += 4)
        {
            Vector256<double> x0 = default, x1 = default, x2 = default, x3 = default;
            double* from = b + column, lanes = a;
            for (var k = depth; k > 0; k--, from += bStride, lanes += 4)
            {
                var u = Vector256.Load(from);
                x0 = MultiplyAdd(lanes[0], u, x0);
                x1 = MultiplyAdd(lanes[1], u, x1);
                x2 = MultiplyAdd(lanes[2], u, x2);
                x3 = MultiplyAdd(lanes[3], u, x3);
            }
            var to = c + column;
            Put(x0, to, add);
            if (rows > 1) Put(x1, to + cStride, add);
            if (rows > 2) Put(x2, to + 2 * cStride, add);
            if (rows > 3) Put(x3, to + 3 * cStride, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> MultiplyAdd(double x, Vector256<double> y, Vector256<double> sum) =>
        Fma.IsSupported || AdvSimd.IsSupported ? Vector256.FusedMultiplyAdd(Vector256.Create(x), y, sum) : Vector256.Create(x) * y + sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector256<double> x, double* to, bool add) => (add ? Vector256.Load(to) + x : x).Store(to);

    public void Dots(double* x, double* y, long rows, long stride, long columns, double* to)
    {
        for (long c = 0; c < columns; c++)
        {
            var sum = 0.0;
            for (long r = 0; r < rows; r++) sum = MultiplyAdd(x[r * stride + c], y[r * stride + c], sum);
            to[c] = sum;
        }
    }

    public void Weigh(in AttentionRows<double> tile, double* most, double* sums, double* shrink)
    {
        var totals = stackalloc double[4];
        for (long c = 0; c < tile.Columns; c++)
        {
            var largest = most[c];
            for (long r = 0; r < tile.Rows; r++)
            {
                ref var score = ref tile.Scores[r * tile.Stride + c];
                score = tile.Limits is not null && r >= tile.Limits[c] ? double.NegativeInfinity : Score(tile, r * tile.Stride + c);
                largest = Math.Max(largest, score);
            }
            var origin = double.IsNegativeInfinity(largest) ? 0 : largest;
            shrink[c] = Math.Exp(most[c] - origin);
            most[c] = largest;
            new Span<double>(totals, 4).Clear();
            for (long r = 0; r < tile.Rows; r++)
            {
                ref var score = ref tile.Scores[r * tile.Stride + c];
                var weight = Math.Exp(score - origin);
                totals[r & 3] += weight;
                score = tile.Kept is null ? weight : weight * tile.Kept[r * tile.Stride + c];
            }
            sums[c] = sums[c] * shrink[c] + (totals[0] + totals[1] + (totals[2] + totals[3]));
        }
    }

    static double Score(in AttentionRows<double> tile, long at)
    {
        var score = tile.Scores[at] * tile.Scale;
        return tile.Added is null ? score : double.IsNegativeInfinity(tile.Added[at]) ? tile.Added[at] : score + tile.Added[at];
    }

    public void Shrink(double* x, long rows, long stride, long columns, double* by)
    {
        for (long r = 0; r < rows; r++)
            for (long c = 0; c < columns; c++) x[r * stride + c] *= by[c];
    }

    public void Finish(double* x, long rows, long stride, long columns, double* sums)
    {
        for (long c = 0; c < columns; c++)
            for (long r = 0; r < rows; r++) x[r * stride + c] = sums[c] == 0 ? 0 : x[r * stride + c] / sums[c];
    }

    public void Differentiate(in AttentionRows<double> tile, double* gradients, double* most, double* shares, double* means)
    {
        for (long r = 0; r < tile.Rows; r++)
            for (long c = 0, at = r * tile.Stride; c < tile.Columns; c++, at++)
            {
                if (c >= tile.Limits[r])
                {
                    (tile.Scores[at], gradients[at]) = (0, 0);
                    continue;
                }
                var weight = Math.Exp(Score(tile, at) - most[r]) * shares[r];
                var factor = tile.Kept is null ? 1 : tile.Kept[at];
                (tile.Scores[at], gradients[at]) = (weight * factor, weight * (gradients[at] * factor - means[r]) * tile.Scale);
            }
    }

    public void Keep(double* to, ulong seed, ulong stream, long element, long count, double rate)
    {
        for (long i = 0; i < count; i++) to[i] = Philox.Uniform(seed, stream, element + i) >= (float)rate ? 1 / (1 - rate) : 0;
    }
}
