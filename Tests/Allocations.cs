using System;
using Xunit;

namespace Graph.Tests;

/// <summary>Tells what a step allocates from what happens beside it.</summary>
static class Allocations
{
    // What a step allocates, every few steps or each time, leaves no such row.
    const int Row = 5;

    /// <summary>
    /// Fails unless some steps in a row allocate nothing on the calling thread. Not every step is held to that: on a busy machine, once in some runs, one of them is charged some kilobytes
    /// that are not the step's, with one worker as with several.
    /// </summary>
    /// <param name="step">Warm: what only its first calls allocate is there.</param>
    /// <param name="process">Also some step without an allocation in the whole process; the test host's own threads allocate several times a second, so steps have to be short.</param>
    public static void AssertNone(Action step, bool process = false, int attempts = 200)
    {
        long least = long.MaxValue, last = 0;
        var clean = 0;
        for (var i = 0; i < attempts && (clean < Row || (process && least > 0)); i++)
        {
            var whole = process ? GC.GetTotalAllocatedBytes(precise: true) : 0;
            var before = GC.GetAllocatedBytesForCurrentThread();
            step();
            var own = GC.GetAllocatedBytesForCurrentThread() - before;
            if (process) least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - whole);
            clean = own == 0 ? clean + 1 : 0;
            if (own > 0) last = own;
        }
        Assert.True(clean >= Row, $"No {Row} steps in a row were without allocations on the calling thread; the last one that had some took {last} bytes.");
        if (process) Assert.Equal(0, least);
    }
}
