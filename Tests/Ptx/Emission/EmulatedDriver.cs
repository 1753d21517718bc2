using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>A CUDA driver without a card: what the runtime asks of one, done by the emulator before the call returns.</summary>
sealed unsafe class EmulatedDriver(LaunchOptions? options = null) : ICudaDriver
{
    readonly EmulatedDevice device = new() { Options = options ?? new() };
    readonly List<EmulatedModule?> modules = [];
    readonly List<EmulatedKernel> kernels = [];

    public string Name => "the emulator";

    readonly Dictionary<nint, KernelCall[]> graphs = [];
    nint made;

    /// <summary>Kernels that were started one by one.</summary>
    public int Launches { get; private set; }

    /// <summary>Graphs that were started, were made, and are there.</summary>
    public int GraphLaunches { get; private set; }

    /// <inheritdoc cref="GraphLaunches"/>
    public int GraphsMade => (int)made;

    /// <inheritdoc cref="GraphLaunches"/>
    public int Graphs => graphs.Count;

    /// <summary>Times that the processor waited for the card.</summary>
    public int Waits { get; private set; }

    /// <summary>Copies from the card.</summary>
    public int CopiesOut { get; private set; }

    /// <summary>Bytes that are allocated now.</summary>
    public long Allocated => device.Allocated;

    public bool IsDisposed { get; private set; }

    /// <summary>The most bytes that it gives out.</summary>
    public long Memory { get; set; } = long.MaxValue;

    public ulong Allocate(long bytes, string purpose) => device.Allocated + bytes <= Memory ? device.Allocate(bytes, purpose) : throw new OutOfMemoryException($"There is no memory on {Name} for {purpose}: {bytes} bytes are needed.");

    public void Free(ulong address) => device.Free(address);

    public void CopyIn(ulong to, void* from, long bytes) => device.Write<byte>(to, new(from, checked((int)bytes)));

    public void CopyOut(void* to, ulong from, long bytes)
    {
        CopiesOut++;
        device.Read<byte>(from, new(to, checked((int)bytes)));
    }

    public nint Load(string text)
    {
        modules.Add(device.Load(text));
        return modules.Count;
    }

    public nint Function(nint module, string name)
    {
        kernels.Add(modules[(int)module - 1]![name]);
        return kernels.Count;
    }

    public void Unload(nint module) => modules[(int)module - 1] = null;

    public void Launch(KernelCall call)
    {
        Launches++;
        Start(call);
    }

    void Start(KernelCall call) => device.Launch(kernels[(int)call.Function - 1], new Dim3(checked((int)call.Blocks)), call.Threads, call.SharedBytes, MemoryMarshal.AsBytes<ulong>(call.Parameters));

    public nint MakeGraph(IReadOnlyList<KernelCall> calls)
    {
        // As a driver does: what the caller changes later is not seen.
        graphs[++made] = [.. calls.Select(c => c with { Parameters = [.. c.Parameters] })];
        return made;
    }

    public void Launch(nint graph)
    {
        GraphLaunches++;
        foreach (var call in graphs[graph]) Start(call);
    }

    public void FreeGraph(nint graph) => Assert.True(graphs.Remove(graph), "a graph is freed once");

    public void Synchronize() => Waits++;

    public void Dispose() => IsDisposed = true;
}
