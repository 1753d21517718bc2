using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Graph.Compiler.Planning;
using Graph.Compiler.Targets.Ptx;
using Graph.Runtime.Cpu;
using Graph.Runtime.Execution;

namespace Graph.Runtime.Cuda;

/// <summary>A model on a card: its module, loaded once, and its numbers there. All sessions of the model share it, and take turns.</summary>
sealed class CudaDevice : IComputeDevice
{
    readonly Dictionary<string, nint> functions = new(StringComparer.Ordinal);
    readonly List<(PtxVariant Variant, nint Module)> modules = [];
    bool isDisposed;

    /// <param name="driver">The card, which is disposed with the model.</param>
    /// <param name="model">What was compiled for it.</param>
    /// <param name="text">Its kernels, in all variants.</param>
    /// <param name="debug">What makes mistakes visible; what the environment asks for when left out.</param>
    public CudaDevice(ICudaDriver driver, CompiledModel model, string text, CudaDebug? debug = null)
    {
        (Driver, Model, Debug) = (driver, model, debug ?? CudaDebug.OfEnvironment);
        foreach (var (variant, module) in PtxTarget.Modules(text, driver.Capability)) modules.Add((variant, driver.Load(module)));
        Tensors = new(this);
    }

    /// <summary>What makes mistakes of kernels visible.</summary>
    public CudaDebug Debug { get; }

    public bool IsAsynchronous => Debug == CudaDebug.None;

    public ICudaDriver Driver { get; }

    public CompiledModel Model { get; }

    /// <summary>The model's numbers on the card.</summary>
    public CudaTensors Tensors { get; }

    /// <summary>The graphs of its functions.</summary>
    public CudaGraphs Graphs { get; } = new();

    /// <summary>Who holds it may use the driver.</summary>
    public Lock Turn { get; } = new();

    /// <summary>The newest variant that the model has and the card runs.</summary>
    public PtxVariant Variant => modules[^1].Variant;

    /// <summary>The kernel of a launch.</summary>
    public nint Function(PtxLaunch launch)
    {
        if (!functions.TryGetValue(launch.Function, out var function)) functions[launch.Function] = function = Driver.Function(modules.Find(m => m.Variant == launch.Variant).Module, launch.Function);
        return function;
    }

    public IExecutor Open(WorkerPool pool) => new CudaExecutor(this, pool);

    public void Dispose()
    {
        lock (Turn)
        {
            if (isDisposed) return;
            isDisposed = true;
            Tensors.Dispose();
            foreach (var (_, module) in modules) Driver.Unload(module);
            Driver.Dispose();
        }
    }
}

/// <summary>A session on a card.</summary>
sealed class CudaExecutor(CudaDevice device, WorkerPool pool) : IExecutor
{
    public WorkerPool Pool => pool;

    public IArena Allocate(long bytes, string purpose)
    {
        lock (device.Turn) return new CudaArena(device, Math.Max(bytes, 1), purpose);
    }

    public IPlannedFunction Plan(CompiledFunction function, long[] values, long? budget) => new Planned(device, function, function.Plan(values, budget));

    sealed class Planned(CudaDevice device, CompiledFunction function, MemoryPlan plan) : IPlannedFunction
    {
        public long ArenaBytes => plan.ArenaBytes;

        public IBoundFunction Bind(long[] values, ParameterStore states, IArena arena)
        {
            lock (device.Turn) return new CudaFunction(device, function, plan, states, (CudaArena)arena);
        }
    }

    public void Dispose() => pool.Dispose();
}

/// <summary>The intermediates of a session on a card.</summary>
sealed class CudaArena(CudaDevice device, long bytes, string purpose) : IArena
{
    bool isDisposed;

    public long Bytes { get; } = bytes;

    public ulong Address { get; } = device.Driver.Allocate(bytes, purpose);

    public void Dispose()
    {
        lock (device.Turn)
        {
            if (isDisposed) return;
            isDisposed = true;
            device.Driver.Free(Address);
        }
    }
}
