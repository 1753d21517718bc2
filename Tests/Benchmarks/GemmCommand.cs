using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>
/// <c>gemm [--layout nn|nt|tn] [--threads N] [M N K]…</c>: one JSON object a shape, with GFLOP/s (10⁹ float32 operations a second, the best of several runs) of our
/// contraction and of OpenBLAS where it is installed, with one thread and with all, beside the machine's measured multiply-add peak.
/// </summary>
static unsafe class GemmCommand
{
    // The products of the yardstick models (batch as in torch_bench.py): forward, gradient of input, gradient of weight.
    static readonly (string Layout, long M, long N, long K)[] shapes =
    [
        ("nt", 128, 512, 784), ("nt", 128, 512, 512), ("nt", 128, 10, 512), ("tn", 512, 784, 128), ("nn", 128, 512, 10),
        ("nt", 768, 384, 128), ("nt", 768, 128, 512), ("tn", 512, 128, 768), ("nt", 768, 65, 128),
        ("nt", 256, 2304, 768), ("nt", 256, 3072, 768), ("nt", 256, 768, 3072), ("nn", 256, 768, 3072), ("tn", 3072, 768, 256),
        ("nt", 256, 50257, 768), ("nn", 256, 768, 50257), ("tn", 50257, 768, 256), ("nn", 1024, 1024, 1024),
    ];

    delegate void Sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    delegate void SetThreads(int threads);

    public static int Run(string[] args)
    {
        int threads = Environment.ProcessorCount;
        string layout = "nn";
        var numbers = new List<long>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--layout" && i + 1 < args.Length) layout = args[++i];
            else numbers.Add(long.Parse(args[i], CultureInfo.InvariantCulture));
        }
        if (numbers.Count % 3 != 0 || layout is not ("nn" or "nt" or "tn"))
        {
            Console.Error.WriteLine("usage: Benchmarks gemm [--layout nn|nt|tn] [--threads N] [M N K]...");
            return 2;
        }
        var list = new List<(string, long, long, long)>();
        for (int i = 0; i < numbers.Count; i += 3) list.Add((layout, numbers[i], numbers[i + 1], numbers[i + 2]));
        if (list.Count == 0) list.AddRange(shapes);

        var blas = LoadBlas(out var setThreads);
        using var one = new WorkerPool(1);
        using var all = new WorkerPool(threads);
        var conditions = Conditions.Measure(threads);
        foreach (var (how, m, n, k) in list) Console.WriteLine(Measure(how, m, n, k, one, all, conditions, blas, setThreads));
        return 0;
    }

    static string Measure(string layout, long m, long n, long k, WorkerPool one, WorkerPool all, Conditions conditions, Sgemm? blas, SetThreads? setThreads)
    {
        float* a = Timing.Fill(m * k), b = Timing.Fill(k * n), c = Timing.Fill(m * n);
        bool ta = layout[0] == 't', tb = layout[1] == 't';
        var call = (ContractCall*)NativeMemory.Alloc((nuint)sizeof(ContractCall));
        *call = new ContractCall(m, n, k)
        {
            A = a, AM = ta ? 1 : k, AK = ta ? m : 1,
            B = b, BK = tb ? 1 : n, BN = tb ? k : 1,
            C = c, CM = n, CN = 1,
        };
        double flops = 2.0 * m * n * k;
        call->WorkspaceFloats = Contract.WorkspaceFloats(call);
        call->Workspace = Timing.Fill(call->WorkspaceFloats);
        double Ours(WorkerPool pool) => flops / Timing.Best(() => Contract.Run(pool, call)) / 1e9;
        double Theirs(int threads)
        {
            if (blas is null || setThreads is null) return 0;
            setThreads(threads);
            return flops / Timing.Best(() => blas(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, 1, a, (int)(ta ? m : k), b, (int)(tb ? k : n), 0, c, (int)n)) / 1e9;
        }
        // In turn, twice: the better of both, and how far they are apart.
        var load = new ForeignLoad();
        double ourOne = Ours(one), theirOne = Theirs(1), ourAll = Ours(all), theirAll = Theirs(all.Threads), ourAgain = Ours(all);
        var flags = conditions.Flags(load.Share, [flops / ourAll, flops / ourAgain]);
        (ourOne, theirOne, ourAll, theirAll) = (Math.Max(ourOne, Ours(one)), Math.Max(theirOne, Theirs(1)), Math.Max(ourAll, ourAgain), Math.Max(theirAll, Theirs(all.Threads)));
        NativeMemory.AlignedFree(a);
        NativeMemory.AlignedFree(b);
        NativeMemory.AlignedFree(c);
        NativeMemory.Free(call);
        string blasFields = blas is null ? "" : string.Create(CultureInfo.InvariantCulture, $", \"openblas_1\": {theirOne:F1}, \"openblas_all\": {theirAll:F1}, \"ratio_1\": {ourOne / theirOne:F3}, \"ratio_all\": {ourAll / theirAll:F3}");
        return string.Create(CultureInfo.InvariantCulture, $"{{\"layout\": \"{layout}\", \"m\": {m}, \"n\": {n}, \"k\": {k}, \"gflops_1\": {ourOne:F1}, \"gflops_all\": {ourAll:F1}, \"threads\": {all.Threads}{blasFields}, \"peak_1\": {conditions.PeakOne:F1}, \"peak_all\": {conditions.PeakAll:F1}, \"flags\": {JsonSerializer.Serialize(flags)}}}");
    }

    static Sgemm? LoadBlas(out SetThreads? setThreads)
    {
        setThreads = null;
        if (!NativeLibrary.TryLoad("libopenblas.so.0", out nint library)) return null;
        if (!NativeLibrary.TryGetExport(library, "cblas_sgemm", out nint sgemm) || !NativeLibrary.TryGetExport(library, "openblas_set_num_threads", out nint set)) return null;
        setThreads = Marshal.GetDelegateForFunctionPointer<SetThreads>(set);
        return Marshal.GetDelegateForFunctionPointer<Sgemm>(sgemm);
    }
}
