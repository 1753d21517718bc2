using System;
using System.Threading;
using Graph.Runtime.Cpu;
using Xunit;

namespace Graph.Tests.Cpu;

public unsafe class WorkerPoolTests
{
    static void Count(void* context, long begin, long end, int worker)
    {
        for (long i = begin; i < end; i++) Interlocked.Increment(ref ((int*)context)[i]);
    }

    static void Throw(void* context, long begin, long end, int worker)
    {
        if (begin <= 7 && 7 < end) throw new InvalidOperationException("seven");
    }

    static void Nest(void* context, long begin, long end, int worker) => ((WorkerPool)((System.Runtime.InteropServices.GCHandle)(nint)context).Target!).Run(&Count, null, 1, 1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_element_is_visited_exactly_once(int threads)
    {
        using var pool = new WorkerPool(threads);
        int[] counts = new int[1000];
        fixed (int* p = counts)
        {
            foreach (long grain in (long[])[1, 3, 7, 100, 999, 1000, 5000])
            {
                Array.Clear(counts);
                for (int round = 1; round <= 20; round++)
                {
                    pool.Run(&Count, p, counts.Length, grain);
                    foreach (int count in counts) Assert.Equal(round, count);
                }
            }
        }
    }

    [Fact]
    public void Parked_workers_come_back()
    {
        using var pool = new WorkerPool(3);
        int* counts = stackalloc int[64];
        for (int round = 0; round < 5; round++)
        {
            Thread.Sleep(3);
            pool.Run(&Count, counts, 64, 1);
        }
        for (int i = 0; i < 64; i++) Assert.Equal(5, counts[i]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_bodys_exception_reaches_the_caller_and_the_pool_lives_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int round = 0; round < 10; round++)
        {
            var error = Assert.Throws<InvalidOperationException>(() => pool.Run(&Throw, null, 100, 1));
            Assert.Equal("seven", error.Message);
        }
        int* counts = stackalloc int[8];
        pool.Run(&Count, counts, 8, 1);
        Assert.Equal(1, counts[7]);
    }

    [Fact]
    public void A_nested_run_is_refused()
    {
        using var pool = new WorkerPool(2);
        var handle = System.Runtime.InteropServices.GCHandle.Alloc(pool);
        Assert.Throws<InvalidOperationException>(() => pool.Run(&Nest, (void*)(nint)handle, 4, 1));
        handle.Free();
    }

    [Fact]
    public void A_run_allocates_nothing()
    {
        using var pool = new WorkerPool(2);
        int* counts = stackalloc int[64];
        pool.Run(&Count, counts, 64, 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) pool.Run(&Count, counts, 64, 1);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Dispose_twice_is_fine_and_then_runs_are_refused()
    {
        var pool = new WorkerPool(3);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(&Count, null, 1, 1));
    }

    [Fact]
    public void Scratch_grows()
    {
        using var pool = new WorkerPool(2);
        pool.EnsureScratch(9 << 20);
        Assert.Equal(9 << 20, pool.ScratchBytes);
        for (int worker = 0; worker < 2; worker++)
        {
            Assert.Equal(0, (long)pool.Scratch(worker) % 64);
            pool.Scratch(worker)[(9 << 18) - 1] = 1;
        }
    }
}
