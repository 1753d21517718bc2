using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Graph.PtxEmulator;
using Graph.Runtime.Cuda;
using Xunit;

namespace Graph.Tests.Ptx.Emission;

/// <summary>
/// A CUDA driver without a card: what the runtime asks of one, done by the emulator before the call returns; or, with <see cref="IsLate"/>, as late as the processor's waiting allows, copies beside the kernels.
/// </summary>
sealed unsafe class EmulatedDriver(LaunchOptions? options = null) : ICudaDriver
{
    readonly EmulatedDevice device = new() { Options = options ?? new() };
    readonly List<EmulatedModule?> modules = [];
    readonly List<EmulatedKernel> kernels = [];

    public string Name => "the emulator";

    /// <summary>What it says that it can: it runs what there is for any card.</summary>
    public int Capability { get; init; } = 70;

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

    /// <summary>Times that the processor waited for the card: for everything, or for a mark that was not reached.</summary>
    public int Waits { get; private set; }

    /// <summary>Kernels run when somebody waits for them, and not before.</summary>
    public bool IsLate
    {
        get => Behind == int.MaxValue;
        init => Behind = value ? int.MaxValue : 0;
    }

    /// <summary>How many graphs the card is behind the processor, unless somebody waits for it.</summary>
    public int Behind { get; init; }

    int waiting; // graphs that were started and have not run

    readonly EmulatedStreams streams = new();

    /// <summary>Pieces of pinned memory, and marks, that are there.</summary>
    public int Pinned { get; private set; }

    // Does it now, or when it is waited for.
    void Later(CudaStream stream, Action action)
    {
        streams.Add(stream, action);
        streams.Run(kernels: () => Behind == 0 || waiting > Behind);
    }

    /// <summary>Copies from the card.</summary>
    public int CopiesOut { get; private set; }

    /// <summary>Bytes that are allocated now.</summary>
    public long Allocated => device.Allocated;

    public bool IsDisposed { get; private set; }

    /// <summary>The most bytes that it gives out.</summary>
    public long Memory { get; set; } = long.MaxValue;

    public ulong Allocate(long bytes, string purpose) => device.Allocated + bytes <= Memory ? device.Allocate(bytes, purpose) : throw new OutOfMemoryException($"There is no memory on {Name} for {purpose}: {bytes} bytes are needed.");

    public void Free(ulong address)
    {
        streams.Finish();
        device.Free(address);
    }

    public void CopyIn(ulong to, void* from, long bytes)
    {
        // As a driver does with memory that is not pinned: it has taken a copy when it returns.
        var copy = new Span<byte>(from, checked((int)bytes)).ToArray();
        Later(CudaStream.Kernels, () => device.Write<byte>(to, copy));
    }

    public void CopyOut(void* to, ulong from, long bytes)
    {
        CopiesOut++;
        streams.Finish();
        device.Read<byte>(from, new(to, checked((int)bytes)));
    }

    public void* AllocatePinned(long bytes, string purpose)
    {
        Pinned++;
        var memory = NativeMemory.AlignedAlloc((nuint)bytes, 256);
        new Span<byte>(memory, checked((int)bytes)).Fill(0xA5);
        return memory;
    }

    public void FreePinned(void* memory)
    {
        streams.Finish();
        Pinned--;
        NativeMemory.AlignedFree(memory);
    }

    public void CopyInLater(ulong to, void* pinned, long bytes) => Later(CudaStream.Copies, () => device.Write<byte>(to, new(pinned, checked((int)bytes))));

    public void CopyOutLater(void* pinned, ulong from, long bytes) => Later(CudaStream.Kernels, () => device.Read<byte>(from, new(pinned, checked((int)bytes))));

    public void Copy(ulong to, ulong from, long bytes) => Later(CudaStream.Kernels, () =>
    {
        var copy = new byte[bytes];
        device.Read<byte>(from, copy);
        device.Write<byte>(to, copy);
    });

    public nint MakeMark()
    {
        Pinned++;
        return streams.MakeMark();
    }

    // The clock of this card: a nanosecond an instruction of a lane, and one a kernel.
    long clock;
    readonly Dictionary<nint, long> times = [];

    /// <summary>What the clock says.</summary>
    public double Seconds => clock * 1e-9;

    public nint MakeTimer()
    {
        var timer = MakeMark();
        times[timer] = -1;
        return timer;
    }

    double ICudaDriver.Seconds(nint from, nint to)
    {
        Assert.True(streams.IsReached(from) && streams.IsReached(to), "times are asked for when they are there");
        return (times[to] - times[from]) * 1e-9;
    }

    public void FreeMark(nint mark)
    {
        Pinned--;
        times.Remove(mark);
    }

    public void Set(nint mark, CudaStream stream)
    {
        if (times.ContainsKey(mark)) streams.Add(stream, () => times[mark] = clock);
        streams.Set(mark, stream);
        streams.Run(kernels: () => Behind == 0 || waiting > Behind);
    }

    public void Await(nint mark, CudaStream stream) => streams.Await(mark, stream);

    public void Finish(nint mark)
    {
        if (streams.IsReached(mark)) return;
        Waits++;
        streams.Finish(mark);
    }

    /// <summary>Changes modules before they are loaded; null for none.</summary>
    public Func<string, string>? Rewrite { get; set; }

    public nint Load(string text)
    {
        modules.Add(device.Load(Rewrite?.Invoke(text) ?? text));
        return modules.Count;
    }

    public nint Function(nint module, string name)
    {
        kernels.Add(modules[(int)module - 1]![name]);
        return kernels.Count;
    }

    /// <summary>What it says that a thread of any kernel takes.</summary>
    public const int RegistersOfThread = 96;

    public int Registers(nint function) => RegistersOfThread;

    public int ResidentBlocks(nint function, int threads, int sharedBytes) => Graph.Compiler.Targets.Ptx.PtxOccupancy.Of(Capability, RegistersOfThread, threads, sharedBytes).Warps * 32 / threads;

    public void Unload(nint module) => modules[(int)module - 1] = null;

    public void Launch(KernelCall call)
    {
        Launches++;
        var now = call with { Parameters = [.. call.Parameters] };
        Later(CudaStream.Kernels, () => Start(now));
    }

    void Start(KernelCall call) => clock += 1 + (long)device.Launch(kernels[(int)call.Function - 1], new Dim3(checked((int)call.Blocks)), call.Threads, call.SharedBytes, MemoryMarshal.AsBytes<ulong>(call.Parameters)).Instructions;

    public nint MakeGraph(IReadOnlyList<KernelCall> calls)
    {
        // As a driver does: what the caller changes later is not seen.
        graphs[++made] = [.. calls.Select(c => c with { Parameters = [.. c.Parameters] })];
        return made;
    }

    public void Launch(nint graph)
    {
        GraphLaunches++;
        var calls = graphs[graph];
        waiting++;
        Later(CudaStream.Kernels, () =>
        {
            waiting--;
            foreach (var call in calls) Start(call);
        });
    }

    public void FreeGraph(nint graph)
    {
        streams.Finish();
        Remove(graph);
    }

    void Remove(nint graph) => Assert.True(graphs.Remove(graph), "a graph is freed once");

    /// <summary>Which wait for everything ends in an error, as that of a kernel does; null for none.</summary>
    public int? FailingWait { get; set; }

    public void Synchronize()
    {
        if (++Waits == FailingWait) throw new CudaException("The emulated card was told to fail.", 700);
        streams.Finish();
    }

    public void Dispose() => IsDisposed = true;
}
