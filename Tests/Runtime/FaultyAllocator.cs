using System;
using System.Threading;
using Graph.Runtime.Memory;

namespace Graph.Tests.Runtime;

/// <summary>Fails one allocation, and counts what lives.</summary>
/// <param name="failing">Which allocation fails: 1 for the first.</param>
/// <param name="isAnswered">Who meets the failure tries once more, where <see cref="IsInjected"/> is asked; otherwise it reaches the test.</param>
sealed class FaultyAllocator(int failing, bool isAnswered = true) : NativeAllocator
{
    int allocations, pending;

    /// <summary>Whether it came to the failure.</summary>
    public bool HasFailed => Volatile.Read(ref allocations) >= failing;

    /// <summary>True once after the failure, for who tries again.</summary>
    public bool TakeFailure() => Interlocked.Exchange(ref pending, 0) != 0;

    protected override void Before(long bytes, string purpose)
    {
        if (Interlocked.Increment(ref allocations) != failing) return;
        if (isAnswered) Volatile.Write(ref pending, 1);
        throw Refused(bytes, purpose);
    }

    /// <summary>True when <paramref name="error"/> is the failure of this flow's allocator, and not yet answered: then the caller tries once more, as a user would.</summary>
    public static bool IsInjected(OutOfMemoryException error) => error is not null && Current is FaultyAllocator faulty && faulty.TakeFailure();

    /// <summary>
    /// Runs a scenario that tries again where <see cref="IsInjected"/> says so, with the first allocation failing, then with the second, until none fails. Each time it must come to its end and
    /// leave nothing allocated.
    /// </summary>
    /// <returns>How many failures were survived.</returns>
    public static int FailEach(Action scenario)
    {
        for (var n = 1; ; n++)
        {
            var faulty = new FaultyAllocator(n);
            Current = faulty;
            try
            {
                scenario();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"With allocation {n} failing: {e.Message}", e);
            }
            finally
            {
                Current = null!;
            }
            if (faulty.LiveBlocks != 0) throw new InvalidOperationException($"With allocation {n} failing, {faulty.LiveBlocks} blocks were left.");
            if (!faulty.HasFailed) return n - 1;
        }
    }
}
