using System;
using System.Runtime.InteropServices;

namespace Graph.Runtime.Memory;

/// <summary>
/// Asks the system for pages of two megabytes. Touching memory for the first time costs a fault a page, and kernels that walk over gigabytes wait for the translation of addresses: both are 512 times fewer.
/// Linux gives such pages to who asks (most distributions have <c>madvise</c> in <c>/sys/kernel/mm/transparent_hugepage/enabled</c>); elsewhere, and where it refuses, nothing changes but time.
/// </summary>
static unsafe partial class LargePages
{
    // Below that the few faults cost less than asking, and rounding to large pages would show in a small process.
    const long Least = 16 << 20;

    const long PageBytes = 2 << 20;

    const int HugePages = 14; // MADV_HUGEPAGE

    /// <summary>Asks for memory that nobody has touched yet; small memory stays as it is.</summary>
    /// <param name="start">Its first byte.</param>
    /// <param name="bytes">How much.</param>
    public static void Ask(byte* start, long bytes)
    {
        if (bytes < Least || !OperatingSystem.IsLinux()) return;
        // Whole large pages only: their neighbours belong to others.
        var first = ((nint)start + PageBytes - 1) & -(nint)PageBytes;
        var last = ((nint)start + (nint)bytes) & -(nint)PageBytes;
        if (last > first) _ = Advise((void*)first, (nuint)(last - first), HugePages); // advice: refusing it fails nothing
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint bytes, int advice);
}
