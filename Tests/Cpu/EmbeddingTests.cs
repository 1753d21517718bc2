using System;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

public unsafe class EmbeddingTests
{
    [Theory]
    [InlineData(11, 5, 40, false)]
    [InlineData(300, 100, 1000, true)]
    public void Rows_are_picked_and_their_gradients_added_in_order(long rows, long width, long count, bool wide)
    {
        using var pool = new WorkerPool(2);
        using var table = NativeArray.Random(rows * width, 1);
        using var picks = new NativeArray(count * width);
        var random = new Random(3);
        long[] ids = new long[count];
        int[] narrow = new int[count];
        for (int i = 0; i < count; i++) ids[i] = narrow[i] = random.Next((int)rows);
        fixed (long* pointer = ids)
        fixed (int* small = narrow)
        {
            var call = new EmbeddingCall { Rows = rows, Width = width, RowStride = width, ColumnStride = 1, Count = count, Ids = wide ? pointer : small, WideIds = wide, IdPlaces = Places.Every(1), PickRows = Places.Every(width), PickStep = 1, Table = table.Pointer, Picks = picks.Pointer };
            Embedding.Gather(pool, &call);
            for (long i = 0; i < count; i++)
            {
                for (long k = 0; k < width; k++) Assert.Equal(table.Pointer[ids[i] * width + k], picks.Pointer[i * width + k]);
            }
            var expected = new float[rows * width];
            for (long i = 0; i < count * width; i++) expected[ids[i / width] * width + i % width] += picks.Pointer[i];
            using var gradient = new NativeArray(rows * width);
            call.Table = gradient.Pointer;
            Embedding.Gradient(pool, &call);
            Assert.Equal(expected, gradient.Span.ToArray());

            for (long i = 0; i < count * width; i++) expected[ids[i / width] * width + i % width] += picks.Pointer[i];
            using var sum = new NativeArray(rows * width);
            call.Start = gradient.Pointer;
            call.Table = sum.Pointer;
            Embedding.Gradient(pool, &call);
            Assert.Equal(expected, sum.Span.ToArray());
            call.Table = gradient.Pointer;
            Embedding.Gradient(pool, &call);
            Assert.Equal(expected, gradient.Span.ToArray());
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void An_index_outside_of_the_table_is_an_error(int id)
    {
        using var pool = new WorkerPool(2);
        float* table = stackalloc float[4], picks = stackalloc float[1];
        var error = Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            int local = id;
            var call = new EmbeddingCall { Rows = 4, Width = 1, RowStride = 1, ColumnStride = 1, Count = 1, Ids = &local, IdPlaces = Places.Every(1), Table = table, Picks = picks };
            Embedding.Gather(pool, &call);
        });
        Assert.Contains($"{id} lies outside of the 4 rows", error.Message, StringComparison.Ordinal);
    }

    // Sums in float32, in the order of the indices, rounded once; rows that nobody picks keep what they are added to. More rows than picks, and more picks than rows; columns of one block and of several.
    [Theory]
    [InlineData(3000, 300, 40, 1)]
    [InlineData(11, 130, 500, 1)]
    [InlineData(50, 7, 60, 3)]
    public void Gradients_of_16_bits_are_added_up_in_32(int rows, int width, int count, int step)
    {
        using var pool = new WorkerPool(2);
        var random = new Random(5);
        ushort Next() => NarrowFloats.ToHalf((float)(random.NextDouble() - 0.5));
        var ids = new int[count];
        for (var i = 0; i < count; i++) ids[i] = random.Next(rows);
        var picks = new ushort[count * width * step];
        for (var i = 0; i < picks.Length; i++) picks[i] = Next();
        var start = new ushort[rows * width];
        for (var i = 0; i < start.Length; i++) start[i] = Next();
        var scratch = stackalloc float*[2];
        foreach (var from in new[] { "nothing", "another", "itself" })
        {
            var sums = new float[rows * width];
            if (from != "nothing")
                for (var i = 0; i < sums.Length; i++) sums[i] = NarrowFloats.FromHalf(start[i]);
            for (var i = 0; i < count; i++)
                for (var j = 0; j < width; j++) sums[ids[i] * width + j] += NarrowFloats.FromHalf(picks[(i * width + j) * step]);
            var table = from == "itself" ? (ushort[])start.Clone() : new ushort[rows * width];
            if (from != "itself") Array.Fill(table, (ushort)0x1234);
            var columns = Math.Min(width, 128);
            fixed (int* id = ids)
            fixed (ushort* pick = picks, to = table, onto = start)
            fixed (float* first = new float[rows + Math.Min(rows, count) * columns], second = new float[rows + Math.Min(rows, count) * columns])
            {
                scratch[0] = first;
                scratch[1] = second;
                var call = new EmbeddingCall
                {
                    Rows = rows, Width = width, Count = count, Ids = id, IdPlaces = Places.Every(1), PickRows = Places.Every(width * step), PickStep = step, Picks = pick, Table = to,
                    Start = from == "nothing" ? null : from == "itself" ? to : onto, Sums = scratch, Columns = columns,
                };
                Embedding.NarrowGradient<Float16Elements, ushort, float>(pool, &call);
            }
            for (var i = 0; i < sums.Length; i++) Assert.Equal(NarrowFloats.ToHalf(sums[i]), table[i]);
        }
    }
}
