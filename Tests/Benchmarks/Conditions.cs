using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>What the machine can do at the moment, and what speaks against believing a measurement that is made on it.</summary>
/// <param name="PeakOne">GFLOP/s of multiply-adds on one thread.</param>
/// <param name="PeakAll">On all.</param>
/// <param name="BandwidthAll">GB/s that all threads together read and write while they copy.</param>
sealed record Conditions(double PeakOne, double PeakAll, double BandwidthAll, int Threads)
{
    /// <summary>Of two threads' peak less than this share is there: something else has the processors, or they are two halves of one core.</summary>
    const double LeastScaling = 0.95;

    /// <summary>So much of the machine may do other things.</summary>
    const double MostForeign = 0.05;

    /// <summary>So much slower than the fastest round may the slowest one be.</summary>
    const double MostSpread = 0.15;

    public static Conditions Measure(int threads)
    {
        using var one = new WorkerPool(1);
        using var all = new WorkerPool(threads);
        return new(Timing.Peak(one), Timing.Peak(all), Bandwidth(all), threads);
    }

    static unsafe double Bandwidth(WorkerPool pool)
    {
        const long bytes = 256L << 20;
        var job = (Copying*)NativeMemory.Alloc((nuint)sizeof(Copying));
        *job = new() { From = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096), To = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096) };
        new Span<byte>(job->From, (int)bytes).Fill(1);
        var seconds = Timing.Best(() => pool.Run(&Copy, job, bytes, 1 << 20));
        NativeMemory.AlignedFree(job->From);
        NativeMemory.AlignedFree(job->To);
        NativeMemory.Free(job);
        return 2.0 * bytes / seconds / 1e9;
    }

    unsafe struct Copying
    {
        public byte* From, To;
    }

    static unsafe void Copy(void* context, long begin, long end, int worker)
    {
        var job = (Copying*)context;
        NativeMemory.Copy(job->From + begin, job->To + begin, (nuint)(end - begin));
    }

    /// <summary>Why a measurement should not be believed; empty when nothing speaks against it.</summary>
    /// <param name="foreign">The share of the machine that others had meanwhile; null where the system does not say.</param>
    /// <param name="rounds">The best time of each round.</param>
    public IReadOnlyList<string> Flags(double? foreign, IReadOnlyList<double> rounds)
    {
        var flags = new List<string>();
        if (PeakAll < LeastScaling * Threads * PeakOne) flags.Add(string.Create(CultureInfo.InvariantCulture, $"peak_all is {PeakAll / PeakOne:F2} x peak_1, less than {LeastScaling * Threads:F2}"));
        if (foreign > MostForeign) flags.Add(string.Create(CultureInfo.InvariantCulture, $"foreign load is {foreign:P0}, more than {MostForeign:P0}"));
        if (rounds.Count > 0 && rounds.Max() > (1 + MostSpread) * rounds.Min()) flags.Add(string.Create(CultureInfo.InvariantCulture, $"rounds differ by {rounds.Max() / rounds.Min() - 1:P0}, more than {MostSpread:P0}"));
        return flags;
    }
}

/// <summary>How busy others keep the machine, from its making on. Linux says so; elsewhere nobody knows.</summary>
sealed class ForeignLoad
{
    const string Source = "/proc/stat";
    readonly TimeSpan began = Own();
    readonly double busy = Busy() ?? 0;
    readonly Stopwatch clock = Stopwatch.StartNew();

    /// <summary>The share of all processors' time since then that went to other processes.</summary>
    public double? Share => Busy() is { } now ? Math.Max(0, (now - busy - (Own() - began).TotalSeconds) / (clock.Elapsed.TotalSeconds * Environment.ProcessorCount)) : null;

    static TimeSpan Own()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime;
    }

    // Seconds that all processors were busy since the machine started; a tick is a hundredth. Fields: user, nice, system, idle, iowait, irq, softirq, steal.
    static double? Busy()
    {
        if (!File.Exists(Source)) return null;
        var fields = File.ReadLines(Source).First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(f => double.Parse(f, CultureInfo.InvariantCulture)).ToArray();
        return (fields.Sum() - fields[3] - fields[4]) / 100;
    }
}
