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
    /// <summary>What bits depend on beside the kernels, for fingerprints: how the text says what to compute.</summary>
    public static string Numerics => $"ptx {PtxTarget.Version} {PtxTarget.Architecture}";

    readonly Dictionary<string, nint> functions = new(StringComparer.Ordinal);
    readonly nint module;
    bool isDisposed;

    /// <param name="driver">The card, which is disposed with the model.</param>
    /// <param name="model">What was compiled for it.</param>
    /// <param name="text">Its kernels.</param>
    /// <param name="debug">What makes mistakes visible; what the environment asks for when left out.</param>
    public CudaDevice(ICudaDriver driver, CompiledModel model, string text, CudaDebug? debug = null)
    {
        (Driver, Model, Debug) = (driver, model, debug ?? CudaDebug.OfEnvironment);
        module = driver.Load(text);
        Tensors = new(this);
    }

    /// <summary>What makes mistakes of kernels visible.</summary>
    public CudaDebug Debug { get; }

    public bool IsAsynchronous => true;

    public ICudaDriver Driver { get; }

    public CompiledModel Model { get; }

    /// <summary>The model's numbers on the card.</summary>
    public CudaTensors Tensors { get; }

    /// <summary>Who holds it may use the driver.</summary>
    public Lock Turn { get; } = new();

    /// <summary>A kernel by its name.</summary>
    public nint Function(string name)
    {
        if (!functions.TryGetValue(name, out var function)) functions[name] = function = Driver.Function(module, name);
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
            Driver.Unload(module);
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
