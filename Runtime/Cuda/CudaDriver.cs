using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Graph.Runtime.Cuda;

/// <summary>The driver of the machine, for one card: its primary context, and two streams.</summary>
sealed unsafe class CudaDriver : ICudaDriver
{
    // CUDA 11.0 reads PTX 7.0.
    const int LeastVersion = 11000;

    // Volta.
    const int LeastCapability = 70;

    const int OutOfMemory = 2, NoDevice = 100;
    const int CapabilityMajor = 75, CapabilityMinor = 76, RegistersOfThread = 4, DynamicSharedBytes = 8, PlainSharedBytes = 48 * 1024;
    const uint EventWithoutTime = 2;
    const int ErrorLog = 5, ErrorLogBytes = 6;

    readonly int device;
    readonly nint context, stream, copies;
    readonly Dictionary<nint, int> shared = [];
    bool isDisposed;

    CudaDriver(int device, string name, int capability)
    {
        this.device = device;
        (Name, Capability) = (name, capability);
        nint made, ours, second;
        Check(LibCuda.DevicePrimaryCtxRetain(&made, device), $"open {name}");
        context = made;
        try
        {
            Enter();
            Check(LibCuda.StreamCreate(&ours, 1), $"make a stream on {name}");
            stream = ours;
            Check(LibCuda.StreamCreate(&second, 1), $"make a stream on {name}");
            copies = second;
        }
        catch
        {
            _ = LibCuda.DevicePrimaryCtxRelease(device);
            throw;
        }
    }

    public string Name { get; }

    public int Capability { get; }

    /// <summary>Opens a card.</summary>
    /// <param name="ordinal">Its number.</param>
    /// <exception cref="PlatformNotSupportedException">There is no driver, it is too old, or there is no such card, or none that kernels are written for; the message says which, and what is needed.</exception>
    public static CudaDriver Open(int ordinal)
    {
        try
        {
            var begun = LibCuda.Init(0);
            if (begun == NoDevice) throw new PlatformNotSupportedException($"cuda:{ordinal} was asked for, but the driver knows no NVIDIA card.");
            Check(begun, "start the CUDA driver");
        }
        catch (DllNotFoundException e)
        {
            throw new PlatformNotSupportedException($"cuda:{ordinal} was asked for, but there is no CUDA driver: {LibCuda.FileName} is not found. Install NVIDIA's driver; nothing else is needed.", e);
        }
        int version, count, number, major, minor;
        Check(LibCuda.DriverGetVersion(&version), "ask for the driver's version");
        if (version < LeastVersion)
            throw new PlatformNotSupportedException(string.Create(CultureInfo.InvariantCulture, $"The CUDA driver is of version {version / 1000}.{version % 1000 / 10}; {LeastVersion / 1000}.{LeastVersion % 1000 / 10} or newer is needed."));
        Check(LibCuda.DeviceGetCount(&count), "count cards");
        if (ordinal >= count) throw new PlatformNotSupportedException($"cuda:{ordinal} was asked for, but there {(count == 1 ? "is one card, cuda:0" : $"are {count} cards")}.");
        Check(LibCuda.DeviceGet(&number, ordinal), $"find cuda:{ordinal}");
        var text = stackalloc byte[256];
        Check(LibCuda.DeviceGetName(text, 256, number), $"ask for the name of cuda:{ordinal}");
        var name = Marshal.PtrToStringUTF8((nint)text)!;
        Check(LibCuda.DeviceGetAttribute(&major, CapabilityMajor, number), $"ask what {name} can");
        Check(LibCuda.DeviceGetAttribute(&minor, CapabilityMinor, number), $"ask what {name} can");
        if (10 * major + minor < LeastCapability) throw new PlatformNotSupportedException($"{name} is of compute capability {major}.{minor}; kernels are written for {LeastCapability / 10}.{LeastCapability % 10} and newer.");
        return new(number, name, 10 * major + minor);
    }

    static void Check(int error, string what)
    {
        if (error != 0) throw new CudaException($"The CUDA driver could not {what}: {Text(error)}.{(IsSticky(error) ? Lost : "")}", error);
    }

    // What kernels did: nothing of the context works any more. Illegal addresses and instructions, hardware, misalignment, time and launches that failed.
    static bool IsSticky(int error) => error is 700 or 702 or >= 714 and <= 719;

    const string Lost = $" A kernel has failed, and what was on the card is lost: start the program again. With {CudaDebug.Variable}=kernels it says which one.";

    static string Text(int error)
    {
        byte* name, text;
        if (LibCuda.GetErrorName(error, &name) != 0 || LibCuda.GetErrorString(error, &text) != 0) return "error " + error.ToString(CultureInfo.InvariantCulture);
        return $"{Marshal.PtrToStringUTF8((nint)name)}, {Marshal.PtrToStringUTF8((nint)text)}";
    }

    // Contexts belong to threads, and any thread may call.
    void Enter() => Check(LibCuda.CtxSetCurrent(context), $"use {Name}");

    public ulong Allocate(long bytes, string purpose)
    {
        Enter();
        ulong address;
        var error = LibCuda.MemAlloc(&address, (nuint)bytes);
        if (error != OutOfMemory)
        {
            Check(error, $"allocate {bytes.ToString("N0", CultureInfo.InvariantCulture)} bytes for {purpose}");
            return address;
        }
        nuint free, total;
        Check(LibCuda.MemGetInfo(&free, &total), $"ask how much memory {Name} has");
        throw new OutOfMemoryException(string.Create(CultureInfo.InvariantCulture, $"There is no memory on {Name} for {purpose}: {bytes:N0} bytes are needed, {(ulong)free:N0} of {(ulong)total:N0} are free."));
    }

    public void Free(ulong address)
    {
        Enter();
        Check(LibCuda.MemFree(address), "free memory");
    }

    public void CopyIn(ulong to, void* from, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        // From memory that is not pinned the driver has taken a copy when it returns.
        Check(LibCuda.MemcpyHtoDAsync(to, from, (nuint)bytes, stream), $"copy to {Name}");
    }

    public void CopyOut(void* to, ulong from, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(LibCuda.MemcpyDtoHAsync(to, from, (nuint)bytes, stream), $"copy from {Name}");
        Synchronize();
    }

    public nint Load(string text)
    {
        Enter();
        var image = Encoding.UTF8.GetBytes(text + "\0");
        var log = new byte[1 << 14];
        nint module;
        int error;
        fixed (byte* source = image, written = log)
        {
            var options = stackalloc int[] { ErrorLog, ErrorLogBytes };
            var values = stackalloc void*[] { written, (void*)log.Length };
            error = LibCuda.ModuleLoadData(&module, source, 2, options, values);
        }
        if (error == 0) return module;
        var end = Array.IndexOf(log, (byte)0);
        throw new CudaException($"The CUDA driver could not compile the kernels for {Name}: {Text(error)}. {Encoding.UTF8.GetString(log, 0, Math.Max(0, end))}".TrimEnd(), error);
    }

    public nint Function(nint module, string name)
    {
        Enter();
        nint function;
        Check(LibCuda.ModuleGetFunction(&function, module, name), $"find the kernel {name}");
        return function;
    }

    public int Registers(nint function)
    {
        Enter();
        int registers;
        Check(LibCuda.FuncGetAttribute(&registers, RegistersOfThread, function), "ask for the registers of a kernel");
        return registers;
    }

    public int ResidentBlocks(nint function, int threads, int sharedBytes)
    {
        Enter();
        Allow(function, sharedBytes);
        int blocks;
        Check(LibCuda.OccupancyMaxActiveBlocks(&blocks, function, threads, (nuint)sharedBytes), "ask for the occupancy of a kernel");
        return blocks;
    }

    public void Unload(nint module)
    {
        Enter();
        Check(LibCuda.ModuleUnload(module), "unload kernels");
    }

    // More than every card has without being asked.
    void Allow(nint function, int sharedBytes)
    {
        if (sharedBytes <= PlainSharedBytes || (shared.TryGetValue(function, out var allowed) && allowed >= sharedBytes)) return;
        Check(LibCuda.FuncSetAttribute(function, DynamicSharedBytes, sharedBytes), $"give a kernel {sharedBytes} bytes of shared memory");
        shared[function] = sharedBytes;
    }

    public void Launch(KernelCall call)
    {
        Enter();
        Allow(call.Function, call.SharedBytes);
        fixed (ulong* values = call.Parameters)
        {
            var places = stackalloc void*[call.Parameters.Length];
            for (var i = 0; i < call.Parameters.Length; i++) places[i] = values + i;
            Check(LibCuda.LaunchKernel(call.Function, checked((uint)call.Blocks), 1, 1, (uint)call.Threads, 1, 1, (uint)call.SharedBytes, stream, places, null), "start a kernel");
        }
    }

    public nint MakeGraph(IReadOnlyList<KernelCall> calls)
    {
        Enter();
        nint graph, last = 0, executable;
        Check(LibCuda.GraphCreate(&graph, 0), "make a graph");
        try
        {
            foreach (var call in calls)
            {
                Allow(call.Function, call.SharedBytes);
                fixed (ulong* values = call.Parameters)
                {
                    var places = new nint[call.Parameters.Length];
                    for (var i = 0; i < places.Length; i++) places[i] = (nint)(values + i);
                    fixed (nint* table = places)
                    {
                        var node = new LibCuda.KernelNode
                        {
                            Function = call.Function, GridX = checked((uint)call.Blocks), GridY = 1, GridZ = 1, BlockX = (uint)call.Threads, BlockY = 1, BlockZ = 1, SharedBytes = (uint)call.SharedBytes,
                            Parameters = (void**)table,
                        };
                        nint made, before = last;
                        Check(LibCuda.GraphAddKernelNode(&made, graph, &before, last == 0 ? 0u : 1u, &node), "add a kernel to a graph");
                        last = made;
                    }
                }
            }
            Check(LibCuda.GraphInstantiate(&executable, graph, null, null, 0), "make a graph ready");
            return executable;
        }
        finally
        {
            _ = LibCuda.GraphDestroy(graph);
        }
    }

    public void Launch(nint graph)
    {
        Enter();
        Check(LibCuda.GraphLaunch(graph, stream), "start a graph");
    }

    public void FreeGraph(nint graph)
    {
        Enter();
        Check(LibCuda.GraphExecDestroy(graph), "free a graph");
    }

    public void Synchronize()
    {
        Enter();
        Check(LibCuda.StreamSynchronize(copies), $"wait for {Name}");
        Check(LibCuda.StreamSynchronize(stream), $"wait for {Name}");
    }

    public void* AllocatePinned(long bytes, string purpose)
    {
        Enter();
        void* memory;
        var error = LibCuda.MemAllocHost(&memory, (nuint)bytes);
        if (error == OutOfMemory) throw new OutOfMemoryException(string.Create(CultureInfo.InvariantCulture, $"There is no memory that {Name} can read for {purpose}: {bytes:N0} bytes are needed."));
        Check(error, $"allocate {bytes.ToString("N0", CultureInfo.InvariantCulture)} bytes of the processor's memory for {purpose}");
        return memory;
    }

    public void FreePinned(void* memory)
    {
        Enter();
        Check(LibCuda.MemFreeHost(memory), "free memory of the processor");
    }

    public void CopyInLater(ulong to, void* pinned, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(LibCuda.MemcpyHtoDAsync(to, pinned, (nuint)bytes, copies), $"copy to {Name}");
    }

    public void CopyOutLater(void* pinned, ulong from, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(LibCuda.MemcpyDtoHAsync(pinned, from, (nuint)bytes, stream), $"copy from {Name}");
    }

    public void Copy(ulong to, ulong from, long bytes)
    {
        if (bytes == 0) return;
        Enter();
        Check(LibCuda.MemcpyDtoDAsync(to, from, (nuint)bytes, stream), $"copy on {Name}");
    }

    public nint MakeMark() => MakeEvent(EventWithoutTime);

    public nint MakeTimer() => MakeEvent(0);

    nint MakeEvent(uint flags)
    {
        Enter();
        nint mark;
        Check(LibCuda.EventCreate(&mark, flags), "make an event");
        return mark;
    }

    public double Seconds(nint from, nint to)
    {
        Enter();
        float milliseconds;
        Check(LibCuda.EventElapsedTime(&milliseconds, from, to), "ask for the time between events");
        return milliseconds / 1e3;
    }

    public void FreeMark(nint mark)
    {
        Enter();
        Check(LibCuda.EventDestroy(mark), "free an event");
    }

    nint Of(CudaStream which) => which == CudaStream.Copies ? copies : stream;

    public void Set(nint mark, CudaStream which)
    {
        Enter();
        Check(LibCuda.EventRecord(mark, Of(which)), "record an event");
    }

    public void Await(nint mark, CudaStream which)
    {
        Enter();
        Check(LibCuda.StreamWaitEvent(Of(which), mark, 0), "let a stream wait");
    }

    public void Finish(nint mark)
    {
        Enter();
        Check(LibCuda.EventSynchronize(mark), $"wait for {Name}");
    }

    public void Dispose()
    {
        if (isDisposed) return;
        isDisposed = true;
        // After an error of the card nothing of this may work any more, and there is nobody to tell.
        _ = LibCuda.CtxSetCurrent(context);
        _ = LibCuda.StreamDestroy(copies);
        _ = LibCuda.StreamDestroy(stream);
        _ = LibCuda.DevicePrimaryCtxRelease(device);
    }
}
