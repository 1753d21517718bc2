using Graph.Runtime.Cpu;
using Graph.Compiler.Planning;
using Graph.Runtime.Memory;

namespace Graph.Runtime.Execution;

/// <summary>The processor: launch tables over native memory, worked on by a pool of threads.</summary>
sealed unsafe class CpuExecutor(CompiledModel model, WorkerPool pool) : IExecutor
{
    /// <summary>The processor as where a model's sessions run.</summary>
    public sealed class Device(CompiledModel model) : IComputeDevice
    {
        public IExecutor Open(WorkerPool pool) => new CpuExecutor(model, pool);

        public void Dispose()
        {
        }
    }

    public WorkerPool Pool => pool;

    public IArena Allocate(long bytes, string purpose) => Arena.Allocate(bytes, purpose);

    public IBoundFunction Bind(CompiledFunction function, MemoryPlan plan, long[] values, ParameterStore states, IArena arena) =>
        LaunchTableBuilder.Build(model, function, plan, values, states, ((NativeBlock)arena).Pointer, pool);

    public void Dispose() => pool.Dispose();
}
