using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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
        double peakOne = Peak(one), peakAll = Peak(all);
        foreach (var (how, m, n, k) in list) Console.WriteLine(Measure(how, m, n, k, one, all, peakOne, peakAll, blas, setThreads));
        return 0;
    }

    static string Measure(string layout, long m, long n, long k, WorkerPool one, WorkerPool all, double peakOne, double peakAll, Sgemm? blas, SetThreads? setThreads)
    {
        float* a = Fill(m * k), b = Fill(k * n), c = Fill(m * n);
        bool ta = layout[0] == 't', tb = layout[1] == 't';
        var call = (ContractCall*)NativeMemory.Alloc((nuint)sizeof(ContractCall));
        *call = new ContractCall(m, n, k)
        {
            A = a, AM = ta ? 1 : k, AK = ta ? m : 1,
            B = b, BK = tb ? 1 : n, BN = tb ? k : 1,
            C = c, CM = n, CN = 1,
        };
        double flops = 2.0 * m * n * k;
        double Ours(WorkerPool pool) => flops / Best(() => Contract.Run(pool, call)) / 1e9;
        double Theirs(int threads)
        {
            if (blas is null || setThreads is null) return 0;
            setThreads(threads);
            return flops / Best(() => blas(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, 1, a, (int)(ta ? m : k), b, (int)(tb ? k : n), 0, c, (int)n)) / 1e9;
        }
        double ourOne = Ours(one), theirOne = Theirs(1), ourAll = Ours(all), theirAll = Theirs(all.Threads);
        NativeMemory.AlignedFree(a);
        NativeMemory.AlignedFree(b);
        NativeMemory.AlignedFree(c);
        NativeMemory.Free(call);
        string blasFields = blas is null ? "" : string.Create(CultureInfo.InvariantCulture, $", \"openblas_1\": {theirOne:F1}, \"openblas_all\": {theirAll:F1}");
        return string.Create(CultureInfo.InvariantCulture, $"{{\"layout\": \"{layout}\", \"m\": {m}, \"n\": {n}, \"k\": {k}, \"gflops_1\": {ourOne:F1}, \"gflops_all\": {ourAll:F1}, \"threads\": {all.Threads}{blasFields}, \"peak_1\": {peakOne:F1}, \"peak_all\": {peakAll:F1}}}");
    }

    // The fastest of at least 5 runs and of a quarter of a second.
    static double Best(Action run)
    {
        run();
        double best = double.MaxValue;
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < 5 || Stopwatch.GetElapsedTime(begin).TotalSeconds < 0.25; i++)
        {
            long start = Stopwatch.GetTimestamp();
            run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    static float* Fill(long count)
    {
        float* data = (float*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)), 64);
        var random = new Random(1);
        for (long i = 0; i < count; i++) data[i] = random.NextSingle() - 0.5f;
        return data;
    }

    /// <summary>Multiply-adds in independent register chains on every thread: what no kernel can exceed.</summary>
    static double Peak(WorkerPool pool)
    {
        const long rounds = 200_000;
        float sink = 0;
        double seconds = Best(() =>
        {
            float result = 0;
            pool.Run(&PeakBody, &result, pool.Threads, 1);
            sink += result;
        });
        int lanes = Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;
        return sink == 1 ? 0 : 2.0 * 12 * lanes * rounds * pool.Threads / seconds / 1e9;
    }

    static void PeakBody(void* context, long begin, long end, int worker)
    {
        for (long i = begin; i < end; i++)
        {
            float sum = Vector512.IsHardwareAccelerated ? Chains512(200_000) : Vector256.IsHardwareAccelerated ? Chains256(200_000) : Chains128(200_000);
            if (sum == 1) *(float*)context = sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Chains512(long rounds)
    {
        Vector512<float> x = Vector512.Create(0.5f), y = Vector512.Create(0.25f);
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (; rounds > 0; rounds--)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y); b = Vector512.FusedMultiplyAdd(b, x, y); c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y); e = Vector512.FusedMultiplyAdd(e, x, y); f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y); h = Vector512.FusedMultiplyAdd(h, x, y); i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y); k = Vector512.FusedMultiplyAdd(k, x, y); l = Vector512.FusedMultiplyAdd(l, x, y);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Chains256(long rounds)
    {
        Vector256<float> x = Vector256.Create(0.5f), y = Vector256.Create(0.25f);
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (; rounds > 0; rounds--)
        {
            a = Vector256.MultiplyAddEstimate(a, x, y); b = Vector256.MultiplyAddEstimate(b, x, y); c = Vector256.MultiplyAddEstimate(c, x, y);
            d = Vector256.MultiplyAddEstimate(d, x, y); e = Vector256.MultiplyAddEstimate(e, x, y); f = Vector256.MultiplyAddEstimate(f, x, y);
            g = Vector256.MultiplyAddEstimate(g, x, y); h = Vector256.MultiplyAddEstimate(h, x, y); i = Vector256.MultiplyAddEstimate(i, x, y);
            j = Vector256.MultiplyAddEstimate(j, x, y); k = Vector256.MultiplyAddEstimate(k, x, y); l = Vector256.MultiplyAddEstimate(l, x, y);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Chains128(long rounds)
    {
        Vector128<float> x = Vector128.Create(0.5f), y = Vector128.Create(0.25f);
        Vector128<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (; rounds > 0; rounds--)
        {
            a = Vector128.MultiplyAddEstimate(a, x, y); b = Vector128.MultiplyAddEstimate(b, x, y); c = Vector128.MultiplyAddEstimate(c, x, y);
            d = Vector128.MultiplyAddEstimate(d, x, y); e = Vector128.MultiplyAddEstimate(e, x, y); f = Vector128.MultiplyAddEstimate(f, x, y);
            g = Vector128.MultiplyAddEstimate(g, x, y); h = Vector128.MultiplyAddEstimate(h, x, y); i = Vector128.MultiplyAddEstimate(i, x, y);
            j = Vector128.MultiplyAddEstimate(j, x, y); k = Vector128.MultiplyAddEstimate(k, x, y); l = Vector128.MultiplyAddEstimate(l, x, y);
        }
        return Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
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
