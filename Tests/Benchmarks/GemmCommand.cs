using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json;
using Graph.Runtime.Cpu;

namespace Graph.Benchmarks;

/// <summary>
/// <c>gemm [--layout nn|nt|tn] [--threads N] [--ways] [M N K]…</c>: one JSON object a shape, with GFLOP/s (10⁹ float32 operations a second, the best of several runs) of our
/// contraction and of OpenBLAS where it is installed, with one thread and with all, beside the machine's measured multiply-add peak, and how the threads scale;
/// with <c>--ways</c> what each operand's sharing gives beside the rule's choice.
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
        // Short sums, where the result is most of what moves; wide and tall ones; and those of a context of 1024.
        ("nt", 1024, 1024, 32), ("nt", 1024, 1024, 64), ("nn", 1024, 32, 1024), ("tn", 1024, 64, 1024), ("nt", 2048, 2048, 64), ("nt", 256, 4096, 32), ("nt", 4096, 256, 32),
        ("nt", 4096, 384, 128), ("nt", 4096, 512, 128), ("nt", 4096, 128, 512), ("tn", 512, 128, 4096), ("tn", 128, 512, 4096), ("nt", 256, 16, 768), ("nt", 256, 768, 16),
        ("nn", 128, 128, 128), ("nn", 256, 256, 256), ("nn", 512, 512, 512), ("nn", 65536, 64, 64), ("nn", 64, 65536, 64), ("tn", 64, 64, 65536), ("nn", 2048, 2048, 2048),
        ("nn", 256, 768, 2304), ("tn", 2304, 768, 256), ("tn", 768, 3072, 256), ("nn", 128, 784, 512), ("nn", 768, 128, 384), ("tn", 384, 128, 768), ("nn", 300, 700, 20000),
    ];

    delegate void Sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    delegate void SetThreads(int threads);

    public static int Run(string[] args)
    {
        int threads = Environment.ProcessorCount;
        string layout = "nn";
        bool ways = false;
        var numbers = new List<long>();
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--ways") ways = true;
            else if (args[i] == "--threads" && i + 1 < args.Length) threads = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--layout" && i + 1 < args.Length) layout = args[++i];
            else numbers.Add(long.Parse(args[i], CultureInfo.InvariantCulture));
        }
        if (numbers.Count % 3 != 0 || layout is not ("nn" or "nt" or "tn"))
        {
            Console.Error.WriteLine("usage: Benchmarks gemm [--layout nn|nt|tn] [--threads N] [--ways] [M N K]...");
            return 2;
        }
        var list = new List<(string, long, long, long)>();
        for (int i = 0; i < numbers.Count; i += 3) list.Add((layout, numbers[i], numbers[i + 1], numbers[i + 2]));
        if (list.Count == 0) list.AddRange(shapes);

        var blas = LoadBlas(out var setThreads);
        using var one = new WorkerPool(1);
        using var all = new WorkerPool(threads);
        var conditions = Conditions.Measure(threads);
        foreach (var (how, m, n, k) in list) Console.WriteLine(ways ? Ways(how, m, n, k, one, all, conditions) : Measure(how, m, n, k, one, all, conditions, blas, setThreads));
        return 0;
    }

    // A product over memory of its own.
    sealed class Product : IDisposable
    {
        public Product(string layout, long m, long n, long k)
        {
            (TurnedA, TurnedB) = (layout[0] == 't', layout[1] == 't');
            Call = (ContractCall*)NativeMemory.Alloc((nuint)sizeof(ContractCall));
            *Call = new ContractCall(m, n, k)
            {
                A = Timing.Fill(m * k), AM = TurnedA ? 1 : k, AK = TurnedA ? m : 1,
                B = Timing.Fill(k * n), BK = TurnedB ? 1 : n, BN = TurnedB ? k : 1,
                C = Timing.Fill(m * n), CM = n, CN = 1,
            };
            // As a plan gives it, or more, so that each way has what it can use.
            Call->WorkspaceFloats = Math.Max(Contract.WorkspaceFloats(Call), WorkspaceFloats);
            Call->Workspace = Timing.Fill(Call->WorkspaceFloats);
        }

        public ContractCall* Call { get; }
        public bool TurnedA { get; }
        public bool TurnedB { get; }
        public double Flops => 2.0 * Call->M * Call->N * Call->K;

        public void Dispose()
        {
            foreach (var memory in new[] { (nint)Call->A, (nint)Call->B, (nint)Call->C, (nint)Call->Workspace }) NativeMemory.AlignedFree((void*)memory);
            NativeMemory.Free(Call);
        }
    }

    const long WorkspaceFloats = 4 << 20;

    static string Measure(string layout, long m, long n, long k, WorkerPool one, WorkerPool all, Conditions conditions, Sgemm? blas, SetThreads? setThreads)
    {
        using var product = new Product(layout, m, n, k);
        var (call, flops, ta, tb) = ((nint)product.Call, product.Flops, product.TurnedA, product.TurnedB);
        double Ours(WorkerPool pool) => flops / Timing.Best(() => Contract.Run(pool, (ContractCall*)call)) / 1e9;
        double Theirs(int threads)
        {
            if (blas is null || setThreads is null) return 0;
            setThreads(threads);
            var c = (ContractCall*)call;
            return flops / Timing.Best(() => blas(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, 1, c->A, (int)(ta ? m : k), c->B, (int)(tb ? k : n), 0, c->C, (int)n)) / 1e9;
        }
        // In turn, twice: the better of both, and how far they are apart.
        var load = new ForeignLoad();
        double ourOne = Ours(one), theirOne = Theirs(1), ourAll = Ours(all), theirAll = Theirs(all.Threads), ourAgain = Ours(all);
        var flags = conditions.Flags(load.Share, [flops / ourAll, flops / ourAgain]);
        (ourOne, theirOne, ourAll, theirAll) = (Math.Max(ourOne, Ours(one)), Math.Max(theirOne, Theirs(1)), Math.Max(ourAll, ourAgain), Math.Max(theirAll, Theirs(all.Threads)));
        string blasFields = blas is null ? "" : string.Create(CultureInfo.InvariantCulture, $", \"openblas_1\": {theirOne:F1}, \"openblas_all\": {theirAll:F1}, \"ratio_1\": {ourOne / theirOne:F3}, \"ratio_all\": {ourAll / theirAll:F3}");
        return string.Create(CultureInfo.InvariantCulture, $"{{\"layout\": \"{layout}\", \"m\": {m}, \"n\": {n}, \"k\": {k}, \"gflops_1\": {ourOne:F1}, \"gflops_all\": {ourAll:F1}, \"scaling\": {ourAll / ourOne:F2}, \"threads\": {all.Threads}{blasFields}, \"peak_1\": {conditions.PeakOne:F1}, \"peak_all\": {conditions.PeakAll:F1}, \"flags\": {JsonSerializer.Serialize(flags)}}}");
    }

    // What PackingModel.SharesLeft chooses, and each way that there is: short runs in turn, the best of each.
    static string Ways(string layout, long m, long n, long k, WorkerPool one, WorkerPool all, Conditions conditions)
    {
        const int rounds = 8;
        const double seconds = 0.012;
        using var product = new Product(layout, m, n, k);
        var call = (nint)product.Call;
        Sharing?[] ways = [null, .. Enum.GetValues<Sharing>().Cast<Sharing?>()];
        var (alone, together) = (ways.Select(_ => double.MaxValue).ToArray(), ways.Select(_ => double.MaxValue).ToArray());
        var load = new ForeignLoad();
        for (var round = 0; round < rounds; round++)
            for (var w = 0; w < ways.Length; w++)
            {
                var way = ways[w];
                alone[w] = Math.Min(alone[w], Timing.Best(() => Contract.Run(one, (ContractCall*)call, way), seconds / 2, runs: 2));
                together[w] = Math.Min(together[w], Timing.Best(() => Contract.Run(all, (ContractCall*)call, way), seconds, runs: 2));
            }
        var line = new Dictionary<string, object> { ["layout"] = layout, ["m"] = m, ["n"] = n, ["k"] = k };
        for (var w = 0; w < ways.Length; w++)
        {
            var name = ways[w] is { } way ? way.ToString().ToLowerInvariant() : "rule";
            (line[name + "_1"], line[name + "_all"], line[name + "_scaling"]) = (Math.Round(product.Flops / alone[w] / 1e9, 1), Math.Round(product.Flops / together[w] / 1e9, 1), Math.Round(alone[w] / together[w], 2));
        }
        line["flags"] = conditions.Flags(load.Share, []);
        return JsonSerializer.Serialize(line);
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
