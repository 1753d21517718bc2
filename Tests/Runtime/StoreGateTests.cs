using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Graph.Runtime.Parameters;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class StoreGateTests
{
    // Threads of their own: the pool's may be fewer than those that wait for each other.
    static Task[] Start(int count, Action<int> work) => [.. Enumerable.Range(0, count).Select(i => Task.Factory.StartNew(() => work(i), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

    [Fact]
    public async Task Writers_are_alone_and_readers_never_see_half_a_change()
    {
        var gate = new StoreGate();
        long first = 0, second = 0;
        var writers = Start(3, _ =>
        {
            for (var i = 0; i < 2000; i++)
            {
                using var alone = gate.Exclude();
                first++;
                if (i % 100 == 0) Thread.Yield();
                second++;
            }
        });
        var readers = Start(4, _ =>
        {
            while (true)
            {
                using var inside = gate.Share();
                Assert.Equal(first, second);
                if (first == 6000) return;
            }
        });
        await Task.WhenAll([.. writers, .. readers]);
        Assert.Equal(6000, first);
    }

    [Fact]
    public async Task Readers_that_never_leave_together_let_a_writer_in()
    {
        // Two readers hand over to each other: at no moment is nobody inside, unless the gate keeps them out.
        var gate = new StoreGate();
        using var stop = new CancellationTokenSource();
        var readers = Start(4, _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var inside = gate.Share();
                Thread.SpinWait(2000);
            }
        });
        await Task.WhenAll(Start(1, _ =>
        {
            for (var i = 0; i < 300; i++) gate.Exclude().Dispose();
        }));
        stop.Cancel();
        await Task.WhenAll(readers);
    }

    [Fact]
    public async Task Writers_that_follow_each_other_let_readers_in()
    {
        var gate = new StoreGate();
        using var stop = new CancellationTokenSource();
        var writers = Start(4, _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var alone = gate.Exclude();
                Thread.SpinWait(2000);
            }
        });
        await Task.WhenAll(Start(2, _ =>
        {
            for (var i = 0; i < 300; i++) gate.Share().Dispose();
        }));
        stop.Cancel();
        await Task.WhenAll(writers);
    }

    [Fact]
    public async Task An_interrupted_thread_leaves_the_gate_in_order()
    {
        var gate = new StoreGate();
        Thread? reader = null;
        var interrupted = false;
        Task[] waiting;
        using (gate.Exclude())
        {
            using var started = new ManualResetEventSlim();
            waiting = Start(1, _ =>
            {
                reader = Thread.CurrentThread;
                started.Set();
                gate.Share().Dispose();
                try
                {
                    Thread.Sleep(0);
                    Thread.Sleep(1);
                }
                catch (ThreadInterruptedException)
                {
                    interrupted = true; // only when it is through
                }
            });
            started.Wait();
            reader!.Interrupt();
        }
        await Task.WhenAll(waiting);
        Assert.True(interrupted);
        gate.Exclude().Dispose();
        gate.Share().Dispose();
    }

    [Fact]
    public void An_open_gate_allocates_nothing()
    {
        var gate = new StoreGate();
        Allocations.AssertNone(() =>
        {
            gate.Share().Dispose();
            gate.Exclude().Dispose();
        });
    }
}
