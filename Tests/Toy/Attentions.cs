using System;
using System.Linq;
using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Compiler.Targets;

namespace Graph.Tests.Toy;

/// <summary>Attention and its gradient as their kernels say: tiles of keys in order forward; backward a query adds up tiles of keys and then parts of them, a key tiles of queries, head behind head.</summary>
sealed class Attentions
{
    readonly AttentionKernel kernel;
    readonly AttentionSizes sizes;
    readonly Func<AttentionRole, (Pointer At, long[] Strides)?> find;
    readonly DType type;

    readonly Func<double, double> exponential;

    Attentions(AttentionLaunch launch, Pointer[] pointers, Func<Dim, long> size, Func<double, double> exponential)
    {
        this.exponential = exponential;
        (kernel, sizes, type) = (launch.Kernel, launch.Sizes(size), launch.Kernel.Accumulator);
        find = role => launch.Strides(role) is { } strides ? (pointers[kernel.Find(role)!.Pointer], strides.Select(size).ToArray()) : null;
    }

    /// <summary>Runs a launch.</summary>
    /// <param name="launch">What it computes.</param>
    /// <param name="pointers">All operands.</param>
    /// <param name="size">The value of a size.</param>
    /// <param name="exponential">e to the power of a number.</param>
    public static void Run(AttentionLaunch launch, Pointer[] pointers, Func<Dim, long> size, Func<double, double> exponential)
    {
        var run = new Attentions(launch, pointers, size, exponential);
        var group = run.sizes.Heads / run.sizes.KeyHeads;
        for (long batch = 0; batch < run.sizes.Batch; batch++)
            for (long head = 0; head < run.sizes.KeyHeads; head++)
                if (run.kernel.Kind == AttentionKind.Gradient) run.Backward(batch, head, group);
                else
                    for (var query = head * group; query < (head + 1) * group; query++) run.Forward(batch, query, head);
    }

    double R(double x) => Rounding.Round(x, type);

    (Pointer At, long[] Strides) this[AttentionRole role] => find(role) ?? throw new InvalidOperationException($"{kernel.Name} has no {role}.");

    static long Place(long[] strides, params ReadOnlySpan<long> at)
    {
        long place = 0;
        for (var i = 0; i < at.Length; i++) place += at[i] * strides[i];
        return place;
    }

    double Load(AttentionRole role, long batch, long head, long row, long column) => this[role] is var (at, strides) ? at.Real(Place(strides, batch, head, row, column)) : 0;

    void Store(AttentionRole role, long batch, long head, long row, long column, double value)
    {
        var (at, strides) = this[role];
        at.Store(Place(strides, batch, head, row, column), value);
    }

    // One chain of multiply-adds.
    double Chain(long begin, long end, Func<long, double> x, Func<long, double> y)
    {
        var sum = 0.0;
        for (var i = begin; i < end; i++) sum = Arithmetic.MultiplyAdd(x(i), y(i), sum, type);
        return sum;
    }

    bool IsSeen(long batch, long head, long query, long key)
    {
        var first = find(AttentionRole.Position) is var (position, _) ? position.Load(0).Whole : 0;
        return (!kernel.IsCausal || key <= query + first)
            && (find(AttentionRole.Lengths) is not var (lengths, one) || key < lengths.Load(batch * one[0]).Whole)
            && (find(AttentionRole.Mask) is not var (mask, strides) || mask.Type != DType.Bool || mask.Load(Place(strides, batch, head, query, key)).Whole != 0);
    }

    double Score(long batch, long head, long keyHead, long query, long key)
    {
        if (!IsSeen(batch, head, query, key)) return double.NegativeInfinity;
        var score = R(Chain(0, sizes.Width, i => Load(AttentionRole.Query, batch, head, query, i), i => Load(AttentionRole.Key, batch, keyHead, key, i)) * R(kernel.Scale));
        return find(AttentionRole.Mask) is var (mask, strides) && mask.Type != DType.Bool ? R(score + mask.Real(Place(strides, batch, head, query, key))) : score;
    }

    double Kept(long batch, long head, long query, long key)
    {
        if (kernel.Dropout == 0) return 1;
        long Number(AttentionRole role) => this[role].At.Load(0).Whole;
        var element = ((batch * sizes.Heads + head) * sizes.Queries + query) * sizes.Keys + key + (find(AttentionRole.First) is null ? 0 : Number(AttentionRole.First));
        var number = Philox.Uniform((ulong)Number(AttentionRole.Seed), Philox.Stream(Number(AttentionRole.Stream), Number(AttentionRole.Iteration)), (ulong)element);
        return number >= (float)kernel.Dropout ? R(1 / (1 - kernel.Dropout)) : 0;
    }

    void Forward(long batch, long head, long keyHead)
    {
        for (long query = 0; query < sizes.Queries; query++)
        {
            var (most, sum, result) = (double.NegativeInfinity, 0.0, new double[sizes.Depth]);
            for (long begin = 0; begin < sizes.Keys; begin += kernel.Tiles.Keys)
            {
                var end = Math.Min(begin + kernel.Tiles.Keys, sizes.Keys);
                double[] weights = [.. Enumerable.Range((int)begin, (int)(end - begin)).Select(key => Score(batch, head, keyHead, query, key))];
                var largest = Math.Max(most, weights.Max());
                var origin = double.IsNegativeInfinity(largest) ? 0 : largest;
                var shrink = R(exponential(R(most - origin)));
                var totals = new double[4];
                for (var key = begin; key < end; key++)
                {
                    ref var weight = ref weights[key - begin];
                    totals[(key - begin) % 4] = R(totals[(key - begin) % 4] + (weight = R(exponential(R(weight - origin)))));
                    weight = R(weight * Kept(batch, head, query, key));
                }
                for (long i = 0; i < sizes.Depth; i++)
                    result[i] = R(R(result[i] * shrink) + Chain(begin, end, key => Load(AttentionRole.Value, batch, keyHead, key, i), key => weights[key - begin]));
                (most, sum) = (largest, R(R(sum * shrink) + R(R(totals[0] + totals[1]) + R(totals[2] + totals[3]))));
            }
            for (long i = 0; i < sizes.Depth; i++) Store(AttentionRole.Output, batch, head, query, i, sum == 0 ? 0 : R(result[i] / sum));
            Store(AttentionRole.Normalizer, batch, head, query, 0, most);
            Store(AttentionRole.Normalizer, batch, head, query, 1, sum);
        }
    }

    void Backward(long batch, long keyHead, long group)
    {
        var (dKey, dValue) = (new double[sizes.Keys, sizes.Width], new double[sizes.Keys, sizes.Depth]);
        for (var head = keyHead * group; head < (keyHead + 1) * group; head++)
            for (long begin = 0; begin < sizes.Queries; begin += kernel.Tiles.GradientQueries)
            {
                var end = Math.Min(begin + kernel.Tiles.GradientQueries, sizes.Queries);
                var dQuery = new double[end - begin, sizes.Width];
                var parts = kernel.Tiles.Parts(sizes);
                for (long part = 0; part < parts; part++)
                {
                    var (from, to) = kernel.Tiles.KeysOf(part, parts, sizes);
                    var ofPart = new double[end - begin, sizes.Width];
                    for (var first = from; first < to; first += kernel.Tiles.GradientKeys) Tile(batch, head, keyHead, begin, end, first, Math.Min(first + kernel.Tiles.GradientKeys, to), ofPart, dKey, dValue);
                    for (long i = 0; i < ofPart.Length; i++) dQuery[i / sizes.Width, i % sizes.Width] = R(dQuery[i / sizes.Width, i % sizes.Width] + ofPart[i / sizes.Width, i % sizes.Width]);
                }
                for (var query = begin; query < end; query++)
                    for (long i = 0; i < sizes.Width; i++) Store(AttentionRole.QueryGradient, batch, head, query, i, dQuery[query - begin, i]);
            }
        for (long key = 0; key < sizes.Keys; key++)
        {
            for (long i = 0; i < sizes.Width; i++) Store(AttentionRole.KeyGradient, batch, keyHead, key, i, dKey[key, i]);
            for (long i = 0; i < sizes.Depth; i++) Store(AttentionRole.ValueGradient, batch, keyHead, key, i, dValue[key, i]);
        }
    }

    void Tile(long batch, long head, long keyHead, long begin, long end, long first, long last, double[,] dQuery, double[,] dKey, double[,] dValue)
    {
        var (used, scores) = (new double[end - begin, last - first], new double[end - begin, last - first]);
        for (var query = begin; query < end; query++)
        {
            double Gradient(long i) => Load(AttentionRole.OutputGradient, batch, head, query, i);
            var mean = Chain(0, sizes.Depth, Gradient, i => Load(AttentionRole.Output, batch, head, query, i));
            var (origin, sum) = (Load(AttentionRole.Normalizer, batch, head, query, 0), Load(AttentionRole.Normalizer, batch, head, query, 1));
            for (var key = first; key < last; key++)
            {
                var score = Score(batch, head, keyHead, query, key);
                if (double.IsNegativeInfinity(score)) continue;
                var (weight, kept) = (R(R(exponential(R(score - origin))) * R(1 / sum)), Kept(batch, head, query, key));
                var dWeight = R(Chain(0, sizes.Depth, Gradient, i => Load(AttentionRole.Value, batch, keyHead, key, i)) * kept);
                used[query - begin, key - first] = R(weight * kept);
                scores[query - begin, key - first] = R(R(weight * R(dWeight - mean)) * R(kernel.Scale));
            }
        }
        for (var key = first; key < last; key++)
        {
            for (long i = 0; i < sizes.Width; i++) dKey[key, i] = R(dKey[key, i] + Chain(begin, end, query => Load(AttentionRole.Query, batch, head, query, i), query => scores[query - begin, key - first]));
            for (long i = 0; i < sizes.Depth; i++) dValue[key, i] = R(dValue[key, i] + Chain(begin, end, query => Load(AttentionRole.OutputGradient, batch, head, query, i), query => used[query - begin, key - first]));
        }
        for (var query = begin; query < end; query++)
            for (long i = 0; i < sizes.Width; i++)
                dQuery[query - begin, i] = R(dQuery[query - begin, i] + Chain(first, last, key => Load(AttentionRole.Key, batch, keyHead, key, i), key => scores[query - begin, key - first]));
    }
}
