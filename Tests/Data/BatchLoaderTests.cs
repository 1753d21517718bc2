using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using Graph.Compiler.Ir;
using Graph.Data;
using Xunit;

namespace Graph.Tests.Data;

public class BatchLoaderTests
{
    // Row i is the picture (i, -i) of class i.
    static TableDataset Rows(int count) => new TableDataset()
        .With("image", Enumerable.Range(0, count).SelectMany(i => new float[] { i, -i }).ToArray(), 2)
        .With("label", Enumerable.Range(0, count).ToArray());

    static List<int[]> Epoch(IBatchSource source, int epoch = 0, int firstBatch = 0)
    {
        using var reader = source.Open(epoch, firstBatch);
        var batches = new List<int[]>();
        while (reader.Next())
        {
            var labels = reader.Values<int>(1).ToArray();
            Assert.Equal(reader.Count, labels.Length);
            Assert.Equal(labels.SelectMany(i => new float[] { i, -i }), reader.Values<float>(0).ToArray());
            batches.Add(labels);
        }
        Assert.False(reader.Next());
        return batches;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    public void Every_row_comes_once_an_epoch(int prefetch)
    {
        var batches = Epoch(new BatchLoader(Rows(10), 4, new() { Prefetch = prefetch }));
        Assert.Equal([4, 4, 2], batches.Select(batch => batch.Length));
        Assert.Equal(Enumerable.Range(0, 10), batches.SelectMany(batch => batch).Order());
    }

    sealed class Blocking : Dataset, IDisposable
    {
        readonly ManualResetEventSlim gate = new();

        public override int Count => 10;

        public override ImmutableArray<DataColumn> Columns => [new("x", DType.F32, [])];

        public override void CopyRow(int row, int column, Span<byte> destination) => gate.Wait();

        public void Dispose() => gate.Set();
    }

    [Fact]
    public void A_reader_of_rows_that_never_come_can_be_left()
    {
        using var rows = new Blocking();
        var reader = new BatchLoader(rows, 4).Open(0);
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.Next());
    }

    [Fact]
    public void A_failure_is_told_as_often_as_it_is_asked_for()
    {
        foreach (var prefetch in new[] { 0, 2 })
        {
            using var reader = new BatchLoader(new Failing(), 4, new() { Prefetch = prefetch }).Open(0);
            Assert.Throws<InvalidTimeZoneException>(() => reader.Next());
            Assert.Throws<InvalidTimeZoneException>(() => reader.Next());
        }
    }

    sealed class Failing : Dataset
    {
        public override int Count => 10;

        public override ImmutableArray<DataColumn> Columns => [new("x", DType.F32, [])];

        public override void CopyRow(int row, int column, Span<byte> destination) => throw new InvalidTimeZoneException();
    }

    [Fact]
    public void Shapes_and_batches_beyond_what_an_array_holds_are_refused_by_name()
    {
        Assert.Contains("beyond 2 GiB", Assert.Throws<ArgumentException>(() => new DataColumn("x", DType.F32, [65536, 65536])).Message, StringComparison.Ordinal);
        Assert.Contains("at least 1", Assert.Throws<ArgumentException>(() => new TableDataset().With("x", new float[6], -2, -3)).Message, StringComparison.Ordinal);
        Assert.Contains("A batch of 2147483647 rows of image", Assert.Throws<ArgumentException>(() => new BatchLoader(Rows(4), int.MaxValue, new() { Order = BatchOrder.Sampled })).Message, StringComparison.Ordinal);
        Assert.Equal(4, Epoch(new BatchLoader(Rows(4), int.MaxValue)).Single().Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenWindows(new int[100], 4).SplitText(double.NaN));
    }

    [Fact]
    public void A_last_batch_that_is_not_full_can_be_dropped()
    {
        var loader = new BatchLoader(Rows(10), 4, new() { DropLast = true });
        Assert.Equal(2, loader.Batches);
        Assert.All(Epoch(loader), batch => Assert.Equal(4, batch.Length));
    }

    [Fact]
    public void The_order_is_a_function_of_seed_and_epoch()
    {
        int[] Order(ulong seed, int epoch) => [.. Epoch(new BatchLoader(Rows(50), 8, new() { Seed = seed }), epoch).SelectMany(batch => batch)];
        Assert.Equal(Order(1, 0), Order(1, 0));
        Assert.NotEqual(Order(1, 0), Order(1, 1));
        Assert.NotEqual(Order(1, 0), Order(2, 0));
    }

    [Fact]
    public void The_order_is_the_same_on_every_machine()
        => Assert.Equal([7, 1, 4, 3, 2, 0, 9, 8, 6, 5], Epoch(new BatchLoader(Rows(10), 10, new() { Seed = 42 })).Single());

    [Fact]
    public void Sequential_batches_keep_the_order_of_the_rows()
        => Assert.Equal(Enumerable.Range(0, 10), Epoch(new BatchLoader(Rows(10), 3, new() { Order = BatchOrder.Sequential })).SelectMany(batch => batch));

    [Theory]
    [InlineData(BatchOrder.Shuffled)]
    [InlineData(BatchOrder.Sampled)]
    public void An_epoch_can_go_on_in_its_middle(BatchOrder order)
    {
        var loader = new BatchLoader(Rows(20), 3, new() { Seed = 7, Order = order });
        Assert.Equal(Epoch(loader, epoch: 2).Skip(4), Epoch(loader, epoch: 2, firstBatch: 4));
    }

    [Fact]
    public void Sampled_batches_are_full_and_as_many_as_wanted()
    {
        var batches = Epoch(new BatchLoader(Rows(5), 4, new() { Order = BatchOrder.Sampled, BatchesPerEpoch = 100 }));
        Assert.Equal(100, batches.Count);
        var drawn = batches.SelectMany(batch => batch).CountBy(row => row).Select(pair => pair.Value).ToArray();
        Assert.Equal(5, drawn.Length);
        Assert.All(drawn, count => Assert.InRange(count, 50, 110));
    }

    [Fact]
    public void A_batch_stays_as_it_is_until_the_reader_moves_on()
    {
        using var reader = new BatchLoader(Rows(64), 2, new() { Order = BatchOrder.Sequential, Prefetch = 1 }).Open(0);
        for (var batch = 0; reader.Next(); batch++)
        {
            System.Threading.Thread.Sleep(1);
            Assert.Equal([2 * batch, 2 * batch + 1], reader.Values<int>(1).ToArray());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Batches_are_made_without_allocating(int prefetch)
    {
        using var reader = new BatchLoader(Rows(4000), 4, new() { Prefetch = prefetch }).Open(0);
        for (var i = 0; i < 50; i++)
            Assert.True(reader.Next());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var sum = 0;
        for (var i = 0; i < 500; i++)
        {
            Assert.True(reader.Next());
            sum += reader.Values<int>(1)[0] + reader.Column(0).Length;
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(sum > 0);
    }

    [Fact]
    public void A_reader_can_be_left_before_the_end()
    {
        var loader = new BatchLoader(Rows(100), 1);
        for (var i = 0; i < 20; i++)
        {
            using var reader = loader.Open(i);
            Assert.True(reader.Next());
        }
        using var unread = loader.Open(0);
    }

    [Fact]
    public void A_failure_in_the_background_reaches_the_reader()
    {
        using var reader = new BatchLoader(new Broken(), 2).Open(0);
        Assert.True(reader.Next());
        Assert.Equal("row 3", Assert.Throws<IOException>(() => reader.Next()).Message);
    }

    [Fact]
    public void A_batch_is_not_read_before_the_first_Next()
    {
        using var reader = new BatchLoader(Rows(4), 2).Open(0);
        Assert.Equal(0, reader.Count);
        Assert.Throws<InvalidOperationException>(() => reader.Column(0).Length);
    }

    [Fact]
    public void What_makes_no_batch_is_refused()
    {
        Assert.Contains("make no full batch of 8", Assert.Throws<ArgumentException>(() => new BatchLoader(Rows(7), 8, new() { DropLast = true })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new BatchLoader(new TableDataset(), 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchLoader(Rows(7), 0));
        Assert.Throws<ArgumentException>(() => new BatchLoader(Rows(7), 2, new() { BatchesPerEpoch = 3 }));
    }

    [Fact]
    public void Held_out_rows_are_the_same_for_a_seed_and_never_train()
    {
        static int[] Labels(Dataset data) => [.. Epoch(new BatchLoader(data, 7, new() { Order = BatchOrder.Sequential })).SelectMany(batch => batch)];
        var (training, heldOut) = Rows(100).Split(0.2, seed: 3);
        Assert.Equal((80, 20), (training.Count, heldOut.Count));
        Assert.Equal(Enumerable.Range(0, 100), Labels(training).Concat(Labels(heldOut)).Order());
        Assert.Equal(Labels(heldOut), Labels(Rows(100).Split(0.2, seed: 3).HeldOut));
        Assert.NotEqual(Labels(heldOut), Labels(Rows(100).Split(0.2, seed: 4).HeldOut));
        Assert.Throws<ArgumentException>(() => Rows(100).Split(0));
    }

    [Fact]
    public void Columns_tell_name_type_and_shape()
    {
        Assert.Equal([new DataColumn("image", DType.F32, [2]), new DataColumn("label", DType.I32, [])], Rows(3).Columns.AsEnumerable());
        Assert.Equal("image: f32[2]", Rows(3).Columns[0].ToString());
    }

    [Fact]
    public void Columns_that_do_not_fit_together_are_refused()
    {
        Assert.Contains("5 values are no whole number of rows of image: f32[2]", Assert.Throws<ArgumentException>(() => new TableDataset().With("image", new float[5], 2)).Message, StringComparison.Ordinal);
        Assert.Contains("label: i32[] has 4 rows, but image: f32[2] has 3", Assert.Throws<ArgumentException>(() => new TableDataset().With("image", new float[6], 2).With("label", new int[4])).Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => new TableDataset().With("text", new char[4]));
    }

    [Fact]
    public void Windows_of_a_text_have_targets_one_place_later()
    {
        var windows = new TokenWindows(new[] { 10, 11, 12, 13, 14 }, context: 3);
        Assert.Equal(2, windows.Count);
        using var reader = new BatchLoader(windows, 2, new() { Order = BatchOrder.Sequential }).Open(0);
        Assert.True(reader.Next());
        Assert.Equal([10, 11, 12, 11, 12, 13], reader.Values<int>(0).ToArray());
        Assert.Equal([11, 12, 13, 12, 13, 14], reader.Values<int>(1).ToArray());
    }

    [Fact]
    public void No_window_crosses_the_border_of_a_split_text()
    {
        var (training, heldOut) = new TokenWindows(Enumerable.Range(0, 100).ToArray(), 8).SplitText(0.1);
        Assert.Equal((90 - 8, 10 - 8), (training.Count, heldOut.Count));
        Assert.Throws<ArgumentException>(() => new TokenWindows(new int[8], 8));
    }

    sealed class Broken : Dataset
    {
        public override int Count => 10;

        public override ImmutableArray<DataColumn> Columns => [new DataColumn("x", DType.I8, [])];

        public override void CopyRow(int row, int column, Span<byte> destination)
        {
            // The shuffled order does not matter: the third row that is read fails.
            if (System.Threading.Interlocked.Increment(ref read) == 3)
                throw new IOException("row 3");
        }

        int read;
    }
}
