using System;
using System.Diagnostics;
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

    struct Places
    {
        public fixed int Taken[8];
        public int Clashes, Beyond;
    }

    // A place is a worker's scratch memory: no two may have one at the same time.
    static void TakePlace(void* context, long begin, long end, int worker)
    {
        var places = (Places*)context;
        if ((uint)worker >= 4) Interlocked.Increment(ref places->Beyond);
        if (Interlocked.Exchange(ref places->Taken[worker & 7], 1) != 0) Interlocked.Increment(ref places->Clashes);
        Thread.SpinWait(20);
        Volatile.Write(ref places->Taken[worker & 7], 0);
    }

    [Fact]
    public void Threads_that_come_late_or_to_the_next_run_never_share_a_place()
    {
        using var pool = new WorkerPool(4);
        using var other = new WorkerPool(3);
        Places places = default, others = default;
        for (int round = 0; round < 3000; round++)
        {
            pool.Run(&TakePlace, &places, 2 + round % 7, 1);
            if (round % 5 == 0) other.Run(&TakePlace, &others, 4, 1);
            if (round % 100 == 0) Thread.Sleep(1); // let them park
        }
        Assert.Equal((0, 0, 0, 0), (places.Clashes, places.Beyond, others.Clashes, others.Beyond));
    }

    struct Parts
    {
        public fixed int Begun[4], Worker[4];
        public int Missed;
    }

    // The first chunk waits for somebody who begins with the third, where one comes; who has that waits for the second.
    static void Meet(void* context, long begin, long end, int worker)
    {
        var parts = (Parts*)context;
        parts->Worker[begin] = worker;
        Volatile.Write(ref parts->Begun[begin], 1);
        var start = Stopwatch.GetTimestamp();
        while (begin is 0 or 2 && Volatile.Read(ref parts->Begun[begin == 0 ? 2 : 1]) == 0 && Volatile.Read(ref parts->Missed) == 0)
        {
            Thread.Yield();
            if (Stopwatch.GetElapsedTime(start).TotalMilliseconds > (begin == 0 ? 20 : 10_000)) Volatile.Write(ref parts->Missed, 1);
        }
    }

    /// <summary>What a run writes lies in the cache of the processor that goes on with it.</summary>
    [Fact]
    public void A_worker_begins_with_the_same_part_in_every_run()
    {
        using var pool = new WorkerPool(2);
        for (int round = 0; round < 20; round++)
        {
            Parts parts = default;
            pool.Run(&Meet, &parts, 4, 1);
            // Another test's pool may have the only other thread.
            if (parts.Missed == 0) Assert.Equal((0, 0, 1), (parts.Worker[0], parts.Worker[1], parts.Worker[2]));
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

    struct Seen
    {
        public int Highest, Active, MostActive;
    }

    static void Watch(void* context, long begin, long end, int worker)
    {
        var seen = (Seen*)context;
        int active = Interlocked.Increment(ref seen->Active), most;
        while (active > (most = Volatile.Read(ref seen->MostActive)) && Interlocked.CompareExchange(ref seen->MostActive, active, most) != most)
        {
        }
        if (worker > Volatile.Read(ref seen->Highest)) Volatile.Write(ref seen->Highest, worker);
        Thread.Yield();
        Interlocked.Decrement(ref seen->Active);
    }

    [Fact]
    public void A_run_uses_no_more_threads_than_its_pool_has_workers()
    {
        using var large = new WorkerPool(6); // so many threads has the process
        using var pool = new WorkerPool(2);
        var seen = default(Seen);
        for (int round = 0; round < 200; round++) pool.Run(&Watch, &seen, 20, 1);
        Assert.InRange(seen.MostActive, 1, 2);
        Assert.InRange(seen.Highest, 0, 1);
    }

    static void Block(void* context, long begin, long end, int worker)
    {
        Interlocked.Increment(ref ((int*)context)[0]);
        while (Volatile.Read(ref ((int*)context)[1]) == 0) Thread.Sleep(1);
    }

    [Fact]
    public void Who_finds_all_threads_busy_does_the_work_alone()
    {
        int* shared = stackalloc int[2];
        var state = (nint)shared;
        var blocker = new Thread(() =>
        {
            using var all = new WorkerPool(WorkerThreads.Count + 3);
            all.Run(&Block, (void*)state, all.Threads, 1);
        });
        blocker.Start();
        while (Volatile.Read(ref shared[0]) < 2) Thread.Sleep(1);
        using (var pool = new WorkerPool(2))
        {
            int* counts = stackalloc int[100];
            for (int round = 1; round <= 50; round++)
            {
                pool.Run(&Count, counts, 100, 3);
                for (int i = 0; i < 100; i++) Assert.Equal(round, counts[i]);
            }
        }
        Volatile.Write(ref shared[1], 1);
        blocker.Join();
    }

    [Fact]
    public void Pools_run_beside_each_other()
    {
        var threads = new Thread[4];
        var failures = 0;
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() =>
            {
                using var pool = new WorkerPool(3);
                int* counts = stackalloc int[64];
                for (int round = 1; round <= 500; round++)
                {
                    pool.Run(&Count, counts, 64, 1);
                    for (int i = 0; i < 64; i++)
                        if (counts[i] != round) Interlocked.Increment(ref failures);
                }
            });
            threads[t].Start();
        }
        foreach (var thread in threads) thread.Join();
        Assert.Equal(0, failures);
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
