using Graph.Runtime.Cpu;
using Graph.Compiler.Planning;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>The processor: launch tables over native memory, worked on by a pool of threads.</summary>
sealed unsafe class CpuExecutor(CompiledModel model, WorkerPool pool) : IExecutor
{
    readonly CompiledModel model = model;
    readonly WorkerPool pool = pool;

    /// <summary>The processor as where a model's sessions run.</summary>
    public sealed class Device(CompiledModel model) : IComputeDevice
    {
        public bool IsAsynchronous => false;

        public IExecutor Open(WorkerPool pool) => new CpuExecutor(model, pool);

        public void Dispose()
        {
        }
    }

    public WorkerPool Pool => pool;

    public IArena Allocate(long bytes, string purpose) => Arena.Allocate(bytes, purpose);

    public IPlannedFunction Plan(CompiledFunction function, long[] values, long? budget) => new Planned(this, function, function.Bound(values, budget), budget);

    sealed class Planned(CpuExecutor executor, CompiledFunction function, BoundFunction bound, long? budget) : IPlannedFunction
    {
        public long ArenaBytes => bound.ArenaBytes;

        public IBoundFunction Bind(long[] values, ParameterStore states, IArena arena) =>
            LaunchTableBuilder.Build(executor.model, function, bound, budget, values, states, ((NativeBlock)arena).Pointer, executor.pool);
    }

    public void Dispose() => pool.Dispose();
}
