using Graph.Compiler.Ir;
using Graph.Compiler.Kernels;
using Graph.Runtime.Cpu;

namespace Graph.Runtime.Execution;

// The library's kernels: each knows how its call is written (LibraryKernels).
sealed unsafe partial class LaunchTableBuilder
{
    void WriteLibrary(LibraryLaunch launch, LaunchEntry* entry)
    {
        entry->Kind = LaunchKind.Library;
        LibraryKernels.Write(launch.Operation, new Call(this, launch, entry));
    }

    sealed class Call(LaunchTableBuilder builder, LibraryLaunch launch, LaunchEntry* entry) : LibraryCall(launch)
    {
        readonly LaunchEntry* entry = entry;

        public override T* Take<T>(int count = 1) => builder.memory.Take<T>(count);

        public override void Resolve(int operand, void** slot) => builder.Resolve(Launch.Operands[operand], slot);

        public override void Run(delegate*<WorkerPool, void*, void> kernel, void* call)
        {
            entry->Library = kernel;
            entry->Call = call;
        }

        public override float** Scratch(long bytes)
        {
            var planned = Launch.ThreadBytes(builder.plan.Binding);
            if (planned < bytes) throw new System.InvalidOperationException($"{builder.model.Name}: each thread needs {bytes} bytes for {Launch.Title}, but its operation plans {planned}.");
            builder.scratchBytes = System.Math.Max(builder.scratchBytes, bytes);
            return builder.pool.ScratchTable;
        }

        public override long Evaluate(Dim size) => builder.Evaluate(size);
    }
}
