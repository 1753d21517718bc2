using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>
/// <c>sums [--threads N] [M N K]…</c>: a product of which only the sums of its rows are wanted, in milliseconds, the best of several runs: written and then added up by a pass of its own (<c>apart_ms</c>, of which the product
/// is <c>product_ms</c>), and added up by the tasks that make it (<c>carried_ms</c>).
/// </summary>
static unsafe class SumsCommand
{
    static readonly (long M, long N, long K)[] shapes = [(4096, 1024, 32), (4096, 1024, 64), (4096, 1024, 256), (4096, 512, 512), (1024, 2048, 1024), (256, 768, 768), (128, 128, 128)];

    public static int Run(string[] args)
    {
        var threads = Environment.ProcessorCount;
        var numbers = new List<long>();
        for (var i = 0; i < args.Length; i++)
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else numbers.Add(long.Parse(args[i], CultureInfo.InvariantCulture));
        if (numbers.Count % 3 != 0)
        {
            Console.Error.WriteLine("usage: Benchmarks sums [--threads N] [M N K]...");
            return 2;
        }
        var list = new List<(long, long, long)>();
        for (var i = 0; i < numbers.Count; i += 3) list.Add((numbers[i], numbers[i + 1], numbers[i + 2]));
        using var pool = new WorkerPool(threads);
        foreach (var (m, n, k) in list.Count > 0 ? [.. list] : shapes) Console.WriteLine(Measure(m, n, k, pool));
        return 0;
    }

    /// <summary>Rows that lie in memory, and where their sums go.</summary>
    struct Rows
    {
        public float* Values, To;
        public long Length;
    }

    static string Measure(long m, long n, long k, WorkerPool pool)
    {
        float* a = Timing.Fill(m * k), b = Timing.Fill(k * n), c = Timing.Fill(m * n), sums = Timing.Fill(m);
        var (apart, carried) = (ContractCall.RowMajor(m, n, k, a, b, c), ContractCall.RowMajor(m, n, k, a, b, null));
        apart.WorkspaceFloats = carried.WorkspaceFloats = Contract.WorkspaceFloats(&apart);
        apart.Workspace = carried.Workspace = Timing.Fill(apart.WorkspaceFloats);
        carried.SumsOfC = new() { To = sums, Step = 1 };
        var rows = new Rows { Values = c, To = sums, Length = n };
        var (one, two, place) = ((nint)(&apart), (nint)(&carried), (nint)(&rows));
        double Product() => Timing.Best(() => Contract.Run(pool, (ContractCall*)one));
        double Apart() => Timing.Best(() =>
        {
            Contract.Run(pool, (ContractCall*)one);
            pool.Run(&AddUp, (void*)place, m, 1 + 16 * 1024 / n);
        });
        double Carried() => Timing.Best(() => Contract.Run(pool, (ContractCall*)two));
        // In turn, twice.
        var (product, pass, with) = (Product(), Apart(), Carried());
        (product, pass, with) = (Math.Min(product, Product()), Math.Min(pass, Apart()), Math.Min(with, Carried()));
        foreach (var memory in (nint[])[(nint)a, (nint)b, (nint)c, (nint)sums, (nint)apart.Workspace]) NativeMemory.AlignedFree((void*)memory);
        return JsonSerializer.Serialize(new { m, n, k, threads = pool.Threads, product_ms = Ms(product), apart_ms = Ms(pass), carried_ms = Ms(with), ratio = Math.Round(with / pass, 3) });
    }

    static double Ms(double seconds) => Math.Round(seconds * 1e3, 4);

    static void AddUp(void* context, long begin, long end, int worker)
    {
        var rows = (Rows*)context;
        var state = stackalloc float[RowSums.StateFloats];
        for (var i = begin; i < end; i++)
        {
            RowSums.Add(rows->Values + i * rows->Length, 0, rows->Length, rows->Length, state);
            rows->To[i] = RowSums.Finish(state);
        }
    }
}
