using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graph.Runtime.Cpu;

// The source of every width: the build writes those of 256 and 512 bits from it, so a number has the same bits whatever vector it lies in.

/// <summary>What attention does to tiles of scores. Forward a lane is a query, backward it is a key; rows are the other of the two.</summary>
static unsafe class AttentionVector128
{
    /// <summary>Scores to weights, keys behind one another: the largest so far, exponentials, their sums, and by how much what was there before shrinks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(in AttentionRows<float> tile, float* most, float* sums, float* shrink)
    {
        float* scores = tile.Scores, added = tile.Added, kept = tile.Kept;
        var limits = tile.Limits;
        var stride = tile.Stride;
        var scale = Vector128.Create(tile.Scale);
        var nothing = Vector128.Create(float.NegativeInfinity);
        // A positive factor changes no order.
        var isPlain = added is null && limits is null && tile.Scale > 0;
        for (long c = 0; c < tile.Columns; c += Vector128<float>.Count)
        {
            var before = Vector128.Load(most + c);
            var largest = nothing;
            if (isPlain)
            {
                for (long r = 0; r < tile.Rows; r++) largest = Vector128.MaxNative(largest, Vector128.Load(scores + r * stride + c));
                largest *= scale;
            }
            else
            {
                var limit = limits is null ? default : Vector128.Load(limits + c);
                for (long r = 0; r < tile.Rows; r++)
                {
                    var score = Vector128.Load(scores + r * stride + c) * scale;
                    if (added is not null)
                    {
                        var more = Vector128.Load(added + r * stride + c);
                        score = Vector128.ConditionalSelect(Vector128.Equals(more, nothing), nothing, score + more);
                    }
                    if (limits is not null) score = Vector128.ConditionalSelect(Vector128.GreaterThan(limit, Vector128.Create((int)r)).AsSingle(), score, nothing);
                    score.Store(scores + r * stride + c);
                    largest = Vector128.MaxNative(largest, score);
                }
            }
            largest = Vector128.MaxNative(before, largest);
            var origin = Vector128.AndNot(largest, Vector128.Equals(largest, nothing));
            var less = VectorMath.Exp(before - origin);
            // In four sums: their errors are smaller than those of one, and none waits for another.
            Vector128<float> t0 = default, t1 = default, t2 = default, t3 = default;
            float* at = scores + c, factor = kept is null ? null : kept + c;
            var left = tile.Rows;
            for (; left >= 4; left -= 4, at += 4 * stride, factor += factor is null ? 0 : 4 * stride)
            {
                t0 += Weight(at, factor, scale, origin, isPlain);
                t1 += Weight(at + stride, factor is null ? null : factor + stride, scale, origin, isPlain);
                t2 += Weight(at + 2 * stride, factor is null ? null : factor + 2 * stride, scale, origin, isPlain);
                t3 += Weight(at + 3 * stride, factor is null ? null : factor + 3 * stride, scale, origin, isPlain);
            }
            if (left > 0) t0 += Weight(at, factor, scale, origin, isPlain);
            if (left > 1) t1 += Weight(at + stride, factor is null ? null : factor + stride, scale, origin, isPlain);
            if (left > 2) t2 += Weight(at + 2 * stride, factor is null ? null : factor + 2 * stride, scale, origin, isPlain);
            var total = t0 + t1 + (t2 + t3);
            (Vector128.Load(sums + c) * less + total).Store(sums + c);
            less.Store(shrink + c);
            largest.Store(most + c);
        }
    }

    /// <summary>
    /// The same for one query, whose scores lie behind one another, so that a lane is a key: the largest so far, exponentials where the scores were, and by how much what was there before shrinks. Rows are keys; whole vectors are
    /// written. The sum is the caller's, for it has four lanes in every width.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WeighOne(in AttentionRows<float> row, float* most, float* shrink)
    {
        float* scores = row.Scores, added = row.Added;
        var count = row.Rows;
        var scale = Vector128.Create(row.Scale);
        var nothing = Vector128.Create(float.NegativeInfinity);
        var largest = nothing;
        for (long k = 0; k < count; k += Vector128<float>.Count)
        {
            var score = Vector128.Load(scores + k) * scale;
            if (added is not null)
            {
                var more = Vector128.Load(added + k);
                score = Vector128.ConditionalSelect(Vector128.Equals(more, nothing), nothing, score + more);
            }
            if (count - k < Vector128<float>.Count)
                score = Vector128.ConditionalSelect(Vector128.GreaterThan(Vector128.Create((int)(count - k)), Vector128<int>.Indices).AsSingle(), score, nothing);
            score.Store(scores + k);
            largest = Vector128.MaxNative(largest, score);
        }
        var before = *most;
        var most1 = before;
        for (var lane = 0; lane < Vector128<float>.Count; lane++) most1 = float.MaxNative(most1, largest[lane]);
        var origin = Vector128.Create(float.IsNegativeInfinity(most1) ? 0 : most1);
        *shrink = VectorMath.Exp(Vector128.Create(before) - origin)[0];
        *most = most1;
        for (long k = 0; k < count; k += Vector128<float>.Count) VectorMath.Exp(Vector128.Load(scores + k) - origin).Store(scores + k);
    }

    // The exponential of a score; stored as it multiplies a value.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<float> Weight(float* score, float* factor, Vector128<float> scale, Vector128<float> origin, bool isPlain)
    {
        var x = Vector128.Load(score);
        var weight = VectorMath.Exp((isPlain ? x * scale : x) - origin);
        (factor is null ? weight : weight * Vector128.Load(factor)).Store(score);
        return weight;
    }

    /// <summary>The sum over rows of products, each lane one chain of multiply-adds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots(float* x, float* y, long rows, long stride, long columns, float* to)
    {
        for (long c = 0; c < columns; c += Vector128<float>.Count)
        {
            var sum = Vector128<float>.Zero;
            for (long r = 0; r < rows; r++) sum = Vector128.MultiplyAddEstimate(Vector128.Load(x + r * stride + c), Vector128.Load(y + r * stride + c), sum);
            sum.Store(to + c);
        }
    }

    /// <summary>Multiplies each lane of all rows by one number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Shrink(float* x, long rows, long stride, long columns, float* by)
    {
        for (long c = 0; c < columns; c += Vector128<float>.Count)
        {
            var factor = Vector128.Load(by + c);
            for (long r = 0; r < rows; r++) (Vector128.Load(x + r * stride + c) * factor).Store(x + r * stride + c);
        }
    }

    /// <summary>Divides by the sums, zeros where there are none, whatever stood there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Finish(float* x, long rows, long stride, long columns, float* sums)
    {
        for (long c = 0; c < columns; c += Vector128<float>.Count)
        {
            var sum = Vector128.Load(sums + c);
            var isBlind = Vector128.Equals(sum, Vector128<float>.Zero);
            var share = Vector128<float>.One / sum;
            for (long r = 0; r < rows; r++) Vector128.AndNot(Vector128.Load(x + r * stride + c) * share, isBlind).Store(x + r * stride + c);
        }
    }

    /// <summary>Scores to weights as they multiply the values, and the gradients of these weights to those of the products of queries and keys; queries behind one another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Differentiate(in AttentionRows<float> tile, float* gradients, float* most, float* shares, float* means)
    {
        float* scores = tile.Scores, added = tile.Added, kept = tile.Kept;
        var stride = tile.Stride;
        var scale = Vector128.Create(tile.Scale);
        var nothing = Vector128.Create(float.NegativeInfinity);
        for (long r = 0; r < tile.Rows; r++, scores += stride, gradients += stride)
        {
            var limit = tile.Limits[r];
            Vector128<float> origin = Vector128.Create(most[r]), share = Vector128.Create(shares[r]), mean = Vector128.Create(means[r]);
            for (long c = 0; c < tile.Columns; c += Vector128<float>.Count)
            {
                var score = Vector128.Load(scores + c) * scale;
                if (added is not null)
                {
                    var more = Vector128.Load(added + r * stride + c);
                    score = Vector128.ConditionalSelect(Vector128.Equals(more, nothing), nothing, score + more);
                }
                var weight = VectorMath.Exp(score - origin) * share;
                var gradient = Vector128.Load(gradients + c);
                var used = weight;
                if (kept is not null)
                {
                    var factor = Vector128.Load(kept + r * stride + c);
                    gradient *= factor;
                    used *= factor;
                }
                gradient = weight * (gradient - mean) * scale;
                if (c + Vector128<float>.Count > limit)
                {
                    var isSeen = Vector128.GreaterThan(Vector128.Create(limit), Vector128<int>.Indices + Vector128.Create((int)c)).AsSingle();
                    used &= isSeen;
                    gradient &= isSeen;
                }
                used.Store(scores + c);
                gradient.Store(gradients + c);
            }
        }
    }

    /// <summary>Uniform numbers to factors: 0 for those below the rate.</summary>
    public static void Keep(float* x, long count, float rate, float factor)
    {
        for (long i = 0; i < count; i += Vector128<float>.Count)
            (Vector128.GreaterThanOrEqual(Vector128.Load(x + i), Vector128.Create(rate)) & Vector128.Create(factor)).Store(x + i);
    }
}
