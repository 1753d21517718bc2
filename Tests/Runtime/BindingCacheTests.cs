using System;
using System.Collections.Generic;
using System.Linq;
using Graph.Runtime.Execution;
using Graph.Tests.Models;
using Xunit;

namespace Graph.Tests.Runtime;

/// <summary>Calls of many sizes: each is planned once, and found again without an allocation.</summary>
public sealed class BindingCacheTests
{
    [Fact]
    public void What_was_not_used_for_longest_goes_first_and_the_latest_stays()
    {
        var dropped = new List<string>();
        var cache = new BindingCache<string>(100, dropped.Add);
        cache.Add([1], "one", 40);
        cache.Add([2], "two", 40);
        Assert.Equal("one", cache.Find([1]));
        cache.Add([3], "three", 40);
        Assert.Equal(["two"], dropped);
        Assert.Null(cache.Find([2]));
        Assert.Equal(80, cache.Bytes);
        cache.Add([4], "four", 1000);
        Assert.Equal(["two", "one", "three"], dropped);
        Assert.Equal("four", cache.Find([4]));
        Assert.Equal("four", cache.Latest);
        cache.Clear();
        Assert.Equal((0, 0, null), (cache.Count, cache.Bytes, cache.Latest));
        Assert.Equal(["two", "one", "three", "four"], dropped);
    }

    [Fact]
    public void Bindings_differ_in_every_value()
    {
        var cache = new BindingCache<string>(1 << 20);
        for (var i = 0; i < 20; i++)
            for (var j = 0; j < 20; j++) cache.Add([i, j], i + "," + j, 1);
        Assert.Equal("3,17", cache.Find([3, 17]));
        Assert.Equal("17,3", cache.Find([17, 3]));
        Assert.Null(cache.Find([20, 0]));
        Assert.Null(cache.Find([3]));
    }

    [Fact]
    public void Fifty_seven_lengths_in_any_order_are_planned_once_each_and_then_allocate_nothing()
    {
        var model = SourceModel.Lower(Medusa.Source).Compile();
        using var mixed = new ModelInstance(model, seed: 3, threads: 2);
        var random = new Random(5);
        var lengths = Enumerable.Range(8, 57).OrderBy(_ => random.Next()).ToArray();
        var tokens = Enumerable.Range(0, Medusa.Batch * 64).Select(i => i * 31 % Medusa.Vocabulary).ToArray();
        var losses = lengths.ToDictionary(l => l, l => Loss(mixed, tokens, l));
        var plans = model["loss"].Plans.Made;
        Assert.Equal(lengths.Length, plans);

        // Each again, in another order, while the arena has grown in between: the same bits, no plan, no allocation.
        foreach (var length in lengths.OrderBy(_ => random.Next()).ToArray()) Assert.Equal(losses[length], Loss(mixed, tokens, length));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = lengths.Length - 1; i >= 0; i--) Loss(mixed, tokens, lengths[i]);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        // An instance that has seen no other length gives them too, with the plans that are there.
        foreach (var length in new[] { 8, 23, 64 })
        {
            using var alone = new ModelInstance(model, seed: 3, threads: 1);
            Assert.Equal(losses[length], Loss(alone, tokens, length));
        }
        Assert.Equal(plans, model["loss"].Plans.Made);
    }

    static unsafe float Loss(ModelInstance instance, int[] tokens, int length)
    {
        float loss;
        var count = Medusa.Batch * length;
        fixed (void* t = tokens) instance.Run("loss", [new(t, count), new(t, count), new(t, count), new(t, count), new(t, count), new(&loss, 1)], default(ReadOnlySpan<long>));
        return loss;
    }
}
